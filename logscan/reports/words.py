"""How reports for people say numbers, times, and what differs."""

from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher

from logscan.reports.visible import visible

WORDS = 200  # of a template, compared


def count(n: int, noun: str) -> str:
    """`1 line`, `1,200 lines`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def span(first: datetime | None, last: datetime | None) -> str:
    """`2026-03-02 08:12:44 to 08:12:51`: the day is said once, and one time where both are the same."""
    if first is None:
        return ""
    start = f"{first:%Y-%m-%d %H:%M:%S}"
    if last is None or f"{last:%Y-%m-%d %H:%M:%S}" == start:
        return start
    return f"{start} to {last:%H:%M:%S}" if last.date() == first.date() else f"{start} to {last:%Y-%m-%d %H:%M:%S}"


def share(probability: float) -> str:
    """`71%`; `<1%` for what is less."""
    return "<1%" if probability < 0.01 else f"{probability:.0%}"


def changes(known: str, found: str) -> Iterator[tuple[str, str, str]]:
    """(words in both, only in the known template, only in the found one), made visible; either the first or the others
    are empty."""
    old, new = visible(known).split()[:WORDS], visible(found).split()[:WORDS]
    for tag, i, j, k, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = " ".join(old[i:j]), " ".join(new[k:n])
        yield (gone, "", "") if tag == "equal" else ("", gone, come)
