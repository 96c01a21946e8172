"""Lines that arrive in any pieces become the records that a complete log has."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache
from math import inf
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan import formats
from logscan.formats import Layout
from logscan.live.feed import ENOUGH, HOLD, SAMPLED, Feed
from logscan.records import Chunk, Reader
from logscan.sources import Problem, open_streams
from logscan.sources.follow import Follower
from logscan.templates import Messages
from logscan.templates.keys import Keys
from logscan.windows import Window

KINDS = {"message": pl.String, "level": pl.String, "kept": pl.String}
COLUMNS = ["line", "last_line", "offset", "time", "session"]
HEADERS = [
    f"2026-03-02 08:00:{second:02},000 INFO  [exec-1] Checkout - order-{second} received" for second in range(60)
]
TRACE = (
    "2026-03-02 08:00:01,000 ERROR [exec-1] Checkout - no such basket",
    "java.lang.IllegalStateException: no such basket",
    "\tat shop.Basket.find(Basket.java:17)",
    "\tat shop.Checkout.pay(Checkout.java:4)",
    "Caused by: java.io.IOException: closed",
    "\tat shop.Store.read(Store.java:99)",
    "\t... 2 more",
)


@cache
def layout() -> Layout:
    return formats.detect(pl.Series(HEADERS))


def said(problem: Problem) -> None:
    raise AssertionError(problem)


def new_reader(window: str = "auto", path: Path | None = None) -> Reader:
    """path: of a log whose layout is known."""
    layouts = {} if path is None else {str(path): layout()}
    return Reader(Keys(), said, window=Window.parse(window), layouts=layouts)


class Written:
    """A file that is written and fed, `now` as the test has it."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path, self.feed = path, Feed(reader)
        path.write_bytes(b"")
        self.follower = Follower([str(path)], None, said)
        self.chunks: list[Chunk] = []

    def write(self, data: bytes, now: float = 0.0) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self.read(now)

    def read(self, now: float) -> None:
        while arrived := self.follower.arrivals(0):
            self.take(self.feed.chunks(arrived, now))
        self.take(self.feed.overdue(now))

    def take(self, chunks: Iterator[tuple[str, Chunk]]) -> None:
        for source, chunk in chunks:
            assert source == str(self.path)
            self.chunks.append(chunk)

    @property
    def records(self) -> pl.DataFrame:
        return pl.concat(chunk.records for chunk in self.chunks).select(COLUMNS)

    @property
    def lines(self) -> list[list[int]]:
        """First and last of each record."""
        if not self.chunks:
            return []
        return [list(row) for row in self.records.select("line", "last_line").iter_rows()]


def batch(path: Path, reader: Reader) -> pl.DataFrame:
    (stream,) = open_streams([str(path)], said)
    return pl.concat(chunk.records for chunk in reader.chunks(stream)).select(COLUMNS)


lines = st.sampled_from(
    [
        *HEADERS[:8],
        *TRACE,
        *TRACE,
        "2026-03-02 08:00:09,000 WARN  [exec-2] Store - order-7 is late",
        "    indented",
        "",
        "something else",
        "größer: ünïcode",
    ]
)
words = st.text(st.characters(blacklist_characters="\n\r", codec="utf-8"), max_size=30)
bodies = st.lists(lines, max_size=40)


@settings(deadline=None, max_examples=12)
@given(body=bodies, cuts=st.lists(st.integers(0, 3_000), max_size=12), window=st.sampled_from(["auto", "3", "60s"]))
def test_any_pieces_without_pauses_are_the_records_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, body: list[str], cuts: list[int], window: str
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    text = [*HEADERS[10:40], *body, HEADERS[41]]
    data = "".join(f"{line}\n" for line in text).encode()
    path = folder / "app.log"
    written = Written(path, new_reader(window, path))
    with closing(written.follower):
        for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            written.write(data[a:b])
        written.read(now=HOLD + SAMPLED)
    whole = batch(path, new_reader(window, path))
    assert written.records.equals(whole)
    assert sum(last - first + 1 for first, last in written.lines) == len(text)
    assert written.feed.patience(HOLD + SAMPLED) == inf


@settings(deadline=None, max_examples=12)
@given(text=st.lists(words, max_size=50), data=st.data())
def test_any_text_is_counted_as_in_a_complete_file(
    tmp_path_factory: pytest.TempPathFactory, text: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("text")
    raw = "".join(f"{line}\n" for line in text).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    written = Written(folder / "app.log", new_reader())
    with closing(written.follower):
        for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            written.write(raw[a:b])
        written.read(now=SAMPLED)
    assert sum(last - first + 1 for first, last in written.lines) == len(text)
    assert [first for first, _ in written.lines] == sorted({first for first, _ in written.lines})


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Written]:
    """A log whose layout is known."""
    written = Written(tmp_path / "app.log", new_reader())
    written.write("".join(f"{line}\n" for line in HEADERS[:ENOUGH]).encode())
    written.read(now=1.0)
    written.chunks.clear()
    with closing(written.follower):
        yield written


def trickle(written: Written, text: Sequence[str], pause: float) -> None:
    now = 2.0
    for line in text:
        written.write(f"{line}\n".encode(), now)
        now += pause
        written.read(now)
    written.read(now + HOLD)


