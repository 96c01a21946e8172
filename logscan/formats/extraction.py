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
    r"|(?:(?P<one>\\[dswDSW]|\\[^\w<>]|\[\^?+(?:\\.|[^\[\]\\&~-]|-(?!-))++\]|[^\\\[\](){}|*+?^$])|(?P<closed>\)))"
    r"(?P<times>(?:[*+?]|\{[\d,]+\})?\??)"
    r"|(?P<or>\|)",
    re.DOTALL,
)
DIGITLESS = re.compile(r"<[aon|]*>")
SEARCH = re.compile(r"[aon()]*(?:(?:[PS]|1S)(?:[o()]*S)*[o()]*[an][aon()]*)*(?:(?:[PS]|1S)(?:[o()]*S)*[o()]*|1)?")


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

    So the pattern is written in letters: P and S for what matches digits, with `+` or `*`, 1 for a single digit; n for
    what matches no digit, o for that where it may be absent; a for an assertion; brackets.
    """
    letters, at, opened, group = "", 0, "", [0, 0]
    while at < len(pattern):
        token = TOKEN.match(pattern, at)
        if token is None:
            return None
        start, at = at, token.end()
        if token["opened"]:
            opened += "<" if token["opened"] != "(" else "("
            letters += opened[-1]
            group = [at, at] if opened[-1] == "(" else group
        elif token["closed"]:
            letters += ">" if opened[-1:] == "<" else ")" + token["times"]
            group = [group[0], start] if opened[-1:] == "(" else group
            opened = opened[:-1]
        elif token["one"]:
            digits = sum(re.fullmatch(token["one"], digit) is not None for digit in "0123456789")
            if digits not in (0, 10):
                return None
            if digits:
                letters += {"": "1", "+": "P", "*": "S"}.get(token["times"], "?")
            else:
                letters += "n" if token["times"] in ("", "+", "+?") else "o"
        else:
            letters += "a" if token["assertion"] else "|"
    while (outer := DIGITLESS.sub("o", letters)) != letters:
        letters = outer
    if letters.count("(") != 1 or not SEARCH.fullmatch(letters):
        return None
    begin, end = group
    return pattern[: begin - 1], pattern[begin:end], pattern[end + 1 :]
