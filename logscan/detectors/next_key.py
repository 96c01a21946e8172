"""What detectors share that judge windows by their most surprising key: the rules, and what `scan` asks of them.

The rules: by `top-k` a window is anomalous if a key has `k_` more probable ones, as in most papers; by `surprise` if
one is less probable than a threshold that is calibrated on held-out normal windows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import orjson

from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import exceeded_by, ratio
from logscan.errors import ModelError
from logscan.networks.judging import Expected, Judge, Judged, Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.settings import build
from logscan.windows.sessions import Floats, Hashes, Ints, Windows

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
INT8, FLOAT = EXPORTED = ("detector.int8.onnx", "detector.onnx")  # the first that is there is used
INPUTS = {"tokens": ("int64", "batch", "length")}

Weighted = tuple[list[Ints], Ints]  # distinct sequences of tokens, and how many windows each is


class NextKey:
    """threshold_: nats; k_: of the top-k rule; vectors_: digests of the event counts of normal windows; sessions_:
    windows learnt from; span_: lines of the log over which a long one extends."""

    name: str
    supervised = False
    reads = None
    Options: ClassVar[type[Any]]  # with `rule`
    options: Any
    network: Any  # a torch module, where it is not exported
    judge: Judge
    threshold_: float
    k_: int
    vectors_: Hashes
    sessions_: int
    span_: int

    def __init__(self, options: Any = None) -> None:
        self.options = options or self.Options()

    def score(self, windows: Windows) -> Scores:
        """Scores of windows and events by the rule of the options; 0.5 is the threshold."""
        return self.scored(windows, self.judge.judge(windows))

    def scored(self, windows: Windows, judged: Judged) -> Scores:
        """The scores of windows that are judged already."""
        if self.options.rule == "surprise":
            worst, steps = judged.worst_nats(windows), judged.nats.copy()
            ends, limit = judged.end_nats, self.threshold_
        else:
            worst, steps = judged.worst_ranks(windows).astype(np.float64), judged.ranks.astype(np.float64)
            ends, limit = judged.end_ranks.astype(np.float64), self.k_ - 0.5
        last = windows.starts[1:] - 1
        steps[last] = np.maximum(steps[last], ends)  # an end too early is blamed on the last event
        usual = np.where(self._excused(windows), 0.5, 1.0)
        return Scores(usual * ratio(worst, limit), np.repeat(usual, windows.lengths) * ratio(steps, limit))

    def _excused(self, windows: Windows) -> npt.NDArray[np.bool_]:
        """(n,) whether a window cannot be anomalous, whatever its steps are."""
        return np.zeros(len(windows), bool)

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) the surprise of each key and (n,) of each window's end, in nats; 0 where the rule is the top-k and
        it is in it."""
        judged = self.judge.judge(windows)
        if self.options.rule == "surprise":
            return judged.nats, judged.end_nats
        return judged.nats * (judged.ranks >= self.k_), judged.end_nats * (judged.end_ranks >= self.k_)

    def thresholds(self, windows: Windows, more_than: int = 0) -> Floats:
        """(n,) nats of surprise above which a key makes each window anomalous."""
        limit = self.threshold_ if self.options.rule == "surprise" else 0.0
        return np.where(self._excused(windows), np.inf, limit)

    def seen(self, vectors: Hashes, more_than: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether a normal window had the same event counts."""
        return np.isin(vectors, self.vectors_)

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        return self.judge.expected(windows, rows, at_end)

    @property
    def provider(self) -> str:
        """What runs the network."""
        return self.judge.scorer.provider

    def save(self, folder: Path) -> None:
        """Write what was learnt: a JSON file and the weights."""
        from logscan.networks.weights import save_weights

        state = {
            "options": asdict(self.options),
            "vocabulary": self.judge.vocabulary.hashes,
            "ends": self.judge.ends,
            "threshold": self.threshold_,
            "k": self.k_,
            "sessions": self.sessions_,
            "span": self.span_,
            "vectors": self.vectors_.tolist(),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        save_weights(self.network.state_dict(), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote, for keys with these hashes; runs on ONNX Runtime where it is exported, unless that is not
        wanted, else on torch.

        Raises ModelError where neither can be used, KeyError, TypeError or ValueError where it is damaged.
        """
        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(cls.Options, state["options"]))
        detector.threshold_, detector.k_ = float(state["threshold"]), int(state["k"])
        detector.sessions_, detector.span_ = int(state["sessions"]), int(state["span"])
        detector.vectors_ = np.array(state["vectors"], np.uint64)
        vocabulary = Vocabulary(state["vocabulary"], hashes)
        path = next((folder / name for name in EXPORTED if exported and (folder / name).is_file()), None)
        if path is not None:
            scorer = detector._exported(path, len(vocabulary))
        else:
            try:
                scorer = detector._in_torch(folder / WEIGHTS, len(vocabulary))
            except ImportError:
                raise ModelError(
                    f"{folder} is not exported: run `logscan export` on it where it was trained, "
                    "or pip install 'logscan[train]'"
                ) from None
        detector.judge = detector._judge(scorer, vocabulary, bool(state["ends"]))
        return detector

    def _judge(self, scorer: Scorer, vocabulary: Vocabulary, ends: bool) -> Judge:
        """What judges by a network."""
        raise NotImplementedError

    def _exported(self, path: Path, vocabulary: int) -> Scorer:
        """The network in a file of ONNX. Raises ModelError."""
        raise NotImplementedError

    def _in_torch(self, path: Path, vocabulary: int) -> Scorer:
        """The network, which is kept, with the weights in a file. Raises ModelError; ImportError without torch."""
        raise NotImplementedError


