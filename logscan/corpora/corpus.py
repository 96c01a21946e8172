"""A corpus: logs, and labels where there are some.

HDFS         a folder with a log and `anomaly_label.csv`: labels by session
Hadoop       folders of applications beside `abnormal_label.txt`: labels by application
labels.csv   a folder with a table of that name: labels by session, by file or by line
folders      a folder with `normal/` and `abnormal/`: labels by file
OpenStack    a folder of logs whose names say normal or abnormal: labels by file
lines        BGL, Thunderbird, Liberty, Spirit: the first column is the label, as the log's format shows
(none)       logs without labels, all of it normal

A layout of another package comes through the entry point group `logscan.corpora`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import polars as pl

from logscan.errors import InputError

# Tried in this order on each folder. Each finds in a folder the corpus of its layout, or None.
BUILT_IN = {
    "HDFS": "hdfs",
    "Hadoop": "hadoop",
    "labels.csv": "listed",
    "folders": "folders",
    "OpenStack": "openstack",
}


@dataclass(frozen=True)
class Corpus:
    """Logs, and what is known of them.

    name: short, without folders; paths: of the logs
    anomalous: the label of a record, a Boolean (null: not labelled) over the columns `session` (UInt64 digest),
               `label`, `file`, `line`, `last_line` and `time` of the reader; None without labels
    by: what a label is of: "session", "line" or "file"; example: one that is labelled, to be shown
    group: the window of a record (UInt64), where the files it stands in say it
    prevalence: the share of anomalies in the whole of a corpus of which samples are common
    """

    name: str
    paths: tuple[str, ...]
    layout: str = ""
    anomalous: pl.Expr | None = None
    group: pl.Expr | None = None
    by: str = ""
    example: str = ""
    prevalence: float | None = None


Find = Callable[[Path], Corpus | None]


def open_corpus(paths: Sequence[str], log_format: str | None = None) -> Corpus:
    """The corpus at these paths; `log_format` says what the logs look like where that cannot be found out.

    Raises InputError where labels cannot be read, say nothing that is known, or lie beside no log.
    """
    from logscan.corpora.lines import by_line

    name = ", ".join(os.path.basename(os.path.abspath(path)) or path for path in paths)
    for path in filter(os.path.isdir, paths):
        try:
            corpus = next(filter(None, (find(Path(path)) for find in _finders())), None)
        except OSError as error:
            raise InputError(f"{error.filename or path} cannot be read: {error.strerror}") from error
        if corpus is not None and len(paths) > 1:
            raise InputError(f"{path} is a labelled corpus of its own: name that folder alone")
        if corpus is not None:
            return replace(corpus, name=name)
    return by_line(Corpus(name, tuple(paths)), log_format)


def _finders() -> Iterator[Find]:
    for module in BUILT_IN.values():
        find: Find = import_module(f"logscan.corpora.{module}").find
        yield find
    for entry in entry_points(group="logscan.corpora"):
        yield entry.load()
