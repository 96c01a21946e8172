"""The judge of one log that is still written: as `Baseline`, with a word as soon as there is reason for one.

A step that makes its window anomalous, whatever may follow, is told when it comes; what depends on the whole of a
window when it closes. A key that kept a beat is told to be silent when its pause has grown too long, not when it comes
back.
"""

import numpy as np
import polars as pl

from logscan.detectors.baseline import Baseline, Bools, SequenceDetector
from logscan.detectors.evidence import EVIDENCE, together
from logscan.detectors.profile import Profile
from logscan.detectors.sessions import BEGIN
from logscan.detectors.wholes import WindowDetector
from logscan.live.state import State
from logscan.records import Chunk
from logscan.templates.messages import Messages
from logscan.windows.open import Grown, OpenWindows
from logscan.windows.sessions import Floats, Ints, Windows

AGAIN = 1_000_000  # microseconds for which a step is not evidence once more
STEP = ["session", "source", "line"]  # what tells a step from others
REMEMBERED = 200_000  # beginnings of windows whose last step is known

Step = tuple[int, int, int]  # the values of STEP


class Steps:
    """How surprising steps are, by a detector of sequences; the same beginning of a window is judged once."""

    def __init__(self, detector: SequenceDetector) -> None:
        self.detector = detector
        self._nats: dict[int, float] = {}  # of the last step, by the digest of the beginning

    def nats(self, grown: Grown) -> Floats:
        """(events,) nats of the step to each fresh event, 0 for the others."""
        fresh, nats = grown.fresh, np.zeros(len(grown.rows))
        beginnings = grown.prefixes[fresh].tolist()
        new = np.array([beginning not in self._nats for beginning in beginnings], bool)
        if new.any():
            if len(self._nats) > REMEMBERED:
                self._nats.clear()
                new[:] = True
            asked = np.unique(np.searchsorted(grown.starts, fresh[new], "right") - 1)
            once = asked[np.unique(grown.prefixes[grown.starts[asked + 1] - 1], return_index=True)[1]]
            windows = grown.take(once)
            self._nats.update(zip(windows.prefixes.tolist(), self.detector.surprise(windows)[0].tolist(), strict=True))
        nats[fresh] = [self._nats[beginning] for beginning in beginnings]
        return nats


