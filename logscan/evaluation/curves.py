"""What a detector would be at other thresholds: ROC, precision over recall, sweeps of the threshold and of K."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logscan.evaluation.metrics import Bools, Floats, Groups, at_prevalence

STEPS = 25  # of a sweep, besides those that stand out
IN_USE = "in use"
BEST = "best F1, chosen on the test data"


@dataclass(frozen=True)
class Curves:
    """(g + 1,) rates from nothing flagged to everything; `precision` is a staircase whose area is the average
    precision: a step has the height of its right end. `here` is where the threshold stands in the three."""

    recall: Floats
    false: Floats
    precision: Floats
    here: int


@dataclass(frozen=True)
class Step:
    """A row of a sweep: the threshold or K, and what follows from it. note: why it stands out, if it does."""

    value: float
    precision: float
    recall: float
    f1: float
    note: str = ""


def curves(scores: Floats, anomalous: Bools, threshold: float = 0.5, prevalence: float | None = None) -> Curves:
    """ROC and precision-recall of (n,) scores. Raises ValueError unless there are some of both classes."""
    groups = Groups.of(scores, anomalous)
    recall, false = groups.rates()
    precision = at_prevalence(recall, false, groups.prevalence if prevalence is None else prevalence)["precision"]
    return Curves(
        np.append(0.0, recall),
        np.append(0.0, false),
        np.append(precision[0], precision),
        int((groups.scores > threshold).sum()),
    )


def threshold_sweep(
    scores: Floats, anomalous: Bools, threshold: float = 0.5, prevalence: float | None = None
) -> tuple[Step, ...]:
    """Rising thresholds that cover where the (n,) scores of both classes lie, among them the one in use and the best.

    They are evenly spaced in the mean of true and false positive rate, since even thresholds could all fall where no
    score is, or where all are. Raises ValueError unless there are some of both classes.
    """
    groups = Groups.of(scores, anomalous)
    below = np.append(groups.scores[1:], groups.scores[-1] - 1e-4)  # a score at the threshold is not flagged
    flagged = np.add(*groups.rates()) / 2
    even = below[np.searchsorted(flagged, np.arange(1, STEPS) / STEPS)]
    return _sweep(groups, np.union1d(below, threshold), even, threshold, prevalence)


def rank_sweep(
    ranks: npt.NDArray[np.integer], anomalous: Bools, keys: int, k: int, prevalence: float | None = None
) -> tuple[Step, ...]:
    """Top-K rules from K = 1 to all `keys`, ever further apart, among them the `k` in use and the best.

    ranks: (n,) the worst rank of a key in each window, 0 where it was the most probable, `keys` or more where it was
    never seen. A window is flagged where a key is not among the first K. Raises ValueError unless there are some of
    both classes.
    """
    groups = Groups.of(ranks.astype(np.float64) + 0.5, anomalous)  # so that the rank K, the first outside, is above K
    even = np.geomspace(1, keys, STEPS).round()
    return _sweep(groups, np.union1d(np.arange(1.0, keys + 1), k), even, k, prevalence)


def _sweep(groups: Groups, values: Floats, shown: Floats, in_use: float, prevalence: float | None) -> tuple[Step, ...]:
    """The shown ones of (m,) rising values that scores above are flagged at, the one in use, and the best of all."""
    above = len(groups.scores) - np.searchsorted(groups.scores[::-1], values, side="right")
    recall, false = (np.append(0.0, rate)[above] for rate in groups.rates())
    at = at_prevalence(recall, false, groups.prevalence if prevalence is None else prevalence)
    notes = dict.fromkeys(shown.tolist(), "")
    here = int(np.searchsorted(values, in_use))
    best = here if at["f1"][here] == at["f1"].max() else int(at["f1"].argmax())
    notes[float(values[here])] = IN_USE
    notes[float(values[best])] = f"{IN_USE}; {BEST}" if best == here else BEST
    rows = zip(*(column.tolist() for column in (values, at["precision"], recall, at["f1"])), strict=True)
    return tuple(Step(value, p, r, f1, notes[value]) for value, p, r, f1 in rows if value in notes)
