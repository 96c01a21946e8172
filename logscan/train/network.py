"""Training a detector of windows beside the profile of the same logs.

A labelled corpus is split as its protocol says: the normal windows of the training part are learnt from, anomalous ones
that it leaves there serve as labels, and the test part is what the model is measured on. An unlabelled one is all
normal.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from logscan.corpora import Corpus
from logscan.corpora.reading import Data, ReadOptions, read
from logscan.corpora.splits import protocol_of
from logscan.detectors.profile import Profile, session_events
from logscan.detectors.registry import Tuning, check_enough, epochs_of, options_of, saved_class, training
from logscan.errors import InputError, OptionError
from logscan.models.held_out import HeldOut
from logscan.networks.run import Progress as Epochs
from logscan.networks.run import Run
from logscan.records import Reader
from logscan.scan import Progress
from logscan.settings import build
from logscan.sources import Problem, Stream, open_streams
from logscan.templates.keys import Keys
from logscan.templates.messages import Messages
from logscan.train.options import Model, Options, card_of, measured, split_of
from logscan.windows import Sessions, Window, Windows

RUN = "run.json"  # what a checkpoint belongs to


@dataclass(frozen=True)
class _Learnt:
    """What is learnt from, however it was read. window: how the logs were cut, as for `--window`."""

    reader: Reader
    profile: Profile
    normal: Windows
    anomalous: Windows | None
    window: str
    fingerprint: str
    data: Data | None = None  # of a labelled corpus


def train_network(
    corpus: Corpus,
    options: Options,
    progress: Progress,
    on_problem: Callable[[Problem], None],
    epochs: Epochs,
    checkpoints: Path | None,
    resume: bool,
) -> Model:
    """The detector and the profile of a corpus.

    Raises InputError where there is too little to learn from, OptionError where an option means nothing, where the
    detector cannot be saved, and where the checkpoints are those of another training; LogscanError where torch is
    missing.
    """
    cls = saved_class(options.detector)
    detector = cls(build(options_of(cls), options.settings))
    if detector.supervised and corpus.anomalous is None:
        open_streams(corpus.paths, on_problem)  # says what is not there
        raise InputError(
            f"{corpus.name} has no labels, and {options.detector} learns from anomalous windows too: "
            "see the layouts of `logscan train --help`"
        )
    with training(options.detector):
        if epochs_of(cls):
            import torch  # noqa: F401 - what is missing is said before the corpus is read
        if isinstance(detector, Tuning):
            detector.check()
    learn = _labelled if corpus.anomalous is not None else _unlabelled
    messages = Messages(detector.reads, options.masks) if detector.reads else None
    learnt = learn(corpus, options, messages, progress, on_problem)
    check_enough(detector, corpus.name, learnt.normal, learnt.anomalous)
    if checkpoints is not None:
        _prepare(checkpoints, resume, {"fingerprint": learnt.fingerprint, "options": asdict(options)})
    run = Run(options.seed, checkpoints, epochs, options.prevalence or corpus.prevalence)
    hashes, ends = learnt.reader.keys.hashes(), learnt.window == "session"
    with training(options.detector):
        figures = detector.fit(learnt.normal, hashes, ends, run, learnt.anomalous)
    card = card_of(corpus, learnt.profile, learnt.reader, options) | {
        "fingerprint": learnt.fingerprint,
        "window": learnt.window,
        "windows": len(learnt.normal),
        "span": learnt.normal.span(),
        "training": {name: figure for name, figure in figures.items() if name != "threshold"},
    }
    if "threshold" in figures:
        card["threshold"] = figures["threshold"]
    if learnt.data is None:
        few = learnt.normal.take(np.arange(min(len(learnt.normal), 10_000)))
        return Model(learnt.profile, card, detector, HeldOut.of(few, np.zeros(len(few), bool)))
    test = learnt.data.test
    card["split"] = split_of(options, protocol_of(options.protocol).share, learnt.window)
    card["held_out"] = {"windows": len(test.windows), "anomalous": int(test.anomalous.sum())}
    scores = detector.score(test.windows).window
    card |= measured(scores, test.anomalous, options.prevalence or corpus.prevalence)
    return Model(learnt.profile, card, detector, HeldOut.of(test.windows, test.anomalous))


def _prepare(folder: Path, resume: bool, run: Mapping[str, Any]) -> None:
    """Make the folder of checkpoints, or see that what is in it belongs to this run."""
    described = orjson.dumps(run, default=str)
    if resume and (folder / RUN).is_file():
        if (folder / RUN).read_bytes() != described:
            raise OptionError(f"{folder} was begun with other data or options: leave out --resume to begin anew")
    elif os.environ.get("RANK", "0") == "0":  # the first of the processes that `accelerate launch` started
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / RUN).write_bytes(described)


def _labelled(
    corpus: Corpus,
    options: Options,
    messages: Messages | None,
    progress: Progress,
    on_problem: Callable[[Problem], None],
) -> _Learnt:
    """The training part of a labelled corpus."""
    names = ("protocol", "train_share", "seed", "limit", "log_format", "session", "window", "masks")
    data = read(corpus, ReadOptions(**{name: getattr(options, name) for name in names}), progress, on_problem, messages)
    normal, anomalous = data.train.by_label()
    return _Learnt(
        reader=data.reader,
        profile=data.profile,
        normal=normal,
        anomalous=anomalous,
        window=data.split.window,
        fingerprint=data.fingerprint,
        data=data,
    )


def _unlabelled(
    corpus: Corpus,
    options: Options,
    messages: Messages | None,
    progress: Progress,
    on_problem: Callable[[Problem], None],
) -> _Learnt:
    """All windows of logs that are taken to be normal."""
    streams = open_streams(corpus.paths, on_problem)
    reader = Reader(Keys(options.masks), on_problem, options.log_format, options.session, messages=messages)
    window = _window(streams, reader) if options.window == "auto" else options.window
    reader.window = Window.parse(window)
    profile, sessions = Profile(reader.keys), Sessions(1 << 62, messages)
    for stream in streams:
        for chunk in reader.chunks(stream):
            profile.add(chunk)
            list(sessions.add(session_events(chunk)))
            progress("learning", chunk.read, stream.size)
    family = reader.freeze()
    windows = sessions.close().renamed(family)
    if options.limit is not None and options.limit < len(windows):
        drawn = np.random.default_rng(options.seed).choice(len(windows), options.limit, replace=False)
        windows = windows.take(np.sort(drawn))
    digest = blake2b(windows.keys.tobytes() + windows.starts.tobytes(), digest_size=16).hexdigest()
    return _Learnt(reader, profile.finish(family), windows, None, window, digest)


def _window(streams: list[Stream], reader: Reader) -> str:
    """Sessions where the first lines of the logs show them, else time where they have it, else a count."""
    first = [records for stream in streams for records, _ in islice(reader.unkeyed(stream), 1)]
    for column, window in (("session", "session"), ("time", "60s")):
        if any(records.select(pl.col(column).is_not_null().any()).item() for records in first):
            return window
    return "100"
