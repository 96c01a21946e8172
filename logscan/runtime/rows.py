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
        number = np.arange(tokens.size).reshape(batch, -1)
        tokens, own = tokens.reshape(-1, width), (number, number[:, :1] + stops)
        if each == 1:
            return cls(tokens, *_widened(own, width, 0))
        at, first = np.arange(each * width), np.arange(0, each * width, width)[:, None]
        before = (at < first) & (stops[:, None] > first)
        count = before.sum(-1).ravel()
        seen, until = _widened(own, width, int(count.max()))
        tree, _, place = np.nonzero(before)
        free = np.arange(seen.shape[1] - width) < count[:, None]
        seen[:, width:][free], until[:, width:][free] = (of[tree, place] for of in own)
        return cls(tokens, seen, until)


def _widened(own: tuple[Ints, Ints], width: int, more: int) -> Ints:
    """(2, rows, seen) what a row has of itself, with room for at least so many more numbers, zeros."""
    wide = np.zeros((2, own[0].size // width, -(-(width + more) // AT_ONCE) * AT_ONCE), np.int64)
    wide[0, :, :width], wide[1, :, :width] = (of.reshape(-1, width) for of in own)
    return wide
