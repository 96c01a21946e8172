"""Labelled traces as pairs of a prompt and its completion, which many trainers of language models read:

    {"prompt": "Log trace: E5 E22 E5\\n", "completion": "Label: Normal"}
    {"prompt": "Log trace: E5 E9\\n", "completion": "Label: Anomaly"}

One line a window, first the normal ones. Events have the names that `traces.Events` gives them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from logscan.detectors.traces import Events, traces
from logscan.errors import InputError
from logscan.windows.sessions import EVENTS, Ints, Windows, starts_of

BEFORE, BEHIND = "Log trace: ", "\n"  # of the trace, in a prompt
LABELS = ("Label: Normal", "Label: Anomaly")


def prompt_of(trace: str) -> str:
    """What is asked about "E5 E22 E5"."""
    return f"{BEFORE}{trace}{BEHIND}"


def write_pairs(path: Path, normal: Windows, anomalous: Windows, events: Events) -> int:
    """Write labelled windows; gives how many there are."""
    with path.open("wb") as file:
        for label, windows in zip(LABELS, (normal, anomalous), strict=True):
            for trace in traces(events.numbered(windows)):
                pair = {"prompt": prompt_of(events.text(trace)), "completion": label}
                file.write(orjson.dumps(pair, option=orjson.OPT_APPEND_NEWLINE))
    return len(normal) + len(anomalous)


def read_pairs(path: Path, events: Events) -> tuple[Windows, Windows]:
    """The normal and the anomalous windows that a file holds, in any order; of their events only the keys are known.

    Raises InputError where it cannot be read, where a line is no pair, or names an event that the corpus does not have.
    """
    found: tuple[list[Ints], list[Ints]] = ([], [])
    for number, (trace, completion) in enumerate(_pairs(path), 1):
        where = f"{path}:{number}"
        if completion not in LABELS:
            raise InputError(f"{where}: the completion should be {LABELS[0]!r} or {LABELS[1]!r}")
        try:
            keys = events.keys(trace)
        except KeyError as error:
            raise InputError(f"{where}: this corpus has no event {error.args[0]}") from None
        found[LABELS.index(completion)].append(keys)
    normal, anomalous = map(_windows, found)
    return normal, anomalous


def _pairs(path: Path) -> Iterator[tuple[list[str], str]]:
    """The names of the events of each line, and its completion."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            pair = orjson.loads(line)
            prompt, completion = pair["prompt"], pair["completion"]
            trace = prompt.removeprefix(BEFORE).split() if prompt.startswith(BEFORE) else []
        except (ValueError, TypeError, KeyError, AttributeError):
            trace = []
        if not trace:
            raise InputError(f'{path}:{number} should be {{"prompt": "{BEFORE}E1 E2", "completion": "{LABELS[0]}"}}')
        yield trace, str(completion).strip()


def _windows(sequences: list[Ints]) -> Windows:
    lengths = np.array([len(keys) for keys in sequences], np.int64)
    keys = np.concatenate([np.zeros(0, np.int64), *sequences])
    events = pl.DataFrame({"window": np.repeat(np.arange(len(lengths)), lengths), "key": keys})
    more = events.with_columns(pl.lit(None).alias(name) for name in EVENTS.columns if name not in events.columns)
    columns = more.select(pl.col(name).cast(kind) for name, kind in EVENTS.schema.items())
    return Windows(columns, starts_of(lengths))
