"""Precision, recall and what follows from them, as measured and at another prevalence, with bootstrap intervals.

Everything is computed on groups of equal scores, the highest first: sums over them are the ROC curve, and a resample
of the bootstrap is nothing but other counts in the same groups.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Intervals = dict[str, tuple[float, float]]

NAMES = ("precision", "recall", "f1", "accuracy", "auroc", "auprc", "mcc")
CELLS = 1 << 17  # groups times resamples computed at once: what fits a cache


@dataclass(frozen=True)
class Metrics:
    """auprc: average precision; mcc: Matthews correlation, in [-1, 1], all else in [0, 1].
    prevalence: the share of anomalies that all but recall and auroc stand for, as these two do not depend on it.
    What has no value because nothing (or everything) was flagged is 0."""

    precision: float
    recall: float
    f1: float
    accuracy: float
    auroc: float
    auprc: float
    mcc: float
    prevalence: float


@dataclass(frozen=True)
class Confusion:
    """Counts as measured, never at another prevalence: true and false positives, true and false negatives."""

    tp: int
    fp: int
    tn: int
    fn: int


@dataclass(frozen=True)
class Groups:
    """Equal scores together: (g,) distinct scores from the highest to the lowest, (g,) how many of them are anomalous
    and how many normal."""

    scores: Floats
    anomalous: Counts
    normal: Counts

    @classmethod
    def of(cls, scores: Floats, anomalous: Bools) -> "Groups":
        """Of (n,) scores. Raises ValueError unless there are some of both classes."""
        if anomalous.all() or not anomalous.any():
            raise ValueError("one class only: precision and recall need normal and anomalous ones")
        distinct, group = np.unique(scores, return_inverse=True)
        counts = np.bincount(group, minlength=len(distinct))
        positive = np.bincount(group[anomalous], minlength=len(distinct))
        return cls(distinct[::-1], positive[::-1], (counts - positive)[::-1])

    @property
    def prevalence(self) -> float:
        """The share of anomalies."""
        return float(self.anomalous.sum() / (self.anomalous.sum() + self.normal.sum()))

    def rates(self) -> tuple[Floats, Floats]:
        """(g,) true and false positive rates where a group and all above it are flagged."""
        return _share(self.anomalous), _share(self.normal)


def measure(scores: Floats, anomalous: Bools, threshold: float = 0.5, prevalence: float | None = None) -> Metrics:
    """Metrics of (n,) scores, anomalous above the threshold.

    With `prevalence`, as if that share of all were anomalous: normal and anomalous ones are weighed accordingly, so
    that figures can be compared between samples. Raises ValueError unless there are some of both.
    """
    groups = Groups.of(scores, anomalous)
    share = groups.prevalence if prevalence is None else prevalence
    figures = _figures(groups.scores, groups.anomalous, groups.normal, threshold, share)
    return Metrics(**{name: float(value) for name, value in figures.items()}, prevalence=share)


def confusion(scores: Floats, anomalous: Bools, threshold: float = 0.5) -> Confusion:
    """How many of (n,) scores are on which side of the threshold."""
    flagged = scores > threshold
    tp, fp = int((flagged & anomalous).sum()), int((flagged & ~anomalous).sum())
    positive = int(anomalous.sum())
    return Confusion(tp, fp, tn=len(scores) - positive - fp, fn=positive - tp)


def auroc(scores: Floats, anomalous: Bools) -> float:
    """The probability that an anomalous one scores above a normal one, ties counting half."""
    groups = Groups.of(scores, anomalous)
    return float(_auroc(groups.anomalous, groups.normal))


def at_prevalence(recall: Floats, false: Floats, share: float) -> dict[str, Floats]:
    """precision, recall, f1, accuracy and mcc where `recall` of the anomalies and `false` of the normal ones are
    flagged, at a share of anomalies; element by element."""
    tp, fp = share * recall, (1 - share) * false
    tn, fn = 1 - share - fp, share - tp
    precision = _ratio(tp, tp + fp)
    sides = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * precision * recall, precision + recall),
        "accuracy": tp + tn,
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt(np.maximum(sides, 0))),
    }


def intervals(
    scores: Floats,
    anomalous: Bools,
    threshold: float = 0.5,
    prevalence: float | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Intervals:
    """Where each metric lies in `level` of the resamples, normal and anomalous ones drawn apart, by name.

    The percentile bootstrap (B. Efron, "Bootstrap methods: another look at the jackknife", 1979), widened to the
    estimate itself where that lies outside, as it can with few anomalies. It knows the test set only: a detector
    without a single error on it gets an interval without width. Raises ValueError unless there are some of both.
    """
    groups = Groups.of(scores, anomalous)
    share = groups.prevalence if prevalence is None else prevalence
    estimate = asdict(measure(scores, anomalous, threshold, prevalence))
    draw = np.random.default_rng(seed)
    rows = max(1, CELLS // len(groups.scores))
    parts = []
    for start in range(0, resamples, rows):
        n = min(rows, resamples - start)
        drawn, others = _resampled(groups.anomalous, n, draw), _resampled(groups.normal, n, draw)
        parts.append(_figures(groups.scores, drawn, others, threshold, share))
    found = {}
    for name in NAMES:
        values = np.concatenate([part[name] for part in parts])
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        found[name] = (min(float(low), estimate[name]), max(float(high), estimate[name]))
    return found


def _resampled(counts: Counts, n: int, draw: np.random.Generator) -> Counts:
    """(n, g) counts of as many as there are, drawn with replacement."""
    members = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return np.stack(
        [np.bincount(members[draw.integers(0, len(members), len(members))], minlength=len(counts)) for _ in range(n)]
    )


def _figures(scores: Floats, anomalous: Counts, normal: Counts, threshold: float, share: float) -> dict[str, Floats]:
    """All metrics but the prevalence, of (..., g) counts in groups of (g,) falling scores."""
    recall, false = _share(anomalous), _share(normal)
    above = int((scores > threshold).sum())
    here = (recall[..., above - 1], false[..., above - 1]) if above else (np.zeros_like(recall[..., 0]),) * 2
    flagged = share * recall + (1 - share) * false
    return at_prevalence(*here, share) | {
        "auroc": _auroc(anomalous, normal),
        "auprc": (anomalous * _ratio(share * recall, flagged)).sum(-1) / anomalous.sum(-1),
    }


def _auroc(anomalous: Counts, normal: Counts) -> Floats:
    below = normal.sum(-1, keepdims=True) - normal.cumsum(-1) + normal / 2
    auroc: Floats = (anomalous * below).sum(-1) / (anomalous.sum(-1) * normal.sum(-1))
    return auroc


def _share(counts: Counts) -> Floats:
    """(..., g) what share of all is in a group or in one before it."""
    sums = counts.cumsum(-1)
    share: Floats = sums / sums[..., -1:]
    return share


def _ratio(above: Floats, below: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    ratio: Floats = np.divide(above, below, out=np.zeros_like(below), where=below > 0)
    return ratio
