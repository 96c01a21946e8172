"""Sequences that begin alike as trees, in which what several begin with stands once.

A network that looks only back gives the same after the same tokens. So a tree is read in the place of its sequences,
where each token looks at those alone that it follows on.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from logscan.windows.sessions import Ints

OPEN = 1 << 30  # stop of a branch that goes on to the end


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
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, tokens, strict=False)))
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


def stops(trees: Sequence[Tree]) -> Ints:
    """(n, length of the longest) of trees."""
    found = np.full((len(trees), max(len(tree.stops) for tree in trees)), OPEN)
    for row, tree in enumerate(trees):
        found[row, : len(tree.stops)] = tree.stops
    return found
