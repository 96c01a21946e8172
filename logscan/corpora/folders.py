"""Any folder with `normal/` and `abnormal/`: labels by file. One of them may be missing."""

import os
from pathlib import Path

import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.corpora.labels import logs_in

NORMAL, ABNORMAL = "normal", "abnormal"


def find(folder: Path) -> Corpus | None:
    """The corpus in a folder, None without an `abnormal/`. Raises InputError where no log lies there."""
    if not (folder / ABNORMAL).is_dir():
        return None
    kinds = [str(folder / kind) for kind in (NORMAL, ABNORMAL) if (folder / kind).is_dir()]
    logs_in(folder, f"{NORMAL}/ and {ABNORMAL}/", "*normal/**/*")
    return Corpus(
        name=folder.name,
        paths=tuple(kinds),
        layout="folders",
        anomalous=pl.col("file").str.starts_with(str(folder / ABNORMAL) + os.sep),
        by="file",
        example=ABNORMAL + os.sep,
    )
