"""Any folder with `labels.csv`, in one of three kinds:

session,label            the id of a session
file,label               the name of a log, or its path from the folder
line_no,label            a line of the only log, or of `test.log`, beside which all of `train.log` is normal;
file,line_no,label       a line of one of several logs

A label is normal, -, 0, or anomaly, anomalous, abnormal, 1, in any case. Other columns are ignored.
"""

from pathlib import Path

import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.corpora.labels import anomalous_in, by_file, by_session, logs_in, read_table
from logscan.errors import InputError

LABELS = "labels.csv"
KINDS = ("line_no", "session", "file")
TRAIN, TEST = "train.log", "test.log"


def find(folder: Path) -> Corpus | None:
    """The corpus in a folder, None without such a table. Raises InputError where it cannot be used."""
    path = folder / LABELS
    if not path.is_file():
        return None
    table = read_table(path)
    kind = next((kind for kind in KINDS if kind in table.columns), None)
    if kind is None or "label" not in table.columns:
        raise InputError(
            f"{path} should have the columns session,label or file,label or line_no,label; "
            f"it has {','.join(table.columns)}"
        )
    if not len(table):
        raise InputError(f"{path} labels nothing")
    table = table.with_columns(anomalous=anomalous_in(table["label"], path))
    logs = {str(Path(log).relative_to(folder)): log for log in logs_in(folder, LABELS, "**/*")}
    if kind == "session":
        anomalous = by_session(table["session"], table["anomalous"])
    elif kind == "file":
        table = _with_logs(table, logs, path)
        by_kind = dict(table.group_by("anomalous").agg("log").iter_rows())
        anomalous = by_file(by_kind.get(False, []), by_kind.get(True, []))
    else:
        anomalous = _by_line(table, logs, path)
    return Corpus(
        name=folder.name,
        paths=tuple(logs.values()),
        layout=LABELS,
        anomalous=anomalous,
        by="line" if kind == "line_no" else kind,
        example=f"{'line ' if kind == 'line_no' else ''}{table[kind][0]}",
    )


def _with_logs(table: pl.DataFrame, logs: dict[str, str], path: Path) -> pl.DataFrame:
    """The rows whose file is there, with its path in `log`."""
    by_name = {Path(name).name: log for name, log in logs.items()} | logs
    found = table.with_columns(log=pl.col("file").replace_strict(by_name, default=None, return_dtype=pl.String))
    if not found["log"].is_not_null().any():
        raise InputError(f"{path} matches no log: it names {table['file'][0]}, there is {next(iter(logs))}")
    return found.drop_nulls("log")


def _by_line(table: pl.DataFrame, logs: dict[str, str], path: Path) -> pl.Expr:
    line = table["line_no"].str.strip_chars().cast(pl.Int64, strict=False)
    if line.null_count():
        raise InputError(f"{path} should have numbers of lines; it has {table['line_no'].filter(line.is_null())[0]!r}")
    table = table.with_columns(line=line)
    if "file" in table.columns:
        table = _with_logs(table, logs, path)
    elif len(logs) == 1 or TEST in logs:
        table = table.with_columns(log=pl.lit(next(iter(logs.values())) if len(logs) == 1 else logs[TEST]))
    else:
        raise InputError(f"{path} should say in a column `file` which of {len(logs)} logs its lines are of")
    labels = pl.lit(None, pl.Boolean)
    if "file" not in table.columns and TRAIN in logs and TEST in logs:
        labels = pl.when(pl.col("file") == logs[TRAIN]).then(False)
    for (log,), rows in table.group_by("log", maintain_order=True):
        bad, labelled = rows.filter("anomalous")["line"], rows["line"]
        told = pl.when(_holds(bad)).then(True).when(_holds(labelled)).then(False)
        labels = pl.when(pl.col("file") == log).then(told).otherwise(labels)
    return labels


def _holds(lines: pl.Series) -> pl.Expr:
    """Whether a record, all of its lines, holds one of these."""
    known = pl.lit(lines.sort())
    return known.search_sorted(pl.col("last_line"), "right") > known.search_sorted(pl.col("line"), "left")
