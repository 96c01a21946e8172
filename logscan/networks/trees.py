"""Sequences that begin alike as trees, in which what several begin with stands once.

A network that looks only back gives the same after the same tokens. So a tree is read in the place of its sequences,
where each token looks at those alone that it follows on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from logscan.networks.batches import chunks
from logscan.networks.vocabulary import PAD
from logscan.windows.sessions import Ints

OPEN = 1 << 30  # stop of a branch that goes on to the end
TREE = 64  # tokens of a tree in which each costs as much as looking at all of them


class Tree(NamedTuple):
    """Tokens, each behind those that it follows on: token i follows on token j if j <= i < stops[j]."""

    tokens: list[int]
    stops: list[int]


def grow(sequences: Sequence[Ints], most: int) -> tuple[list[Tree], list[tuple[int, list[int]]]]:
    """Trees of at most so many tokens, or of one sequence; for each sequence its tree and the places of its tokens."""
    trees: list[Tree] = []
    found = [(0, list[int]())] * len(sequences)
    before, branch = list[int](), list[int]()  # the last sequence and its places
    for n in sorted(range(len(sequences)), key=lambda n: sequences[n].tobytes()):  # those that begin alike in a row
        tokens = sequences[n].tolist()
        shared = _alike(before, tokens)
        if not trees or len(trees[-1].tokens) + len(tokens) - shared > most:
            trees.append(Tree([], []))
            branch, shared = [], 0
        tree, end = trees[-1], len(trees[-1].tokens)
        for place in branch[shared:]:
            tree.stops[place] = end
        tree.tokens.extend(tokens[shared:])
        tree.stops.extend([OPEN] * (len(tokens) - shared))
        before, branch = tokens, [*branch[:shared], *range(end, len(tree.tokens))]
        found[n] = len(trees) - 1, branch
    return trees, found


def _alike(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    for n, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return n
    return min(len(one), len(other))


class Steps(NamedTuple):
    """What a network reads at once, and what it predicts there.

    tokens, stops: (b, length) of trees, padded at the right; at: (n,) which tokens of the sequences are predicted;
    places: (n,) of the token that each follows on, in (b * length,)"""

    tokens: Ints
    stops: Ints
    at: Ints
    places: Ints


@dataclass(frozen=True)
class Forest:
    """Sequences as trees. tokens: (t,) of the sequences, one behind the other; sizes: (n,) tokens of each sequence;
    asked: of each tree, which of the tokens are predicted in it; column: (t,) the place in the tree behind which;
    pieces: how many chunks of sequences the trees are of"""

    trees: list[Tree]
    tokens: Ints
    sizes: Ints
    asked: list[Ints]
    column: Ints
    pieces: int

    @classmethod
    def of(cls, sequences: Sequence[Ints], context: int, overlap: int, most: int = TREE) -> "Forest":
        """Trees of at most so many tokens, or of one sequence. All tokens but the first of each sequence are predicted,
        in chunks as those of `batches`. The last token of a chunk is not read, as nothing is predicted from it."""
        lengths = np.array([len(sequence) for sequence in sequences], np.int64)
        starts = np.cumsum(lengths) - lengths
        tokens = np.concatenate([*sequences, np.zeros(0, np.int64)])
        cut = chunks(lengths, context, overlap)
        trees, places = grow([sequences[sequence][begin : stop - 1] for sequence, begin, _, stop in cut], most)
        behind = [branch[fresh - begin - 1 :] for (_, begin, fresh, _), (_, branch) in zip(cut, places, strict=True)]
        numbers, counts = np.array([number for number, _ in places], np.int64), np.array([*map(len, behind)], np.int64)
        tree = np.repeat(numbers, counts)  # in which each token is predicted
        predicted = np.ones(len(tokens), bool)
        predicted[starts] = False
        column = np.zeros(len(tokens), np.int64)
        column[predicted] = np.fromiter(chain.from_iterable(behind), np.int64)
        steps = np.flatnonzero(predicted)[np.argsort(tree, kind="stable")]
        bounds = np.cumsum(np.bincount(tree, minlength=len(trees))).tolist()
        asked = [steps[begin:end] for begin, end in pairwise([0, *bounds])]
        return cls(trees, tokens, lengths, asked, column, len(cut))

    @cached_property
    def sequence(self) -> Ints:
        """(t,) of which sequence each of the tokens is."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def lengths(self) -> list[int]:
        """Of the trees."""
        return [len(tree.tokens) for tree in self.trees]

    def steps(self, chosen: Ints) -> Steps:
        """Of these trees."""
        read = [self.trees[number] for number in chosen]
        tokens = np.full((len(read), max(len(tree.tokens) for tree in read)), PAD)
        stops = np.full(tokens.shape, OPEN)
        for row, tree in enumerate(read):
            tokens[row, : len(tree.tokens)], stops[row, : len(tree.tokens)] = tree
        asked = [self.asked[number] for number in chosen]
        at, rows = np.concatenate(asked), np.repeat(np.arange(len(asked)), [len(of) for of in asked])
        return Steps(tokens, stops, at, rows * tokens.shape[1] + self.column[at])
