"""Networks that judge windows by the vectors of their messages: (messages, width) and rows of these to one log-odds a
window, learnt from windows with labels that may be probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from logscan.networks.batches import pooled
from logscan.networks.loop import Stage, train
from logscan.networks.options import Training
from logscan.networks.rows import by_length, in_parts, padded, sequences
from logscan.networks.run import Run
from logscan.windows.sessions import Floats, Ints, Windows

AT_ONCE = 16_384  # messages that are read at once where nothing is learnt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """Windows to learn from. rows: of each the numbers of its messages
    anomalous: (n,) the probability that it is so; weights: (n,) how much it counts"""

    rows: Sequence[Ints]
    anomalous: Floats
    weights: Floats

    @classmethod
    def labelled(cls, both: Sequence[Windows], most: int) -> "Examples":
        """Distinct windows, normal and anomalous ones, in parts of at most so many messages; both kinds count the same
        in all."""
        kinds = []
        for probability, windows in enumerate(both):
            first, _, counts = windows.by_message().distinct()
            rows = sequences(windows.take(first))
            kinds.append(cls(rows, np.full(len(rows), float(probability)), counts / counts.sum()).in_parts(most))
        good, bad = kinds
        return cls(
            [*good.rows, *bad.rows],
            np.concatenate([good.anomalous, bad.anomalous]),
            np.concatenate([good.weights, bad.weights]),
        )

    def in_parts(self, most: int) -> "Examples":
        """Windows of more than so many messages in parts, each with what is known of the whole."""
        parts = [in_parts(row, most) for row in self.rows]
        of = np.repeat(np.arange(len(parts)), [len(those) for those in parts])
        return Examples([part for those in parts for part in those], self.anomalous[of], self.weights[of])

    def take(self, chosen: Ints) -> "Examples":
        """Those at these indices."""
        return Examples([self.rows[at] for at in chosen], self.anomalous[chosen], self.weights[chosen])

    def renumbered(self, met: Ints) -> "Examples":
        """With the place of each message among (m,) sorted ones, beginning with 1."""
        return replace(self, rows=[np.searchsorted(met, row) + 1 for row in self.rows])


class SequenceClassifier(torch.nn.Module):
    """A network behind what it reads: vectors with mean 0 and deviation 1 over the messages that were learnt from, for
    those of one encoder are near each other.

    network: takes x (batch, length, width), 0 where there is padding, and real (batch, length); gives (batch,) logits
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, network: torch.nn.Module, width: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))

    def standardise(self, vectors: Vectors) -> None:
        """Take mean and deviation from (m, width) vectors."""
        self.mean.copy_(torch.from_numpy(vectors.mean(0)))
        self.scale.copy_(torch.tensor(float((vectors - vectors.mean(0)).std()) or 1.0))

    def forward(self, vectors: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """(messages, width) vectors, the first of which stands for padding, and (batch, length) rows of them, padded
        at the right with 0, to (batch,) log-odds of anomalous."""
        real = index > 0
        x = ((vectors - self.mean) / self.scale)[index] * real[..., None]
        logits: torch.Tensor = self.network(x, real)
        return logits


def learn(
    classifier: SequenceClassifier, vectors: Vectors, learnt: Examples, held_out: Examples, how: Training, run: Run
) -> list[float]:
    """Train in place; of all epochs the network that judges what is held out best is kept. Gives each epoch's loss.

    vectors: (messages + 1, width), see `SequenceClassifier.forward`
    """
    table = torch.from_numpy(vectors)

    def batches(epoch: int) -> list[Ints]:
        rng = np.random.default_rng([run.seed, epoch])
        return pooled([len(row) for row in learnt.rows], how.batch, rng)

    def nats(network: torch.nn.Module, examples: Examples, chosen: Ints) -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.from_numpy(padded([examples.rows[at] for at in chosen])[0])
        device = next(network.parameters()).device
        logits = network(table.to(device), index.to(device)).float()
        targets, weights = (
            torch.from_numpy(values[chosen]).float().to(device) for values in (examples.anomalous, examples.weights)
        )
        return (binary_cross_entropy_with_logits(logits, targets, reduction="none") * weights).sum(), weights.sum()

    def loss(network: torch.nn.Module, chosen: Ints) -> tuple[torch.Tensor, dict[str, float]]:
        total, weight = nats(network, learnt, chosen)
        return total / weight, {}

    def held_out_loss(network: torch.nn.Module) -> float:
        network.eval()
        with torch.inference_mode():
            parts = [nats(network, held_out, c) for c in by_length([len(row) for row in held_out.rows], AT_ONCE)]
        return float(sum(total for total, _ in parts) / sum(weight for _, weight in parts))

    stage = Stage(
        name="classifier",
        epochs=how.epochs,
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        loss=loss,
        batches=batches,
        held_out=held_out_loss,
        patience=how.patience,
    )
    return [round(figures["loss"], 4) for figures in train(classifier, stage, run)]
