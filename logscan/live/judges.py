"""The judges of all logs that are followed, against one past that is normal: chunks in, findings out."""

from collections.abc import Iterator
from time import time

import polars as pl

from logscan.detectors.baseline import SequenceDetector
from logscan.detectors.drift import Drift, way_out
from logscan.findings.finding import Finding
from logscan.live.judge import LiveJudge, Steps
from logscan.live.normal import Normal
from logscan.live.state import State
from logscan.live.tell import Teller
from logscan.live.texts import Texts
from logscan.records import Chunk
from logscan.scan import Run, with_sessions
from logscan.sources import Problem
from logscan.windows import OpenWindows
from logscan.windows.sessions import MAX_OPEN

PATIENCE = 60_000_000  # microseconds that a session may pause at the least


class Judges:
    """One judge a log, with what they share: the steps that were judged, what was told, and drift.

    of: by log
    """

    def __init__(self, run: Run, normal: Normal, texts: Texts) -> None:
        self.of: dict[str, LiveJudge] = {}
        self._run = run
        self._normal = normal
        self._detector = run.detector or normal.profile.sessions
        self._steps = Steps(self._detector) if isinstance(self._detector, SequenceDetector) else None
        self._teller = Teller(normal.profile, run.options, normal.reader, texts)
        self._drift: Drift | None = None
        model = run.options.model
        if model is not None:
            refresh = way_out(str(model), normal.card["detector"], run.result.sources)
            self._drift = Drift(normal.profile, str(model), refresh)

    def findings(self, source: str, chunk: Chunk, lines: int, now: float) -> Iterator[Finding]:
        """What is to be told of a chunk of so many lines that came at `now`, in seconds of the clock of the windows."""
        if self._drift is not None and (word := self._drift.add(chunk)):
            self._run.on_problem(Problem(source, word, fatal=False))
        self._teller.lines_came(lines)
        yield from self._told(source, self._judge(source).judge_at(chunk, int(now * 1e6)))

    def look(self, now: float, over: bool) -> Iterator[Finding]:
        """What is to be told of what did not come; with `over` of what was waited for in vain."""
        for source, judge in self.of.items():
            yield from self._told(source, judge.finish() if over else judge.look(int(now * 1e6)))

    def _judge(self, source: str) -> LiveJudge:
        """The judge of a log."""
        if source not in self.of:
            window, profile, messages = self._run.window, self._normal.profile, self._normal.reader.messages
            pause = max(2 * profile.pause, PATIENCE) if window.by_session else 0
            ends = profile.sessions.last() if window.by_session and profile.sessions else None
            reach = (self._detector.reach or 0) if isinstance(self._detector, SequenceDetector) else 0
            windows = OpenWindows(
                pause, window.records or 0, ends, messages, time=window.microseconds or 0, reach=reach
            )
            self.of[source] = LiveJudge(profile, windows, self._run.detector, messages, self._run.span, self._steps)
            for judge in self.of.values():
                judge.open.limit = MAX_OPEN // len(self.of)
        return self.of[source]

    def _told(self, source: str, evidence: pl.DataFrame) -> Iterator[Finding]:
        if not len(evidence):
            return
        layout = self._normal.reader.layouts.get(source)
        pattern = layout.session if layout is not None and self._run.window.by_session else None
        for finding in self._teller.findings(evidence, time()):
            yield from with_sessions([finding], {finding.source: pattern} if pattern else {})
        self._run.result.over, self._run.result.accepted = self._teller.over, self._teller.accepted

    def state(self, now: float) -> State:
        """What means something with the keys of this model only."""
        judges = {str(number): judge.state(int(now * 1e6)) for number, judge in enumerate(self.of.values())}
        return State.of(
            {
                "reader": State(self._normal.reader.to_json()),
                "logs": State(list(self.of)),
                "judges": State.of(judges),
                "teller": self._teller.state(),
                "drift": State(self._drift.to_json() if self._drift else None),
            }
        )

    def restore(self, state: State, now: float) -> None:
        """Go on with what `state` gave."""
        self._normal.reader.restore(state.part("reader").data)
        judges = state.part("judges")
        for number, source in enumerate(state.part("logs").data):
            self._judge(source).restore(judges.part(str(number)), int(now * 1e6))
        self._teller.restore(state.part("teller"))
        drift = state.part("drift").data
        if self._drift is not None and drift is not None:
            self._drift.restore(drift)
