"""Evidence into findings, each told once.

Of a log that goes on nobody knows what else belongs to a cause, so that a kind of line, a value, or a kind of step is
one. It is told when it is first seen, and again when it comes back after QUIET. The budget is spent as lines come in:
what is found beyond it is counted, and told when it is seen again and there is room.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from logscan.detectors.profile import Profile
from logscan.findings.explain import explain
from logscan.findings.finding import MAX_LINES, Finding
from logscan.findings.merge import NAMES, Cause, Evidence
from logscan.live.texts import Texts
from logscan.records import Reader
from logscan.scan import Options

QUIET = 3600.0  # seconds without evidence after which a cause is told again
MOST = 100_000  # of them that are remembered


@dataclass
class Told:
    """Part of a cause that was told. signature: of its finding, so that its id stays; last: seconds, when last seen."""

    signature: str
    last: float


class Teller:
    """What is told of the evidence of all logs.

    reader: what numbers the sources of evidence; texts: of its lines
    over: findings beyond the budget; accepted: findings that are known to be fine
    """

    def __init__(self, profile: Profile, options: Options, reader: Reader, texts: Texts) -> None:
        self.profile = profile
        self.options = options
        self.reader = reader
        self.texts = texts
        self.over = 0
        self.accepted = 0
        self.room = max(options.budget, 1.0) if options.budget else 0.0
        self._told: dict[str, Told] = {}

    def lines_came(self, lines: int) -> None:
        """Their share of the budget."""
        self.room = min(self.room + self.options.budget * lines / 10_000, max(self.options.budget, 1.0))

    def findings(self, evidence: pl.DataFrame, now: float) -> Iterator[Finding]:
        """What is new in the evidence, at `now` in seconds of the clock of the day."""
        part = Evidence(self.profile, whole=False)
        part.add(evidence)
        for cause in part.causes():
            items = _items(cause)
            known = [self._told[item] for item in items if item in self._told]
            again = len(known) < len(items) or any(now - told.last > QUIET for told in known)
            for told in known:
                told.last = now
            if again and (found := self._finding(cause, known[0].signature if len(known) == len(items) else None)):
                self._remember(items, found, now)
                yield found

    def _finding(self, cause: Cause, signature: str | None) -> Finding | None:
        """The finding of a cause, with the signature that it had before, if it is to be told."""
        finding = explain(cause, self.profile, self.reader.sources, own=False)
        if signature is not None:
            finding = replace(finding, signature=signature)
        if finding.score < self.options.min_score:
            return None
        if finding.id in self.options.accepted:
            self.accepted += 1
            return None
        if self.room < 1:
            self.over += 1
            return None
        self.room -= 1
        rows = cause.rows.sort("source", "line").head(MAX_LINES)
        files = [file for _, file in self.reader.files]
        places = [
            (files[source], line, offset) for source, line, offset in rows.select("source", "line", "offset").rows()
        ]
        texts = self.texts.in_order(places)
        lines = [replace(line, text=text, raw=raw) for line, (text, raw) in zip(finding.lines, texts, strict=True)]
        return replace(finding, lines=tuple(lines))

    def _remember(self, items: list[str], finding: Finding, now: float) -> None:
        if len(self._told) >= MOST:
            oldest = sorted(self._told, key=lambda what: self._told[what].last)
            for what in oldest[: MOST // 2]:
                del self._told[what]
        for item in items:
            self._told.setdefault(item, Told(finding.signature, now))

    def to_json(self) -> dict[str, Any]:
        """For `restore`."""
        told = {what: [told.signature, told.last] for what, told in self._told.items()}
        return {"told": told, "room": self.room, "over": self.over, "accepted": self.accepted}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on with what `to_json` gave."""
        self._told = {what: Told(signature, last) for what, (signature, last) in data["told"].items()}
        self.room, self.over, self.accepted = data["room"], data["over"], data["accepted"]


def _items(cause: Cause) -> list[str]:
    """What makes it the same cause when it is seen again: each of these, where it may be seen without the others."""
    if cause.kind == "value" and cause.rows["about"].str.starts_with(f"{NAMES}=").any():
        return [f"{NAMES} {key}" for key in cause.rows["key"].unique(maintain_order=True)]
    what = sorted(map(str, cause.what))
    together = cause.kind in ("order", "count", "window")
    return [f"{cause.kind} {' '.join(what)}"] if together else [f"{cause.kind} {item}" for item in what]
