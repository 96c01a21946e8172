"""A corpus: logs, and labels where there are some.

HDFS_v1        a folder with a log and `anomaly_label.csv` (`BlockId,Label` with Normal or Anomaly): labels by session
BGL and alike  a log whose first column is the label, `-` for normal: labels by line, found by the log's format
anything else  logs without labels, all of it normal
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from logscan.errors import InputError

LABELS = "anomaly_label.csv"
HDFS_PREVALENCE = 0.0293  # 16,838 of 575,061 sessions of HDFS_v1


@dataclass(frozen=True)
class Corpus:
    """paths: of the logs; sessions: `session` (String) and `anomalous` (Boolean), None without labels by session;
    prevalence: the share of anomalies in the whole of a corpus of which samples are common."""

    name: str
    paths: tuple[str, ...]
    sessions: pl.DataFrame | None = None
    prevalence: float | None = None


def open_corpus(paths: Sequence[str]) -> Corpus:
    """The corpus at these paths. Raises InputError where the labels cannot be read."""
    name = ", ".join(Path(path).name or path for path in paths)
    labels = [Path(path) / LABELS for path in paths if (Path(path) / LABELS).is_file()]
    if not labels:
        return Corpus(name, tuple(paths))
    if len(paths) > 1:
        raise InputError(f"{labels[0]} labels one folder: train on that folder alone")
    logs = sorted(str(path) for path in Path(paths[0]).iterdir() if path.is_file() and path.suffix != ".csv")
    if not logs:
        raise InputError(f"{paths[0]} has labels but no log: {LABELS} should lie beside the log")
    return Corpus(name, tuple(logs), _read_labels(labels[0]), HDFS_PREVALENCE)


def _read_labels(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is no table of labels: {str(error).splitlines()[0]}") from None
    if not {"BlockId", "Label"} <= set(table.columns):
        raise InputError(f"{path} should have the columns BlockId,Label; it has {','.join(table.columns)}")
    unknown = set(table["Label"].unique()) - {"Normal", "Anomaly"}
    if unknown:
        raise InputError(f"{path} should say Normal or Anomaly; it says {sorted(map(str, unknown))[0]!r}")
    return table.select(session="BlockId", anomalous=pl.col("Label") == "Anomaly").unique(
        "session", maintain_order=True
    )
