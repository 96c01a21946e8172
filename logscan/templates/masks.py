"""Masks: what is a variable by its look alone becomes `<*>` before mining.

The text has every run of digits reduced to one `0`: an IPv4 address is `0.0.0.0`. Each pattern is valid, and
means the same, in Rust's `regex` and in Python's `re`. There is no look-around: what must stand beside a
match is matched too, and put back. Order matters: the long and sure come first, single numbers late.
Words without a digit stay, but for hosts, paths and the like: states and levels must survive.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import polars as pl

WILDCARD = "<*>"


class Mask(NamedTuple):
    """`pattern` is replaced by `by`, where `${1}` is its first group; `what` is it, with an example. What it matches
    holds `needs`: where no message does, it is not even compiled, which takes as long as to mask a short log."""

    what: str
    pattern: str
    by: str = WILDCARD
    needs: str = ""


_DATE = (
    r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:0[ -])?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: +|-)0\b"
    r"(?:,?[ -]0\b)?(?:,? 0:0:0)?(?: [A-Z]{3,4}\b)?(?: 0\b)?"
)
_TOP = (
    r"(?:com|net|org|edu|gov|mil|info|biz|local|localdomain|lan|internal|arpa"
    r"|(?:ac|co|com|edu|gov|net|ne|or|org)\.[a-z]{2})"
)
_HEX = r"[0a-fA-F]"
_NUMBER = r"0(?:[.,]0)*"
_SIZE = r"(?:[KMGTP]i?[Bb]|[KMGTP]?bytes?|B)"
_TIME = r"(?:[mnuµ]?s|m?secs?|mins?|hrs?)"
_ID = r"[\w.@/+-]*"

MASKS: tuple[Mask, ...] = (
    Mask("URL: https://host/path?x=0", r"\b[a-zA-Z][a-zA-Z0+.-]*://[^\s\"'<>\[\](){},;]+", needs="://"),
    Mask("e-mail: user@host.org", r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", needs="@"),
    Mask(r"path: C:\Windows\x.log", r"\b[A-Za-z]:\\[^\s\"'<>|,;]+"),
    Mask("path of two names at least: /var/log", r"(^|[\s=\"'(\[:,])(?:/[\w.+@%~$#*-]+){2,}/?", "${1}<*>", "/"),
    Mask("date: Fri Jul 01 08:16:53 PDT 2005", _DATE),
    Mask("time: 2005-07-01T08:16:53.1Z", r"\b0[-/.]0[-/.]0[T :_-]0[:,]0[:,]0(?:[.,]0)?(?:Z|[+-]0(?::0)?)?"),
    Mask("UUID: 0a0-0f0-0b-0c-0d", rf"\b{_HEX}+(?:-{_HEX}+){{4}}\b"),
    Mask("MAC, IPv6: 0:0b:0:0:0a:b0", rf"\b(?:{_HEX}{{1,4}}:){{3,}}{_HEX}{{1,4}}\b"),
    Mask("IPv6, shortened: fe0::0b:0", rf"\b(?:{_HEX}{{1,4}}:)+(?::{_HEX}{{1,4}})+\b"),
    Mask(
        "host: a.example.org:0, not java.net.Socket",
        rf"\b(?:[\w-]+\.)+{_TOP}(?::0)?(\.?(?:[^\w.-]|$))",
        "<*>${1}",
        needs=".",
    ),
    Mask("host under any top domain, by its port: example.io:0", r"\b(?:[\w-]+\.)+[a-z]+:0\b", needs=":0"),
    Mask("fingerprint: SHA0:Am0vbP+z=", r"\b(?:SHA0|MD0):[\w+/=:]+"),
    Mask("size restated: 1293 bytes (1.26 KB)", rf"\b({_NUMBER} {_SIZE}) \(~?{_NUMBER} ?{_SIZE}\)", "${1}"),
    Mask(
        "quantity: 1.26 KB, <1 sec",
        rf"(^|[\s=(\[:,])[<>~]?[-+]?{_NUMBER}(?:[KMGT]|%| ?(?:{_SIZE}|{_TIME}))\b",
        "${1}<*>",
    ),
    Mask("number, or hex: 0af0b, deadbeef", rf"\b(?:[a-fA-F]*0{_HEX}*|[a-fA-F]{{8,}})\b"),
    Mask("id: task_0_m_0", rf"\b((?:[A-Za-z]+[_-])*)[A-Za-z]*0{_ID}[A-Za-z]{_ID}0{_ID}=*", "${1}<*>"),
    Mask("id or hex, digits first: 0nd, 0xff", rf"\b0[A-Za-z]{_ID}"),
    Mask("digits that are left: node-0", r"0"),
    Mask("sign: -0, blk_-0", r"(^|[^A-Za-z)\]>])[-+]<\*>", "${1}<*>"),
    Mask("a list of variables", r"<\*>(?:(?:, ?|[ .:/_;-]?)<\*>)+"),
)


def mask(messages: pl.Series, own: Sequence[str] = ()) -> pl.Series:
    """Masked copies of digit-reduced `messages` (String); the user's `own` patterns go first."""
    table = messages.to_frame("message")
    there = table.select_seq(_looked_for()).row(0)
    return table.select_seq(_masked(tuple(own), there)).to_series().alias(messages.name)


@cache
def _needed() -> tuple[str, ...]:
    """What masks need."""
    return tuple(sorted({each.needs for each in MASKS}))


@cache  # to make expressions takes longer than to mask a few messages
def _looked_for() -> list[pl.Expr]:
    """Whether each of that is there."""
    return [pl.col("message").str.contains(text, literal=True).any().alias(text) for text in _needed()]


@lru_cache(64)
def _masked(own: tuple[str, ...], there: tuple[bool | None, ...]) -> pl.Expr:
    """The messages masked, given what is there of that."""
    masked = pl.col("message")
    for pattern in own:
        masked = masked.str.replace_all(pattern, WILDCARD)
    found = {text for text, is_there in zip(_needed(), there, strict=True) if is_there}
    for each in MASKS:
        if each.needs in found:
            masked = masked.str.replace_all(each.pattern, each.by)
    return masked
