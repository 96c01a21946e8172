"""Where the following of logs stands: one file, from which it goes on after any end of the process.

It is a zip archive of `state.json` and of tables in Arrow's format, and is replaced as a whole: whenever the process is
killed, there is an older state or a newer one. It is written before findings are printed and holds them, with their
lines; so only its owner can read it. What was learnt at the beginning, if no model was named, is a model beside it.
"""

import io
import os
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from logscan.errors import InputError
from logscan.findings.finding import Finding, Line

VERSION = 1
LARGEST = 1 << 30  # bytes of one entry


@dataclass(frozen=True)
class State:
    """Where something stands. data: what JSON can hold; tables: the rest."""

    data: Any
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: "Mapping[str, State]") -> "State":
        """One of several, which `part` gives back."""
        tables = {f"{name}/{of}": table for name, part in parts.items() for of, table in part.tables.items()}
        return cls({name: part.data for name, part in parts.items()}, tables)

    def part(self, name: str) -> "State":
        """One of those that this one was made of."""
        begin = f"{name}/"
        own = {of.removeprefix(begin): table for of, table in self.tables.items() if of.startswith(begin)}
        return State(self.data[name], own)


def model_beside(path: Path) -> Path:
    """Where the model lies that was learnt at the beginning."""
    return path.with_name(f"{path.name}.model")


def save(path: Path, state: State, lasting: bool = False) -> None:
    """Replace the state. lasting: also if the machine fails, which takes longer. Raises InputError."""
    made = path.with_name(f".{path.name}.new")
    try:
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("state.json", orjson.dumps({"version": VERSION, **state.data}))
                for name, table in state.tables.items():
                    buffer = io.BytesIO()
                    table.write_ipc_stream(buffer)
                    archive.writestr(f"{name}.arrow", buffer.getvalue())
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(made, path)
    except OSError as error:
        with suppress(OSError):  # half of one would only keep a full disk full
            made.unlink()
        raise InputError(f"the state {path} cannot be written: {error.strerror}; the last one is as it was") from None


def load(path: Path) -> State:
    """What was saved. Raises InputError for a file that is no state."""
    try:
        with understood(path), zipfile.ZipFile(path) as archive:
            if any(entry.file_size > LARGEST for entry in archive.infolist()):
                raise InputError(f"{path} is larger than a state can be")
            data = orjson.loads(archive.read("state.json"))
            newer = data["version"] > VERSION
            tables = {
                name.removesuffix(".arrow"): pl.read_ipc_stream(io.BytesIO(archive.read(name)))
                for name in archive.namelist()
                if name.endswith(".arrow") and not newer
            }
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if newer:
        raise InputError(f"{path} is of format {data['version']}, newer than this program reads: update logscan")
    return State(data, tables)


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """While a state is read: raises InputError where something else stands in it than was written."""
    try:
        yield
    except (zipfile.BadZipFile, AttributeError, LookupError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} is damaged, or no state of logscan ({error}): name another, or delete it") from None


def listed(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as they stand in JSON."""
    rows = [asdict(finding) for finding in findings]
    for row in rows:
        for line in row["lines"]:
            line["raw"] = None if line["raw"] is None else b64encode(line["raw"]).decode()
    return rows


def findings_of(rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """The inverse of `listed`."""
    return [
        Finding(
            **{
                **row,
                "lines": tuple(_line(line) for line in row["lines"]),
                "parts": tuple(row["parts"]),
                "first_seen": time_of(row["first_seen"]),
                "last_seen": time_of(row["last_seen"]),
            }
        )
        for row in rows
    ]


def _line(row: Mapping[str, Any]) -> Line:
    return Line(
        **{
            **row,
            "raw": None if row["raw"] is None else b64decode(row["raw"]),
            "time": time_of(row["time"]),
            "expected": tuple((template, p) for template, p in row["expected"]),
        }
    )


def time_of(text: str | None) -> datetime | None:
    """A time as JSON has it."""
    return None if text is None else datetime.fromisoformat(text)
