"""Isolation forest: an anomalous vector is alone after few random cuts.

F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation Forest" (ICDM 2008). Each of 100 trees cuts 256 vectors drawn without
replacement, at random values of random keys, until each is alone; the strangeness is 2 to the power of minus the mean
depth of a vector over that expected of a random search tree. Where the paper says that no vector is an anomaly if all
have about 0.5, `rule=half` takes what is above for one.

Chosen here: trees draw from windows, so equal vectors are repeated as often as they occur; of more than `REPEATED`
windows that many are drawn first. The paper finds anomalies among what it learns from; trees that saw normal windows
alone cannot cut at keys that none of those has, so that a key never seen counts for nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from logscan.detectors import count_matrix
from logscan.detectors.count_matrix import CountDetector, Counts
from logscan.windows.sessions import Floats

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest as Forest

REPEATED = 100_000  # rows that trees draw from, at most


@dataclass(frozen=True)
class Options(count_matrix.Options):
    """trees, samples: how many, and windows that each one cuts, at most; the paper's 100 and 256
    rule: `calibrated` on normal windows held out in turn, or `half`, the middle of the paper's score"""

    trees: int = 100
    samples: int = 256
    rule: Literal["calibrated", "half"] = "calibrated"

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.trees < 1 or self.samples < 2:
            raise ValueError("trees should be at least 1, and samples at least 2")


class IsolationForest(CountDetector):
    """forest_: the trees."""

    name = "isolation-forest"
    forest_: "Forest"

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or Options()

    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest as Forest

        weights = counts.weights
        if weights.sum() > REPEATED:
            weights = np.random.default_rng(seed).multivariate_hypergeometric(weights, REPEATED, method="marginals")
        rows = np.repeat(counts.matrix, weights, axis=0)
        samples = min(self.options.samples, len(rows))
        self.forest_ = Forest(n_estimators=self.options.trees, max_samples=samples, random_state=seed).fit(rows)
        return {"trees": self.options.trees, "windows_drawn_from": len(rows)}

    def strangeness(self, matrix: Floats) -> Floats:
        """The paper's anomaly score, from 0 to 1."""
        scores: Floats = -self.forest_.score_samples(matrix)
        return scores

    def by_paper(self) -> float:
        """The middle of the score: where all have it, none is anomalous."""
        return 0.5
