"""Times that are read once a second are those of every line by itself."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.formats import format_of, times

ZONES = st.sampled_from(["Z", "", "+01:00", " x"])
FRACTIONS = st.sampled_from(["", ".5", ",5", ".027", ".028", ".999", ".027123", ".999999", ".123456789", ".-12", ".1"])
STAMPS = st.builds("2026-01-31T01:02:0{}{}{}".format, st.integers(3, 4), FRACTIONS, ZONES)
EPOCHS = st.sampled_from(["1769821323", "1769821323.5", "1769821323.027", "1769821323027", "1769821323999", "17698213"])
BEFORE = st.sampled_from(['{"time":"', '{"n":4711,"time":"', '{"t0":"01:02:03.456","time":"'])
LINES = st.lists(st.tuples(BEFORE, STAMPS | EPOCHS), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(LINES)
def test_a_stamp_is_read_as_if_it_stood_alone(lines: list[tuple[str, str]]) -> None:
    form = format_of("json")
    text = pl.Series([f'{before}{stamp}","msg":"up"}}' for before, stamp in lines])
    assert form.time_pattern is not None
    stamps = text.str.extract(form.time_pattern, 1)
    alone = [times.parse(pl.Series([stamp]), form.times, guess=False)[0] for stamp in stamps]
    assert times.read(text, form.time_pattern, form.times, guess=False).to_list() == alone


def test_a_second_is_read_with_each_of_its_fractions() -> None:
    form = format_of("log4j")
    lines = [f"2026-01-31 01:02:03,{n:03d} INFO [main] a.b.Cart: added" for n in range(1000)]
    assert form.time_pattern is not None
    read = times.read(pl.Series(lines), form.time_pattern, form.times)
    assert (read.dt.millisecond() == pl.Series(range(1000))).all()


HOSTS = st.sampled_from(
    ["192.0.2.7 - - ", "10.0.0.12 - - ", "::1 - - ", "1.2.3.4 - ann ", "1.2.3.4 - - x", '1.2.3.4 "- - ']
)
SECONDS = st.sampled_from(["02 +0000", "03 +0000", "03 +0100", "3 +0000"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(HOSTS, SECONDS), min_size=1, max_size=12))
def test_a_stamp_after_numbers_is_read_as_if_it_stood_alone(lines: list[tuple[str, str]]) -> None:
    form = format_of("access")
    text = pl.Series([f'{host}[31/Jan/2026:01:02:{second}] "GET / HTTP/1.1" 200 7' for host, second in lines])
    assert form.time_pattern is not None
    stamps = text.str.extract(form.time_pattern, 2)
    alone = [times.parse(pl.Series([stamp], dtype=pl.String), form.times, guess=False)[0] for stamp in stamps]
    assert times.read(text, form.time_pattern, form.times, guess=False).to_list() == alone
