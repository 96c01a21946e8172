"""Evidence into findings, each told once.

Of a log that goes on nobody knows what else belongs to a cause, so that a kind of line, a value, or a kind of step is
one. It is told when it is first seen, and again when it comes back after QUIET. The budget is spent as lines come in:
what is found beyond it is counted, and told when it is seen again and there is room.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from logscan.columns import rows_of
from logscan.detectors.profile import Profile
from logscan.findings.explain import explain
from logscan.findings.finding import MAX_LINES, Finding
from logscan.findings.merge import Cause, Evidence
from logscan.live.state import State
from logscan.live.texts import Texts
from logscan.records import Reader
from logscan.scan import Options

QUIET = 3600.0  # seconds without evidence after which a cause is told again
MOST = 100_000  # pieces of evidence that are remembered
NAMELESS = ("new", "burst", "silent")  # kinds whose evidence is told apart by its key alone

Item = tuple[str, int, str]  # kind, key, and what else tells it from other evidence


@dataclass
class Told:
    """Evidence that was told. signature: of its finding, so that its id stays; last: seconds, when it was last seen."""

    signature: str
    last: float


class Teller:
    """What is told of the evidence of all logs.

    reader: what numbers the sources of evidence; texts: of its lines
    accepted: findings that are known to be fine
    """

    def __init__(self, profile: Profile, options: Options, reader: Reader, texts: Texts) -> None:
        self.profile = profile
        self.options = options
        self.reader = reader
        self.texts = texts
        self.accepted = 0
        self.room = max(options.budget, 1.0) if options.budget else 0.0
        self._told: dict[Item, Told] = {}
        self._seen: dict[str, float] = {}  # when each signature was last seen
        self._beyond: dict[str, None] = {}  # signatures that there was no room for

    @property
    def over(self) -> int:
        """Findings beyond the budget, which were not told since."""
        return len(self._beyond)

    def lines_came(self, lines: int) -> None:
        """Their share of the budget."""
        self.room = min(self.room + self.options.budget * lines / 10_000, max(self.options.budget, 1.0))

    def findings(self, evidence: pl.DataFrame, now: float) -> Iterator[Finding]:
        """What is new in the evidence, at `now` in seconds of the clock of the day."""
        items = _items(evidence)
        back = {item for item in set(items) if self._is_back(item, now)}
        if not back:
            return
        part = Evidence(self.profile, whole=False)
        part.add(rows_of(evidence, np.flatnonzero([item in back for item in items])))
        for cause in part.causes():
            if (finding := self._finding(cause, now)) is not None:
                yield finding

    def _is_back(self, item: Item, now: float) -> bool:
        """Whether evidence is new, or was not seen for long."""
        told = self._told.get(item)
        if told is None or now - told.last > QUIET:
            return True
        told.last = self._seen[told.signature] = now
        return False

    def _finding(self, cause: Cause, now: float) -> Finding | None:
        """The finding of a cause, if it is to be told."""
        finding = explain(cause, self.profile, self.reader.sources, own=False)
        items = set(_items(cause.rows))
        if cause.kind == "value":  # some of which were found as new keys
            items |= {("new", key, "") for _, key, _ in items if key >= self.profile.keys.known}
        signatures = {self._told[item].signature for item in items if item in self._told}
        if len(signatures) == 1:
            finding = replace(finding, signature=signatures.pop())
        if finding.score < self.options.min_score:
            return None
        if now - self._seen.get(finding.signature, -QUIET) < QUIET:  # found by other evidence before
            self._remember(items, finding, now)
            return None
        if finding.accepted(self.options.accepted):
            self.accepted += 1
            self._remember(items, finding, now)
            return None
        if self.room < 1:
            if len(self._beyond) < MOST:
                self._beyond[finding.signature] = None
            return None
        self.room -= 1
        self._beyond.pop(finding.signature, None)
        self._remember(items, finding, now)
        rows = cause.rows.sort("source", "line").head(MAX_LINES)
        files = [file for _, file in self.reader.files]
        places = [(files[source], *place) for source, *place in rows[["source", "line", "offset"]].rows()]
        for line, (text, raw) in zip(finding.lines, self.texts.in_order(places), strict=True):
            line.text, line.raw = text, raw
        return finding

    def _remember(self, items: set[Item], finding: Finding, now: float) -> None:
        if len(self._told) >= MOST:
            oldest = sorted(self._told, key=lambda item: self._told[item].last)
            for item in oldest[: MOST // 2]:
                del self._told[item]
            self._seen = {told.signature: told.last for told in self._told.values()}
        for item in items:
            self._told.setdefault(item, Told(finding.signature, now)).last = now
        self._seen[finding.signature] = now

    def state(self) -> State:
        """For `restore`."""
        told = [[*item, told.signature, told.last] for item, told in self._told.items()]
        return State({"told": told, "room": self.room, "beyond": list(self._beyond), "accepted": self.accepted})

    def restore(self, state: State) -> None:
        """Go on with what `state` gave."""
        data = state.data
        self._seen = {signature: last for *_, signature, last in data["told"]}
        self._told = {(kind, key, about): Told(signature, last) for kind, key, about, signature, last in data["told"]}
        self._beyond = dict.fromkeys(data["beyond"])
        self.room, self.accepted = data["room"], data["accepted"]


def _items(evidence: pl.DataFrame) -> list[Item]:
    """What each row is evidence of."""
    rows = zip(evidence["kind"], evidence["key"], evidence["about"], strict=True)
    return [(kind, key, "" if kind in NAMELESS else about) for kind, key, about in rows]
