"""What kinds of line a log holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from logscan.records import Reader
from logscan.sources import Problem, open_streams
from logscan.templates.keys import Keys


@dataclass(frozen=True)
class KindOfLine:
    """A template with its number of records, its first and last time (ISO 8601), and where it was first written."""

    template: str
    level: str | None
    count: int
    first_seen: str | None
    last_seen: str | None
    source: str
    line: int


def kinds_of_line(
    paths: Sequence[str], log_format: str | None, on_problem: Callable[[Problem], None]
) -> Iterator[KindOfLine]:
    """The kinds of line in all these logs, the most frequent first."""
    reader = Reader(Keys(), on_problem, log_format)
    counted = []
    for stream in open_streams(paths, on_problem):
        for chunk in reader.chunks(stream):
            records = chunk.records.with_columns(chunk.kinds["level"].gather(chunk.records["kind"]))
            counted.append(_summed(records.with_columns(n=pl.lit(1), first=pl.col("time"), last=pl.col("time"))))
    if not counted:
        return
    family = reader.freeze()
    everything = pl.concat(counted).with_columns(key=pl.Series(family).gather(pl.concat(counted)["key"]))
    for row in _summed(everything).sort("n", "key", descending=[True, False]).iter_rows(named=True):
        yield KindOfLine(
            template=reader.keys.template(row["key"]),
            level=row["level"],
            count=row["n"],
            first_seen=row["first"].isoformat() if row["first"] else None,
            last_seen=row["last"].isoformat() if row["last"] else None,
            source=reader.sources[row["source"]],
            line=row["line"],
        )


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("key", maintain_order=True).agg(
        pl.col("n").sum(), pl.col("first").min(), pl.col("last").max(), pl.col("level", "source", "line").first()
    )
