"""Windows by session: all records that carry the same id, in the order in which they were written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.columns import rows_of
from logscan.native import grouped
from logscan.templates.messages import Messages

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]  # as polars numbers them

SOME = 4_096  # windows that are digested at a time, in the processor's cache
MAX_OPEN = 1_500_000  # events held in open sessions: 60 MB, and half of that once more while they are sorted


EVENTS = pl.DataFrame(
    schema={
        "window": pl.UInt64,  # digest of the session's name: 8 bytes, where the name takes 30
        "key": pl.Int32,
        "source": pl.Int32,
        "line": pl.Int64,
        "offset": pl.Int64,
        "time": pl.Datetime("us"),
    }
)


@dataclass(frozen=True)
class Windows:
    """Windows as flat columns.

    table: one row an event, columns as in EVENTS, and `message` where there are messages
    starts: (n + 1,) window i is events starts[i] to starts[i + 1]
    messages: the texts that `message` numbers
    order: (events,) the rows of the table, window after window; None where they stand so

    Few of many windows are looked at: only what is asked for is put in order.
    """

    table: pl.DataFrame
    starts: Ints
    messages: Messages | None = None
    order: Rows | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def events(self) -> pl.DataFrame:
        """The table in order."""
        return self.table if self.order is None else rows_of(self.table, self.order)

    def events_at(self, rows: Ints) -> pl.DataFrame:
        """Some events of it."""
        return rows_of(self.table, self._in_table(rows))

    def column(self, name: str) -> pl.Series:
        """(events,) one column of it."""
        return self.table[name] if self.order is None else self.table[name].gather(pl.Series(self.order))

    def of(self, events: pl.DataFrame) -> "Windows":
        """The same windows of other events, which are in order."""
        return replace(self, table=events, order=None)

    @cached_property
    def keys(self) -> Ints:
        """(events,) the log keys."""
        return self.column("key").cast(pl.Int64).to_numpy()

    @cached_property
    def ids(self) -> Hashes:
        """(n,) the windows' ids, as given in the events."""
        return self.column("window").to_numpy()[self.starts[:-1]]

    @property
    def lengths(self) -> Ints:
        """(n,) events in each window."""
        return np.diff(self.starts)

    @cached_property
    def vectors(self) -> Hashes:
        """(n,) a digest of each window's event counts: equal where the same keys occur equally often."""
        return _sum(scatter(self.keys), self.starts)

    @cached_property
    def sequences(self) -> Hashes:
        """(n,) a digest of each window's events in their order."""
        keys, digests = self.column("key").to_numpy(), [np.zeros(0, np.uint64)]
        for first in range(0, len(self), SOME):
            some = self.starts[first : first + SOME + 1]
            starts = some - some[0]
            digests.append(_sum(_placed(keys[some[0] : some[-1]], starts), starts))
        return np.concatenate(digests)

    @cached_property
    def prefixes(self) -> Hashes:
        """(events,) a digest of each window from its beginning to this event; the last one is that of `sequences`."""
        return prefixes(self.keys, self.starts)

    def span(self) -> int:
        """Lines of the log over which a long window extends."""
        line = self.column("line").to_numpy()
        spans = line[self.starts[1:] - 1] - line[self.starts[:-1]]
        return int(np.quantile(spans, 0.99)) if len(spans) else 0

    def pause(self) -> int:
        """Microseconds: the longest time between two events of a window."""
        pauses = self.column("time").diff().scatter(self.starts[:-1], None)
        longest = pauses.dt.total_microseconds().max()
        return longest if isinstance(longest, int) else 0

    def distinct(self) -> tuple[Ints, Ints, Ints]:
        """Equal sequences once: (d,) the first window of each, (n,) which of them each window is, (d,) counts."""
        _, first, inverse, counts = np.unique(
            self.sequences, return_index=True, return_inverse=True, return_counts=True
        )
        return first, inverse, counts

    def take(self, chosen: Ints) -> "Windows":
        """The windows at these indices, in this order."""
        return replace(self, starts=starts_of(self.lengths[chosen]), order=self._in_table(self.rows(chosen)))

    @staticmethod
    def joined(parts: "Sequence[Windows]") -> "Windows":
        """The windows of all parts, one after the other, which have the same messages."""
        events = pl.concat([part.events for part in parts])
        return replace(parts[0].of(events), starts=starts_of(np.concatenate([part.lengths for part in parts])))

    def rows(self, chosen: Ints) -> Ints:
        """The rows of the events of the windows at these indices, window after window."""
        lengths = self.lengths[chosen]
        begin = np.cumsum(lengths) - lengths
        rows: Ints = np.arange(lengths.sum()) + np.repeat(self.starts[chosen] - begin, lengths)
        return rows

    def _in_table(self, rows: Ints) -> Rows:
        return rows.astype(np.uint32) if self.order is None else self.order[rows]

    def parted(self, share: float, rng: "np.random.Generator") -> tuple["Windows", "Windows"]:
        """The windows without a share of them, drawn at random, and that share, at least one each; a single one is
        both."""
        order = rng.permutation(len(self))
        out = max(1, min(round(share * len(self)), len(self) - 1))
        return self.take(np.sort(order[out:] if len(self) > 1 else order)), self.take(np.sort(order[:out]))

    def renamed(self, keys: npt.NDArray[np.int32]) -> "Windows":
        """The same windows with `keys[key]` in the place of each key; messages that are made of keys follow."""
        table = self.table.with_columns(key=pl.Series(keys).gather(self.table["key"]))
        if self.messages is not None and self.messages.of_keys:
            table = table.with_columns(message=self.messages.named(table["key"]))
        return replace(self, table=table)

    def by_message(self) -> "Windows":
        """The same windows with the number of its message in the place of each key, to compare them as texts."""
        return replace(self, table=self.table.with_columns(key="message"))


