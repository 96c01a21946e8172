"""Training a network that tells anomalous traces from normal ones, validated after each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from logscan.detectors.thresholds import logistic
from logscan.detectors.traces import log_odds
from logscan.evaluation.metrics import confusion, measure
from logscan.networks.batches import pooled, repeated
from logscan.networks.loop import Stage, train
from logscan.networks.rows import padded
from logscan.networks.run import Run
from logscan.networks.tuning import on
from logscan.windows.sessions import Floats, Ints


class How(Protocol):
    """Options of the training."""

    @property
    def epochs(self) -> int:
        """At most; the best of them by the held-out loss counts."""

    @property
    def learning_rate(self) -> float:
        """At its highest."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def batch(self) -> int:
        """Traces a step."""

    @property
    def at_once(self) -> int:
        """Traces whose gradients are held in memory at once."""


@dataclass(frozen=True)
class Examples:
    """rows: tokens of distinct traces; counts: (n,) how many windows each is; anomalous: (n,)"""

    rows: list[Ints]
    counts: Ints
    anomalous: npt.NDArray[np.bool_]

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """(n,) in the loss: the frequent ones would leave no room for the others, and these may be labelled wrongly."""
        return np.sqrt(self.counts).astype(np.float32)


@dataclass(frozen=True)
class Batch:
    """tokens: (b, n), padded at the right; lengths, anomalous, weights: (b,)"""

    tokens: Ints
    lengths: Ints
    anomalous: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float32]


class Classifier(Protocol):
    """The network, a torch.nn.Module."""

    def __call__(self, tokens: torch.Tensor, lengths: torch.Tensor, anomalous: torch.Tensor) -> torch.Tensor:
        """(b,) the loss of each trace."""

    def log_odds(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(b,) of anomalous."""


class TorchReader:
    """The network where it is not exported, see `traces.Reader`."""

    provider = "torch"
    at_once = 1

    def __init__(self, network: Any) -> None:
        self.network = network

    def log_odds(self, tokens: Ints, lengths: Ints) -> npt.NDArray[np.float32]:
        """(b,) of (b, n) tokens, of which `lengths` are real."""
        self.network.eval()
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            found: npt.NDArray[np.float32] = self.network.log_odds(*on(device, tokens, lengths)).float().cpu().numpy()
        return found


def learn(network: Any, learnt: Examples, held_out: Examples, how: How, run: Run) -> list[dict[str, float]]:
    """Train the network in place; it ends as it was after the epoch with the lowest held-out loss, the last such.

    Gives the figures of each epoch: `loss`, and of held-out windows their loss, nats, accuracy, precision, recall and
    f1 where anomalous is what is more probable so, tp, fp, tn and fn, which are the confusion matrix, and auroc. The
    held-out loss is 1 - F1: cross-entropy, `held-out nats`, is mostly that of a few wrong labels where there are some.
    """
    shown = repeated(np.arange(len(learnt.rows)), int(learnt.counts.sum()))
    lengths = [len(learnt.rows[at]) for at in shown]

    def batches(epoch: int) -> Sequence[Batch]:
        chosen = pooled(lengths, how.at_once, np.random.default_rng([run.seed, epoch]))
        return [_batch(learnt, shown[rows]) for rows in chosen]

    def validate(network: torch.nn.Module) -> dict[str, float]:
        return validated(log_odds(TorchReader(network), held_out.rows), held_out)

    stage = Stage(
        name="training",
        epochs=how.epochs,
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        loss=_loss,
        batches=batches,
        held_out=validate,
        accumulate=how.batch // how.at_once,
    )
    return [{name: round(value, 5) for name, value in figures.items()} for figures in train(network, stage, run)]


def validated(odds: Floats, examples: Examples) -> dict[str, float]:
    """Figures of (n,) log-odds."""
    nats = np.logaddexp(0, np.where(examples.anomalous, -odds, odds))
    scores, labels = logistic(odds, 0.0).repeat(examples.counts), examples.anomalous.repeat(examples.counts)
    found = measure(scores, labels)
    cells = confusion(scores, labels)
    return {
        "held-out loss": 1 - found.f1,
        "held-out nats": float(np.average(nats, weights=examples.weights)),
        **{name: getattr(found, name) for name in ("accuracy", "precision", "recall", "f1", "auroc")},
        **{name: float(getattr(cells, name)) for name in ("tp", "fp", "tn", "fn")},
    }


def _batch(examples: Examples, chosen: Ints) -> Batch:
    tokens, lengths = padded([examples.rows[at] for at in chosen])
    return Batch(tokens, lengths, examples.anomalous[chosen], examples.weights[chosen])


def _loss(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    device = next(network.parameters()).device
    tokens, lengths, anomalous, weights = on(device, batch.tokens, batch.lengths, batch.anomalous, batch.weights)
    nats = network(tokens, lengths, anomalous)
    return (nats * weights).sum() / weights.sum(), {}
