"""The default detector: what a log holds that its past does not.

It needs no labels. Given the profile of a known-good log it looks for what differs from it; given the profile of the
log itself, for what is local in it. It gives evidence: single records, each with the kind of strangeness and how
surprising it is in nats (minus the natural logarithm of its probability), from which findings are made.

    new     a template that the past lacks
    rare    a template that the log itself wrote in hardly any of its stretches
    value   a value that a slot with few values never held
    order   a step that is improbable, in a session whose event counts were never seen
    count   in such a session a step that is a repetition, or an end where more was to come
    burst   far more records of a key in a bucket of time than ever
    silent  a key that kept a beat, and stopped
    window  an event to blame for a window that a detector of whole windows calls anomalous
"""

from collections.abc import Callable, Sequence
from math import log
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.columns import rows_of
from logscan.detectors.evidence import EVIDENCE, evidence, in_json, together
from logscan.detectors.kinds import JudgedKind, KindJudge
from logscan.detectors.profile import Profile, session_events
from logscan.detectors.rates import RateJudge
from logscan.detectors.sessions import BEGIN, keys_before
from logscan.detectors.wholes import Blaming, WindowDetector, shares
from logscan.records import Chunk
from logscan.templates.messages import Messages
from logscan.windows.sessions import Floats, Hashes, Ints, Sessions, Windows

Bools = npt.NDArray[np.bool_]

PHASES = 0.5  # share of a log that may be local; one with more goes through phases, and only trouble in it is told
LEAST_FOR_STEP = 10  # times that a key must have been seen before its place in a session says something
SCALE = 4.0  # nats of surprise that make a score of 1 - 1/e
CERTAIN = 1 - 1e-6  # the score of a window beyond which it says nothing more


