"""What is read a column at a time is what plain Python reads line by line: the same records, the same profile and the
same findings, byte for byte."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from conftest import DATA

from logscan.detectors.profile import Profile
from logscan.formats import Format, Layout, detect
from logscan.reports import Output, open_report
from logscan.scan import Options, Result, Run, learn, no_progress, with_texts
from logscan.sources import Block, Problem, Stream
from logscan.templates.keys import Keys

Time = Callable[[str], datetime]


def compact(line: str) -> datetime:
    return datetime.strptime(line[:13], "%y%m%d %H%M%S")


def since_1970(line: str) -> datetime:
    return datetime.fromtimestamp(int(line.split()[1]), UTC).replace(tzinfo=None)


def of_apache(line: str) -> datetime:
    return datetime.strptime(line.partition("[")[2][:26], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC).replace(tzinfo=None)


LOGS: dict[str, Time] = {"hdfs/HDFS.log": compact, "bgl/BGL.log": since_1970, "web/apache_access.log": of_apache}


class PlainFormat(Format):
    def shape(self, text: pl.Series) -> pl.Series:
        lines = self.reduce(text).zip_with(self.reduce(text).is_not_null(), text) if self.reduce else text
        shapes = pl.Series([re.sub("[0-9]+", "0", line) for line in lines], dtype=pl.String)
        return shapes.cast(pl.Enum(shapes.unique(maintain_order=True)))


@dataclass(frozen=True)
class PlainLayout(Layout):
    """Every line of a log of this layout is a record."""

    time: Time = compact

    def records(self, lines: pl.DataFrame, before: datetime | None = None) -> pl.DataFrame:
        texts = lines["text"].to_list()
        return pl.DataFrame(
            {
                "line": lines["line"],
                "last_line": lines["line"],
                "offset": lines["offset"],
                "time": pl.Series([self.time(text) for text in texts], dtype=pl.Datetime("us")),
                "session": pl.Series([_found(self.session, text) for text in texts], dtype=pl.String),
                "shape": self.format.shape(lines["text"]),
                "kept": pl.Series([_found(self.kept, text) for text in texts], dtype=pl.String),
                "text": texts,
                "raw": lines["raw"],
            }
        )


def _found(pattern: str | None, text: str) -> str | None:
    found = re.search(pattern, text) if pattern else None
    return found[1] if found else None


class PlainStream(Stream):
    def blocks(self, on_problem: Callable[[Problem], None], size: int = 0, max_line: int = 0) -> Iterator[Block]:
        offset, rows = 0, []
        with Path(self.name).open("rb") as file:
            for number, line in enumerate(file, start=1):
                rows.append((number, offset, line.decode().removesuffix("\n"), None))
                offset += len(line)
        schema = {"line": pl.Int64, "offset": pl.Int64, "text": pl.String, "raw": pl.Binary}
        yield Block(self.name, pl.DataFrame(rows, schema, orient="row"), offset)


@pytest.mark.parametrize("name", LOGS)
def test_findings_are_those_of_plain_python(name: str, tmp_path: Path) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with path.open("rb") as file:
        lines = list(islice(file, 16_000))
    (tmp_path / "good.log").write_bytes(b"".join(lines[: len(lines) // 2]))
    (tmp_path / "app.log").write_bytes(b"".join(lines[len(lines) // 2 :]))
    layout = detect(pl.Series([line.decode().rstrip("\n") for line in lines[:2000]]))
    plain = PlainLayout(
        PlainFormat(**{field.name: getattr(layout.format, field.name) for field in fields(Format)}),
        layout.session,
        layout.kept,
        LOGS[name],
    )
    found = findings(tmp_path, layout, Stream)
    assert found == findings(tmp_path, plain, PlainStream)
    assert found[1]


def findings(folder: Path, layout: Layout, stream: type[Stream]) -> tuple[dict[str, Any], str]:
    """What is learnt from the good log, and the findings of the other one as JSON lines."""
    run = Run(Options(), Result(), no_progress, lambda problem: pytest.fail(problem.message))
    reader = run.reader(Keys())
    reader.by_format[layout.format.name] = layout
    good, log = (stream(str(folder / name), (str(folder / name),), None) for name in ("good.log", "app.log"))
    profile: Profile = learn([good], reader)
    written = StringIO()
    report = open_report("json", Output(written))
    for finding in with_texts(run.judge(log, reader, profile), run.session_patterns):
        report.finding(finding)
    return orjson.loads(orjson.dumps(profile.to_json())), written.getvalue()
