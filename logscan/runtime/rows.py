"""Trees in short rows, each beside the tokens that it looks at, so that attention has little to do in vain.

Of a tree of 512 tokens each follows on some 20. Where all look at all, nearly everything is masked; 32 that stand side
by side look at themselves and at what the first of them follows on, since the others follow on nothing else before it.
"""

from typing import Any, NamedTuple

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]

ROW = 32  # tokens of a row, about: with fewer, products of matrices are small; with more, more is masked
AT_ONCE = 16  # numbers that a CPU takes at once: where they are no multiple, the rest takes longer than as many more


class Rows(NamedTuple):
    """Tokens have numbers, row by row. That of number i looks at seen[j] of its row if seen[j] <= i < until[j].

    tokens: (rows, length); seen, until: (rows, seen), padded at the right with zeros"""

    tokens: Ints
    seen: Ints
    until: Ints

    @classmethod
    def of(cls, tokens: Ints, stops: Ints) -> "Rows":
        """From (batch, length) trees, each in as many rows, the last one padded; stops: see `networks.trees.Tree`."""
        batch, length = tokens.shape
        each = max(1, round(length / ROW))
        width = -(-length // each)
        if added := each * width - length:
            tokens, stops = (np.pad(of, ((0, 0), (0, added))) for of in (tokens, stops))
            stops[:, length:] = each * width
        own = np.empty((2, batch, each * width), np.int64)
        own[0] = np.arange(tokens.size).reshape(batch, -1)
        own[1] = own[0, :, :1] + stops
        tokens, rows = tokens.reshape(-1, width), own.reshape(2, -1, width)
        if each == 1:
            return cls(tokens, *_widened(rows, 0))
        at, first = np.arange(each * width), np.arange(0, each * width, width)[:, None]
        before = (at < first) & (stops[:, None] > first)
        count = before.sum(-1).ravel()
        wide = _widened(rows, int(count.max()))
        tree, _, place = np.nonzero(before)
        wide[:, :, width:][:, np.arange(wide.shape[2] - width) < count[:, None]] = own[:, tree, place]
        return cls(tokens, *wide)


def _widened(rows: Ints, more: int) -> Ints:
    """(2, rows, width) with room for at least so many more numbers, zeros."""
    width = rows.shape[2]
    wide = np.zeros((2, rows.shape[1], -(-(width + more) // AT_ONCE) * AT_ONCE), np.int64)
    wide[:, :, :width] = rows
    return wide
