"""Trees in short rows, each beside the tokens that it looks at, so that attention has little to do in vain.

Of a tree of 512 tokens each follows on some 20. Where all look at all, nearly everything is masked; a few that stand
side by side look at themselves and at what the first of them follows on, since the others follow on nothing else before
it. All rows are as wide as the widest, so that one should begin where a token follows on few.
"""

from typing import Any, NamedTuple

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]

WIDTHS = 48, 32, 24, 20  # tokens of a row: with few, products of matrices are small; with many, much is masked
AT_ONCE = 16  # numbers that a CPU takes at once: where they are no multiple, the rest takes longer than as many more
ALL_ELSE = 128  # all else that is done for a token takes as long as if it looked at so many more
A_ROW = 600  # and all that is done for a row, whatever its width, as looking at so many


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
        """From (batch, length) trees: short ones are a row each, others are cut as if they were one behind the other;
        stops: see `networks.trees.Tree`."""
        size, length = tokens.size, tokens.shape[1]
        if length <= max(WIDTHS):
            own = np.arange(size).reshape(tokens.shape)
            seen = np.zeros((2, len(tokens), -(-length // AT_ONCE) * AT_ONCE), np.int64)
            seen[:, :, :length] = own, own[:, :1] + stops
            return cls(tokens, seen[0], seen[1], own)
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
        return cls(placed.reshape(-1, width), seen[0], seen[1], numbers.reshape(tokens.shape))


def _cut(stop: Ints) -> tuple[Ints, int, int]:
    """Where rows begin, how many tokens they have and how many they see, at the least cost; stop: (n,) of one tree."""
    size = len(stop)
    at = np.arange(size)
    before = at - np.cumsum(np.bincount(stop, minlength=size + 1))[:size]  # that each token follows on
    least, found = np.inf, ([0], size, size)
    for width in WIDTHS:
        for wide in range(-(-width // AT_ONCE) * AT_ONCE, width + size + AT_ONCE, AT_ONCE):
            each = width * (ALL_ELSE + wide) + A_ROW
            if -(-size // width) * each >= least:
                break
            last = np.maximum.accumulate(np.where(before <= wide - width, at, 0)).tolist()  # where a row may begin
            starts = [0]
            while (end := starts[-1] + width) < size and last[end] > starts[-1]:
                starts.append(last[end])
            if end >= size and len(starts) * each < least:
                least, found = len(starts) * each, (starts, width, wide)
    starts, width, wide = found
    return np.array(starts), width, wide
