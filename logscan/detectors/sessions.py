"""Sessions that are strange in what they hold and in how they go.

The idea: the set of event counts alone trips over harmless repetition, the order of events alone over harmless
interleaving. A session is anomalous where *both* are strange: no session with the same event counts was normal, and
one of its steps is improbable after the step before it.

Counts are compared as whole vectors, as in the table of seen count vectors that M. Landauer et al. found hard to beat
("A critical review of common log data sets used for evaluation of sequence-based anomaly detection techniques").
Steps follow a 2-gram model with Witten-Bell back-off to the frequency of the event (I. Witten and T. Bell, "The
zero-frequency problem", 1991), the beginning and the end of a session being steps too.

The threshold on the most improbable step is calibrated without labels: normal sessions are held out in turn, and it is
put where at most `false_positives` of them would be called anomalous. Where all normal sessions are orderly, a session
of well-known events in an order beyond anything held out is anomalous too.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from logscan.windows.sessions import Floats, Hashes, Ints, Windows, scatter

BEGIN, END = -1, -2
FEWEST = 50  # sessions below which nothing is learnt about sessions
FOLDS = 5
MOST_CONTENTS = 20_000_000  # counts of keys in sessions beyond which open ones are not compared with them


@dataclass(frozen=True)
class Options:
    """false_positives: share of normal sessions that may be called anomalous;
    improbable, impossible: the threshold stays between these two probabilities of a step, since with few sessions
    the worst held-out one says little;
    margin: nats beyond the worst step of all held-out sessions that make an order of well-known events anomalous."""

    false_positives: float = 0.001
    improbable: float = 0.005
    impossible: float = 0.001
    margin: float = 2.0


class Scores(NamedTuple):
    """window: (n,) in [0, 1], 0.5 at the threshold; event: (events,) the same for each step."""

    window: Floats
    event: Floats


class Steps:
    """A 2-gram model of events, learnt from (m,) steps with weights."""

    def __init__(self, before: Ints, after: Ints, weights: Ints) -> None:
        self.codes, self.counts = _tally(_code(before, after), weights)
        self.contexts, self.totals = _tally((self.codes >> 32) - 2, self.counts)
        _, self.types = _tally((self.codes >> 32) - 2, np.ones(len(self.codes)))
        self.events, self.frequency = _tally((self.codes & 0xFFFFFFFF) - 2, self.counts)

    @property
    def learnt(self) -> tuple[Ints, Ints, Ints]:
        """The distinct steps, as they are learnt from: event before, event after, how often."""
        return (self.codes >> 32) - 2, (self.codes & 0xFFFFFFFF) - 2, self.counts.astype(np.int64)

    def surprise(self, before: Ints, after: Ints, own: bool = False) -> Floats:
        """(m,) minus the natural logarithm of the probability of `after` behind `before`; with `own` each step was
        learnt from itself too, and is taken out for its judgement."""
        vocabulary = len(self.events) + 1  # and one for the event never seen
        rare = (_look(self.events, self.frequency, after) + 0.5) / (self.frequency.sum() + 0.5 * vocabulary)
        total = _look(self.contexts, self.totals, before) - own
        seen = _look(self.codes, self.counts, _code(before, after)) - own
        types = _look(self.contexts, self.types, before) - (own & (seen == 0))
        followed = (seen + types * rare) / np.maximum(total + types, 1)
        return np.asarray(-np.log(np.where(total > 0, followed, rare)))

    def expected(self, before: int, most: int = 3) -> list[tuple[int, float]]:
        """The most probable events behind `before` with their probabilities; END where a session may end."""
        first, last = np.searchsorted(self.codes, np.array([before + 2, before + 3]) << 32)
        counts = self.counts[first:last]
        best = np.argsort(-counts, kind="stable")[:most]
        return [(int((self.codes[first + i] & 0xFFFFFFFF) - 2), float(counts[i] / counts.sum())) for i in best]


def _tally(values: Ints, weights: npt.ArrayLike) -> tuple[Ints, Floats]:
    """The distinct values, sorted, and the sum of the weights of each."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return distinct, np.bincount(inverse, weights, minlength=len(distinct)).astype(np.float64)


