"""The whole way, for the command line or a notebook: logs in, findings out.

    from logscan.scan import Options, scan

    result = scan(["app.log"], Options(baseline=("good.log",)))
    for finding in result.findings:
        print(finding.score, finding.reason)

Learning and judging are two passes over `Reader.chunks`, also where a log is judged by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl

from logscan.detectors.baseline import Baseline, SequenceDetector
from logscan.detectors.profile import Profile
from logscan.detectors.wholes import WindowDetector
from logscan.errors import InputError
from logscan.findings.explain import explain
from logscan.findings.finding import Finding
from logscan.findings.merge import Evidence
from logscan.findings.rank import ranked
from logscan.formats import Layout
from logscan.records import EVERYTHING, Reader
from logscan.sources import Problem, Stream, lines_at, open_streams, siblings
from logscan.templates.keys import Keys
from logscan.templates.messages import Messages
from logscan.windows import Window

if TYPE_CHECKING:  # what only a scan with a model needs
    from logscan.detectors.drift import Drift
    from logscan.models.bundle import Bundle

BUDGET = 20.0  # findings per 10,000 lines, and at least so many
MIN_SCORE = 0.5
OF_WINDOWS = ("order", "count", "window")  # kinds of finding

Progress = Callable[[str, int, int | None], None]  # what is done, bytes read, bytes in all


def no_progress(doing: str, read: int, size: int | None) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Options:
    """What is to be known beside the paths.

    baseline, model, split_at: where normal is learnt from; without them each log is judged by itself
    since, until: only records of this time are judged
    budget: findings per 10,000 lines, at least that many in all; min_score: in [0, 1]
    accepted: ids of findings that are known to be fine
    """

    baseline: tuple[str, ...] = ()
    model: Path | None = None
    split_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    log_format: str | None = None
    session: str | None = None
    window: str = "auto"
    masks: tuple[str, ...] = ()
    budget: float = BUDGET
    min_score: float = MIN_SCORE
    accepted: frozenset[str] = frozenset()


@dataclass
class Result:
    """findings: the best first, within the budget; over: those beyond it; detector: what judged, in words;
    layouts: of each stream, in words."""

    sources: tuple[str, ...] = ()
    detector: str = "baseline"
    findings: list[Finding] = field(default_factory=list)
    over: int = 0
    accepted: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    layouts: dict[str, str] = field(default_factory=dict)
    lines: int = 0
    records: int = 0
    times: tuple[datetime, datetime] | None = None  #: of the first and the last record, where there are any
    windows: int = 0
    seconds: float = 0.0


def scan(
    paths: Sequence[str],
    options: Options | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> Result:
    """Find what does not belong. Raises LogscanError where an option means nothing or the model cannot be used."""
    began = perf_counter()
    result = Result()

    def problem(found: Problem) -> None:
        if found not in result.problems:
            result.problems.append(found)
            on_problem(found)

    streams = open_streams(paths, problem, spool=True)
    result.sources = tuple(source for stream in streams for source in stream.files)
    run = Run(options or Options(), result, progress, problem)
    found = run.judge_all(streams)
    kept = [finding for finding in found if not finding.accepted(run.options.accepted)]
    strange = ranked(finding for finding in kept if finding.score >= run.options.min_score)
    most = int(min(len(strange), max(run.options.budget, run.options.budget * result.lines / 10_000)))
    result.accepted = len(found) - len(kept)
    result.over = max(0, len(strange) - most)
    result.findings = with_texts(strange[:most], run.session_patterns)
    result.seconds = perf_counter() - began
    return result


def learn(
    streams: Iterable[Stream],
    reader: Reader,
    progress: Progress = no_progress,
    own: bool = False,
    past: Profile | None = None,
) -> Profile:
    """The profile of logs that are taken to be normal, and of its past; the reader's keys are frozen after it."""
    profile = Profile(reader.keys, past)
    for stream in streams:
        for chunk in reader.chunks(stream):
            profile.add(chunk)
            progress("learning", chunk.read, stream.size)
    return profile.finish(reader.freeze(), own)


def in_words(layout: Layout) -> str:
    """The format, and what identifies sessions."""
    return layout.format.name + (f", session {layout.session}" if layout.session else "")


def with_texts(findings: Sequence[Finding], session_patterns: Mapping[str, str]) -> list[Finding]:
    """The findings with the texts of their lines, read again, and with the names of their sessions."""
    places: dict[str, dict[int, int]] = {}  # source -> line -> offset
    lines = [line for finding in findings for line in finding.lines]
    for line in lines:
        places.setdefault(line.source, {})[line.line] = line.offset
    texts = {source: lines_at(source, wanted.items()) for source, wanted in places.items()}
    for line in lines:
        line.text, line.raw = texts[line.source].get(line.line, ("", None))
    return with_sessions(findings, session_patterns)


def with_sessions(findings: Sequence[Finding], patterns: Mapping[str, str]) -> list[Finding]:
    """The findings with the names of their sessions, which the pattern of a source finds in texts of first lines."""
    told = list(findings)
    for pattern in set(patterns.values()):
        of = [n for n, f in enumerate(findings) if f.kind in OF_WINDOWS and patterns.get(f.source) == pattern]
        texts = pl.Series([findings[n].lines[0].text for n in of], dtype=pl.String)
        for n, session in zip(of, texts.str.extract(pattern), strict=True):
            told[n] = replace(findings[n], window=f"session {session}" if session else None)
    return told


