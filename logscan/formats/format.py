"""A format: what the lines of one kind of log look like."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import polars as pl

from logscan.native import digits_reduced

ISO = r"\d+-\d+-\d+[T ]\s?\d+:\d+:\d+(?:[.,]\d+)?(?:\s?(?:Z|UTC|GMT|[+-]\d+(?::?\d+)?))?"
ISO_TIMES = ("%Y-%m-%d %H:%M:%S%.f",)
EPOCH = "epoch"  # in place of a strptime pattern: seconds, or ms, us, ns by the number of digits


class Fields(NamedTuple):
    """What a structured line says, read from its shape."""

    message: str
    level: str | None = None
    component: str | None = None


@dataclass(frozen=True)
class Format:
    """Its patterns are valid in Rust's `regex` and in Python's `re`, and write a number as `\\d+`, never
    `\\d{4}`, so that they match a line and its shape (every run of digits reduced to `0`) alike."""

    name: str
    about: str
    examples: tuple[str, ...]
    header: str  #: groups among time, level, component, host, pid, label, message; all are optional
    times: tuple[str, ...] = ISO_TIMES  #: strptime without zone, "T" or ",", which `times.parse` takes care of
    stamp: str | None = None  #: where the time is not in the header: a regex whose group `time` finds it
    mark: str | None = None  #: for a header that is not telling enough: what most lines contain
    kept: str | None = None  #: one group: a number with meaning, such as an HTTP status
    sessions: tuple[str, ...] = ()  #: one group each: fields that may be a session id
    levels: Mapping[str, str] = field(default_factory=dict)  #: level as written (upper case) -> level
    spelled: Mapping[str, str] = field(default_factory=dict)  #: literals whose digits mean a word -> the word
    payload: tuple[tuple[str, str], ...] = ()  #: (regex, replacement) that take data out of a message
    read: Callable[[str], Fields | None] | None = None  #: in place of the header's groups: reads one shape
    reduce: Callable[[pl.Series], pl.Series] | None = (
        None  #: leaves out what no field is made of: null where not of the form
    )

    def shape(self, text: pl.Series) -> pl.Series:
        """Each line (n,) with every run of digits reduced to `0`, and without what no field is made of; an Enum."""
        if self.spelled and text.str.contains("|".join(map(re.escape, self.spelled))).any():
            text = text.str.replace_many(dict(self.spelled))
        if self.reduce is not None:
            reduced = self.reduce(text)
            text = reduced.zip_with(reduced.is_not_null(), text) if reduced.null_count() else reduced
        return digits_reduced(text)

    @property
    def plain(self) -> bool:
        """Whether a line and its shape differ in digits alone."""
        return self.reduce is None and not self.spelled

    @cached_property
    def time_pattern(self) -> str | None:
        """The shortest pattern with a group `time`: the header up to the end of it, if it can be cut."""
        if self.stamp or "(?P<time>" not in self.header:
            return self.stamp
        begin = self.header.index("(?P<time>")
        cut = self.header[: _closing(self.header, begin) + 1]
        try:
            re.compile(cut)
        except re.error:  # the group stands inside another one
            return self.header
        return cut


def _closing(pattern: str, begin: int) -> int:
    """The index of the bracket that closes the one at `begin`."""
    depth, in_class, i = 0, False, begin
    while i < len(pattern):
        char = pattern[i]
        if char == "\\":
            i += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return len(pattern) - 1