def test_a_trace_that_comes_line_by_line_is_one_record(known: Written) -> None:
    trickle(known, [*TRACE, HEADERS[30]], HOLD * 0.9)
    first = ENOUGH + 1
    assert known.lines == [[first, first + len(TRACE) - 1], [first + len(TRACE)] * 2]


def test_a_trace_with_long_pauses_is_cut_and_no_line_of_it_is_lost(known: Written) -> None:
    trickle(known, [*TRACE, HEADERS[30]], HOLD * 1.1)
    assert known.lines == [[line, line] for line in range(ENOUGH + 1, ENOUGH + 1 + len(TRACE) + 1)]
    times = known.records["time"].to_list()  # a line without a time has that of the record before
    assert times == [datetime(2026, 3, 2, 8, 0, 1)] * len(TRACE) + [datetime(2026, 3, 2, 8, 0, 30)]


def test_a_line_waits_for_its_record_and_no_longer(known: Written) -> None:
    known.write(f"{HEADERS[30]}\n".encode(), 2.0)
    assert known.lines == []
    known.read(2.0 + HOLD * 0.9)
    assert known.lines == []
    assert 0 < known.feed.patience(2.0 + HOLD * 0.9) < HOLD / 5
    known.read(2.001 + HOLD)
    assert known.lines == [[ENOUGH + 1] * 2]
    assert known.feed.patience(2.001 + HOLD) == inf


def test_the_first_lines_of_an_unknown_log_wait_for_more(tmp_path: Path) -> None:
    written = Written(tmp_path / "app.log", new_reader())
    with closing(written.follower):
        written.write(f"{HEADERS[0]}\n".encode(), 1.0)
        written.read(1.0 + SAMPLED * 0.9)
        assert written.lines == []
        written.write("".join(f"{line}\n" for line in HEADERS[1:ENOUGH]).encode(), 1.0 + SAMPLED * 0.9)
        assert written.lines == [[line] * 2 for line in range(1, ENOUGH)]


def test_a_log_without_any_header_is_not_held(tmp_path: Path) -> None:
    written = Written(tmp_path / "app.log", new_reader())
    with closing(written.follower):
        for at in range(40):
            written.write("".join(f"\tindented {n}\n" for n in range(100)).encode(), now=at * 0.001)
            assert all(len(held.lines) <= 2_100 for held in written.feed.held.values())
        written.read(now=10.0)
        assert sum(last - first + 1 for first, last in written.lines) == 4_000


def test_another_log_of_the_same_format_is_known_by_its_first_line(known: Written, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.write_text(f"{HEADERS[0]}\n")
    feed = Feed(known.feed.reader)
    with closing(Follower([str(other)], None, said)) as follower:
        assert list(feed.chunks(follower.arrivals(1.0), 5.0)) == []
        ((source, chunk),) = feed.overdue(5.001 + HOLD)
    assert source == str(other)
    assert chunk.records["time"].to_list() == [datetime(2026, 3, 2, 8)]


said_since = st.lists(
    st.sampled_from(
        [
            *(
                f"2026-03-02 08:01:00,000 INFO  [exec-1] Kiln - pot of {name} fell"
                for name in ("ann", "bob", "cy", "dot")
            ),
            *(f"2026-03-02 08:01:00,000 INFO  [exec-1] Kiln - pot of {name} fell and broke" for name in ("ann", "eve")),
            *(f"2026-03-02 08:01:00,000 WARN  [exec-1] Kiln - the door is {state} now" for state in ("open", "shut")),
            "2026-03-02 08:01:01,000 ERROR [exec-1] Kiln - the fire went out",
            *HEADERS[:2],
        ]
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(text=said_since, at=st.integers(0, 25), words=st.booleans())
def test_a_reader_that_is_restored_anywhere_goes_on_the_same(
    tmp_path_factory: pytest.TempPathFactory, text: list[str], at: int, words: bool
) -> None:
    path = tmp_path_factory.mktemp("restored") / "app.log"

    def learnt() -> Reader:
        reader = new_reader("4", path)
        reader.messages = Messages("masked") if words else None
        reader.__post_init__()
        keys = pl.DataFrame({"message": ["order-0 received"], "level": ["INFO"], "kept": [None]}, KINDS)
        reader.keys.of(keys)
        reader.freeze()
        return reader

    columns = ["line", "source", "session", "key", *(["message"] if words else [])]
    found = []
    for restored in (False, True):
        written = Written(path, learnt())
        with closing(written.follower):
            for number, line in enumerate(text):
                if restored and number == at:
                    state = orjson.loads(orjson.dumps(written.feed.reader.to_json()))
                    written.feed.reader = learnt()
                    written.feed.reader.restore(state)
                written.write(f"{line}\n".encode(), now=number)
            written.read(now=99.0)
        reader = written.feed.reader
        records = pl.concat(chunk.records for chunk in written.chunks).select(columns)
        templates = [reader.keys.template(key) for key in range(len(reader.keys))]
        found.append((records, templates, reader.messages.texts if reader.messages else []))
    (one, *same), (other, *same_too) = found
    assert one.equals(other)
    assert same == same_too
