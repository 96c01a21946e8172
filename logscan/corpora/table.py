"""A corpus window by window: what is anomalous, where it stands and when it was, without a key being learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.errors import InputError
from logscan.records import EVERYTHING, Reader
from logscan.scan import Progress, no_progress
from logscan.sources import Stream

TABLE = pl.DataFrame(
    schema={
        "window": pl.UInt64,
        "anomalous": pl.Boolean,
        "records": pl.UInt32,
        "first": pl.Int64,
        "last": pl.Int64,
        "begin": pl.Datetime("us"),
        "end": pl.Datetime("us"),
    }
)


@dataclass(frozen=True)
class Table:
    """windows: a row a labelled window, columns as in TABLE, in the order of their first records: whether any record is
    anomalous, how many there are, the numbers of the first and the last in the order of reading, and their times (null
    where they have none)
    fingerprint: hex digits that are equal where the labels and the places of all records in their logs are"""

    windows: pl.DataFrame
    fingerprint: str


def table_of(
    corpus: Corpus,
    streams: Sequence[Stream],
    reader: Reader,
    progress: Progress = no_progress,
) -> Table:
    """The table of a labelled corpus as the reader cuts it; its `only` is left at everything.

    Raises InputError where nothing could be read, or no label belongs to what was.
    """
    reader.anomalous = corpus.anomalous
    reader.only = EVERYTHING
    digest = blake2b(digest_size=16)
    parts = [TABLE]
    row = 0
    for stream in streams:
        for records, read in reader.unkeyed(stream):
            numbered = records.select("session", "anomalous", "time", row=row + pl.int_range(pl.len()))
            parts.append(_gathered(numbered))
            digest.update(records["offset"].to_numpy().tobytes())
            digest.update(records["anomalous"].cast(pl.Int8).fill_null(-1).to_numpy().tobytes())
            row += len(records)
            progress("reading the labels", read, stream.size)
    if not row:
        raise InputError(f"{corpus.name} holds nothing to read")
    windows = (
        pl.concat(parts)
        .group_by("window")
        .agg(
            pl.col("anomalous").max(),
            pl.col("records").sum(),
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("begin").min(),
            pl.col("end").max(),
        )
    )
    labelled = windows.drop_nulls("anomalous").sort("first")
    if not len(labelled):
        raise InputError(_no_match(corpus, reader, row, len(windows)))
    return Table(labelled, digest.hexdigest())


def _gathered(records: pl.DataFrame) -> pl.DataFrame:
    """The windows of some records, columns as in TABLE."""
    windows = (
        records.drop_nulls("session")
        .group_by("session")
        .agg(
            pl.col("anomalous").max(),
            pl.len().alias("records"),
            pl.col("row").min().alias("first"),
            pl.col("row").max().alias("last"),
            pl.col("time").min().alias("begin"),
            pl.col("time").max().alias("end"),
        )
    )
    return windows.rename({"session": "window"}).cast(TABLE.schema)


def _no_match(corpus: Corpus, reader: Reader, records: int, windows: int) -> str:
    """Why no window has a label."""
    layouts = reader.layouts.values()
    session = next((f"sessions by {layout.session}" for layout in layouts if layout.session), "no session")
    if corpus.by == "session":
        return f"no label matches the log: the labels name {corpus.example!r}, the log shows {session} (see --session)"
    if windows:
        return f"no label matches the log: the labels name {corpus.example}, the log has {records:,} records"
    shown = "no time" if reader.window.microseconds else "no session (see --session)"
    return f"{corpus.name} has no windows: its records show {shown}; --window 100 cuts it by count"
