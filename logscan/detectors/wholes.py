"""Windows that are judged as wholes: what judges them, and which of their events are to blame.

The counterpart of `SequenceDetector` (baseline.py), which knows how surprising each step is: here a window has a score,
and at best it is known how much less anomalous it would be without each of its messages.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from logscan.detectors.sessions import Scores
from logscan.networks.rows import sequences
from logscan.windows.sessions import Floats, Ints, Windows

MOST = 5  # events of a window that are blamed
LEAST = 0.5  # of the highest blame
BLAMED = 1 << 20  # messages that are read again, at most, to find those to blame


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


def blame_each(windows: Windows, log_odds: Callable[[list[Ints]], Floats]) -> Floats:
    """(events,) by how much the log-odds of each window fall without each of its messages; 0 in windows for which
    there is no time. log_odds: of sequences of the windows' messages"""
    first, inverse, _ = windows.by_message().distinct()
    whole = sequences(windows.take(first))
    said = [np.unique(messages) for messages in whole]
    cost = np.cumsum([len(one) * len(messages) for one, messages in zip(said, whole, strict=True)], dtype=np.int64)
    blamed = int(np.searchsorted(cost, max([BLAMED, *cost[:1]]), "right"))
    without = [messages[messages != one] for messages, ones in zip(whole[:blamed], said, strict=False) for one in ones]
    fallen = log_odds([*whole[:blamed], *without])
    before, after = np.split(fallen, [blamed])
    found = np.zeros(len(windows.events))
    begin = np.cumsum([0, *map(len, said)])
    numbers = windows.events["message"].to_numpy()
    for window, which in enumerate(inverse.tolist()):
        if which < blamed:
            rows = slice(*windows.starts[window : window + 2])
            fall = before[which] - after[begin[which] : begin[which + 1]]
            found[rows] = fall[np.searchsorted(said[which], numbers[rows])]
    return found
