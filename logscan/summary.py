"""What kinds of line a log holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from logscan.records import Reader
from logscan.sources import Problem, open_streams
from logscan.templates.keys import Keys


@dataclass(frozen=True)
class KindOfLine:
    """A template with its number of records, first and last time (UTC), and where it was first written."""

    template: str
    level: str | None
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    source: str
    line: int


def kinds_of_line(
    paths: Sequence[str], log_format: str | None, on_problem: Callable[[Problem], None]
) -> list[KindOfLine]:
    """The kinds of line in all these logs, the most frequent first, then by their first appearance."""
    reader = Reader(Keys(), on_problem, log_format)
    counted = []
    for stream in open_streams(paths, on_problem):
        for chunk in reader.chunks(stream):
            records = chunk.records.with_columns(chunk.kinds["level"].gather(chunk.records["kind"]))
            counted.append(_summed(records.with_columns(n=pl.lit(1), first=pl.col("time"), last=pl.col("time"))))
    if not counted:
        return []
    family = pl.Series(reader.freeze())  # of each key that was given while reading
    everything = pl.concat(counted)
    kinds = _summed(everything.with_columns(key=family.gather(everything["key"])))
    return [
        KindOfLine(
            template=reader.keys.template(row["key"]),
            level=row["level"],
            count=row["n"],
            first_seen=row["first"],
            last_seen=row["last"],
            source=reader.sources[row["source"]],
            line=row["line"],
        )
        for row in kinds.sort("n", descending=True, maintain_order=True).iter_rows(named=True)
    ]


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """A row a key, in the order of their first appearance."""
    return rows.group_by("key", maintain_order=True).agg(
        pl.col("n").sum(),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("level", "source", "line").first(),
    )
