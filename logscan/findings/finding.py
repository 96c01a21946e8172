"""A finding: one thing that does not belong, however many lines it wrote."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["new", "rare", "value", "order", "count", "burst", "silent", "window"]


@dataclass(slots=True)  # there are up to MAX_LINES of them a finding: a frozen one takes four times as long to make
class Line:
    """A line to blame; its text is filled in once it is to be told."""

    source: str
    line: int  #: 1-based
    offset: int  #: bytes from the beginning of the (decompressed) source
    score: float  #: in [0, 1]
    key: int
    template: str
    text: str
    raw: bytes | None = None  #: the bytes, where they are not UTF-8
    time: datetime | None = None
    last_line: int | None = None  #: of a record of several lines
    expected: tuple[tuple[str, float], ...] = ()  #: (template, probability), most probable first


@dataclass(frozen=True)
class Finding:
    """What was found, why, and how sure; `lines` are the lines to blame, at most MAX_LINES of `count`."""

    kind: Kind
    reason: str
    score: float  #: in [0, 1]
    source: str
    first_line: int
    last_line: int
    count: int  #: lines to blame in all, also those beyond MAX_LINES
    lines: tuple[Line, ...]
    signature: str  #: what was found, without when and where: the id is its digest
    #: ids of the findings that each kind of line would be by itself, where there are several
    parts: tuple[str, ...] = ()
    window: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    nearest: str | None = None  #: the nearest known template

    @property
    def id(self) -> str:
        """Twelve hex digits that depend on what was found, not on when or where."""
        return id_of(self.signature)

    def accepted(self, ids: Set[str]) -> bool:
        """Whether it is among ids of findings that are known to be fine, or all of its parts are."""
        return self.id in ids or (bool(self.parts) and ids >= set(self.parts))


def id_of(signature: str) -> str:
    """Twelve hex digits of what was found."""
    from hashlib import blake2b  # which takes a hundredth of a start

    return blake2b(signature.encode(), digest_size=6).hexdigest()


MAX_LINES = 1000
