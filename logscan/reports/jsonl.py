"""JSON Lines, version 1: a `begin`, a `finding` each, a `summary`.

Adding a field is allowed, changing one is a new version. Lines are 1-based, offsets in bytes, scores in
[0, 1] with four decimals, times in UTC; what is not known is null, except where it is said to be left out.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import orjson

from logscan.findings.finding import MAX_LINES, Finding, Line
from logscan.reports import Begin, Context, Report, Summary
from logscan.reports.context import around
from logscan.reports.visible import HIDDEN

VERSION = 1
BODY = 100  # lines of one record given with context
PLAIN = bytes(range(0x7F))  # bytes that need no look at each
OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class JsonLines(Report):
    """One object a line; safe to show on a terminal."""

    def begin(self, header: Begin) -> None:
        """What is scanned."""
        sources = [_name(source) for source in header.sources]
        model = header.model and _name(header.model)
        self.write(
            {
                "type": "begin",
                "version": VERSION,
                "sources": sources,
                "detector": header.detector,
                "model": model,
            }
        )

    def wants(self, finding: Finding) -> Mapping[str, set[int]]:
        """With context, the lines around each line to blame."""
        return around(finding.lines, self.output.context, BODY) if self.output.context else {}

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """All that is known about it; `more` and `context` are left out where there is none."""
        lines = finding.lines[:MAX_LINES]
        value: dict[str, object] = {
            "type": "finding",
            "id": finding.id,
            "source": _name(finding.source),
            "first_line": finding.first_line,
            "last_line": finding.last_line,
            "time": _utc(finding.first_seen),
            "window": finding.window,
            "score": _score(finding.score),
            "kind": finding.kind,
            "reason": finding.reason,
            "count": finding.count,
            "first_seen": _utc(finding.first_seen),
            "last_seen": _utc(finding.last_seen),
            "nearest": finding.nearest,
            "lines": [_line(line, finding.source) for line in lines],
        }
        if finding.count > len(lines):
            value["more"] = finding.count - len(lines)
        if near := self.wants(finding):
            value["context"] = [
                {"source": _name(source), "line": number, "text": text}
                for source, texts in (context or {}).items()
                for number, text in sorted(texts.items())
                if number in near.get(source, ())
            ]
        self.write(value)

    def end(self, summary: Summary) -> None:
        """What was done."""
        self.write(
            {
                "type": "summary",
                "lines": summary.lines,
                "records": summary.records,
                "windows": summary.windows,
                "findings": summary.findings,
                "seconds": round(summary.seconds, 3),
                "errors": [_name(error) for error in summary.errors],
                "notes": [_name(note) for note in summary.notes],
            }
        )

    def write(self, value: object) -> None:
        """JSON itself lets C1 and bidirectional controls through; they are written as `\\u009b` instead."""
        data = orjson.dumps(value, option=OPTIONS)
        text, others = data.decode(), data.translate(None, PLAIN).decode()
        if HIDDEN.search(others):
            text = HIDDEN.sub(lambda match: _escape(match[0]), text)
        self.output.stream.write(text + "\n")


def _escape(character: str) -> str:
    """The JSON escape of a character, in surrogates beyond the basic plane."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _line(line: Line, source: str) -> dict[str, object]:
    """A line to blame; `source`, `last_line` and `bytes` are left out where they say nothing new."""
    value: dict[str, object] = {
        "line": line.line,
        "offset": line.offset,
        "score": _score(line.score),
        "time": _utc(line.time),
        "key": line.key,
        "template": line.template,
        "text": line.text,
        "expected": _expected(line.expected),
    }
    if line.source != source:
        value["source"] = _name(line.source)
    if line.last_line is not None and line.last_line > line.line:
        value["last_line"] = line.last_line
    if line.raw is not None:
        value["bytes"] = b64encode(line.raw).decode()
    return value


def _name(path: str) -> str:
    """A path that JSON can hold: bytes of it that are no UTF-8 become escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time is not None and time.tzinfo else time


@lru_cache(1 << 10)  # many lines have the same, and to round takes longer than to look
def _expected(steps: tuple[tuple[str, float], ...]) -> list[dict[str, object]]:
    return [{"template": template, "p": _score(p)} for template, p in steps]


@lru_cache(1 << 10)
def _score(score: float) -> float:
    return round(float(score), 4)
