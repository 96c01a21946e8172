"""Trees in short rows, each beside the tokens that it looks at, so that attention has little to do in vain.

Of a tree of 512 tokens each follows on some 20. Where all look at all, nearly everything is masked; a few that stand
side by side look at themselves and at what the first of them follows on, since the others follow on nothing else before
it. All rows are as wide as the widest, so that one should begin where a token follows on few.
"""

from typing import Any, NamedTuple

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]

ROW = 20  # tokens of a row, about: with fewer, products of matrices are small; with more, more is masked
AT_ONCE = 16  # numbers that a CPU takes at once: where they are no multiple, the rest takes longer than as many more
ALL_ELSE = 128  # all else that is done for a token takes as long as if it looked at so many more


class Rows(NamedTuple):
    """Tokens have numbers, row by row. That of number i looks at seen[j] of its row if seen[j] <= i < until[j].

    tokens: (rows, length), padded at the right; seen, until: (rows, seen), padded at the right with zeros; numbers:
    (batch, length) of the tokens of the trees"""

    tokens: Ints
    seen: Ints
    until: Ints
    numbers: Ints

    @classmethod
    def of(cls, tokens: Ints, stops: Ints) -> "Rows":
        """From (batch, length) trees, cut as if they were one behind the other; stops: see `networks.trees.Tree`."""
        size, length = tokens.size, tokens.shape[1]
        stop = np.minimum(stops, length) + np.arange(0, size, length)[:, None]
        starts, width, wide = _cut(stop.ravel())
        row = np.repeat(np.arange(len(starts)), np.diff(starts, append=size))
        numbers = np.arange(size) + (np.arange(len(starts)) * width - starts)[row]
        own = np.arange(len(starts) * width)
        placed, until = np.zeros_like(own), own + 1  # what is padded looks at itself
        placed[numbers], until[numbers] = tokens.ravel(), np.append(numbers, len(own))[stop.ravel()]
        seen = np.zeros((2, len(starts), wide), np.int64)
        seen[:, :, :width] = own.reshape(-1, width), until.reshape(-1, width)
        tree = starts // length
        before = (np.arange(length) < (starts - tree * length)[:, None]) & (stop[tree] > starts[:, None])
        at, place = np.nonzero(before)
        behind = numbers[tree[at] * length + place]
        seen[:, :, width:][:, np.arange(wide - width) < before.sum(-1)[:, None]] = behind, until[behind]
        return cls(placed.reshape(-1, width), *seen, numbers.reshape(tokens.shape))


def _cut(stop: Ints) -> tuple[Ints, int, int]:
    """Where rows begin, how many tokens they have and how many they see, at the least cost; stop: (n,) of one tree."""
    size = len(stop)
    width = -(-size // max(1, size // ROW))
    at = np.arange(size)
    before = at - np.cumsum(np.bincount(stop, minlength=size + 1))[:size]  # that each token follows on
    cuts = []
    for wide in range(-(-width // AT_ONCE) * AT_ONCE, width + int(before.max()) + AT_ONCE, AT_ONCE):
        last = np.maximum.accumulate(np.where(before <= wide - width, at, 0)).tolist()  # where a row may begin
        starts = [0]
        while (end := starts[-1] + width) < size and last[end] > starts[-1]:
            starts.append(last[end])
        if end >= size:
            cuts.append((len(starts) * (ALL_ELSE + wide), starts, wide))
    _, starts, wide = min(cuts)
    return np.array(starts), width, wide
