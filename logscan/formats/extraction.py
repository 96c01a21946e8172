"""What the one group of a pattern finds in each line: a session id, or a number with a meaning.

Most patterns cannot tell `7` from `4711`, so that they find in a line what they find in its shape (every run of digits
reduced to `0`), at the places of the same characters. These are looked for once a distinct shape, and what stands
between them is cut out of the lines. A pattern that counts digits, or means some of them, searches each line.
"""

import re
from functools import cache

import polars as pl

from logscan.native import cut, distinct

LINES = 8  # to a shape, where it takes less time to search shapes for places than to search lines
WHOLE = re.compile(r"((?:\\b)?)\(((?!\?)(?:[^()\\]|\\.)*)\)((?:\\b)?)")  # a group that is all that a pattern matches
TOKEN = re.compile(
    r"(?P<assertion>[\^$]|\\b(?!\{))"
    r"|(?P<opened>\((?:\?i?:)?)"
    r"|(?:(?P<piece>\\[dswDSW]|\\[^\w<>]|\[\^?+(?:\\.|[^\[\]\\&~-]|-(?!-))++\]|[^\\\[\](){}|*+?^$])|(?P<closed>\)))"
    r"(?P<times>(?:[*+?]|\{[\d,]+\})?\??)"
    r"|(?P<or>\|)",
    re.DOTALL,
)
# A pattern in letters, one for what each piece of it matches:
#     +  a run of digits, as `\d+`        *  the same or nothing      1  one digit, whichever
#     n  something, but no digit         o  the same or nothing      a  nothing: an assertion
#     (  )  the group                    <  >  brackets that are none, `|` in them
#     ?  anything else: it counts digits, or tells them apart
BRACKETS_WITHOUT_DIGITS = re.compile(r"<[aon|]*>")
RUN = r"(?:[+*]|1\*)(?:[o()]*\*)*[o()]*"  # pieces that match a run of digits as a whole
SEARCH = re.compile(rf"[aon()]*(?:{RUN}[an][aon()]*)*(?:{RUN}|1)?")  # no two runs without something between them


def extract(text: pl.Series, pattern: str | None, shape: pl.Series | None) -> pl.Series:
    """(n,) what the pattern's one group finds in each text, null where it finds nothing.

    shape: of each text (see `native.digits_reduced`), None where it differs from the text in more than digits.
    """
    if pattern is None:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    places = parts(pattern)
    if places is not None and shape is not None and len(distinct(shape)) * LINES <= len(text):
        before, group, behind = places
        found = distinct(shape).str.extract_groups(f"^((?s:.*?){before})({group}){behind}").struct
        begin, length = (found.field(name).str.len_bytes() for name in ("1", "2"))
        return cut(text, shape, begin, begin + length)
    if whole := WHOLE.fullmatch(pattern):  # without a group to follow it takes half the time
        before, group, behind = whole.groups()
        return text.str.extract(f"{before}(?:{group}){behind}", 0)
    return text.str.extract(pattern, 1)


@cache
def parts(pattern: str) -> tuple[str, str, str] | None:
    """What is before the group, in it and behind it, where the pattern finds in a shape what it finds in a line.

    So it is where each run of digits is matched as a whole, by one `\\d+`, `\\w*` or the like that matches any digit:
    between two of these stands what matches no digit, or an assertion, none of which is true between digits, unless the
    second may as well match nothing. `[0-9]\\w*` is one, too, and a single digit may end what is behind the group.
    """
    letters, begin, end = _in_letters(pattern)
    while (fewer := BRACKETS_WITHOUT_DIGITS.sub("o", letters)) != letters:
        letters = fewer
    if letters.count("(") != 1 or not SEARCH.fullmatch(letters):
        return None
    return pattern[: begin - 1], pattern[begin:end], pattern[end + 1 :]


def _in_letters(pattern: str) -> tuple[str, int, int]:
    """The letters of a pattern, and where in it what its group holds begins and ends."""
    letters, opened, at, begin, end = "", "", 0, 0, 0
    while at < len(pattern):
        token = TOKEN.match(pattern, at)
        if token is None:
            return "?", 0, 0
        start, at = at, token.end()
        if token["opened"]:
            bracket = "(" if token["opened"] == "(" else "<"
            opened += bracket
            letters += bracket
            begin = at if bracket == "(" else begin
        elif token["closed"] and opened.endswith("<"):
            opened = opened[:-1]
            letters += ">"
        elif token["closed"]:
            opened = opened[:-1]
            letters += ")?" if token["times"] else ")"
            end = start
        elif token["piece"]:
            letters += _letter(token["piece"], token["times"])
        else:
            letters += "a" if token["assertion"] else "|"
    return letters, begin, end


def _letter(piece: str, times: str) -> str:
    """The letter of a character or a class of them, that may stand so many times."""
    digits = sum(re.fullmatch(piece, digit) is not None for digit in "0123456789")
    if not digits:
        return "n" if times in ("", "+", "+?") else "o"
    return {"": "1", "+": "+", "*": "*"}.get(times, "?") if digits == 10 else "?"
