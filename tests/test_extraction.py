"""What is found in a shape and cut out of its lines is what the pattern finds in each line."""

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logscan.formats import extraction
from logscan.formats.detection import KEPT
from logscan.formats.sessions import BARE
from logscan.native import digits_reduced

PIECES = (
    *(r"\d+", "[0-9]", r"\w*", "[0-9-]*", "[^ ]+", ".*", r"[0-9]\w*", r"\d?", r"\d+?", r"(?:\d+)", "[1-9]+", "5"),
    *("a", "-?", r"\s", r"\b", r"\B", "^", "$", "(?:a|-)", r"(?:-|\b)", "(?:a-?)*", "[a-]+?", "a{2}", "(?i:A)", "|"),
)
PARTS = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
PATTERNS = st.builds("{}({}){}".format, PARTS, PARTS, PARTS)
LINES = st.lists(st.text("012359a- é٣", max_size=40), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(PATTERNS, LINES)
def test_the_shape_of_a_line_tells_what_a_pattern_finds_in_it(pattern: str, lines: list[str]) -> None:
    assume(extraction.parts(pattern))
    text = pl.Series(lines * extraction.LINES)
    assert extraction.extract(text, pattern, digits_reduced(text)).to_list() == text.str.extract(pattern, 1).to_list()


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        (r"\b(blk_-?[0-9]\w*)", (r"\b", r"blk_-?[0-9]\w*", "")),
        (r"\s([^\s\[\]:]+\[\d+\]):", (r"\s", r"[^\s\[\]:]+\[\d+\]", ":")),
        (r"(?:\(|signal |code )(\d+)(?:: |\)|$)", (r"(?:\(|signal |code )", r"\d+", r"(?:: |\)|$)")),
        (r"id=([\w.:-]+)", ("id=", r"[\w.:-]+", "")),
        ('" ([0-9]+) [0-9-]', ('" ', "[0-9]+", " [0-9-]")),
    ],
)
def test_such_a_pattern_is_known(pattern: str, parts: tuple[str, str, str]) -> None:
    assert extraction.parts(pattern) == parts


@pytest.mark.parametrize(
    "pattern", [KEPT, *BARE, r"(\d)", r"a(\d+)\d", r"id=(.*?)", r"(\d*5)", r"a|(\d+)", r"(?x)( \d+ )"]
)
def test_a_pattern_that_tells_digits_apart_searches_each_line(pattern: str) -> None:
    assert extraction.parts(pattern) is None


def test_without_a_shape_each_line_is_searched() -> None:
    text = pl.Series(["task 12 done", "task", "task 7"])
    assert extraction.extract(text, r"task (\d+)", None).to_list() == ["12", None, "7"]
