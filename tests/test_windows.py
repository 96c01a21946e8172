"""Windows: digests, choosing, cutting; and sessions in bounded memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.errors import OptionError
from logscan.templates import Messages
from logscan.templates.keys import Keys
from logscan.windows import Sessions, Window, Windows
from logscan.windows.cut import STREAM

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]
EventsOf = Callable[[Sequence[tuple[int, int]]], pl.DataFrame]

sequences = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=30)
arrivals = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=60)


def keys_of(windows: Windows) -> list[list[int]]:
    return [windows.keys[a:b].tolist() for a, b in zip(windows.starts, windows.starts[1:], strict=False)]


@given(sequences)
def test_digests_are_equal_where_the_events_are(windows_of: WindowsOf, given_: list[list[int]]) -> None:
    windows = windows_of(given_)
    assert keys_of(windows) == given_
    counts = [tuple(sorted(keys)) for keys in given_]
    orders = [tuple(keys) for keys in given_]
    assert len(set(zip(windows.vectors.tolist(), counts, strict=True))) == len(set(counts))
    assert len(set(windows.vectors.tolist())) == len(set(counts))
    assert len(set(zip(windows.sequences.tolist(), orders, strict=True))) == len(set(orders))
    assert len(set(windows.sequences.tolist())) == len(set(orders))


@given(sequences)
def test_distinct_sequences_stand_for_all(windows_of: WindowsOf, given_: list[list[int]]) -> None:
    windows = windows_of(given_)
    first, inverse, counts = windows.distinct()
    once = keys_of(windows.take(first))
    assert [once[i] for i in inverse] == given_
    assert dict(zip(map(tuple, once), counts.tolist(), strict=True)) == Counter(map(tuple, given_))


@given(sequences.filter(bool), st.data())
def test_take_gives_any_windows_in_any_order(
    windows_of: WindowsOf, given_: list[list[int]], draw: st.DataObject
) -> None:
    chosen = draw.draw(st.lists(st.integers(0, len(given_) - 1), max_size=10))
    windows = windows_of(given_)
    taken = windows.take(np.array(chosen, np.int64))
    assert keys_of(taken) == [given_[n] for n in chosen]
    assert taken.ids.tolist() == chosen
    assert taken.sequences.tolist() == windows.sequences[chosen].tolist()


@given(sequences)
def test_renamed_puts_other_keys_in_place(windows_of: WindowsOf, given_: list[list[int]]) -> None:
    other = np.array([5, 5, 9, 7], np.int32)
    assert keys_of(windows_of(given_).renamed(other)) == [[int(other[key]) for key in keys] for keys in given_]


def test_no_windows(windows_of: WindowsOf) -> None:
    none = windows_of([])
    assert len(none) == 0
    for column in (none.keys, none.ids, none.lengths, none.vectors, none.sequences, *none.distinct()):
        assert len(column) == 0
    assert len(none.take(np.zeros(0, np.int64))) == 0


TEXTS = ["begin", "end"]


def with_messages(events: pl.DataFrame) -> tuple[pl.DataFrame, Messages]:
    """Keys 0 and 2 say `begin`, the others `end`."""
    numbers = (events["key"] % 2).cast(pl.Int32).alias("message")
    return events.with_columns(numbers), Messages.restored(TEXTS, "masked")


@given(arrivals.filter(bool), st.integers(1, 80))
def test_messages_go_with_their_events(events_of: EventsOf, given_: list[tuple[int, int]], limit: int) -> None:
    events, messages = with_messages(events_of(given_))
    sessions = Sessions(limit, messages)
    for windows in (*sessions.add(events), sessions.close()):
        for part in (
            windows,
            windows.take(np.arange(len(windows))[::-1]),
            windows.renamed(np.arange(4, dtype=np.int32)),
        ):
            assert part.messages is messages
            assert (part.events["message"] == part.events["key"] % 2).all()
    other = windows.renamed(np.full(4, 7, np.int32))
    assert other.events["message"].equals(windows.events["message"])


@given(arrivals)
def test_windows_by_message_are_those_of_what_is_said(events_of: EventsOf, given_: list[tuple[int, int]]) -> None:
    events, messages = with_messages(events_of(given_))
    sessions = Sessions(messages=messages)
    list(sessions.add(events))
    windows = sessions.close()
    said = windows.by_message()
    assert said.messages is messages
    assert keys_of(said) == [[key % 2 for key in keys] for keys in keys_of(windows)]
    assert said.ids.tolist() == windows.ids.tolist()
    assert len(said.distinct()[0]) == len({tuple(keys) for keys in keys_of(said)})


def test_no_windows_with_messages() -> None:
    messages = Messages()
    none = Sessions(messages=messages).close()
    assert len(none.by_message().keys) == 0
    assert none.messages is messages


def test_messages_that_are_made_of_keys_follow_them(windows_of: WindowsOf) -> None:
    keys = Keys()
    kinds = pl.DataFrame({"message": ["begin", "open job", "end"], "level": "INFO"})
    keys.of(kinds.with_columns(kept=pl.lit(None, pl.String)))
    keys.freeze()
    messages = Messages("template")
    messages.begin(keys)
    windows = windows_of([[0, 1], [2]])
    nothing = windows.events.with_columns(message=pl.lit(None, pl.Int32))
    renamed = Windows(nothing, windows.starts, messages).renamed(np.array([2, 1, 0], np.int32))
    assert [messages.texts[number] for number in renamed.events["message"]] == ["end", "open job", "begin"]


@settings(deadline=None)
@given(arrivals, st.integers(1, 80), st.integers(1, 20))
def test_sessions_lose_no_event_under_any_limit(
    events_of: EventsOf, given_: list[tuple[int, int]], limit: int, block: int
) -> None:
    everything = events_of(given_)
    sessions = Sessions(limit)
    parts = []
    for at in range(0, len(everything), block):
        parts += list(sessions.add(everything[at : at + block]))
    early = sum(map(len, parts))
    parts.append(sessions.close())
    assert sessions.closed_early == early
    for windows in parts:
        for a, b in zip(windows.starts, windows.starts[1:], strict=False):
            events = windows.events[int(a) : int(b)]
            assert events["window"].n_unique() == 1
            assert events["line"].is_sorted()
    assert pl.concat(part.events for part in parts).sort("line").equals(everything)
    if limit >= len(given_):
        assert early == 0
        assert len(parts[-1]) == len({window for window, _ in given_})


def test_the_session_that_was_quiet_longest_is_closed_first(events_of: EventsOf) -> None:
    sessions = Sessions(limit=6)
    assert list(sessions.add(events_of([(1, 0), (2, 0), (1, 1), (3, 0), (3, 1), (2, 1)]))) == []
    (closed,) = sessions.add(events_of([(3, 2)]))
    assert 1 in closed.ids.tolist()
    assert 3 not in closed.ids.tolist()
    assert sessions.closed_early == len(closed)
    assert 3 in sessions.close().ids.tolist()
    assert len(sessions.close()) == 0


def test_endless_ids_are_held_in_bounded_memory(events_of: EventsOf) -> None:
    sessions, given_back = Sessions(limit=1000), 0
    for block in range(20):
        for windows in sessions.add(events_of([(block * 300 + n, 0) for n in range(300)])):
            given_back += len(windows)
        assert block * 300 + 300 - given_back <= 1000
    assert given_back + len(sessions.close()) == 6000


@pytest.mark.parametrize(
    ("text", "microseconds", "records"),
    [
        ("auto", None, None),
        ("session", None, None),
        ("100", None, 100),
        ("60s", 60_000_000, None),
        ("5m", 300_000_000, None),
        ("2h", 7_200_000_000, None),
        ("1d", 86_400_000_000, None),
    ],
)
def test_window_in_words(text: str, microseconds: int | None, records: int | None) -> None:
    window = Window.parse(text)
    assert (window.microseconds, window.records) == (microseconds, records)


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "1.5s", "60 s", "5w", "session:", "s", "ten"])
def test_a_window_that_means_nothing(text: str) -> None:
    with pytest.raises(OptionError, match="--window"):
        Window.parse(text)


@given(st.lists(st.integers(0, 7), max_size=10), st.integers(1, 5))
def test_windows_by_count_go_on_from_block_to_block(blocks: list[int], size: int) -> None:
    for stream in range(2):  # each stream has numbers of its own
        window = replace(Window.parse(str(size)), stream=stream)
        cut = [
            window.cut(pl.DataFrame({"time": pl.repeat(None, n, dtype=pl.Datetime("us"), eager=True)})) for n in blocks
        ]
        numbers = [number for frame in cut for number in frame["session"].to_list()]
        assert numbers == [stream * STREAM + n // size for n in range(sum(blocks))]


def test_windows_by_time() -> None:
    begin = datetime(2026, 1, 31, 6)
    times = [begin, begin + timedelta(seconds=59), begin + timedelta(seconds=60), None, begin + timedelta(hours=1)]
    records = pl.DataFrame({"time": pl.Series(times, dtype=pl.Datetime("us"))})
    a, b, c, untimed, d = Window.parse("60s").cut(records)["session"].to_list()
    assert a == b
    assert c == a + 1
    assert d == a + 60
    assert untimed is None


@given(
    st.lists(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), min_size=1, max_size=10),
    st.sampled_from(["1s", "60s", "1d", "1", "3"]),
)
def test_windows_of_different_streams_share_no_number(times: list[datetime], text: str) -> None:
    records = pl.DataFrame({"time": pl.Series(times, dtype=pl.Datetime("us"))})
    numbers = []
    for stream in (0, 1, 7, 1):
        window = replace(Window.parse(text), stream=stream)
        numbers.append(window.cut(records)["session"].to_list())
    assert numbers[1] == numbers[3]
    for one, other in pairwise(numbers):
        assert not set(one) & set(other)