def extended(times: tuple[datetime, datetime] | None, more: pl.Series) -> tuple[datetime, datetime] | None:
    """The first and the last of all of these."""
    known = [*(times or ()), *(time for time in (more.min(), more.max()) if isinstance(time, datetime))]
    return (min(known), max(known)) if known else None


class Run:
    """One scan: what all of its streams share.

    detector: of windows, in the place of the profile's sessions; span: lines over which a long window extends;
    drift: of the model that judges
    """

    def __init__(
        self, options: Options, result: Result, progress: Progress, on_problem: Callable[[Problem], None]
    ) -> None:
        self.options = options
        self.result = result
        self.progress = progress
        self.on_problem = on_problem
        self.window = Window.parse(options.window)
        self.session_patterns: dict[str, str] = {}  # by source
        self.detector: SequenceDetector | WindowDetector | None = None
        self.span = 0
        self.drift: Drift | None = None

    def judge_all(self, streams: Sequence[Stream]) -> list[Finding]:
        """Findings of all streams."""
        options = self.options
        if options.model is not None:
            from logscan.detectors.drift import Drift, way_out
            from logscan.models.bundle import load

            model = load(options.model)
            reader = self.reader_of(model)
            name, logs = str(options.model), [stream.name for stream in streams]
            self.drift = Drift(model.profile, name, way_out(name, model.card["detector"], logs))
            return [finding for stream in streams for finding in self.judge(stream, reader, model.profile)]
        if options.baseline:
            reader, profile = self.learn_baseline()
            return [finding for stream in streams for finding in self.judge(stream, reader, profile)]
        return [finding for stream in streams for finding in self.judge_by_itself(stream)]

    def reader(self, keys: Keys, messages: Messages | None = None) -> Reader:
        """A reader over these keys, with the options of this run."""
        options = self.options
        return Reader(keys, self.on_problem, options.log_format, options.session, self.window, messages=messages)

    def learn_baseline(self) -> tuple[Reader, Profile]:
        """A reader, and the profile of the logs that are named as the baseline. Raises InputError."""
        reader = self.reader(Keys(self.options.masks))
        profile = learn(open_streams(self.options.baseline, self.on_problem), reader, self.progress)
        if not profile.records:
            raise InputError(f"nothing to learn from in {', '.join(self.options.baseline)}")
        return reader, profile

    def reader_of(self, model: "Bundle") -> Reader:
        """A reader with the keys of a bundle; what it holds will judge."""
        from logscan.models.bundle import layouts_of

        detector, messages = model.detector, None
        if detector is not None:
            self.detector = detector
            self.result.detector = f"{detector.name} ({detector.provider})"
            if detector.reads is not None:
                messages = Messages(detector.reads, model.keys.templates.masks)
            if self.options.window == "auto":
                self.window = Window.parse(model.card["window"])
        reader = self.reader(model.keys, messages)
        reader.by_format = layouts_of(model.card)
        sessions = model.profile.sessions
        if not self.window.by_session:
            self.span = 1  # only what holds an end of the log is cut by it
        else:
            self.span = int(model.card.get("span", sessions.span_ if sessions else 0))
        return reader

    def judge_by_itself(self, stream: Stream) -> list[Finding]:
        """Findings of a log whose normal is the log: what was written before `split_at`, or all of it, beginning with
        its older rotated siblings."""
        reader = self.reader(Keys(self.options.masks))
        if self.options.split_at is not None:
            reader.only = pl.col("time") < self.options.split_at
            profile = learn([stream], reader, self.progress)
            if not profile.records:
                raise InputError(f"{stream.name} has no record before {self.options.split_at}")
            return self.judge(stream, reader, profile)
        older = [str(path) for path in siblings(stream.name)] if len(stream.files) == 1 else []
        profile = learn([*open_streams(older, self.on_problem), stream], reader, self.progress, own=True)
        return self.judge(stream, reader, profile, own=True)

    def judge(self, stream: Stream, reader: Reader, profile: Profile, own: bool = False) -> list[Finding]:
        """Findings of one stream against a profile."""
        reader.only = self.judged()
        detector = Baseline(profile, own, self.detector, reader.messages, self.span)
        evidence = Evidence(profile)
        for chunk in reader.chunks(stream):
            evidence.add(detector.judge(chunk))
            if self.drift is not None and (word := self.drift.add(chunk)):
                self.result.notes.append(word)
            self.result.records += len(chunk.records)
            self.result.times = extended(self.result.times, chunk.records["time"])
            self.result.lines += int((chunk.records["last_line"] - chunk.records["line"] + 1).sum())
            self.progress("scanning", chunk.read, stream.size)
        evidence.add(detector.finish())
        if reader.only is not EVERYTHING and reader.layouts and not self.result.records:
            self.result.notes.append(f"{stream.name}: no record of the time that was asked for")
        self.result.windows += detector.windows
        notes = dict.fromkeys((*profile.notes, *detector.notes))
        self.result.notes += [f"{stream.name}: {note}" for note in notes]
        layout = reader.layouts.get(stream.name)
        if layout is not None:
            self.result.layouts[stream.name] = in_words(layout)
            if layout.session is not None and self.window.by_session:
                self.session_patterns.update(dict.fromkeys(stream.files, layout.session))
        return [explain(cause, profile, reader.sources, own) for cause in evidence.causes()]

    def judged(self) -> pl.Expr:
        """Which records are judged."""
        judged = EVERYTHING
        earliest = max((t for t in (self.options.since, self.options.split_at) if t is not None), default=None)
        if earliest is not None:
            judged = judged & (pl.col("time") >= earliest)
        if self.options.until is not None:
            judged = judged & (pl.col("time") < self.options.until)
        return judged