@dataclass(frozen=True)
class Training:
    """How a network of keys learns, and by what rule it judges.

    rule: `surprise` has a threshold on the least probable key, calibrated on held-out normal windows; `top-k` is the
    paper's, a key that is not among the `candidates` most probable is an anomaly
    false_positives: share of held-out normal windows that may be called anomalous; improbable: a probability of a key
    above which it is never surprising
    held_out: share of the normal windows that are kept from training, for early stopping and the threshold
    patience: epochs without a better held-out loss after which training ends early, 0 for never
    batch: distinct pieces of windows that make one step
    """

    rule: Literal["surprise", "top-k"] = "surprise"
    candidates: int = 9
    false_positives: float = 0.003
    improbable: float = 0.001
    held_out: float = 0.1
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
        if min(self.candidates, self.epochs, self.batch) < 1 or self.patience < 0:
            raise ValueError("candidates, epochs and batch should be at least 1, patience not below 0")
        if not (self.learning_rate > 0 and self.weight_decay >= 0):
            raise ValueError("learning_rate should be above 0, weight_decay not below")


class Traced(NextKey):
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
        import torch

        from logscan.runtime.traced import InTorch

        vocabulary = Vocabulary.learnt(normal, hashes)
        self.k_, self.vectors_ = self.options.candidates, np.unique(normal.vectors)
        self.sessions_, self.span_ = len(normal), normal.span()
        torch.manual_seed(run.seed)
        self.network = self._network(len(vocabulary))
        kept, held_out = normal.parted(self.options.held_out, np.random.default_rng(run.seed))
        epochs = self._learn(weighted(kept, vocabulary, ends), weighted(held_out, vocabulary, ends), run)
        self.judge = self._judge(_Running(InTorch(self.network)), vocabulary, ends)
        worst = self.judge.judge(held_out).worst_nats(held_out)
        self.threshold_ = max(-log(self.options.improbable), exceeded_by(self.options.false_positives, worst))
        return {
            "parameters": sum(weights.numel() for weights in self.network.parameters()),
            "keys": len(vocabulary.hashes),
            "epochs": len(epochs),
            "held_out_loss": min(figures["held-out loss"] for figures in epochs),
            "threshold": {
                "nats": round(self.threshold_, 3),
                "top_k": self.k_,
                "how": "surprise of a window's least probable key, on normal windows held out from training",
            },
        }

    def _network(self, vocabulary: int) -> Any:
        """A new network with random weights for so many tokens."""
        raise NotImplementedError

    def _learn(self, normal: Weighted, held_out: Weighted, run: Run) -> list[dict[str, float]]:
        """Train the network; gives the figures of each epoch."""
        raise NotImplementedError

    def _examples(self, sequences: list[Ints]) -> list[Ints]:
        """Batches of what the network reads of sequences of tokens, to compare it with what is exported."""
        raise NotImplementedError

    def _exported(self, path: Path, vocabulary: int) -> Scorer:
        from logscan.runtime.session import open_traced

        network = open_traced(path, INPUTS, self.outputs)
        if network.sizes["vocabulary"] != vocabulary:
            raise ModelError(f"{path} is of another model: export the model again")
        return _Running(network)

    def _in_torch(self, path: Path, vocabulary: int) -> Scorer:
        import torch

        from logscan.networks.weights import check_weights, load_weights
        from logscan.runtime.traced import InTorch

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

    def __init__(self, network: Any) -> None:
        self._network = network
        self.provider: str = network.provider
        self.at_once: int = network.at_once

    def log_probs(self, tokens: Ints) -> npt.NDArray[np.float32]:
        """(batch, vocabulary), or (batch, length, vocabulary), of (batch, length) tokens."""
        found: npt.NDArray[np.float32] = self._network.run(tokens)
        return found


def weighted(windows: Windows, vocabulary: Vocabulary, ends: bool) -> Weighted:
    """The distinct sequences of tokens of windows, and how many windows each is."""
    first, _, counts = windows.distinct()
    return vocabulary.sequences(windows.take(first), ends), counts
