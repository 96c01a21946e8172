"""Detectors with a network over log keys of their own: how it is trained, calibrated, kept and exported."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from logscan.detectors.next_key import FLOAT, NextKey, Weighted, folds, weighted
from logscan.detectors.thresholds import exceeded_by
from logscan.errors import ModelError
from logscan.networks.judging import Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.windows.sessions import Ints, Windows

INPUTS = {"tokens": ("int64", "batch", "length")}


@dataclass(frozen=True)
class Training:
    """How a network of keys learns, and by what rule it judges.

    rule: `surprise` has a threshold on the least probable key, calibrated on held-out normal windows; `top-k` is the
    paper's, a key that is not among the `candidates` most probable is an anomaly
    false_positives: share of held-out normal windows that may be called anomalous; improbable: a probability of a key
    above which it is never surprising
    held_out: share of the normal windows that are kept from training, for early stopping
    folds: networks trained beside the one that is kept, each without another part of the normal windows, which it
    judges for the threshold; 0: the threshold is found on those of `held_out`, of which there should be thousands
    patience: epochs without a better held-out loss after which training ends early, 0 for never
    batch: distinct pieces of windows that make one step
    """

    rule: Literal["surprise", "top-k"] = "surprise"
    candidates: int = 9
    false_positives: float = 0.005
    improbable: float = 0.001
    held_out: float = 0.1
    folds: int = 2
    epochs: int = 60
    patience: int = 10
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        for name in ("false_positives", "improbable", "held_out"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} should lie between 0 and 1")
        if self.folds not in (0, *range(2, 100)):
            raise ValueError("folds should be 0, or at least 2")
        if min(self.candidates, self.epochs, self.batch) < 1 or self.patience < 0:
            raise ValueError("candidates, epochs and batch should be at least 1, patience not below 0")
        if not (self.learning_rate > 0 and self.weight_decay >= 0):
            raise ValueError("learning_rate should be above 0, weight_decay not below")


class KeyNetwork(NextKey):
    """A detector with a network of its own: tokens (batch, length) to log-probabilities."""

    options: Training
    outputs: ClassVar[dict[str, tuple[str, ...]]] = {"log_probs": ("float32", "batch", "vocabulary")}

    def fit(
        self,
        normal: Windows,
        hashes: Sequence[str],
        ends: bool,
        run: Run,
        anomalous: Windows | None = None,
    ) -> dict[str, Any]:
        """Learn from normal windows alone.

        hashes: of all known keys, by number; ends: whether a window's end means something, as that of a session does.
        Gives figures of the training.
        """
        vocabulary = Vocabulary.learnt(normal, hashes)
        self.k_, self.vectors_ = self.options.candidates, np.unique(normal.vectors)
        self.sessions_, self.span_ = len(normal), normal.span()
        worst = []  # of windows that were not learnt from
        for kept, out, part in folds(normal, self.options.folds, run):
            self._train(kept, vocabulary, ends, part)
            worst.append(self.judge.judge(out).worst_nats(out))
        figures, held_out = self._train(normal, vocabulary, ends, run)
        if not worst:
            worst = [self.judge.judge(held_out).worst_nats(held_out)]
        allowed = exceeded_by(self.options.false_positives, np.concatenate(worst))
        self.threshold_ = max(-log(self.options.improbable), allowed)
        return {**figures, "keys": len(vocabulary.hashes), "threshold": self.told_threshold()}

    def _train(self, normal: Windows, vocabulary: Vocabulary, ends: bool, run: Run) -> tuple[dict[str, Any], Windows]:
        """A new network and its judge; gives figures of its training, and the windows that were held out from it."""
        import torch

        from logscan.networks.in_torch import InTorch

        torch.manual_seed(run.seed)
        self.network = self._network(len(vocabulary))
        kept, held_out = normal.parted(self.options.held_out, np.random.default_rng(run.seed))
        epochs = self._learn(weighted(kept, vocabulary, ends), weighted(held_out, vocabulary, ends), run)
        self.judge = self._judge(_Running(InTorch(self.network)), vocabulary, ends)
        figures = {
            "parameters": sum(weights.numel() for weights in self.network.parameters()),
            "epochs": len(epochs),
            "held_out_loss": min(figures["held-out loss"] for figures in epochs),
        }
        return figures, held_out

    @abstractmethod
    def _network(self, vocabulary: int) -> Any:
        """A new network with random weights for so many tokens."""

    @abstractmethod
    def _learn(self, normal: Weighted, held_out: Weighted, run: Run) -> list[dict[str, float]]:
        """Train the network; gives the figures of each epoch."""

    @abstractmethod
    def _examples(self, sequences: list[Ints]) -> list[Ints]:
        """Batches of what the network reads of sequences of tokens, to compare it with what is exported."""

    def _exported(self, path: Path, vocabulary: int) -> Scorer:
        from logscan.runtime.session import open_traced

        network = open_traced(path, INPUTS, self.outputs)
        if network.sizes["vocabulary"] != vocabulary:
            raise ModelError(f"{path} is of another model: export the model again")
        return _Running(network)

    def _in_torch(self, path: Path, vocabulary: int) -> Scorer:
        import torch

        from logscan.networks.in_torch import InTorch
        from logscan.networks.weights import check_weights, load_weights

        with torch.device("meta"):
            check_weights(self._network(vocabulary).state_dict(), path)
        self.network = self._network(vocabulary)
        load_weights(self.network.state_dict(), path)
        return _Running(InTorch(self.network))

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the network as ONNX into its bundle; gives its largest difference from torch on these windows. Raises
        ModelError where that is too large."""
        from logscan.runtime.traced import export_traced

        sequences, _ = weighted(windows, self.judge.vocabulary, self.judge.ends)
        batches = [(tokens,) for tokens in self._examples(sequences)]
        return export_traced(self.network, INPUTS, self.outputs, folder / FLOAT, batches)

    def quantize(self, folder: Path) -> None:
        """Write what was exported with weights of eight bits beside it."""
        from logscan.runtime.traced import round_weights

        round_weights(folder / FLOAT)


class _Running:
    """A network, in torch or exported, as a Scorer."""

    tree = 0  # it knows no stops

    def __init__(self, network: Any) -> None:
        self._network = network
        self.provider: str = network.provider
        self.at_once: int = network.at_once

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> npt.NDArray[np.float32]:
        """(batch, vocabulary), or (batch, length, vocabulary), of (batch, length) tokens."""
        found: npt.NDArray[np.float32] = self._network.run(tokens)
        return found
