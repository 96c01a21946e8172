"""Sequences of any length to batches of chunks.

A sequence longer than the context is read in chunks that overlap, so that each token but the first few is predicted
from at least `overlap` tokens before it, and each exactly once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from logscan.networks.vocabulary import PAD
from logscan.windows.sessions import Ints

LEAST = 512  # sequences in an epoch, where so many are learnt from, however few of them are distinct
POOL = 16  # batches among which chunks are sorted by length, so that little is padded


class Chunk(NamedTuple):
    """Tokens `begin` to `stop` of a sequence, of which those from `fresh` on are to be predicted."""

    sequence: int
    begin: int
    fresh: int
    stop: int


@dataclass(frozen=True)
class Batch:
    """tokens: (b, length), padded at the right; targets: (b, length) whether to predict each; weights: (b,)"""

    chunks: Sequence[Chunk]
    tokens: Ints
    targets: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    weights: np.ndarray[tuple[int], np.dtype[np.float32]]


def chunks(lengths: Ints, context: int, overlap: int) -> list[Chunk]:
    """The chunks of sequences of these lengths."""
    found = []
    for sequence, length in enumerate(lengths.tolist()):
        found.append(Chunk(sequence, 0, 1, min(length, context)))
        while (done := found[-1].stop) < length:
            begin = done - overlap
            found.append(Chunk(sequence, begin, done, min(length, begin + context)))
    return found


def batch(sequences: Sequence[Ints], weights: Ints, chosen: Sequence[Chunk]) -> Batch:
    """The chosen chunks as one batch."""
    longest = max(chunk.stop - chunk.begin for chunk in chosen)
    tokens = np.full((len(chosen), longest), PAD)
    targets = np.zeros((len(chosen), longest), bool)
    for row, (sequence, begin, fresh, stop) in enumerate(chosen):
        tokens[row, : stop - begin] = sequences[sequence][begin:stop]
        targets[row, fresh - begin : stop - begin] = True
    return Batch(chosen, tokens, targets, weights[[chunk.sequence for chunk in chosen]].astype(np.float32))


def shuffled(
    sequences: Sequence[Ints], weights: Ints, found: Sequence[Chunk], size: int, rng: "np.random.Generator"
) -> list[Batch]:
    """All chunks in batches of `size`, in random order."""
    together = pooled([chunk.stop - chunk.begin for chunk in found], size, rng)
    return [batch(sequences, weights, [found[at] for at in chosen]) for chosen in together]


def repeated(distinct: Ints, learnt: int) -> Ints:
    """Which of the distinct sequences an epoch shows, of so many that are learnt from: where there are few, the same
    again and again, since one pass would be too few steps."""
    return np.tile(distinct, -(-min(LEAST, learnt) // len(distinct)))


def pooled(lengths: Sequence[int], size: int, rng: "np.random.Generator") -> list[Ints]:
    """What is of these lengths in batches of `size`, in random order; what is of about the same length is together."""
    order = rng.permutation(len(lengths)).tolist()
    batches = []
    for first in range(0, len(order), POOL * size):
        pool = sorted(order[first : first + POOL * size], key=lambda at: lengths[at])
        batches += [pool[row : row + size] for row in range(0, len(pool), size)]
    return [np.array(batches[at]) for at in rng.permutation(len(batches))]


def by_length(
    sequences: Sequence[Ints], context: int, overlap: int, tokens: int, weights: Ints | None = None
) -> Iterator[Batch]:
    """All chunks, the short ones first, in batches of at most so many tokens."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    found = sorted(chunks(lengths, context, overlap), key=lambda chunk: chunk.stop - chunk.begin)
    weights = np.ones(len(sequences), np.int64) if weights is None else weights
    chosen: list[Chunk] = []
    for chunk in found:
        if chosen and (len(chosen) + 1) * (chunk.stop - chunk.begin) > tokens:
            yield batch(sequences, weights, chosen)
            chosen = []
        chosen.append(chunk)
    if chosen:
        yield batch(sequences, weights, chosen)
