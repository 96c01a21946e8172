"""Windows of a log that is still written: judged whenever they grow, and once more when they close.

Few events come at a time, and what a step costs is the number of its calls: the events stand in arrays, in whatever row
is free, and of each window the rows are listed.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.columns import framed
from logscan.templates.messages import Messages
from logscan.windows.cut import STREAM
from logscan.windows.sessions import EVENTS, MAX_OPEN, Hashes, Ints, Windows, prefixes, starts_of

LATE = 5_000_000  # microseconds for which events of a window by time may come late
ROOM = 4_096  # rows at the beginning
ALL = 1 << 40  # events


@dataclass(frozen=True)
class Grown:
    """Open windows that grew: of most of their events only the keys are asked.

    parts: the rows of each in `windows`, all of them in `rows`, (events,); starts: as of `Windows`
    fresh: (m,) which of the events have just come
    """

    windows: "OpenWindows"
    parts: "list[array[int]]"
    rows: Ints
    starts: Ints
    fresh: Ints

    def __len__(self) -> int:
        return len(self.parts)

    def column(self, name: str, events: Ints) -> npt.NDArray[Any]:
        """What stands in a column of these events."""
        return self.windows.column(name, self.rows[events])

    @cached_property
    def keys(self) -> Ints:
        """(events,) the log keys."""
        return self.windows.column("key", self.rows).astype(np.int64)

    @cached_property
    def prefixes(self) -> Hashes:
        """(events,) as of `Windows`."""
        return prefixes(self.keys, self.starts)

    @property
    def lengths(self) -> Ints:
        """(n,) events in each window."""
        return np.diff(self.starts)

    @cached_property
    def ids(self) -> Hashes:
        """(n,) as of `Windows`."""
        return self.column("window", self.starts[:-1])

    def take(self, chosen: Ints) -> Windows:
        """The windows at these indices, in this order."""
        return self.windows.of([self.parts[number] for number in chosen.tolist()])


class OpenWindows:
    """Collects events by window.

    pause: microseconds without an event after which a window is complete, 0: as long as it takes
    records: events with which it is complete, 0: any number; ends: log keys with which it is complete
    time: microseconds of a window by time, which is complete when the log or the clock has gone on; 0: of others
    reach: how many events of a window before what is fresh are given with it at the least
    limit: events held at most; of more, the windows that were quiet longest are closed
    closed_early: windows closed by that limit
    """

    def __init__(
        self,
        pause: int = 0,
        records: int = 0,
        ends: Ints | None = None,
        messages: Messages | None = None,
        limit: int = MAX_OPEN,
        time: int = 0,
        reach: int = ALL,
    ) -> None:
        self.pause = time + LATE if time else pause
        self.records = records
        self.ends = frozenset([] if ends is None else ends.tolist())
        self.messages = messages
        self.limit = limit
        self.time = time
        self.reach = reach
        self.closed_early = 0
        none = EVENTS if messages is None else EVENTS.with_columns(message=pl.lit(None, pl.Int32))
        self._columns = {name: none[name].to_numpy() for name in none.columns}
        self._nth, self._at = np.zeros((2, 0), np.int64)  # the number of the event in each row, -1 in free ones; when
        self._free = array("i")
        self._rows: dict[int, array[int]] = {}  # of each window; the one that grew last is the last
        self._complete: dict[int, None] = {}
        self._events = 0  # that came
        self._newest = 0  # time of the last record

    def __len__(self) -> int:
        return len(self._nth) - len(self._free)

    def add(self, events: pl.DataFrame, now: int) -> Grown:
        """Take events with the columns of `Windows.events` that came at `now`, in microseconds of any clock.

        Gives the windows that grew, without what is beyond `reach`: each is cut at a multiple of it, so that windows
        with the same events are cut alike.
        """
        first = self._events
        self._put(events, np.arange(first, first + len(events)), np.full(len(events), now))
        if self.time and len(times := events["time"].drop_nulls()):
            self._newest = int(times.to_physical()[-1])
        grown = []
        for window, more in Counter(events["window"].to_list()).items():
            of_window = self._rows[window]
            known = len(of_window) - more
            grown.append(of_window[max(known // self.reach - 1, 0) * self.reach if self.reach else known :])
            full = self.records and len(of_window) >= self.records
            if full or (self.ends and int(self._columns["key"][of_window[-1]]) in self.ends):
                self._complete[window] = None
        parts = self._in_order(grown)
        rows, starts = _joined(parts)
        return Grown(self, parts, rows, starts, np.flatnonzero(self._nth[rows] >= first))

    def column(self, name: str, rows: Ints) -> npt.NDArray[Any]:
        """What stands in these rows of a column."""
        return self._columns[name][rows]

    def of(self, parts: "list[array[int]]") -> Windows:
        """The windows of these lists of rows."""
        rows, starts = _joined(parts)
        return Windows(self._events_in(rows), starts, self.messages)

    def whole(self, windows: Hashes) -> Windows:
        """These windows, all of them open, with all their events, in this order."""
        return self.of([self._rows[window] for window in windows.tolist()])

    def close(self, now: int, quiet: bool) -> Iterator[tuple[Windows, bool]]:
        """Windows that are complete; with `quiet` those too whose pause is over at `now`, which takes a look at all.

        Each time with whether they are: those of too many events may go on.
        """
        if quiet and self.pause:
            passed = takewhile(lambda window: self._at[self._rows[window][-1]] <= now - self.pause, self._rows)
            self._complete |= dict.fromkeys([*passed, *filter(self._has_passed, self._rows if self.time else ())])
        complete, self._complete = self._complete, {}
        if complete:
            yield self._taken(complete), True
        if len(self) > self.limit:
            kept = np.sort(self._nth[self._nth >= 0])[len(self) - self.limit // 2 :]
            oldest = kept[0] if len(kept) else ALL
            older = [*takewhile(lambda window: self._nth[self._rows[window][-1]] < oldest, self._rows)]
            taken = self._taken(older or [*self._rows])  # or one window that does not end
            self.closed_early += len(taken)
            yield taken, False

    def close_all(self) -> Windows:
        """All that are open: nothing follows."""
        return self._taken([*self._rows])

    def held(self, now: int) -> pl.DataFrame:
        """The events of open windows, and how many microseconds `ago` they came: for `restore`."""
        rows = np.flatnonzero(self._nth >= 0)
        rows = rows[np.argsort(self._nth[rows])]
        return self._events_in(rows).with_columns(nth=pl.Series(self._nth[rows]), ago=pl.Series(now - self._at[rows]))

    def restore(self, held: pl.DataFrame, now: int) -> None:
        """Go on with what `held` gave."""
        self._put(held, held["nth"].to_numpy(), now - held["ago"].to_numpy())

    def _put(self, events: pl.DataFrame, nth: Ints, at: Ints) -> None:
        """Take events in the order in which they came."""
        n = len(events)
        if n > len(self._free):
            self._make_room(n)
        rows, self._free = self._free[len(self._free) - n :], self._free[: len(self._free) - n]
        for name, column in self._columns.items():
            column[rows] = events[name].to_numpy()
        self._nth[rows], self._at[rows] = nth, at
        for window, row in zip(events["window"].to_list(), rows, strict=True):
            of_window = self._rows.pop(window, None) or array("i")
            of_window.append(row)
            self._rows[window] = of_window
        self._events = int(nth[-1]) + 1 if n else self._events

    def _make_room(self, n: int) -> None:
        had = len(self._nth)
        more = max(n, had, ROOM)
        for name, column in self._columns.items():
            self._columns[name] = np.append(column, np.zeros(more, column.dtype))
        self._nth, self._at = np.append(self._nth, np.full(more, -1)), np.append(self._at, np.zeros(more, np.int64))
        self._free.extend(range(had + more - 1, had - 1, -1))

    def _taken(self, windows: Iterable[int]) -> Windows:
        """These windows, which are no longer held."""
        rows, starts = _joined(self._in_order([self._rows.pop(window) for window in windows]))
        taken = Windows(self._events_in(rows), starts, self.messages)
        self._nth[rows] = -1
        self._free.extend(rows.tolist())
        return taken

    def _in_order(self, parts: "list[array[int]]") -> "list[array[int]]":
        """Lists of rows in the order of their first event."""
        order = np.argsort(self._nth[[rows[0] for rows in parts]])
        return [parts[at] for at in order.tolist()]

    def _events_in(self, rows: Ints) -> pl.DataFrame:
        return framed([pl.Series(name, column[rows]) for name, column in self._columns.items()])

    def _has_passed(self, window: int) -> bool:
        """Whether a window by time ended before the last record."""
        end = (window % STREAM - STREAM // 2 + 1) * self.time
        return end + LATE <= self._newest


def _joined(parts: "list[array[int]]") -> tuple[Ints, Ints]:
    """Lists of rows one behind the other, and where each begins and the last one ends."""
    starts = starts_of(np.array([len(rows) for rows in parts], np.int64))
    return np.frombuffer(b"".join(parts), np.int32).astype(np.int64), starts
