"""One-class SVM: a boundary around normal count vectors.

B. Schölkopf, J. C. Platt, J. Shawe-Taylor, A. J. Smola and R. C. Williamson, "Estimating the Support of a
High-Dimensional Distribution" (Neural Computation, 2001). Vectors are mapped by a Gaussian kernel, and the half-space
is found that is farthest from the origin and leaves at most a share `nu` of the normal vectors outside. Strangeness is
1 less the weighted mean of the kernel between a vector and the support vectors, so it lies between 0 and 1. The paper's
threshold is the half-space (`rule=boundary`).

Chosen here: counts as they are, as logs are mostly given to it; the kernel's width is that of scikit-learn's `scale`,
1 / (columns * variance), over windows and not over distinct vectors. Training takes the square of the number of
distinct vectors, so that only the `vectors` most frequent ones are learnt from, with their weights.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from logscan.detectors import count_matrix
from logscan.detectors.count_matrix import CountDetector, Counts
from logscan.windows.sessions import Floats

if TYPE_CHECKING:
    from sklearn.svm import OneClassSVM as Machine


@dataclass(frozen=True)
class Options(count_matrix.Options):
    """nu: share of normal windows that may be outside of the boundary
    rule: `calibrated` on normal windows held out in turn, or the paper's `boundary`
    vectors: distinct ones to learn from, at most"""

    nu: float = 0.01
    rule: Literal["calibrated", "boundary"] = "calibrated"
    vectors: int = 5_000

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if not 0 < self.nu < 1 or self.vectors < 1:
            raise ValueError("nu should lie between 0 and 1, and vectors be at least 1")


class OneClassSVM(CountDetector):
    """machine_: the support vectors; alphas_: sum of their weights."""

    name = "one-class-svm"
    machine_: "Machine"

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or Options()

    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """Find the support vectors."""
        from sklearn.svm import OneClassSVM as Machine

        used = counts.most_frequent(self.options.vectors)
        share = used.weights / used.weights.sum()
        mean = (share @ used.matrix).mean()
        variance = (share @ np.square(used.matrix)).mean() - mean**2
        gamma = 1 / (used.matrix.shape[1] * variance) if variance > 1e-12 else 1.0
        self.machine_ = Machine(nu=self.options.nu, gamma=gamma).fit(used.matrix, sample_weight=share * len(share))
        self.alphas_ = float(self.machine_.dual_coef_.sum())
        return {
            "support_vectors": len(self.machine_.support_),
            "vectors_left_out": len(counts.weights) - len(used.weights),
        }

    def strangeness(self, matrix: Floats) -> Floats:
        """How far from the support vectors, from 0 to 1."""
        near: Floats = self.machine_.score_samples(matrix) / self.alphas_
        return np.clip(1 - near, 0, 1)

    def by_paper(self) -> float:
        """The boundary."""
        return float(np.clip(1 - self.machine_.offset_[0] / self.alphas_, 0, 1))
