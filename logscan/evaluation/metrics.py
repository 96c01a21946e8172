"""Precision, recall and what follows from them, as measured and at another prevalence."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metrics:
    """prevalence: the share of anomalies that precision and F1 stand for; auroc does not depend on it."""

    precision: float
    recall: float
    f1: float
    auroc: float
    prevalence: float


def measure(scores: Floats, anomalous: Bools, threshold: float = 0.5, prevalence: float | None = None) -> Metrics:
    """Metrics of (n,) scores, anomalous above the threshold.

    With `prevalence`, as if that share of all were anomalous: normal and anomalous ones are weighed accordingly, so
    that figures can be compared between samples. Raises ValueError unless there are some of both.
    """
    if anomalous.all() or not anomalous.any():
        raise ValueError("one class only: precision and recall need normal and anomalous ones")
    share = float(anomalous.mean()) if prevalence is None else prevalence
    recall = float((scores[anomalous] > threshold).mean())
    false = float((scores[~anomalous] > threshold).mean())
    flagged = share * recall + (1 - share) * false
    precision = share * recall / flagged if flagged else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Metrics(precision, recall, f1, auroc(scores, anomalous), share)


def auroc(scores: Floats, anomalous: Bools) -> float:
    """The probability that an anomalous one scores above a normal one, ties counting half."""
    _, rank, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores
    positive = int(anomalous.sum())
    above = middle[rank][anomalous].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(scores) - positive)))
