"""PCA: normal count vectors lie near a subspace, an anomalous one does not.

W. Xu, L. Huang, A. Fox, D. Patterson and M. I. Jordan, "Detecting Large-Scale System Problems by Mining Console Logs"
(SOSP 2009). Counts are weighted by TF-IDF, w = count * log(windows / windows with the key), and centred. The first
components that hold 95 % of the variance span what is normal; the strangeness of a vector is its squared distance from
there (squared prediction error, Q-statistic). The paper's threshold is that of J. E. Jackson and G. S. Mudholkar
("Control Procedures for Residuals Associated with Principal Component Analysis", 1979): what a share `alpha` of normal
vectors would exceed if they were Gaussian (`rule=q-statistic`).

Chosen here: learning is from normal windows, the paper's from all. One window is added to those of each key and to
all, so that keys never seen have the highest weight; keys that all windows have keep the weight 0, as in the paper. The
components are those of the weighted covariance matrix, no estimator of scikit-learn takes weights.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from logscan.detectors import count_matrix
from logscan.detectors.count_matrix import CountDetector, Counts
from logscan.windows.sessions import Floats


@dataclass(frozen=True)
class Options(count_matrix.Options):
    """variance: share of it that the normal subspace holds
    rule: `calibrated` on normal windows held out in turn, or the paper's `q-statistic` at `alpha`"""

    variance: float = 0.95
    rule: Literal["calibrated", "q-statistic"] = "calibrated"
    alpha: float = 0.001

    def __post_init__(self) -> None:
        """Raises ValueError for shares that are none."""
        super().__post_init__()
        if not (0 < self.variance < 1 and 0 < self.alpha < 1):
            raise ValueError("variance and alpha should lie between 0 and 1")


class PCA(CountDetector):
    """idf_, mean_: (columns,); normal_: (columns, components); residual_: variances outside of them, highest first."""

    name = "pca"
    provider = "numpy"

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or Options()

    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """Find the subspace."""
        windows = counts.weights.sum()
        self.idf_ = np.log((windows + 1) / (counts.weights @ (counts.matrix > 0) + 1))
        weighted, share = counts.matrix * self.idf_, counts.weights / windows
        self.mean_ = share @ weighted
        centred = weighted - self.mean_
        variances, directions = np.linalg.eigh((centred * share[:, None]).T @ centred)
        variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
        held = np.cumsum(variances) / max(variances.sum(), np.finfo(float).tiny)
        components = min(int(np.searchsorted(held, self.options.variance)) + 1, int((variances > 1e-12).sum()))
        self.normal_, self.residual_ = directions[:, :components], variances[components:]
        return {"components": components}

    def strangeness(self, matrix: Floats) -> Floats:
        """Squared distances from the subspace."""
        centred = matrix * self.idf_ - self.mean_
        outside = centred - centred @ self.normal_ @ self.normal_.T
        distances: Floats = np.square(outside).sum(1)
        return distances

    def by_paper(self) -> float:
        """The threshold of the Q-statistic."""
        one, two, three = (float((self.residual_**power).sum()) for power in (1, 2, 3))
        if not three:
            return 0.0
        h = 1 - 2 * one * three / (3 * two**2)
        normal = NormalDist().inv_cdf(1 - self.options.alpha)
        root = normal * np.sqrt(2 * two * h**2) / one + 1 + two * h * (h - 1) / one**2
        return float(one * max(root, 0.0) ** (1 / h))
