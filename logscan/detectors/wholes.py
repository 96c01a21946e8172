"""Windows that are judged as wholes: what judges them, and which of their events are to blame.

The counterpart of `SequenceDetector` (baseline.py), which knows how surprising each step is: here a window has a score,
and at best it is known how much less anomalous it would be without each of its messages.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from logscan.detectors.sessions import Scores
from logscan.windows.sessions import Floats, Ints, Windows

MOST = 5  # events of a window that are blamed
LEAST = 0.5  # of the highest blame
READ_AGAIN = 1 << 20  # events, at most, to find those to blame


class WindowDetector(Protocol):
    """What judges windows as wholes."""

    name: str

    def score(self, windows: Windows) -> Scores:
        """Higher is stranger, 0.5 the threshold."""


@runtime_checkable
class Blaming(Protocol):
    """A detector that knows what made it call a window anomalous."""

    def blame(self, windows: Windows) -> Floats:
        """(events,) how much less anomalous each window is without this message."""


def shares(blame: Floats, windows: Windows) -> Floats:
    """(events,) 1 for the most blamed event of each window, from LEAST for others that come near it, MOST in all, and 0
    for those that are not to blame."""
    window = np.repeat(np.arange(len(windows)), windows.lengths)
    order = np.lexsort((-blame, window))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - windows.starts[window]
    highest = blame[order[windows.starts[:-1]]][window]
    share = np.where(rank == 0, 1.0, blame / np.where(highest > 0, highest, np.inf))
    return np.where((rank < MOST) & (share >= LEAST), share, 0.0)


def left_out(windows: Windows, judge: Callable[[list[Ints]], Floats]) -> Floats:
    """(events,) by how much the score of each window falls without any event of the same key as this one; 0 in windows
    for which there is no time. judge: the scores of sequences of keys, which may be empty. Equal windows are read once.
    """
    if not len(windows):
        return np.zeros(0)
    first, inverse, _ = windows.distinct()
    once = windows.take(first)
    whole = np.split(once.keys, once.starts[1:-1])
    said = [np.unique(keys) for keys in whole]
    cost = np.cumsum([len(one) * len(keys) for one, keys in zip(said, whole, strict=True)], dtype=np.int64)
    blamed = int(np.searchsorted(cost, max(READ_AGAIN, cost[0]), "right"))
    without = [keys[keys != one] for keys, ones in zip(whole[:blamed], said, strict=False) for one in ones]
    before, after = np.split(judge([*whole[:blamed], *without]), [blamed])
    found = np.zeros(len(windows.events))
    begin = np.cumsum([0, *map(len, said)])
    for window, which in enumerate(inverse.tolist()):
        if which < blamed:
            rows = slice(*windows.starts[window : window + 2])
            fall = before[which] - after[begin[which] : begin[which + 1]]
            found[rows] = fall[np.searchsorted(said[which], windows.keys[rows])]
    return found
