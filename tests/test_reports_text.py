"""Log text on its way to a terminal: made visible, highlighted, never changed."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logscan.reports.highlight import STYLES, highlight
from logscan.reports.visible import HIDDEN, visible

TEXT = st.text(st.characters()) | st.from_regex(
    r"""([0-9]{1,4}[-/.: ,]|ERROR|WARN |["'/.\x1b\x9b\u202e\t]|http://|0x|[a-f]{2}:)*""", fullmatch=True
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x00\r\n\x7f\x9b", r"\x00\x0d\x0a\x7f\x9b"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\U000e0041", r"\U000e0041"),
        ("caf\udce9.log", r"caf\xe9.log"),  # a file name in Latin-1
        ("Zażółć 中文 🙂", "Zażółć 中文 🙂"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(TEXT)
def test_nothing_hidden_is_left_and_nothing_visible_is_lost(text: str) -> None:
    shown = visible(text)
    assert not HIDDEN.search(shown)
    kept = iter(shown)
    assert all(character in kept for character in HIDDEN.sub("", text))  # in their order


@given(TEXT)
@example("a" * 10 + "\x1b[31m [bold]not markup[/bold]")
def test_highlighting_keeps_the_text(text: str) -> None:
    line = highlight(text)
    assert line.plain == visible(text)
    ends = [0, *(end for span in line.spans for end in (span.start, span.end))]
    assert ends == sorted(ends)  # spans do not overlap


@pytest.mark.parametrize(
    ("text", "token", "name"),
    [
        ("2026-03-02 08:12:44,120 INFO x", "2026-03-02 08:12:44,120", "time"),
        ("2026-03-02T08:12:44.120+01:00 x", "2026-03-02T08:12:44.120+01:00", "time"),
        ("Mar  2 08:12:44 host", "Mar  2 08:12:44", "time"),
        ("[02/Mar/2026:08:12:44 +0000]", "02/Mar/2026:08:12:44 +0000", "time"),
        ("a FATAL b", "FATAL", "bad"),
        ("WARN: b", "WARN", "warn"),
        ('said "hello 12" now', '"hello 12"', "quote"),
        ("from 10.0.0.1:443 to", "10.0.0.1:443", "address"),
        ("open /var/log/x.log failed", "/var/log/x.log", "path"),
        ("get https://h/x?y=1 ok", "https://h/x?y=1", "path"),
        ("took 12.5% of it", "12.5%", "number"),
        ("order-48213 done", "48213", "number"),
        ("at 0xdeadbeef ", "0xdeadbeef", "address"),
    ],
)
def test_what_is_highlighted(text: str, token: str, name: str) -> None:
    line = highlight(text)
    styled = {line.plain[span.start : span.end].lstrip("-"): span.style for span in line.spans}
    assert styled[token] == STYLES[name]


def test_words_with_digits_and_apostrophes_are_left_alone() -> None:
    assert not highlight("don't retry u1042 or blk0 and ERRORS, it's v2").spans


@pytest.mark.parametrize(
    "unit", ["a", "1", '"', "'", "/", "1,", "1.", "-1", "a'", "http://", "aa:", "0x", "/a", "2026-03-02 "]
)
def test_the_time_grows_with_the_length_only(unit: str) -> None:
    start = time.process_time()
    highlight(unit * 20_000 + "x")
    assert time.process_time() - start < 2