class LiveJudge(Baseline):
    """Judges one log against a finished profile while it is written. steps: shared by the judges of all logs."""

    def __init__(
        self,
        profile: Profile,
        windows: OpenWindows,
        detector: SequenceDetector | WindowDetector | None = None,
        messages: Messages | None = None,
        span: int = 0,
        steps: Steps | None = None,
    ) -> None:
        super().__init__(profile, False, detector, messages, span)
        self.open = windows
        self.steps = steps
        self.now = 0
        self._said: dict[tuple[int, int], int] = {}  # when a step was evidence, by the key before it and its own
        self._early_steps: dict[int, list[Step]] = {}  # that were told before their windows closed, by window
        self._complete = True  # the windows that are judged now
        self._over = False  # the log

    def judge_at(self, chunk: Chunk, now: int) -> pl.DataFrame:
        """Evidence in a chunk that came at `now`, in microseconds of the clock of `OpenWindows`."""
        self.now = now
        return self.judge(chunk)

    def look(self, now: int) -> pl.DataFrame:
        """Evidence in what did not come: windows that are complete, and keys that have gone silent."""
        found = [self._silences(self._rates.silent_at_end(now - self.now))]
        if self.detector is not None:
            found += self._closed(now, quiet=True)
        return together(found)

    def _windows(self, events: pl.DataFrame) -> list[pl.DataFrame]:
        grown = self.open.add(events, self.now)
        found = [self._early(self.detector, grown)] if isinstance(self.detector, SequenceDetector) else []
        return [*found, *self._closed(self.now, quiet=False)]

    def _closed(self, now: int, quiet: bool) -> list[pl.DataFrame]:
        found = []
        for windows, complete in self.open.close(now, quiet):
            self._complete = complete
            found.append(self._rest(windows))
        return found

    def _rest(self, windows: Windows) -> pl.DataFrame:
        """The evidence in closed windows without the steps that were told early."""
        evidence = self._judge_windows(windows)
        told = {step for window in windows.ids.tolist() for step in self._early_steps.pop(window, ())}
        if not told or not len(evidence):
            return evidence
        known = pl.Series([step in told for step in evidence[STEP].iter_rows()], dtype=pl.Boolean)
        return evidence.filter(~known | pl.col("about").str.contains("/end/"))

    def _last_windows(self) -> pl.DataFrame:
        self._over = True
        return self._rest(self.open.close_all())

    def _early(self, detector: SequenceDetector, grown: Grown) -> pl.DataFrame:
        """The steps that make windows anomalous which are not complete."""
        if not len(grown) or self.steps is None or detector.reach is None:
            return EVIDENCE
        nats, first = self.steps.nats(grown), grown.starts[:-1]
        begun = self._begun_before(grown.column("source", first), grown.column("line", first), detector.span_)
        nats[first[begun]] = 0.0
        worst = np.maximum.reduceat(nats, first)
        limits = detector.early(worst, lambda asked: self.open.whole(grown.ids[asked]))
        certain = np.flatnonzero(nats > np.repeat(limits, grown.lengths))
        for step in zip(*(grown.column(name, certain).tolist() for name in ("window", "source", "line")), strict=True):
            self._early_steps.setdefault(step[0], []).append(step)
        told = certain[self._worth_saying(grown, certain)]
        if not len(told):
            return EVIDENCE
        chosen = np.unique(np.searchsorted(grown.starts, told, "right") - 1)
        strange, surprise = grown.take(chosen), np.zeros(len(nats))
        surprise[told] = nats[told]
        surprise = np.concatenate([surprise[grown.starts[n] : grown.starts[n + 1]] for n in chosen])
        nothing, as_far_as_known = np.zeros(len(chosen)), np.ones(len(chosen), bool)
        return self._strange_steps(detector, strange, surprise, nothing, limits[chosen], as_far_as_known)

    def _worth_saying(self, grown: Grown, strange: Ints) -> Bools:
        """(m,) which of the (m,) strange steps are evidence: of equal ones, one every AGAIN."""
        before = np.where(np.isin(strange, grown.starts), BEGIN, grown.keys[strange - 1]).tolist()
        told = np.zeros(len(strange), bool)
        for at, step in enumerate(zip(before, grown.keys[strange].tolist(), strict=True)):
            told[at] = self.now - self._said.get(step, -AGAIN) >= AGAIN
            if told[at]:
                self._said[step] = self.now
        if len(self._said) > REMEMBERED:
            self._said.clear()
        return told

    def _cut(self, windows: Windows, span: int) -> tuple[Bools, Bools]:
        """Which windows may have begun before the log was followed, and which may go on: (n,) each."""
        before, after = super()._cut(windows, span)
        return before, after if self._over else np.full(len(windows), not self._complete)

    @property
    def closed_early(self) -> int:
        """Windows that were closed because too many were open."""
        return self.open.closed_early

    def state(self, now: int) -> State:
        """The open windows, and what the rates go on with."""
        data = {
            "borders": self._borders,
            "windows": self.windows,
            "untold": self._untold,
            "closed_early": self.open.closed_early,
            "bucket": self._rates.now,
        }
        carried = pl.DataFrame(self._rates.carried, {"code": pl.Int64, "rate": pl.Int64})
        rates = {"carried": carried, "beats": self._rates.beats}
        early = [step for steps in self._early_steps.values() for step in steps]
        schema = EVIDENCE[STEP].schema
        return State(data, {"open": self.open.held(now), "early": pl.DataFrame(early, schema, orient="row"), **rates})

    def restore(self, state: State, now: int) -> None:
        """Go on with what `state` gave."""
        data, tables = state.data, state.tables
        (first, last), self.windows = data["borders"], int(data["windows"])
        self._borders = (tuple(first), tuple(last))
        self._untold, self.open.closed_early = int(data["untold"]), int(data["closed_early"])
        self.now = now
        self.open.restore(tables["open"], now)
        for step in tables["early"].iter_rows():
            self._early_steps.setdefault(step[0], []).append(step)
        self._rates.now, self._rates.beats = data["bucket"], tables["beats"]
        self._rates.carried = tables["carried"]["code"].to_numpy(), tables["carried"]["rate"].to_numpy()
