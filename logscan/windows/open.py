"""Windows of a log that is still written: judged whenever they grow, and once more when they close."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from logscan.templates.messages import Messages
from logscan.windows.cut import STREAM
from logscan.windows.sessions import EVENTS, MAX_OPEN, Ints, Windows, by_name

LATE = 5_000_000  # microseconds for which events of a window by time may come late


class OpenWindows:
    """Collects events by window.

    pause: microseconds without an event after which a window is complete, 0: as long as it takes
    records: events with which it is complete, 0: any number; ends: log keys with which it is complete
    time: microseconds of a window by time, which is complete when the log or the clock has gone on, 0: of others
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
    ) -> None:
        self.pause = time + LATE if time else pause
        self.records = records
        self.ends = pl.Series(np.zeros(0, np.int64) if ends is None else ends, dtype=pl.Int32)
        self.messages = messages
        self.limit = limit
        self.time = time
        self.closed_early = 0
        none = EVENTS if messages is None else EVENTS.with_columns(message=pl.lit(None, pl.Int32))
        self._held = none.with_columns(at=pl.lit(None, pl.Int64))
        self._complete = pl.Series("window", [], dtype=pl.UInt64)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, events: pl.DataFrame, now: int) -> Windows:
        """Take events with the columns of `Windows.events` that came at `now`, in microseconds of any clock.

        Gives the windows that grew, whole, with the column `fresh` in their events.
        """
        events = events.with_columns(at=pl.lit(now, pl.Int64))
        grew = self._held["window"].is_in(events["window"].unique().implode())
        known = self._held.filter(grew).with_columns(fresh=False)
        windows = by_name(pl.concat([known, events.with_columns(fresh=True)]).drop("at"), self.messages)
        self._held = pl.concat([self._held, events])
        if self._held.n_chunks() > 64:
            self._held = self._held.rechunk()
        full = windows.lengths >= self.records if self.records else np.zeros(len(windows), bool)
        last = windows.events["key"].gather(windows.starts[1:] - 1)
        complete = windows.ids[full | last.is_in(self.ends.implode()).to_numpy()]
        self._complete = pl.concat([self._complete, pl.Series("window", complete, dtype=pl.UInt64)])
        return windows

    def close(self, now: int, quiet: bool) -> Iterator[tuple[Windows, bool]]:
        """Windows that are complete; with `quiet` those too whose pause is over at `now`, which takes a look at all.

        Each time with whether they are: those of too many events may go on.
        """
        if quiet and self.pause:
            last = self._held.group_by("window", maintain_order=True).agg(pl.col("at").max())
            over = last.filter((pl.col("at") <= now - self.pause) | self._passed())["window"]
            self._complete = pl.concat([self._complete, over])
        if len(self._complete):
            complete, self._complete = self._complete, self._complete.clear()
            yield self._taken(pl.col("window").is_in(complete.implode())), True
        if len(self._held) > self.limit:
            last = self._held.with_row_index("last").group_by("window").agg(pl.col("last").max())
            newer = last.filter(pl.col("last") >= len(self._held) - self.limit // 2)["window"]
            windows = self._taken(~pl.col("window").is_in(newer.implode()))
            if not len(windows):  # one window that does not end
                windows = self._taken(pl.lit(True))
            self.closed_early += len(windows)
            yield windows, False

    def close_all(self) -> Windows:
        """All that are open: nothing follows."""
        return self._taken(pl.lit(True))

    def _passed(self) -> pl.Expr:
        """Whether a window by time ended before the last record."""
        if not self.time or not len(self._held):
            return pl.lit(False)
        end = (pl.col("window").cast(pl.Int64) % STREAM - STREAM // 2 + 1) * self.time
        return end + LATE <= self._held["time"].dt.epoch("us")[-1]

    def held(self, now: int) -> pl.DataFrame:
        """The events of open windows, and how many microseconds `ago` they came: for `restore`."""
        return self._held.select(pl.exclude("at"), ago=now - pl.col("at"))

    def restore(self, held: pl.DataFrame, now: int) -> None:
        """Go on with what `held` gave."""
        self._held = held.select(pl.exclude("ago"), at=now - pl.col("ago"))

    def _taken(self, which: pl.Expr) -> Windows:
        """The windows of these events, which are no longer held."""
        taken = self._held.filter(which).drop("at")
        self._held = self._held.filter(~which)
        return by_name(taken, self.messages)
