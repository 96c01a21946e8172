"""Findings that are known to be fine: a file to be read in a review, and the findings of the last scan to choose from."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import orjson

from logscan.errors import InputError, OptionError
from logscan.findings.finding import Finding

FILE = Path("logscan-accepted.jsonl")
MOST = 10_000  # findings of the last scan that can be chosen from


@dataclass(frozen=True)
class Accepted:
    """One line of the file."""

    id: str
    kind: str
    reason: str
    template: str
    note: str = ""
    accepted: str = ""  # the day


def accepted_ids(file: Path | None) -> frozenset[str]:
    """The ids in the file, by default FILE if there is one. Raises InputError."""
    if file is None and not FILE.exists():
        return frozenset()
    return frozenset(entry.id for entry in read(file or FILE))


def read(file: Path) -> list[Accepted]:
    """The entries of a file. Raises InputError for one that is none."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    entries = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                entries.append(Accepted(**orjson.loads(line)))
            except (orjson.JSONDecodeError, TypeError):
                raise InputError(f"{file}:{number} is no accepted finding: mend or delete the line") from None
    return entries


def accept(ids: Sequence[str], note: str, file: Path) -> list[Accepted]:
    """Add findings of the last scan, named by their id or its beginning, to the file; gives those that are new in it.

    Raises OptionError for an id that the last scan did not give.
    """
    known = {entry.id: entry for entry in _last()}
    there = {entry.id for entry in read(file)} if file.exists() else set()
    chosen = {}
    for wanted in ids:
        matching = [id for id in known if id.startswith(wanted.lower())]
        if len(matching) != 1:
            near = get_close_matches(wanted, known, n=1)
            hint = f"; did you mean {near[0]}?" if near and not matching else ""
            what = "is not among the findings of the last scan" if not matching else "is the beginning of several ids"
            raise OptionError(f"{wanted} {what}{hint}")
        chosen[matching[0]] = known[matching[0]]
    new = [
        Accepted(entry.id, entry.kind, entry.reason, entry.template, note, date.today().isoformat())
        for entry in chosen.values()
        if entry.id not in there
    ]
    if new:
        with file.open("ab") as out:
            out.write(b"".join(orjson.dumps(entry) + b"\n" for entry in new))
    return new


def remember(findings: Iterable[Finding]) -> None:
    """Keep what `accept` needs of these findings; never a line of the log. Without a place to write, nothing is kept."""
    entries = [
        Accepted(f.id, f.kind, f.reason, f.lines[0].template if f.lines else "") for _, f in zip(range(MOST), findings)
    ]
    place = _place()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = place.with_name(f"{place.name}.{os.getpid()}")
        made.write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in entries))
        made.replace(place)
    except OSError:
        return


def _last() -> list[Accepted]:
    place = _place()
    return read(place) if place.exists() else []


def _place() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "logscan" / "findings.jsonl"