def _code(before: Ints, after: Ints) -> Ints:
    return ((before + 2) << 32) | (after + 2)


def _look(table: Ints, values: Floats, wanted: Ints) -> Floats:
    """The values of the wanted entries of a sorted table, 0 where there is none."""
    if not len(table):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
    return np.where(table[at] == wanted, values[at], 0.0)


class SessionDetector:
    """Learns count vectors and steps of normal sessions.

    threshold_, order_threshold_: nats of surprise; span_: lines of the log over which a long session extends;
    vectors_, contents_: of the event counts of normal sessions, digests and (v, keys) counts
    """

    reach: int | None = 1  # steps follow a 2-gram model
    contents_: npt.NDArray[np.int32] | None = None  # where there are not too many
    vectors_: Hashes
    vector_counts_: Ints
    steps_: Steps

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def fit(
        self, windows: Windows, counts: Ints | None = None, past: "SessionDetector | None" = None
    ) -> "SessionDetector":
        """Learn from normal windows, each standing for `counts` equal ones, and calibrate on held-out ones.

        past: what is learnt on. Its windows are gone, so thresholds are calibrated on the new ones alone, and never
        get lower.
        """
        if counts is None:
            first, _, counts = windows.distinct()
            windows = windows.take(first)
        self._learn(windows, counts, past)
        self.span_ = windows.span()
        worst, unseen, weights = self._held_out(windows, counts, past)
        lowest, highest = -np.log(self.options.improbable), -np.log(self.options.impossible)
        strange = np.repeat(worst[unseen], weights[unseen])
        allowed = int(self.options.false_positives * counts.sum())
        calibrated = float(np.sort(strange)[::-1][allowed]) if len(strange) > allowed else 0.0
        self.threshold_ = float(np.clip(calibrated, lowest, highest))
        self.order_threshold_ = float(max(highest, worst.max(initial=0.0) + self.options.margin))
        if past is not None:
            self.span_ = max(self.span_, past.span_)
            self.threshold_ = max(self.threshold_, past.threshold_)
            self.order_threshold_ = max(self.order_threshold_, past.order_threshold_)
        return self

    def _learn(self, once: Windows, weights: Ints, past: "SessionDetector | None" = None) -> None:
        vectors, counts, contents = once.vectors, weights, _counts(once)
        before, after, window = _steps(once)
        steps = before, after, weights[window]
        if past is not None:
            vectors, counts = np.append(past.vectors_, vectors), np.append(past.vector_counts_, counts)
            contents = _stacked(past.contents_, contents)
            before, after, seen = (np.append(old, new) for old, new in zip(past.steps_.learnt, steps, strict=True))
            steps = before, after, seen
        self.sessions_ = int(counts.sum())
        self.vectors_, first, inverse = np.unique(vectors, return_index=True, return_inverse=True)
        self.contents_ = None if contents is None else contents[first]
        self.vector_counts_ = np.bincount(inverse, counts).astype(np.int64)
        self.steps_ = Steps(*steps)

    def renamed(self, keys: Ints) -> "SessionDetector":
        """To be learnt on: with `keys[key]` in the place of each key. Of event counts that are digests only, those
        of a key that has another number are not met again."""
        renamed = copy(self)
        before, after, counts = self.steps_.learnt
        named = np.append(keys, [END, BEGIN])  # END and BEGIN are -2 and -1, the last two
        renamed.steps_ = Steps(named[before], named[after], counts)
        if self.contents_ is not None:
            contents = np.zeros((len(self.contents_), int(keys.max(initial=-1)) + 1), np.int32)
            np.add.at(contents.T, keys[: self.contents_.shape[1]], self.contents_.T)
            renamed.contents_ = contents
            renamed.vectors_ = contents.astype(np.uint64) @ scatter(np.arange(contents.shape[1]))
        return renamed

    def _held_out(
        self, once: Windows, counts: Ints, past: "SessionDetector | None" = None
    ) -> tuple[Floats, npt.NDArray[np.bool_], Ints]:
        """Sessions as judged by others: their worst steps, whether their event counts are unseen, how many each is."""
        folds = np.random.default_rng(0).multinomial(counts, [1 / FOLDS] * FOLDS)
        found = [(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64))]
        for out in folds.T:
            kept, tested = np.flatnonzero(counts - out), np.flatnonzero(out)
            if len(kept) and len(tested):
                trial = SessionDetector(self.options)
                trial._learn(once.take(kept), (counts - out)[kept], past)
                held_out = once.take(tested)
                found.append((trial.worst(held_out), ~trial.seen(held_out.vectors), out[tested]))
        worst, unseen, weights = zip(*found, strict=True)
        return np.concatenate(worst), np.concatenate(unseen), np.concatenate(weights)

    def seen(self, vectors: Hashes, more_than: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether more than so many normal sessions had the same event counts."""
        if not len(self.vectors_):
            return np.zeros(len(vectors), bool)
        at = np.minimum(np.searchsorted(self.vectors_, vectors), len(self.vectors_) - 1)
        return np.asarray((self.vectors_[at] == vectors) & (self.vector_counts_[at] > more_than))

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) the surprise of the step to each event, and (n,) of the end of each window, in nats; with `own`
        each window was learnt from too, and is taken out for its judgement."""
        before, after, _ = _steps(windows)
        steps = self.steps_.surprise(before, after, own)
        ends = windows.starts[1:] + np.arange(len(windows))  # each window has one step more than events
        return np.delete(steps, ends), steps[ends]

    def worst(self, windows: Windows, own: bool = False) -> Floats:
        """(n,) the surprise of each window's most improbable step."""
        if not len(windows):
            return np.zeros(0)
        steps, ends = self.surprise(windows, own)
        return np.maximum(np.maximum.reduceat(steps, windows.starts[:-1]), ends)

    def thresholds(self, windows: Windows, more_than: int = 0) -> Floats:
        """(n,) nats of surprise above which a step makes each window anomalous; lower where its event counts are not
        those of more than so many normal sessions."""
        return np.where(self.seen(windows.vectors, more_than), self.order_threshold_, self.threshold_)

    def early(self, worst: Floats, whole: Callable[[Ints], Windows]) -> Floats:
        """(n,) nats of surprise above which a step makes each window anomalous whatever follows in it, given the worst
        of its last steps: no normal session has more of every event, or the step is improbable beyond anything.

        whole: the windows at these indices
        """
        limits = np.full(len(worst), self.order_threshold_)
        asked = np.flatnonzero((worst > self.threshold_) & (worst <= self.order_threshold_))
        if self.contents_ is not None and len(asked):
            width, windows = self.contents_.shape[1], whole(asked)
            for window, start, end in zip(asked, windows.starts, windows.starts[1:], strict=False):
                counts = np.bincount(windows.keys[start:end], minlength=width)
                known = not counts[width:].any() and (self.contents_ >= counts[:width]).all(axis=1).any()
                limits[window] = self.order_threshold_ if known else self.threshold_
        return limits

    def last(self) -> Ints:
        """The events behind which a session has always ended, and often."""
        only = self.steps_.contexts[(self.steps_.types == 1) & (self.steps_.totals >= FEWEST)]
        return np.asarray(only[np.isin(_code(only, np.full(len(only), END)), self.steps_.codes)])

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[list[tuple[int, float]]]:
        """What is most probable in the place of each of these events, or behind it where its window ends too early."""
        before = np.where(at_end, windows.keys[rows], keys_before(windows)[rows]).tolist()
        found = {key: self.steps_.expected(key) for key in set(before)}
        return [found[key] for key in before]

    def score(self, windows: Windows) -> Scores:
        """Scores of windows and events."""
        first, inverse, _ = windows.distinct()
        once = windows.take(first)
        limits = self.thresholds(once)
        worst = self.worst(once)
        steps, ends = self.surprise(windows)
        last = windows.starts[1:] - 1
        steps[last] = np.maximum(steps[last], ends)
        limit = np.repeat(limits[inverse], windows.lengths)
        return Scores((worst / (worst + limits))[inverse], steps / (steps + limit))

    def to_json(self) -> dict[str, Any]:
        """Counts and digests only."""
        return {
            "threshold": self.threshold_,
            "order_threshold": self.order_threshold_,
            "span": self.span_,
            "sessions": self.sessions_,
            "vectors": self.vectors_.tolist(),
            "vector_counts": self.vector_counts_.tolist(),
            "contents": None if self.contents_ is None else _sparse(self.contents_),
            "steps": [(self.steps_.codes >> 32).tolist(), (self.steps_.codes & 0xFFFFFFFF).tolist()],
            "step_counts": self.steps_.counts.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], options: Options | None = None) -> "SessionDetector":
        """The inverse of `to_json`."""
        detector = cls(options)
        detector.threshold_ = float(data["threshold"])
        detector.order_threshold_ = float(data["order_threshold"])
        detector.span_ = int(data["span"])
        detector.sessions_ = int(data["sessions"])
        detector.vectors_ = np.array(data["vectors"], np.uint64)
        detector.vector_counts_ = np.array(data["vector_counts"], np.int64)
        if data.get("contents") is not None:
            detector.contents_ = _dense(data["contents"])
        before, after = (np.array(side, np.int64) - 2 for side in data["steps"])
        detector.steps_ = Steps(before, after, np.array(data["step_counts"], np.int64))
        return detector