def starts_of(lengths: Ints) -> Ints:
    """(n + 1,) where each of n groups of rows begins that lie one behind the other, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def places(starts: Ints) -> Ints:
    """(rows,) the place of each row in its group, from where the groups begin (see `starts_of`)."""
    rows: Ints = np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))
    return rows


def scatter(values: Ints) -> Hashes:
    """(n,) 64 well-mixed bits a value (the finalizer of splitmix64), so that sums of them tell multisets apart."""
    x = values.astype(np.uint64)
    x += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    return x


def prefixes(keys: npt.NDArray[np.signedinteger[Any]], starts: Ints) -> Hashes:
    """(events,) a digest of each window from its beginning to this event, of windows as those of `Windows`."""
    summed: Hashes = np.cumsum(_placed(keys, starts), dtype=np.uint64)
    before = np.concatenate([np.zeros(1, np.uint64), summed])[starts[:-1]]
    digests: Hashes = summed - np.repeat(before, np.diff(starts))
    return digests


def _placed(keys: npt.NDArray[np.signedinteger[Any]], starts: Ints) -> Hashes:
    """(events,) a digest of each key at its place in its window."""
    return scatter(keys + (places(starts) << 32))


def _sum(values: Hashes, starts: Ints) -> Hashes:
    return np.add.reduceat(values, starts[:-1]) if len(starts) > 1 else np.zeros(0, np.uint64)


class Sessions:
    """Collects events by session; holds at most `limit` events, then closes the sessions that were quiet longest.

    messages: what the column `message` of the events numbers, if they have one
    closed_early: sessions closed by that bound, while more of their events may have followed
    """

    def __init__(self, limit: int = MAX_OPEN, messages: Messages | None = None) -> None:
        self.limit = limit
        self.messages = messages
        self.closed_early = 0
        none = EVENTS if messages is None else EVENTS.with_columns(message=pl.lit(None, pl.Int32))
        self._columns = {name: none[name].to_numpy() for name in none.columns}  # with room for more than there are
        self._events = 0

    def add(self, events: pl.DataFrame) -> Iterator[Windows]:
        """Take events with the columns of `Windows.events`; gives sessions back only where the bound is reached."""
        while len(events):
            if self._events == self.limit:
                yield from self._close_quiet()
            room = self.limit - self._events
            self._put(events.head(room))
            events = events.slice(room)

    def _put(self, events: pl.DataFrame) -> None:
        begin, end = self._events, self._events + len(events)
        for column in events.get_columns():
            more = column.to_numpy()
            held = self._columns.get(column.name, more[:0])
            if end > len(held):
                # of a long log room for all that may be held: memory is taken by what is written only
                room = np.empty(min(self.limit, max(MAX_OPEN, 2 * end)) if begin else end, more.dtype)
                room[:begin] = held[:begin]
                held = self._columns[column.name] = room
            held[begin:end] = more
        self._events = end

    def _close_quiet(self) -> Iterator[Windows]:
        """The sessions without an event in the newer half; all, where there are none."""
        held = self._windows()
        assert held.order is not None
        quiet = held.order[held.starts[1:] - 1] < self.limit // 2
        if not quiet.any():
            quiet = ~quiet
        self.closed_early += int(quiet.sum())
        rest = np.sort(held.order[np.repeat(~quiet, held.lengths)])
        closed = [held.take(np.flatnonzero(quiet))]
        del held
        yield closed.pop()  # of which nothing is held here, so that its memory serves for what follows
        for name, column in self._columns.items():
            self._columns[name] = np.empty_like(column)
            np.take(column, rest, out=self._columns[name][: len(rest)], mode="clip")
        self._events = len(rest)

    def close(self) -> Windows:
        """All sessions that are still open."""
        windows, self._events = self._windows(), 0
        self._columns = {name: column[:0] for name, column in self._columns.items()}
        return windows

    def _windows(self) -> Windows:
        held = {name: column[: self._events] for name, column in self._columns.items()}
        return by_name(pl.DataFrame([pl.Series(*column) for column in held.items()]), self.messages)


def by_name(events: pl.DataFrame, messages: Messages | None) -> Windows:
    """Events grouped by window, windows in the order of their first event."""
    order, starts = grouped(events["window"].to_numpy())
    return Windows(events, starts, messages, order)
