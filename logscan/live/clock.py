"""The clock by which a log is found to be quiet: it stands still while nobody looks.

A process that was suspended, or that waited for the reader of its findings, has not seen what was written meanwhile.
By the clock on the wall its open windows would all be over before their next lines are read.
"""

from time import monotonic

TURN = 5.0  # seconds between two looks that count


class Clock:
    """Seconds, each time it is asked at most `turn` more."""

    def __init__(self, turn: float = TURN) -> None:
        self.turn = turn
        self._seconds = self._asked = monotonic()

    def __call__(self) -> float:
        asked, self._asked = self._asked, monotonic()
        self._seconds += min(self._asked - asked, self.turn)
        return self._seconds
