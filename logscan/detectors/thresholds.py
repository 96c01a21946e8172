"""Where a detector's threshold stands, and scores in [0, 1] that have it at 0.5."""

import numpy as np

from logscan.windows.sessions import Floats


def exceeded_by(share: float, normal: Floats) -> float:
    """The least of (n,) values of normal windows that were held out from training which at most a share of them
    exceeds: how a threshold is put without labels."""
    return float(np.sort(normal)[::-1][int(share * len(normal))])


def best_between(
    normal: Floats, anomalous: Floats, prevalence: float | None = None, usual: float | None = None
) -> float:
    """The value that tells (n,) normal windows from (m,) anomalous ones, which have higher ones, with the highest F1,
    were there this share of anomalous ones; where several do, the `usual` one, or else the middle of the widest gap."""
    values = np.unique(np.concatenate([normal, anomalous]))
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    gaps = np.concatenate([[0.0], np.diff(values), [0.0]])
    if usual is not None:
        cuts, gaps = np.append(cuts, usual), np.append(gaps, np.inf)
    bad = len(anomalous) / (len(normal) + len(anomalous)) if prevalence is None else prevalence
    found = bad * (1 - np.searchsorted(np.sort(anomalous), cuts) / len(anomalous))
    false = (1 - bad) * (1 - np.searchsorted(np.sort(normal), cuts) / len(normal))
    f1 = 2 * found / (found + false + bad)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(cuts[best[np.argmax(gaps[best])]])


def logistic(odds: Floats, threshold: float) -> Floats:
    """Scores of log-odds: the probability, moved so that it is 0.5 at the threshold."""
    return np.exp(-np.logaddexp(0, threshold - odds))


def ratio(values: Floats, threshold: float) -> Floats:
    """Scores of values from 0 to infinity, such as distances and surprises."""
    return values / (values + max(threshold, np.finfo(float).tiny))
