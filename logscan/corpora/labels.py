"""What the layouts share: the logs of a folder, tables of labels, and labels as expressions."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from logscan.errors import InputError

NORMAL = ("normal", "-", "0")
ANOMALOUS = ("anomaly", "anomalous", "abnormal", "1")
NO_LOGS = {".csv", ".md", ".npz"}  # what lies beside logs in published corpora


def logs_in(folder: Path, labels: str, pattern: str = "*") -> list[str]:
    """The logs that `labels` lie beside, in the order of their names. Raises InputError where there is none."""
    files = (path for path in folder.glob(pattern) if path.is_file() and path.suffix not in NO_LOGS)
    found = sorted(str(path) for path in files if not path.name.startswith("."))
    if not found:
        raise InputError(f"{folder} has labels but no log: {labels} should lie beside the logs")
    return found


def read_table(path: Path) -> pl.DataFrame:
    """A table of text. Raises InputError."""
    try:
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is no table of labels: {str(error).splitlines()[0]}") from None


def anomalous_in(labels: pl.Series, path: Path) -> pl.Series:
    """What a column of labels says, as Booleans. Raises InputError for a word that is no label."""
    words = labels.str.strip_chars().str.to_lowercase()
    unknown = labels.filter(~words.is_in([*NORMAL, *ANOMALOUS]).fill_null(False))
    if len(unknown):
        raise InputError(f"{path} should say Normal or Anomaly, or 0 or 1; it says {str(unknown[0])!r}")
    return words.is_in(ANOMALOUS)


def told_by(column: pl.Expr, table: pl.DataFrame) -> pl.Expr:
    """The label of what stands in a column, from a table of `name` and `anomalous`; null for what it does not name.
    What is named twice is anomalous if it once is."""
    bad = table.filter("anomalous")["name"].unique()
    good = table.filter(~pl.col("anomalous"))["name"].unique()
    return pl.when(column.is_in(bad.implode())).then(True).when(column.is_in(good.implode())).then(False)


def by_session(sessions: pl.Series, anomalous: pl.Series) -> pl.Expr:
    """Labels by the names of sessions."""
    table = pl.DataFrame({"name": sessions, "anomalous": anomalous})
    return told_by(pl.col("session"), table.select(pl.col("name").hash(seed=0), "anomalous"))


def by_file(normal: Iterable[str], abnormal: Iterable[str]) -> pl.Expr:
    """Labels by file."""
    rows = [*((name, False) for name in normal), *((name, True) for name in abnormal)]
    schema = {"name": pl.String, "anomalous": pl.Boolean}
    return told_by(pl.col("file"), pl.DataFrame(rows, schema, orient="row"))
