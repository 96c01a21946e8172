"""Windows of a log that is still written: judged whenever they grow, and once more when they close.

Most of the events that are held came long ago: they are sorted by window, so that those of a few windows are found in a
moment. What came since stands behind them as it came, and it is known in which rows each window is.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import polars as pl

from logscan.templates.messages import Messages
from logscan.windows.cut import STREAM
from logscan.windows.sessions import EVENTS, MAX_OPEN, Hashes, Ints, Windows, by_name

LATE = 5_000_000  # microseconds for which events of a window by time may come late
CHUNKS = 16  # pieces in which new events lie, each of which costs
FEW = 20_000  # events that need not be sorted
ALL = 1 << 40  # events


class OpenWindows:
    """Collects events by window.

    pause: microseconds without an event after which a window is complete, 0: as long as it takes
    records: events with which it is complete, 0: any number; ends: log keys with which it is complete
    time: microseconds of a window by time, which is complete when the log or the clock has gone on; 0: of others
    reach: how many events of a window before what is fresh are given with it at the least
    limit: events held at most; of more, the windows that were quiet longest are closed
    closed_early: windows closed by that limit
    """

    _old: pl.DataFrame
    _new: pl.DataFrame
    _rows: dict[int, list[int]]  # of each window, among the new events
    _closed: int  # new events of windows that are no longer held

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
        self.ends = np.zeros(0, np.int64) if ends is None else ends
        self.messages = messages
        self.limit = limit
        self.time = time
        self.reach = reach
        self.closed_early = 0
        none = EVENTS if messages is None else EVENTS.with_columns(message=pl.lit(None, pl.Int32))
        self._columns = none.columns
        self._complete: list[Hashes] = []
        self._nth = 0  # of the next event
        self._newest = 0  # time of the last record
        self._sort(none.with_columns(nth=pl.lit(None, pl.Int64), at=pl.lit(None, pl.Int64)))

    def __len__(self) -> int:
        return len(self._new) - self._closed + int(np.count_nonzero(self._open))

    def add(self, events: pl.DataFrame, now: int) -> Windows:
        """Take events with the columns of `Windows.events` that came at `now`, in microseconds of any clock.

        Gives the windows that grew, with the column `fresh` in their events, and without what is beyond `reach`: each
        is cut at a multiple of it, so that windows with the same events are cut alike.
        """
        nth = np.arange(self._nth, self._nth + len(events))
        events = events.hstack([pl.Series("nth", nth), pl.Series("at", np.full(len(events), now))])
        ids = np.unique(events["window"].to_numpy())
        known, beyond = self._recent(ids)
        grown = pl.concat([known, events])[self._columns]
        fresh = pl.Series("fresh", np.arange(len(grown)) >= len(known))
        windows = by_name(grown.hstack([fresh]), self.messages)
        for row, window in enumerate(events["window"].to_list(), len(self._new)):
            self._rows.setdefault(window, []).append(row)
        self._new = pl.concat([self._new, events])
        if self._new.n_chunks() > CHUNKS:
            self._new = self._new.rechunk()
        self._nth += len(events)
        if self.time and len(times := events["time"].drop_nulls().dt.epoch("us").to_numpy()):
            self._newest = int(times[-1])
        lengths = windows.lengths + beyond[np.searchsorted(ids, windows.ids)]
        full = lengths >= self.records if self.records else np.zeros(len(windows), bool)
        self._complete.append(windows.ids[full | np.isin(windows.keys[windows.starts[1:] - 1], self.ends)])
        return windows

    def whole(self, windows: Hashes) -> Windows:
        """These windows, all of them open, with all their events, in this order."""
        found = by_name(self._events_of(windows), self.messages)
        order = np.argsort(found.ids)
        return found.take(order[np.searchsorted(found.ids[order], windows)])

    def close(self, now: int, quiet: bool) -> Iterator[tuple[Windows, bool]]:
        """Windows that are complete; with `quiet` those too whose pause is over at `now`, which takes a look at all.

        Each time with whether they are: those of too many events may go on.
        """
        if quiet and self.pause:
            windows, at = self._last("at")
            self._complete.append(windows[(at <= now - self.pause) | self._passed(windows)])
        complete, self._complete = self._complete, []
        if any(map(len, complete)):
            yield self._taken(np.unique(np.concatenate(complete))), True
        if len(self) > self.limit:
            windows, nth = self._last("nth")
            kept = np.sort(self._held()["nth"].to_numpy())[len(self) - self.limit // 2 :]
            older = nth < kept[0] if len(kept) else np.ones(len(windows), bool)
            taken = self._taken(windows[older] if older.any() else windows)  # or one window that does not end
            self.closed_early += len(taken)
            yield taken, False
        if len(self._new) > max(FEW, len(self._old) // 8):
            self._sort(self._held())

    def close_all(self) -> Windows:
        """All that are open: nothing follows."""
        return self._taken(self._last("nth")[0])

    def held(self, now: int) -> pl.DataFrame:
        """The events of open windows, and how many microseconds `ago` they came: for `restore`."""
        return self._held().select(pl.exclude("at"), ago=now - pl.col("at"))

    def restore(self, held: pl.DataFrame, now: int) -> None:
        """Go on with what `held` gave."""
        self._sort(held.select(pl.exclude("ago"), at=now - pl.col("ago")))
        self._nth = int(held["nth"].max() or -1) + 1  # type: ignore[arg-type]

    def _held(self) -> pl.DataFrame:
        """All events, those of a window in their order."""
        new = self._new[np.sort(_joined(self._rows.values()))]
        return pl.concat([self._old.filter(pl.Series(self._open)), new])

    def _sort(self, events: pl.DataFrame) -> None:
        self._old, self._new = events.sort("window", maintain_order=True), events.clear()
        self._rows, self._closed = {}, 0
        self._windows = self._old["window"].to_numpy()
        self._open = np.ones(len(events), bool)  # of the old ones

    def _old_of(self, windows: Hashes) -> tuple[Ints, Ints]:
        """(n,) the first row among the old events, and (n,) how many there are, of each of these windows."""
        first = np.searchsorted(self._windows, windows, "left")
        lengths = np.searchsorted(self._windows, windows, "right") - first
        lengths[lengths > 0] *= self._open[first[lengths > 0]]
        return first, lengths

    def _new_of(self, windows: Hashes) -> list[list[int]]:
        """The rows of each of these windows among the new events."""
        return [self._rows.get(window, []) for window in windows.tolist()]

    def _events_of(self, windows: Hashes) -> pl.DataFrame:
        """The events of these windows in the order in which they came."""
        return self._in_order(*self._old_of(windows), self._new_of(windows))[self._columns]

    def _recent(self, windows: Hashes) -> tuple[pl.DataFrame, Ints]:
        """The events of these sorted windows without those beyond the reach, and (n,) how many these are."""
        (first, old), new = self._old_of(windows), self._new_of(windows)
        known = old + np.array([*map(len, new)], np.int64)
        beyond = np.maximum(known // self.reach - 1, 0) * self.reach if self.reach else known
        skipped = np.minimum(beyond, old)
        new = [rows[skip:] for rows, skip in zip(new, (beyond - skipped).tolist(), strict=True)]
        return self._in_order(first + skipped, old - skipped, new), beyond

    def _in_order(self, first: Ints, lengths: Ints, new: list[list[int]]) -> pl.DataFrame:
        """The old events from each first one on, and these of the new ones, in the order in which they came."""
        old = _rows(first, lengths)
        old = old[np.argsort(self._old["nth"].to_numpy()[old])]
        return pl.concat([self._old[old], self._new[np.sort(_joined(new))]])

    def _taken(self, windows: Hashes) -> Windows:
        """These windows, which are no longer held."""
        events = self._events_of(windows)
        self._open[_rows(*self._old_of(windows))] = False
        self._closed += sum(len(self._rows.pop(window, [])) for window in windows.tolist())
        return by_name(events, self.messages)

    def _last(self, column: str) -> tuple[Hashes, Ints]:
        """Each window, and what its last event has in this column."""
        ends = np.flatnonzero(np.append(self._windows[1:] != self._windows[:-1], True)[: len(self._windows)])
        ends = ends[self._open[ends]]
        new = self._new[column].to_numpy()[np.array([rows[-1] for rows in self._rows.values()], np.int64)]
        windows = np.concatenate([self._windows[ends], np.array([*self._rows], np.uint64)])
        last = np.concatenate([self._old[column].to_numpy()[ends], new])
        windows, newest = np.unique(windows[::-1], return_index=True)
        return windows, last[::-1][newest]

    def _passed(self, windows: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) which windows by time ended before the last record."""
        if not self.time:
            return np.zeros(len(windows), bool)
        end = (windows.astype(np.int64) % STREAM - STREAM // 2 + 1) * self.time
        return np.asarray(end + LATE <= self._newest)


def _joined(rows: Iterable[list[int]]) -> Ints:
    return np.array([*chain.from_iterable(rows)], np.int64)


def _rows(first: Ints, lengths: Ints) -> Ints:
    """All rows from each first one on."""
    rows: Ints = np.arange(lengths.sum()) + np.repeat(first - np.cumsum(lengths) + lengths, lengths)
    return rows
