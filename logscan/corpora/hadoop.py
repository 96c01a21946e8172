"""Hadoop of loghub: a folder an application with the logs of its containers, and `abnormal_label.txt` beside them.

That file lists applications under `Normal:` and under the faults that were injected, such as `Machine down:`. A window
is an application, all of its containers together.
"""

import re
from pathlib import Path

import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.corpora.labels import by_file, logs_in
from logscan.errors import InputError

LABELS = "abnormal_label.txt"


def find(folder: Path) -> Corpus | None:
    """The corpus in a folder, None without such a file. Raises InputError where it cannot be used."""
    path = folder / LABELS
    if not path.is_file():
        return None
    anomalous = _applications(path)
    logs = logs_in(folder, LABELS, "application_*/*")
    application = {log: Path(log).parent.name for log in logs}
    labelled = {log: anomalous[name] for log, name in application.items() if name in anomalous}
    if not labelled:
        raise InputError(f"{path} matches no folder: it names {next(iter(anomalous))}, there is {Path(logs[0]).parent}")
    number = {name: number for number, name in enumerate(dict.fromkeys(application.values()))}
    return Corpus(
        name=folder.name,
        paths=tuple(logs),
        layout="Hadoop",
        anomalous=by_file(*([log for log, bad in labelled.items() if bad is kind] for kind in (False, True))),
        group=pl.col("file").replace_strict(
            list(application), [number[name] for name in application.values()], default=None, return_dtype=pl.UInt64
        ),
        by="file",
        example=next(iter(anomalous)),
    )


def _applications(path: Path) -> dict[str, bool]:
    """Application -> whether it is anomalous."""
    found: dict[str, bool] = {}
    state = None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if heading := re.fullmatch(r"\s*([A-Za-z][\w ]*):\s*", line):
            state = heading[1].lower() != "normal"
        elif entry := re.fullmatch(r"\s*\+\s*(application_\w+)\s*", line):
            if state is None:
                raise InputError(f"{path} should say Normal: or a fault before it names {entry[1]}")
            found[entry[1]] = state
    if not found:
        raise InputError(f"{path} names no application: lines such as '+ application_1445062781478_0011' should")
    return found
