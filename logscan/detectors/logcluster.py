"""LogCluster: a window that is far from all clusters of normal ones is anomalous.

Q. Lin, H. Zhang, J.-G. Lou, Y. Zhang and X. Chen, "Log Clustering based Problem Identification for Online Service
Systems" (ICSE 2016). Keys are weighted by inverse document frequency, log(windows / windows with the key), squashed by
a sigmoid. Vectors are clustered bottom-up by cosine distance, complete linkage, up to a distance of `theta`; each
cluster keeps the vector that is nearest to all of its others as its representative. A new window is strange by its
distance to the nearest representative; in the paper it belongs to a cluster within `theta` (`rule=theta`).

Chosen here, or not held against the paper's text: complete linkage, and which vector represents a cluster. The sigmoid
is centred at the mean over keys, which the paper does not say. The paper's second weight, for keys that a production
has and a test environment has not, falls on keys never seen: they have the weight 1, those seen at most 1/2. Clustering
takes the square of the number of distinct vectors, so that only the `vectors` most frequent ones are clustered.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from logscan.detectors import count_matrix
from logscan.detectors.count_matrix import CountDetector, Counts, parts
from logscan.windows.sessions import Floats


@dataclass(frozen=True)
class Options(count_matrix.Options):
    """theta: cosine distance within a cluster, at most
    rule: `calibrated` on normal windows held out in turn, or the paper's `theta`
    vectors: distinct ones to cluster, at most"""

    theta: float = 0.5
    rule: Literal["calibrated", "theta"] = "calibrated"
    vectors: int = 4_000

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if not 0 < self.theta < 1 or self.vectors < 1:
            raise ValueError("theta should lie between 0 and 1, and vectors be at least 1")


class LogCluster(CountDetector):
    """weights_: (columns,); representatives_: (clusters, columns), of length 1."""

    name = "logcluster"

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or Options()

    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """Weigh, cluster, and choose the representatives."""
        from sklearn.cluster import AgglomerativeClustering

        idf = np.log(counts.weights.sum() / np.maximum(counts.weights @ (counts.matrix > 0), 1))
        seen = idf[1:]
        self.weights_ = np.concatenate([[1.0], 0.5 / (1 + np.exp(seen.mean() - seen))])
        used = counts.most_frequent(self.options.vectors)
        vectors = self._directions(used.matrix)
        clusters = np.zeros(len(vectors), np.int64)
        if len(vectors) > 1:
            complete = AgglomerativeClustering(
                n_clusters=None, metric="cosine", linkage="complete", distance_threshold=self.options.theta
            )
            clusters = complete.fit_predict(vectors)
        chosen = []
        for cluster in range(clusters.max() + 1):
            members = np.flatnonzero(clusters == cluster)
            near = vectors[members] @ (used.weights[members] @ vectors[members])
            chosen.append(members[np.argmax(near)])
        self.representatives_ = vectors[chosen]
        return {"clusters": len(chosen), "vectors_left_out": len(counts.weights) - len(used.weights)}

    def strangeness(self, matrix: Floats) -> Floats:
        """Cosine distances to the nearest representative, from 0 to 1."""
        at_once = parts(matrix, len(self.representatives_))
        near: list[Floats] = [(self._directions(part) @ self.representatives_.T).max(1) for part in at_once]
        return np.clip(1 - np.concatenate(near), 0, 1)

    def by_paper(self) -> float:
        """The largest distance within a cluster."""
        return self.options.theta

    def _directions(self, matrix: Floats) -> Floats:
        weighted = matrix * self.weights_
        lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
        directions: Floats = weighted / np.maximum(lengths, np.finfo(float).tiny)
        return directions
