"""HDFS_v1 of loghub: a log and `anomaly_label.csv` with `BlockId,Label`, beside it or in `preprocessed/`."""

from pathlib import Path

from logscan.corpora.corpus import Corpus
from logscan.corpora.labels import anomalous_in, by_session, logs_in, read_table
from logscan.errors import InputError

LABELS = "anomaly_label.csv"
PREVALENCE = 0.0293  # 16,838 of 575,061 sessions


def find(folder: Path) -> Corpus | None:
    """The corpus in a folder, None without such a table. Raises InputError where it cannot be used."""
    path = next((path for path in (folder / LABELS, folder / "preprocessed" / LABELS) if path.is_file()), None)
    if path is None:
        return None
    table = read_table(path)
    if not {"BlockId", "Label"} <= set(table.columns):
        raise InputError(f"{path} should have the columns BlockId,Label; it has {','.join(table.columns)}")
    if not len(table):
        raise InputError(f"{path} labels nothing")
    return Corpus(
        name=folder.name,
        paths=tuple(logs_in(folder, LABELS)),
        layout="HDFS",
        anomalous=by_session(table["BlockId"], anomalous_in(table["Label"], path)),
        by="session",
        example=str(table["BlockId"][0]),
        prevalence=PREVALENCE,
    )
