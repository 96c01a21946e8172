"""Rows of tokens, each of its own length. No torch is needed."""

from collections.abc import Iterator, Sequence

import numpy as np

from logscan.windows.sessions import Ints


def in_parts(row: Ints, most: int) -> list[Ints]:
    """A row in as few parts of equal size as there must be."""
    return np.array_split(row, max(1, -(-len(row) // most)))


def padded(rows: Sequence[Ints]) -> tuple[Ints, Ints]:
    """(b, n) the rows, with zeros at the right, and (b,) their lengths."""
    lengths = np.array([len(row) for row in rows], np.int64)
    whole = np.zeros((len(rows), lengths.max(initial=1)), np.int64)
    whole[np.arange(whole.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return whole, lengths


def by_length(lengths: Sequence[int], most: int) -> Iterator[Ints]:
    """Which rows are read together, the short ones first, in batches of at most so many tokens."""
    order = np.argsort(lengths, kind="stable")
    batch: list[int] = []
    for at in order.tolist():
        if batch and (len(batch) + 1) * lengths[at] > most:
            yield np.array(batch)
            batch = []
        batch.append(at)
    if batch:
        yield np.array(batch)
