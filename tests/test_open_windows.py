"""Windows that are still open: in whatever blocks their events come, the closed ones are those of the whole log."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.templates.messages import Messages
from logscan.windows import OpenWindows, Sessions, Windows
from logscan.windows.cut import Window
from logscan.windows.open import Grown
from logscan.windows.sessions import by_name

EventsOf = Callable[[Sequence[tuple[int, int]]], pl.DataFrame]

END = 3
arrivals = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60)
blocks = st.lists(st.integers(1, 9), max_size=30)


def split(events: pl.DataFrame, sizes: Sequence[int]) -> list[pl.DataFrame]:
    """Events in blocks of these sizes, the rest in one."""
    parts, at = [], 0
    for size in sizes:
        parts.append(events[at : at + size])
        at += size
    return [part for part in (*parts, events[at:]) if len(part)]


def rows(windows: Windows) -> dict[int, list[int]]:
    """The lines of each window."""
    found: dict[int, list[int]] = {}
    for window, a, b in zip(windows.ids.tolist(), windows.starts, windows.starts[1:], strict=False):
        assert window not in found
        assert windows.events["window"][int(a) : int(b)].unique().to_list() == [window]
        found[window] = windows.events["line"][int(a) : int(b)].to_list()
    return found


def every(grown: Grown) -> Windows:
    """All windows that grew."""
    return grown.take(np.arange(len(grown)))


def batch(events: pl.DataFrame) -> Windows:
    sessions = Sessions()
    list(sessions.add(events))
    return sessions.close()


def run(windows: OpenWindows, parts: Sequence[pl.DataFrame]) -> list[tuple[Windows, bool]]:
    """Windows in the order in which they close, one second a block."""
    closed = []
    for now, part in enumerate(parts):
        windows.add(part, now * 1_000_000)
        closed += list(windows.close(now * 1_000_000, quiet=True))
    return [*closed, (windows.close_all(), True)]


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks)
def test_the_windows_of_blocks_are_those_of_all_at_once(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int]
) -> None:
    events = events_of(given_)
    windows = OpenWindows()
    (closed, complete), *more = run(windows, split(events, sizes))
    whole = batch(events)
    assert complete
    assert more == []
    assert len(windows) == 0
    assert closed.events.equals(whole.events)
    assert closed.starts.tolist() == whole.starts.tolist()


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks)
def test_what_grew_is_given_whole_with_what_is_fresh(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int]
) -> None:
    windows, before = OpenWindows(), events_of([])
    for now, part in enumerate(split(events_of(given_), sizes)):
        grown = windows.add(part, now)
        before = pl.concat([before, part])
        assert rows(every(grown)) == rows(batch(before.filter(pl.col("window").is_in(part["window"].implode()))))
        assert sorted(grown.column("line", grown.fresh)) == part["line"].to_list()
        assert grown.prefixes.tolist() == every(grown).prefixes.tolist()


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks, st.integers(1, 40))
def test_under_a_limit_no_event_is_lost_and_the_rest_is_whole(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int], limit: int
) -> None:
    events = events_of(given_)
    windows = OpenWindows(limit=limit)
    closed = []
    for part in split(events, sizes):
        windows.add(part, 0)
        closed += list(windows.close(0, quiet=False))
        assert len(windows) <= limit
    early = sum(len(one) for one, _ in closed)
    assert windows.closed_early == early
    assert not any(complete for _, complete in closed)
    closed.append((windows.close_all(), True))
    assert pl.concat(one.events for one, _ in closed).sort("line").equals(events)
    for one, _ in closed:
        rows(one)


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks, st.integers(0, 4))
def test_what_grew_is_cut_beyond_the_reach(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int], reach: int
) -> None:
    windows, everything, known = OpenWindows(reach=reach), OpenWindows(), dict.fromkeys(range(7), 0)
    for now, part in enumerate(split(events_of(given_), sizes)):
        grown, whole = windows.add(part, now), everything.add(part, now)
        assert sorted(grown.ids) == sorted(whole.ids)
        cut = rows(every(grown))
        for window, lines in rows(every(whole)).items():
            beyond = len(lines) - len(cut[window])
            assert cut[window] == lines[beyond:]
            assert beyond == (known[window] if reach == 0 else max(known[window] // reach - 1, 0) * reach)
            known[window] = len(lines)
        order = grown.ids[::-1]
        assert windows.whole(order).ids.tolist() == order.tolist()
        assert rows(windows.whole(order)) == rows(every(whole))


def test_those_that_were_quiet_longest_are_closed_by_the_limit(events_of: EventsOf) -> None:
    windows = OpenWindows(limit=6)
    windows.add(events_of([(1, 0), (2, 0), (1, 1), (3, 0), (3, 1), (2, 1)]), 0)
    assert list(windows.close(0, quiet=False)) == []
    windows.add(events_of([(2, 2)]), 0)
    ((closed, complete),) = windows.close(0, quiet=False)
    assert not complete
    assert closed.ids.tolist() == [1]
    assert windows.closed_early == 1


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks, st.integers(1, 5))
def test_a_window_closes_when_its_pause_is_over(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int], pause: int
) -> None:
    parts = split(events_of(given_), sizes)
    expected: list[list[int]] = []
    lines: defaultdict[int, list[int]] = defaultdict(list)
    last: dict[int, int] = {}
    for now, part in enumerate(parts):
        for window, line in part.select("window", "line").iter_rows():
            lines[window].append(line)
            last[window] = now
        for window in [window for window, at in last.items() if at <= now - pause]:
            expected.append(lines.pop(window))
            del last[window]
    expected += lines.values()
    closed = run(OpenWindows(pause * 1_000_000), parts)
    assert all(complete for _, complete in closed)
    assert sorted(line for part, _ in closed for line in rows(part).values()) == sorted(expected)


def test_without_a_look_at_what_is_quiet_nothing_closes_by_its_pause(events_of: EventsOf) -> None:
    windows = OpenWindows(pause=1)
    windows.add(events_of([(1, 0)]), 0)
    assert list(windows.close(1_000, quiet=False)) == []
    assert len(list(windows.close(1_000, quiet=True))) == 1


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks)
def test_a_window_closes_with_an_event_that_ends_it(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int]
) -> None:
    windows = OpenWindows(ends=np.array([END]))
    seen: list[int] = []
    for part in split(events_of(given_), sizes):
        windows.add(part, 0)
        for closed, complete in windows.close(0, quiet=False):
            assert complete
            assert closed.keys[closed.starts[1:] - 1].tolist() == [END] * len(closed)
            seen += [line for lines in rows(closed).values() for line in lines]
        left = windows.held(0)
        assert END not in left.group_by("window").agg(pl.col("key").last())["key"]
    seen += windows.close_all().events["line"].to_list()
    assert sorted(seen) == list(range(1, len(given_) + 1))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 50), blocks, st.integers(1, 7), st.integers(0, 3))
def test_windows_of_a_number_of_records_close_when_they_are_full(
    events_of: EventsOf, n: int, sizes: list[int], records: int, reach: int
) -> None:
    windows, done = OpenWindows(records=records, reach=reach), []
    events = events_of([(at // records, 0) for at in range(n)])
    for part in split(events, sizes):
        windows.add(part, 0)
        for closed, complete in windows.close(0, quiet=False):
            assert complete
            assert set(closed.lengths) == {records}
            done += closed.ids.tolist()
    assert done == list(range(n // records))
    assert len(windows) == n % records


def test_a_window_by_time_closes_when_the_log_has_gone_on(events_of: EventsOf) -> None:
    begin, minute = datetime(2026, 3, 2, 8), 60_000_000
    seconds = [0, 30, 59, 60, 64, 65, 3_600, 59, 3_664, 3_665]  # one comes late
    times = pl.Series("time", [begin + timedelta(seconds=second) for second in seconds], dtype=pl.Datetime("us"))
    records = events_of([(0, 0)] * len(seconds)).with_columns(times).rename({"window": "session"})
    events = Window.parse("60s").cut(records).rename({"session": "window"})
    windows, closed = OpenWindows(time=minute), []
    for at in range(len(events)):
        windows.add(events[at : at + 1], at)
        closed.append([lines for part, _ in windows.close(at, quiet=True) for lines in rows(part).values()])
    assert closed == [[], [], [], [], [], [[1, 2, 3]], [[4, 5, 6]], [], [[8]], [[7]]]
    assert list(rows(windows.close_all()).values()) == [[9, 10]]


@settings(deadline=None, max_examples=30)
@given(arrivals, blocks, st.integers(0, 30), st.booleans())
def test_held_and_restored_anywhere_it_goes_on_the_same(
    events_of: EventsOf, given_: list[tuple[int, int]], sizes: list[int], at: int, words: bool
) -> None:
    events = events_of(given_)
    messages = Messages.restored(["begin", "end"], "masked") if words else None
    if words:
        events = events.with_columns(message=(events["key"] % 2).cast(pl.Int32))

    def new() -> OpenWindows:
        return OpenWindows(3_000_000, ends=np.array([END]), messages=messages, limit=20)

    parts = split(events, sizes)
    whole = run(new(), parts)
    windows, closed = new(), []
    for now, part in enumerate(parts):
        if now == at:  # hours later, by another clock
            held, early = windows.held(now * 1_000_000), windows.closed_early
            windows = new()
            windows.restore(held, now * 1_000_000)
            windows.closed_early = early
        windows.add(part, now * 1_000_000)
        closed += list(windows.close(now * 1_000_000, quiet=True))
    closed.append((windows.close_all(), True))
    assert len(closed) == len(whole)
    for (one, complete), (other, other_complete) in zip(closed, whole, strict=True):
        assert complete == other_complete
        assert one.events.equals(other.events)
        assert one.messages is messages


def test_the_clock_may_be_another_one_after_restoring(events_of: EventsOf) -> None:
    windows = OpenWindows(pause=10)
    windows.add(events_of([(1, 0)]), 100)
    other = OpenWindows(pause=10)
    other.restore(windows.held(105), 3)
    assert list(other.close(7, quiet=True)) == []
    assert len(list(other.close(8, quiet=True))) == 1


@pytest.mark.parametrize("words", [False, True])
def test_nothing_is_open(words: bool) -> None:
    messages = Messages() if words else None
    windows = OpenWindows(pause=1, ends=np.array([END]), messages=messages)
    assert list(windows.close(5, quiet=True)) == []
    assert len(windows.close_all()) == 0
    assert len(windows.held(5)) == 0
    empty = windows.held(5).drop("ago", "nth")
    assert len(windows.add(empty, 7)) == 0
    assert by_name(empty, messages).starts.tolist() == [0]
