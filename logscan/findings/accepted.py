"""Findings that are known to be fine: a file to be read in a review.

Beside it, the findings of the last scan are kept for the user to choose from.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import BinaryIO

import orjson

from logscan.errors import InputError, OptionError
from logscan.findings.finding import Finding

FILE = Path("logscan-accepted.jsonl")


@dataclass(frozen=True)
class Accepted:
    """One line of the file."""

    id: str
    kind: str
    reason: str
    template: str
    note: str = ""
    accepted: str = ""  # the day
    parts: tuple[str, ...] = ()  # ids that are fine with it, see `Finding.parts`

    def line(self) -> bytes:
        """As it stands in the file."""
        return orjson.dumps({name: value for name, value in vars(self).items() if value or name != "parts"}) + b"\n"


def accepted_ids(file: Path | None) -> frozenset[str]:
    """The ids in the file, by default FILE if there is one, and those of their parts. Raises InputError."""
    if file is None and not FILE.exists():
        return frozenset()
    return frozenset(id for entry in read(file or FILE) for id in (entry.id, *entry.parts))


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
                entry = Accepted(**orjson.loads(line))
                entries.append(replace(entry, parts=tuple(entry.parts)))
            except (orjson.JSONDecodeError, TypeError):
                raise InputError(f"{file}:{number} is no accepted finding: mend or delete the line") from None
    return entries


def accept(ids: Sequence[str], note: str, file: Path) -> list[Accepted]:
    """Add findings of the last scan, named by their id or its beginning, to the file; gives those new in it.

    Raises OptionError for an id that is neither in the last scan nor in the file, InputError for a file that cannot be
    used.
    """
    last = {entry.id: entry for entry in _last()}
    there = {entry.id for entry in read(file)} if file.exists() else set()
    chosen = dict.fromkeys(_whole(wanted, last.keys() | there) for wanted in ids)
    today = date.today().isoformat()
    new = [replace(last[id], note=note, accepted=today) for id in chosen if id not in there]
    if new:
        try:
            with file.open("a+b") as out:
                out.write(_gap(out) + b"".join(entry.line() for entry in new))
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from None
    return new


def _whole(wanted: str, known: Collection[str]) -> str:
    """The id that begins so. Raises OptionError."""
    if not known:
        raise OptionError("the last scan had no findings: run `logscan scan` first")
    matching = [id for id in known if id.startswith(wanted.lower())]
    if len(matching) == 1:
        return matching[0]
    if matching:
        several = ", ".join(matching[:3]) + (", ..." if len(matching) > 3 else "")
        raise OptionError(f"{wanted!r} is the beginning of several ids: {several}")
    near = max(known, key=lambda id: SequenceMatcher(None, id, wanted.lower()).ratio())
    raise OptionError(f"{wanted!r} is not among the findings of the last scan: did you mean {near}?")


def _gap(file: BinaryIO) -> bytes:
    """The line feed that an editor left out at the end."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read() == b"\n" else b"\n"


def remember(findings: Iterable[Finding]) -> None:
    """Keep what `accept` needs of these findings, never a line of the log; where it cannot write, nothing."""
    entries = [
        Accepted(f.id, f.kind, f.reason, f.lines[0].template if f.lines else "", parts=f.parts) for f in findings
    ]
    try:
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        made = place.with_name(f"{place.name}.{os.getpid()}")
        made.write_bytes(b"".join(entry.line() for entry in entries))
        made.replace(place)
    except (OSError, RuntimeError):
        return


def _last() -> list[Accepted]:
    try:
        place = _place()
    except RuntimeError:  # no home
        return []
    return read(place) if place.exists() else []


def _place() -> Path:
    """Where the findings of the last scan are kept. Raises RuntimeError for a user without a home."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "logscan" / "findings.jsonl"
