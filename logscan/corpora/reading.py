"""A labelled corpus by a protocol: the windows of the training part and of the test part, as log keys with labels.

The logs are read once for the table of windows, and once more for each part of the split. Keys, families and the
profile are learnt from the normal windows of the training part alone: what only the others say has a key from
`reader.keys.known` up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import polars as pl

from logscan.corpora.corpus import Corpus
from logscan.corpora.splits import Split, protocol_of, sample, split
from logscan.corpora.table import table_of
from logscan.detectors.profile import Profile
from logscan.errors import InputError, OptionError
from logscan.evaluation.metrics import Bools
from logscan.records import Chunk, Reader
from logscan.scan import Progress, no_progress
from logscan.sources import Problem, Stream, open_streams
from logscan.templates.keys import Keys
from logscan.templates.messages import Messages
from logscan.windows import Sessions, Window, Windows
from logscan.windows.sessions import EVENTS

UNTIMED = "100"  # how a log is cut by count where it has no times


@dataclass(frozen=True)
class ReadOptions:
    """train_share: None for the protocol's own; limit: at most so many windows, for a trial;
    window: None (or "auto") for sessions where labels are of these, else for the protocol's own."""

    protocol: str = "logllama"
    train_share: float | None = None
    seed: int = 0
    limit: int | None = None
    log_format: str | None = None
    session: str | None = None
    window: str | None = None
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """Windows with their labels.

    anomalous: (n,) of windows; events: (events,) of single events where labels are of lines, else None
    """

    windows: Windows
    anomalous: Bools
    events: Bools | None = None

    def by_label(self) -> tuple[Windows, Windows | None]:
        """The normal windows, and the anomalous ones, None where there are none."""
        normal, anomalous = (self.windows.take(np.flatnonzero(self.anomalous == kind)) for kind in (False, True))
        return normal, anomalous if len(anomalous) else None


@dataclass(frozen=True)
class Data:
    """A corpus, split and read.

    reader: with its keys frozen; profile: of the normal windows of the training part
    train: the normal windows, then the anomalous ones that the protocol leaves in it; test: in the order of the logs
    fingerprint: hex digits that tell corpora apart, wherever they lie; lines: records in the test windows
    """

    corpus: Corpus
    split: Split
    reader: Reader
    profile: Profile
    train: Labelled
    test: Labelled
    fingerprint: str
    lines: int


def read(
    corpus: Corpus,
    options: ReadOptions | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
    messages: Messages | None = None,
) -> Data:
    """Read a labelled corpus, with its messages where there is a table for them. What is wrong with a log is said once.

    Raises InputError where there are no labels, or none that match, or of one class only; OptionError for an option
    that means nothing.
    """
    options = options or ReadOptions()
    said: list[Problem] = []

    def problem(found: Problem) -> None:
        if found not in said:
            said.append(found)
            on_problem(found)

    protocol = protocol_of(options.protocol)
    if options.limit is not None and options.limit < 2:
        raise OptionError(f"--limit {options.limit} leaves no window of each class")
    streams = open_streams(corpus.paths, problem)
    if corpus.anomalous is None and streams:
        raise InputError(
            f"{corpus.name} has no labels: they may be the first column of the log, or lie in labels.csv beside it"
        )
    reader = Reader(Keys(options.masks), problem, options.log_format, options.session, messages=messages)
    window = options.window
    if window in (None, "auto"):
        window = window_of(corpus, protocol.window, streams, reader)
    reader.window = Window.parse(window)
    reader.group = corpus.group if window == "session" else None
    found = table_of(corpus, streams, reader, progress)
    parts = parts_of(found.windows, options, window)
    passes = Passes(corpus, reader, streams, progress, parts)
    profile, train = passes.learn()
    test = passes.look(parts.test, "reading the test part")
    return Data(corpus, parts, reader, profile, train, test, found.fingerprint, len(test.windows.events))


def parts_of(table: pl.DataFrame, options: ReadOptions, window: str) -> Split:
    """The split of a table of windows, or of a sample of it where there is a limit."""
    by_session = window == "session"
    if options.limit is not None:
        in_order = options.protocol == "time" or (options.protocol == "logllm" and not by_session)
        table = sample(table, options.limit, options.seed, in_order)
    return split(table, options.protocol, options.train_share, options.seed, not by_session, window=window)


def window_of(corpus: Corpus, usual: str, streams: Sequence[Stream], reader: Reader) -> str:
    """How the corpus is cut unless the user says it: by time only if some record of a first block has one."""
    if corpus.by == "session" or corpus.group is not None:
        return "session"
    first = (records for stream in streams for records, _ in islice(reader.unkeyed(stream), 1))
    return usual if usual == UNTIMED or any(records["time"].is_not_null().any() for records in first) else UNTIMED


class Passes:
    """The readings after the first, each of some windows."""

    def __init__(
        self, corpus: Corpus, reader: Reader, streams: Sequence[Stream], progress: Progress, parts: Split
    ) -> None:
        self.reader = reader
        self.streams = streams
        self.progress = progress
        self.parts = parts
        self.by_line = corpus.by == "line"
        self.labels = parts.table.select("window", "anomalous")

    def learn(self) -> tuple[Profile, Labelled]:
        """Learn keys and profile from the normal windows of the training part; all of its windows."""
        anomalous = self.labels.filter(pl.col("window").is_in(self.parts.train.implode()) & pl.col("anomalous"))
        normal = self.parts.train.filter(~self.parts.train.is_in(anomalous["window"].implode()))
        profile = Profile(self.reader.keys)
        windows = self._windows(normal, "learning", profile.add)
        family = self.reader.freeze()
        profile.finish(family)
        train = self._labelled(windows.renamed(family))
        if not len(anomalous):
            return profile, train
        return profile, _joined(train, self.look(anomalous["window"], "reading the anomalies to learn from"))

    def look(self, ids: pl.Series, doing: str) -> Labelled:
        """These windows, by the keys that were learnt."""
        return self._labelled(self._windows(ids, doing, lambda chunk: None))

    def _windows(self, ids: pl.Series, doing: str, each: Callable[[Chunk], None]) -> Windows:
        self.reader.only = pl.col("session").is_in(ids.implode())
        messages = self.reader.messages
        more = [*(["message"] if messages is not None else []), *(["anomalous"] if self.by_line else [])]
        sessions = Sessions(limit=1 << 62, messages=messages)
        for stream in self.streams:
            for chunk in self.reader.chunks(stream):
                each(chunk)
                events = chunk.records.rename({"session": "window"}).select(*EVENTS.columns, *more)
                list(sessions.add(events))  # closes none, without a limit
                self.progress(doing, chunk.read, stream.size)
        return sessions.close()

    def _labelled(self, windows: Windows) -> Labelled:
        found = pl.DataFrame({"window": windows.ids}).join(self.labels, on="window", maintain_order="left")
        anomalous = found["anomalous"].to_numpy()
        if not self.by_line:
            return Labelled(windows, anomalous)
        events = windows.column("anomalous").fill_null(False).to_numpy()
        return Labelled(replace(windows, table=windows.table.drop("anomalous")), anomalous, events)


def _joined(one: Labelled, other: Labelled) -> Labelled:
    """The windows of both, one after the other."""
    windows = Windows.joined([one.windows, other.windows])
    events = None if one.events is None or other.events is None else np.concatenate([one.events, other.events])
    return Labelled(windows, np.concatenate([one.anomalous, other.anomalous]), events)
