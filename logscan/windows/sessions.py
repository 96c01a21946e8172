"""Windows by session: all records that carry the same id, in the order in which they were written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.columns import rows_of
from logscan.templates.messages import Messages

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]  # as polars numbers them

SOME = 4_096  # windows that are digested at a time, in the processor's cache
MAX_OPEN = 1_500_000  # events held in open sessions: 60 MB, and a few times that while they are sorted


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

    events: one row an event, window after window, columns as in EVENTS, and `message` where there are messages
    starts: (n + 1,) window i is rows starts[i] to starts[i + 1]
    messages: the texts that `message` numbers
    """

    events: pl.DataFrame
    starts: Ints
    messages: Messages | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def keys(self) -> Ints:
        """(events,) the log keys."""
        return self.events["key"].cast(pl.Int64).to_numpy()

    @cached_property
    def ids(self) -> Hashes:
        """(n,) the windows' ids, as given in the events."""
        return self.events["window"].to_numpy()[self.starts[:-1]]

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
        keys, digests = self.events["key"].to_numpy(), [np.zeros(0, np.uint64)]
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
        line = self.events["line"].to_numpy()
        spans = line[self.starts[1:] - 1] - line[self.starts[:-1]]
        return int(np.quantile(spans, 0.99)) if len(spans) else 0

    def pause(self) -> int:
        """Microseconds: the longest time between two events of a window."""
        longest = self.events.select(pl.col("time").diff().over("window").dt.total_microseconds().max()).item()
        return int(longest or 0)

    def distinct(self) -> tuple[Ints, Ints, Ints]:
        """Equal sequences once: (d,) the first window of each, (n,) which of them each window is, (d,) counts."""
        _, first, inverse, counts = np.unique(
            self.sequences, return_index=True, return_inverse=True, return_counts=True
        )
        return first, inverse, counts

    def take(self, chosen: Ints) -> "Windows":
        """The windows at these indices, in this order."""
        starts = np.concatenate([[0], np.cumsum(self.lengths[chosen])])
        return replace(self, events=rows_of(self.events, self.rows(chosen)), starts=starts)

    def rows(self, chosen: Ints) -> Ints:
        """The rows of the events of the windows at these indices, window after window."""
        lengths = self.lengths[chosen]
        begin = np.cumsum(lengths) - lengths
        rows: Ints = np.arange(lengths.sum()) + np.repeat(self.starts[chosen] - begin, lengths)
        return rows

    def parted(self, share: float, rng: "np.random.Generator") -> tuple["Windows", "Windows"]:
        """The windows without a share of them, drawn at random, and that share, at least one each; a single one is
        both."""
        order = rng.permutation(len(self))
        out = max(1, min(round(share * len(self)), len(self) - 1))
        return self.take(np.sort(order[out:] if len(self) > 1 else order)), self.take(np.sort(order[:out]))

    def renamed(self, keys: npt.NDArray[np.int32]) -> "Windows":
        """The same windows with `keys[key]` in the place of each key; messages that are made of keys follow."""
        events = self.events.with_columns(key=pl.Series(keys).gather(self.events["key"]))
        if self.messages is not None and self.messages.of_keys:
            events = events.with_columns(message=self.messages.named(events["key"]))
        return replace(self, events=events)

    def by_message(self) -> "Windows":
        """The same windows with the number of its message in the place of each key, to compare them as texts."""
        return replace(self, events=self.events.with_columns(key="message"))


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
    position = np.arange(len(keys)) - np.repeat(starts[:-1], np.diff(starts))
    return scatter(keys + (position << 32))


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
        self._held: list[pl.DataFrame] = []
        self._events = 0

    def add(self, events: pl.DataFrame) -> Iterator[Windows]:
        """Take events with the columns of `Windows.events`; gives sessions back only where the bound is reached."""
        while len(events):
            if self._events == self.limit:
                yield self._close_quiet()
            room = self.limit - self._events
            self._held.append(events.head(room))
            self._events += len(self._held[-1])
            events = events.slice(room)

    def _close_quiet(self) -> Windows:
        """The sessions without an event in the newer half; all, where there are none."""
        held = pl.concat(self._held)
        quiet = ~held["window"].is_in(held["window"].slice(self.limit // 2).implode())
        if not quiet.any():
            quiet = ~quiet
        closed, self._held = held.filter(quiet).rechunk(), [held.filter(~quiet)]
        self._events = len(self._held[0])
        del held, quiet  # sorting takes a few times the room of what is sorted
        windows = by_name(closed, self.messages)
        self.closed_early += len(windows)
        return windows

    def close(self) -> Windows:
        """All sessions that are still open."""
        none = EVENTS if self.messages is None else EVENTS.with_columns(message=pl.lit(None, pl.Int32))
        held = pl.concat(self._held or [none])
        self._held, self._events = [], 0
        return by_name(held, self.messages)


def by_name(events: pl.DataFrame, messages: Messages | None) -> Windows:
    """Events grouped by window, windows in the order of their first event."""
    rows, starts = _by_window(events)
    return Windows(events[rows], starts, messages)


def _by_window(events: pl.DataFrame) -> tuple[Rows, Ints]:
    """(events,) the rows of one window after the other, and (n + 1,) where each begins among them."""
    numbered = events["window"].to_frame().with_row_index("row")
    grouped = numbered.group_by("window", maintain_order=True).agg("row", pl.len())
    starts = np.append(0, np.cumsum(grouped["len"].to_numpy(), dtype=np.int64))
    return grouped["row"].explode(empty_as_null=False).to_numpy(), starts
