"""PLELog: some windows are known to be normal, clusters tell how probable the others are so, and a network learns that.

Source: L. Yang, J. Chen, Z. Wang et al., "Semi-supervised Log-based Anomaly Detection via Probabilistic Label
Estimation", 2021.

    vectors   of templates, their words weighted by TF-IDF; of a window, their mean, reduced by principal components
    HDBSCAN   of all windows: in a cluster with a known normal one all are probably normal, else probably anomalous,
              the more so the deeper in their cluster they lie
    network   a GRU from both ends with attention, which learns these probabilities

What was chosen: the windows that are known to be normal are a share `known` of the normal ones; the others are without
labels, and so are anomalous ones where there are some, whose labels are not looked at. Where there are none, as in a
log that is known to be good, what lies in no cluster stands for them. How deep a window lies in its cluster is
scikit-learn's probability of membership, for it has no outlier scores; one in no cluster is the more probably anomalous
the farther it is from the known normal ones. Principal components stand for the paper's FastICA, which may not
converge. Distinct windows are clustered, at most `clustered` of them, drawn at random, so that `smallest` is less than
the paper's 100. The threshold is put on held-out normal windows, where the paper takes the more probable label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from logscan.detectors import semantic
from logscan.detectors.thresholds import exceeded_by
from logscan.networks.rows import sequences
from logscan.windows.sessions import Floats, Windows

if TYPE_CHECKING:
    import torch

    from logscan.networks.run import Run

EPOCHS = ("training.epochs",)


@dataclass(frozen=True)
class Options(semantic.Options):
    """hidden: of the GRU, in each direction
    known: share of the normal windows whose label is used; components: to which windows are reduced
    smallest: distinct windows that make a cluster; clustered: distinct windows at most
    false_positives: share of held-out normal windows that may be called anomalous
    and what is in `semantic.Options`
    """

    hidden: int = 100
    known: float = 0.5
    components: int = 50
    smallest: int = 5
    clustered: int = 10_000
    false_positives: float = 0.003

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if not 0 < self.known < 1 or not 0 < self.false_positives < 1:
            raise ValueError("known and false_positives should lie between 0 and 1")
        if min(self.hidden, self.components) < 1 or min(self.smallest, self.clustered) < 2:
            raise ValueError("hidden and components should be at least 1, smallest and clustered at least 2")


PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"hidden": 50}}


class PLELog(semantic.SemanticDetector):
    """See the module."""

    name = "plelog"
    supervised = False
    reads = "template"
    by_rarity = True
    options_class = Options

    def network(self, width: int) -> "torch.nn.Module":
        """A GRU with attention."""
        import torch

        from logscan.networks.layers import Bidirectional

        class AttentionGru(torch.nn.Module):
            def __init__(self, hidden: int) -> None:
                super().__init__()
                self.gru = Bidirectional(torch.nn.GRU, width, hidden)
                self.attention = torch.nn.Linear(2 * hidden, 1)
                self.decide = torch.nn.Linear(2 * hidden, 1)

            def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
                states = self.gru(x, real)
                asked = self.attention(torch.tanh(states))[..., 0].masked_fill(~real, -torch.inf)
                logits: torch.Tensor = self.decide((asked.softmax(1)[..., None] * states).sum(1))
                return logits[:, 0]

        return AttentionGru(self.options.hidden)

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Estimate labels, learn them, and put the threshold on held-out normal windows. Gives figures.

        Raises OptionError where the encoder cannot be used.
        """
        from logscan.networks.sequence_classifier import Examples

        rng = np.random.default_rng(run.seed)
        learnt, held_out = normal.parted(self.options.held_out, rng)
        is_known = rng.random(len(learnt)) < self.options.known
        is_known[rng.integers(len(learnt))] = True
        windows = learnt if anomalous is None else Windows.joined([learnt, anomalous])
        first, inverse, counts = windows.by_message().distinct()
        known = np.zeros(len(first), bool)
        known[inverse[: len(learnt)][is_known]] = True
        chosen = np.sort(rng.permutation(len(first))[: self.options.clustered])
        distinct, known, counts = windows.take(first[chosen]), known[chosen], counts[chosen]
        self._open(distinct, np.unique(distinct.events["message"].to_numpy()), run.seed)
        probable = self._probable(self._means(distinct), known)
        examples = Examples(sequences(distinct), probable, counts.astype(np.float64)).in_parts(self.options.messages)
        judged = rng.random(len(examples.rows)) < self.options.held_out
        judged[rng.permutation(len(judged))[:2]] = True, False
        figures = self._learn(
            windows, examples.take(np.flatnonzero(~judged)), examples.take(np.flatnonzero(judged)), run
        )
        self.threshold_ = exceeded_by(self.options.false_positives, self.log_odds(held_out))
        how = f"of being anomalous, which {self.options.false_positives:.1%} of held-out normal windows exceed"
        return {
            **figures,
            "known_normal": int(known.sum()),
            "probably_anomalous": int((probable > 0.5).sum()),
            "threshold": {"log_odds": round(self.threshold_, 3), "how": how},
        }

    def _means(self, windows: Windows) -> Floats:
        """(n, components) the mean of the vectors of each window's messages, reduced."""
        assert windows.messages is not None
        numbers = windows.events["message"].to_numpy()
        met, place = np.unique(numbers, return_inverse=True)
        vectors = self._vectors(windows.messages.texts, met)[place]
        means = np.add.reduceat(vectors, windows.starts[:-1]) / windows.lengths[:, None]
        left, scales, _ = np.linalg.svd(means - means.mean(0), full_matrices=False)
        reduced: Floats = (left * scales)[:, : self.options.components].astype(np.float64)
        return reduced

    def _probable(self, points: Floats, known: npt.NDArray[np.bool_]) -> Floats:
        """(n,) how probable each of (n, components) windows is anomalous; 0 where it is known to be normal."""
        from sklearn.cluster import HDBSCAN
        from sklearn.neighbors import NearestNeighbors

        if len(points) < 2:
            return np.zeros(len(points))
        model = HDBSCAN(min_cluster_size=min(self.options.smallest, len(points)), copy=True).fit(points)
        clusters = model.labels_
        normal = np.isin(clusters, clusters[known & (clusters >= 0)])
        found = np.where(normal, 0.5 - model.probabilities_ / 2, 0.5 + model.probabilities_ / 2)
        nearest, _ = NearestNeighbors(n_neighbors=1).fit(points[known]).kneighbors(points)
        # all that are not known may lie on known ones
        usual = 1.0 if known.all() else max(nearest[~known].mean(), np.finfo(float).tiny)
        away = nearest[:, 0] / (nearest[:, 0] + usual)
        found = np.where(clusters < 0, 0.5 + away / 2, found)
        return np.where(known, 0.0, found)