def keys_before(windows: Windows) -> Ints:
    """(events,) the key of the event before each, BEGIN before the first one of a window."""
    before = np.append(BEGIN, windows.keys)[:-1]
    before[windows.starts[:-1]] = BEGIN
    return before


def _steps(windows: Windows) -> tuple[Ints, Ints, Ints]:
    """The steps of all windows, (events + n,): event before, event after, and the window of each."""
    n, lengths = len(windows), windows.lengths
    after = np.insert(windows.keys, windows.starts[1:], END)
    before = np.insert(windows.keys, windows.starts[:-1], BEGIN)
    return before, after, np.repeat(np.arange(n), lengths + 1)


def _stacked(one: npt.NDArray[np.int32] | None, other: npt.NDArray[np.int32] | None) -> npt.NDArray[np.int32] | None:
    """The rows of both, where both are there and that is no huge table."""
    if one is None or other is None:
        return None
    width = max(one.shape[1], other.shape[1])
    if (len(one) + len(other)) * width > MOST_CONTENTS:
        return None
    return np.concatenate([np.pad(table, ((0, 0), (0, width - table.shape[1]))) for table in (one, other)])


def _counts(windows: Windows) -> npt.NDArray[np.int32] | None:
    """(n, keys) how often each event is in each window, where that is no huge table."""
    width = int(windows.keys.max(initial=-1)) + 1
    if len(windows) * width > MOST_CONTENTS:
        return None
    cells = np.repeat(np.arange(len(windows)), windows.lengths) * width + windows.keys
    return np.bincount(cells, minlength=len(windows) * width).reshape(len(windows), width).astype(np.int32)


def _sparse(table: npt.NDArray[np.int32]) -> dict[str, list[int]]:
    """The shape of a table, its cells that are not 0, and what is in them."""
    cells = np.flatnonzero(table)
    return {"shape": list(table.shape), "cells": cells.tolist(), "counts": table.reshape(-1)[cells].tolist()}


def _dense(data: dict[str, list[int]]) -> npt.NDArray[np.int32]:
    """The inverse of `_sparse`. Raises ValueError for a table that is too large, IndexError for cells outside."""
    rows, width = data["shape"]
    if rows * width > MOST_CONTENTS:
        raise ValueError("too many event counts")
    table = np.zeros(rows * width, np.int32)
    table[data["cells"]] = data["counts"]
    return table.reshape(rows, width)
