"""Windows and messages as rows of numbers of any length: parts of them, and batches. No torch is needed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from logscan.windows.sessions import Ints, Windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def sequences(windows: Windows) -> list[Ints]:
    """The numbers of the messages of each window."""
    numbers = windows.events["message"].to_numpy().astype(np.int64)
    return np.split(numbers, windows.starts[1:-1]) if len(windows) else []


def in_parts(messages: Ints, most: int) -> list[Ints]:
    """A sequence in as few parts of equal size as there must be."""
    return np.array_split(messages, max(1, -(-len(messages) // most)))


def encoded(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[Ints]:
    """The tokens of each text."""
    return [np.array(found.ids, np.int64) for found in tokenizer.encode_batch_fast(list(texts))]


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


def groups(parts: Sequence[tuple[int, Ints]], most: int) -> Iterator[list[tuple[int, Ints]]]:
    """Parts with at most so many messages in a group, so that their embeddings can be held."""
    group: list[tuple[int, Ints]] = []
    messages = 0
    for owner, part in parts:
        if group and messages + len(part) > most:
            yield group
            group, messages = [], 0
        group.append((owner, part))
        messages += len(part)
    if group:
        yield group