@runtime_checkable
class SequenceDetector(Protocol):
    """What judges the steps of sessions: `SessionDetector`, or a network. See there for what each does."""

    span_: int
    sessions_: int
    reach: int | None  # events before a step that say how surprising it is; None: only the whole window says it

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) of the step to each event, and (n,) of the end of each window, in nats."""

    def thresholds(self, windows: Windows, more_than: int = 0) -> Floats:
        """(n,) nats above which a step makes each window anomalous."""

    def seen(self, vectors: Hashes, more_than: int = 0) -> Bools:
        """(n,) whether normal windows had the same event counts."""

    def early(self, worst: Floats, whole: Callable[[Ints], Windows]) -> Floats:
        """(n,) nats above which a step makes each window anomalous whatever follows in it, given the worst of the last
        steps; whole: the windows at these indices, as far as they are known."""

    def expected(self, windows: Windows, rows: Ints, at_end: Bools) -> list[list[tuple[int, float]]]:
        """The keys that were most probable in the place of these events, or behind them."""


class Baseline:
    """Judges a log chunk by chunk against a finished profile.

    own: the profile is that of the log itself
    detector: what judges windows, by default the sessions of the profile; messages: the texts that it reads
    span: lines over which a long window extends, for a detector that judges windows as wholes
    """

    def __init__(
        self,
        profile: Profile,
        own: bool = False,
        detector: SequenceDetector | WindowDetector | None = None,
        messages: Messages | None = None,
        span: int = 0,
    ) -> None:
        assert profile.rates is not None
        self.profile = profile
        self.own = own
        self.detector = detector or profile.sessions
        self.span = span
        self._local = pl.Series(profile.local() if own else [], dtype=pl.Int32)
        often = profile.counts >= LEAST_FOR_STEP
        often[self._local.to_numpy()] = False
        self._common = np.append(np.flatnonzero(often), BEGIN)
        self._rates = RateJudge(profile.rates)
        self._sessions = Sessions(messages=messages)
        self._kinds = KindJudge(profile, own)
        self._borders = ((0, 0), (0, 0))  # source and line of the first and of the last record so far
        self.windows = 0
        self._untold = 0  # windows

    @property
    def notes(self) -> list[str]:
        """What the reader of the findings should know."""
        early, untold = self.closed_early, self._untold
        notes = [f"{early:,} sessions were closed early: too many were open at once"] if early else []
        windows = f"{untold:,} anomalous window{'s are' if untold != 1 else ' is'}"
        return [*notes, f"{windows} not told: the log may begin or end within"] if untold else notes

    @property
    def closed_early(self) -> int:
        """Windows that were closed because too many were open."""
        return self._sessions.closed_early

    def judge(self, chunk: Chunk) -> pl.DataFrame:
        """Evidence in a chunk, with the columns of EVIDENCE."""
        judged = self._kinds.judge(chunk.kinds)
        troubled = pl.Series("trouble", [share for share, _ in judged], dtype=pl.Float64)
        records = chunk.records.hstack([troubled[chunk.records["kind"]]])
        if len(records):
            first, last = ((int(records["source"][at]), int(records["line"][at])) for at in (0, -1))
            self._borders = (self._borders[0] if self._borders[1][1] else first, last)
        found = [self._rare(records) if self.own else self._new(chunk, records), self._values(judged, records)]
        bursts, silences = self._rates.judge(records)
        found += [self._bursts(bursts), self._silences(silences)]
        if self.detector is not None:
            found += self._windows(session_events(chunk))
        return together(found)

    def finish(self) -> pl.DataFrame:
        """Evidence that shows at the end: silences that lasted, windows that are complete."""
        found = [self._silences(self._rates.silent_at_end())]
        if self.detector is not None:
            found.append(self._last_windows())
        return together(found)

    def _windows(self, events: pl.DataFrame) -> list[pl.DataFrame]:
        """Evidence in windows, given more events."""
        return list(map(self._judge_windows, self._sessions.add(events)))  # none is held while the next are got

    def _last_windows(self) -> pl.DataFrame:
        """Evidence in windows that were open when the log ended."""
        return self._judge_windows(self._sessions.close())

    def _new(self, chunk: Chunk, records: pl.DataFrame) -> pl.DataFrame:
        new = chunk.kinds["template"].to_numpy() >= self.profile.keys.templates.known
        if not new.any():
            return EVIDENCE
        rows = np.flatnonzero(new[records["kind"].to_numpy()])
        surprise = -log((self.profile.singletons() + 0.5) / max(self.profile.records, 1))
        return evidence("new", rows_of(records, rows), surprise)

    def _rare(self, records: pl.DataFrame) -> pl.DataFrame:
        local = records.filter(pl.col("key").is_in(self._local.implode()))
        if self.profile.counts[self._local].sum() > PHASES * self.profile.records:
            local = local.filter(pl.col("trouble") > 0)
        # one of many rare kinds is no surprise; of a storm not every record is a surprise of its own
        alike = np.maximum(np.sqrt(self.profile.counts), self.profile.singletons())
        share = pl.Series("share", alike / max(self.profile.records, 1)).gather(local["key"])
        return evidence("rare", local.with_columns(share), -pl.col("share").log())

    def _values(self, judged: Sequence[JudgedKind], records: pl.DataFrame) -> pl.DataFrame:
        """Records whose kind has a value in a slot that never held it."""
        strange = [(number, *value) for number, (_, values) in enumerate(judged) for value in values]
        if not strange:
            return EVIDENCE
        schema = {"kind": pl.UInt32, "surprise": pl.Float64, "about": pl.String}
        table = pl.DataFrame(strange, schema, orient="row")
        records = records.join(table, on="kind", maintain_order="left")
        return evidence("value", records, pl.col("surprise"), pl.col("about"))

    def _bursts(self, found: pl.DataFrame) -> pl.DataFrame:
        if not len(found):
            return EVIDENCE
        excess = (pl.col("rate") / pl.col("burst")).log() + 5.0
        return evidence("burst", found, excess, pl.col("over"))

    def _silences(self, found: pl.DataFrame) -> pl.DataFrame:
        if not len(found):
            return EVIDENCE
        excess = (pl.col("pause") / pl.col("silence")).log() + 5.0
        return evidence("silent", found, excess, pl.format("{}/{}", "pause", "silence"))

    def _judge_windows(self, windows: Windows) -> pl.DataFrame:
        if self.detector is None or not len(windows):
            return EVIDENCE
        self.windows += len(windows)
        if isinstance(self.detector, SequenceDetector):
            return self._judge_steps(self.detector, windows)
        return self._judge_wholes(self.detector, windows)

    def _judge_wholes(self, detector: WindowDetector, windows: Windows) -> pl.DataFrame:
        """The events to blame for anomalous windows; of those that may be cut, what is missing would be blamed."""
        read = windows if windows.messages is None else windows.by_message()
        first, inverse, _ = read.distinct()
        once = windows.take(first)
        scores = detector.score(once)
        anomalous, cut = (scores.window > 0.5)[inverse], np.logical_or(*self._cut(windows, self.span))
        self._untold += int((anomalous & cut).sum())
        chosen = np.flatnonzero(anomalous & ~cut)
        asked, which = np.unique(inverse[chosen], return_inverse=True)
        if not len(asked):
            return EVIDENCE
        blamed = once.take(asked)
        blame = detector.blame(blamed) if isinstance(detector, Blaming) else scores.event[once.rows(asked)]
        share = shares(blame, blamed)[blamed.rows(which)]
        # `explain` makes 1 - exp(-nats / SCALE) of nats: a finding gets the score of its most anomalous window, and the
        # line blamed most in there too
        nats = -SCALE * np.log1p(-np.minimum(scores.window[asked][which], CERTAIN))
        found = windows.take(chosen)
        events = found.events.with_columns(
            share=pl.Series(share),
            surprise=pl.Series(share * np.repeat(nats, found.lengths)),
            last_line=pl.col("line"),
            session=pl.col("window"),
            trouble=pl.lit(0.0),
        )
        most = pl.col("key").filter(pl.col("share") == 1).first().over("window")
        events = events.with_columns(about=pl.format("{}/{}", most, pl.lit(detector.name)))
        return evidence("window", events.filter(pl.col("share") > 0), pl.col("surprise"), pl.col("about"))

    def _judge_steps(self, sessions: SequenceDetector, windows: Windows) -> pl.DataFrame:
        """The improbable steps of strange sessions."""
        usual = max(1, int(0.001 * sessions.sessions_)) if self.own else 0
        first, inverse, _ = windows.distinct()
        once = windows.take(first)
        steps, ends = sessions.surprise(once, self.own)
        worst, limits = np.maximum(np.maximum.reduceat(steps, once.starts[:-1]), ends), sessions.thresholds(once, usual)
        chosen = np.flatnonzero((worst > limits)[inverse])
        if not len(chosen):
            return EVIDENCE
        strange, alike = windows.take(chosen), inverse[chosen]
        seen = sessions.seen(once.vectors, usual)[alike]
        steps, ends, limits = steps[once.rows(alike)], ends[alike], limits[alike]
        cut_before, cut_after = self._cut(strange, sessions.span_)
        steps[strange.starts[:-1][cut_before]] = 0.0
        ends[cut_after] = 0.0
        return self._strange_steps(sessions, strange, steps, ends, limits, seen)

    def _strange_steps(
        self, sessions: SequenceDetector, windows: Windows, steps: Floats, ends: Floats, limits: Floats, seen: Bools
    ) -> pl.DataFrame:
        """The steps whose surprise, (events,) of each and (n,) of each end, is above the limit of their window."""
        keys, window = windows.keys, np.repeat(np.arange(len(windows)), windows.lengths)
        stepped, ended = np.flatnonzero(steps > limits[window]), np.flatnonzero(ends > limits)
        rows = np.concatenate([stepped, windows.starts[1:][ended] - 1])
        surprise, at_end = np.concatenate([steps[stepped], ends[ended]]), np.arange(len(rows)) >= len(stepped)
        before = np.where(at_end, keys[rows], keys_before(windows)[rows])
        # a step from or to a key that is strange by itself says nothing more
        told = np.flatnonzero(np.isin(keys[rows], self._common) & np.isin(before, self._common))
        if not len(told):
            return EVIDENCE
        rows, surprise, at_end, before = rows[told], surprise[told], at_end[told], before[told]
        end, same = pl.Series(at_end), pl.Series(before == keys[rows])
        how = pl.when(end).then(pl.lit("end")).when(same).then(pl.lit("again")).otherwise(pl.lit("step"))
        past = pl.when(pl.Series(seen[window[rows]])).then(pl.lit("seen")).otherwise(pl.lit("new"))
        found = windows.events_at(rows).with_columns_seq(
            surprise=pl.Series(surprise),
            last_line=pl.col("line"),
            session=pl.col("window"),
            trouble=pl.lit(0.0),
            how=how,
            about=pl.format("{}/{}/{}", pl.Series(before), how, past),
            expected=in_json(sessions.expected(windows, rows, at_end)),
        )
        kind = pl.when(pl.col("how") == "step").then(pl.lit("order")).otherwise(pl.lit("count"))
        return evidence(kind, found, pl.col("surprise"), pl.col("about"))

    def _cut(self, windows: Windows, span: int) -> tuple[Bools, Bools]:
        """Which windows may have begun before the log, and which may go on after it: (n,) each."""
        first, last = windows.events_at(windows.starts[:-1]), windows.events_at(windows.starts[1:] - 1)
        before = self._begun_before(first["source"].to_numpy(), first["line"].to_numpy(), span)
        last_source, last_line = self._borders[1]
        after = (last["source"].to_numpy() == last_source) & (last_line - last["line"].to_numpy() < span)
        return before, after

    def _begun_before(self, source: Ints, line: Ints, span: int) -> Bools:
        """(n,) which windows may have begun before the log, given their first events."""
        first_source, first_line = self._borders[0]
        return np.asarray((source == first_source) & (line - first_line < span))
