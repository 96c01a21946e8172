"""What detectors share that give each message a vector by what it says, and let a network judge the sequence of these:
`logrobust` is the smallest of them.

A subclass says what is learnt (`fit`) and which network does it (`network`); here is how windows are read, scored,
saved and exported. A window of more than `messages` messages is read in parts, and judged as its most anomalous one.
No torch is needed where the networks are exported.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import orjson

from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import best_between, logistic
from logscan.detectors.wholes import left_out
from logscan.errors import InputError, ModelError
from logscan.networks.options import Training
from logscan.networks.rows import by_length, encoded, groups, in_parts, padded, sequences
from logscan.networks.semantics import SemanticOptions, Semantics, Vectors, as_rarity, of_rarity, rarity
from logscan.settings import build
from logscan.templates.messages import Input
from logscan.windows.sessions import Floats, Ints, Windows

if TYPE_CHECKING:
    import torch

    from logscan.networks.run import Run
    from logscan.networks.sequence_classifier import Examples, SequenceClassifier

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
EXPORTED = ("detector.int8.onnx", "detector.onnx")  # the first that is there is used
INPUTS = {"vectors": ("float32", "messages", "width"), "index": ("int64", "batch", "length")}
OUTPUTS = {"log_odds": ("float32", "batch")}
HELD = 1 << 27  # numbers of vectors that are held at once, 512 MiB
AT_ONCE = 16_384  # messages that the network reads at once


@dataclass(frozen=True)
class Options(SemanticOptions):
    """messages: of a part of a window; held_out: share of the windows that is kept from training, to choose the best
    epoch and the threshold on"""

    messages: int = 512
    training: Training = field(default_factory=Training)
    held_out: float = 0.1

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.messages < 1 or not 0 < self.held_out < 1:
            raise ValueError("messages should be at least 1, and held_out lie between 0 and 1")


class SemanticDetector(ABC):
    """threshold_: the log-odds of anomalous above which a window is so; idf_: (vocabulary,) weights of tokens, None for
    equal ones"""

    name: ClassVar[str]
    supervised: ClassVar[bool] = True
    reads: ClassVar[Input]
    by_rarity: ClassVar[bool] = False  # whether the tokens of a message are weighted by TF-IDF
    options_class: ClassVar[type[Options]]

    semantics: Semantics
    classifier: Any  # networks.in_torch.InTorch or runtime.session.Network: `run(vectors, index)`
    threshold_: float
    idf_: Floats | None = None
    _network: "SequenceClassifier"

    def __init__(self, options: Any = None) -> None:
        self.options: Any = options or self.options_class()

    @abstractmethod
    def network(self, width: int) -> "torch.nn.Module":
        """With random weights, for vectors of this width; see `SequenceClassifier` for what it takes and gives."""

    @property
    def provider(self) -> str:
        """What runs the network, in words."""
        return str(self.classifier.provider)

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn to tell labelled windows apart, and put the threshold where held-out ones are told apart best.

        Both kinds count the same in all. Gives figures. Raises InputError where there are no anomalous windows,
        OptionError where the encoder cannot be used.
        """
        if anomalous is None or len(anomalous) < 2:
            raise InputError(f"{self.name} learns from anomalous windows too, and there are none to learn from")
        from logscan.networks.sequence_classifier import Examples

        rng = np.random.default_rng(run.seed)
        learnt, held_out = zip(*(kind.parted(self.options.held_out, rng) for kind in (normal, anomalous)), strict=True)
        most = self.options.messages
        examples, judged = Examples.labelled(learnt, most), Examples.labelled(held_out, most)
        self._open(normal, np.unique(np.concatenate(examples.rows)), run.seed)
        figures = self._learn(normal, examples, judged, run)
        good, bad = (self.log_odds(windows) for windows in held_out)
        self.threshold_ = best_between(good, bad, run.prevalence)
        how = "of being anomalous, where F1 is best on labelled windows held out from training"
        return {**figures, "threshold": {"log_odds": round(self.threshold_, 3), "how": how}}

    def _learn(self, windows: Windows, learnt: "Examples", held_out: "Examples", run: "Run") -> dict[str, Any]:
        """Train a network on examples, whose rows are numbers of the windows' messages, once the encoder is open. Gives
        figures."""
        import torch

        from logscan.networks.in_torch import InTorch
        from logscan.networks.sequence_classifier import SequenceClassifier, learn

        assert windows.messages is not None
        texts = windows.messages.texts
        met = np.unique(np.concatenate(learnt.rows))
        torch.manual_seed(run.seed)
        self._network = SequenceClassifier(self.network(self.semantics.width), self.semantics.width)
        self._network.standardise(self._vectors(texts, met))
        both = np.unique(np.concatenate([*learnt.rows, *held_out.rows]))
        table = _table(self._vectors(texts, both))
        learnt, held_out = (part.renumbered(both) for part in (learnt, held_out))
        losses = learn(self._network, table, learnt, held_out, self.options.training, run)
        self.classifier = InTorch(self._network)
        return {
            "parameters": sum(weights.numel() for weights in self._network.parameters()),
            "messages": len(met),
            "distinct_windows": len(learnt.rows),
            "epochs": len(losses),
            "losses": losses,
        }

    def _open(self, windows: Windows, met: Ints, seed: int) -> None:
        """The encoder, and how rare its tokens are in the messages that are learnt from."""
        assert windows.messages is not None
        texts = [windows.messages.texts[number] for number in met]
        self.semantics = Semantics.opened(self.options, texts, seed)
        if self.by_rarity:
            self.idf_ = rarity(encoded(self.semantics.tokenizer, texts), self.semantics.tokenizer.get_vocab_size())

    def score(self, windows: Windows) -> Scores:
        """Scores of windows: the probability of being anomalous, moved so that 0.5 is the threshold. An event has that
        of its window, see `blame` for what makes it so."""
        scores = logistic(self.log_odds(windows), self.threshold_)
        return Scores(scores, np.repeat(scores, windows.lengths))

    def blame(self, windows: Windows) -> Floats:
        """(events,) by how much the log-odds of each window fall without each of its messages."""
        return left_out(windows.by_message(), lambda wanted: self._of(windows, wanted))

    def log_odds(self, windows: Windows) -> Floats:
        """(n,) how much likelier than not each window is anomalous; equal windows are read once."""
        first, inverse, _ = windows.by_message().distinct()
        return self._of(windows, sequences(windows.take(first)))[inverse]

    def _of(self, windows: Windows, wanted: Sequence[Ints]) -> Floats:
        """The log-odds of sequences of the windows' messages; 0 of one that has none, which says nothing."""
        assert windows.messages is not None
        most = self.options.messages
        parts = [(owner, part) for owner, row in enumerate(wanted) for part in in_parts(row, most) if len(part)]
        found = np.where([len(row) > 0 for row in wanted], -np.inf, 0.0)
        for group in groups(parts, HELD // self.semantics.width):
            met, numbers = np.unique(np.concatenate([part for _, part in group]), return_inverse=True)
            rows = np.split(numbers, np.cumsum([len(part) for _, part in group])[:-1])
            owners = np.array([owner for owner, _ in group], np.int64)
            np.maximum.at(found, owners, self._judge(self._vectors(windows.messages.texts, met), rows))
        return found

    def _vectors(self, texts: Sequence[str], chosen: Ints) -> Vectors:
        return self.semantics.vectors([texts[number] for number in chosen], self.idf_)

    def _judge(self, vectors: Vectors, rows: Sequence[Ints]) -> Floats:
        """(n,) log-odds of rows of these vectors."""
        found = np.zeros(len(rows))

        def judge(batch: Ints) -> None:
            chosen = [rows[at] for at in batch]
            met, numbers = np.unique(np.concatenate(chosen), return_inverse=True)
            index, _ = padded(np.split(numbers + 1, np.cumsum([len(row) for row in chosen])[:-1]))
            found[batch] = self.classifier.run(_table(vectors[met]), index)

        with ThreadPoolExecutor(self.classifier.at_once) as pool:
            list(pool.map(judge, by_length([len(row) for row in rows], AT_ONCE)))
        return found

    def save(self, folder: Path) -> None:
        """Write what was learnt: a JSON file, the network's weights, and the encoder, see `Semantics.save`."""
        from logscan.networks.weights import save_weights

        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            "encoder": self.semantics.save(folder, self.options.include_base),
            "idf": None if self.idf_ is None else of_rarity(self.idf_),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        save_weights(self._network.state_dict(), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote; runs on ONNX Runtime where it is exported, unless that is not wanted, else on torch.

        Raises ModelError where neither can be used, OptionError where the encoder is gone, KeyError, TypeError or
        ValueError where it is damaged.
        """
        from logscan.runtime.session import open_traced

        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(cls.options_class, state["options"]))
        detector.threshold_ = float(state["threshold"])
        detector.idf_ = None if state["idf"] is None else as_rarity(state["idf"])
        paths = [folder / name for name in EXPORTED if exported and (folder / name).is_file()]
        with loading(folder):
            detector.semantics = Semantics.load(folder, detector.options, state["encoder"], bool(paths))
            detector.classifier = open_traced(paths[0], INPUTS, OUTPUTS) if paths else detector._restored(folder)
        if paths and detector.classifier.sizes["width"] != detector.semantics.width:
            raise ModelError(f"{paths[0]} is of another model than the encoder beside it: export the model again")
        return detector

    def _restored(self, folder: Path) -> Any:
        import torch

        from logscan.networks.in_torch import InTorch
        from logscan.networks.sequence_classifier import SequenceClassifier
        from logscan.networks.weights import check_weights, load_weights

        width = self.semantics.width
        with torch.device("meta"):
            check_weights(SequenceClassifier(self.network(width), width).state_dict(), folder / WEIGHTS)
        self._network = SequenceClassifier(self.network(width), width)
        load_weights(self._network.state_dict(), folder / WEIGHTS)
        return InTorch(self._network)

    def export(self, folder: Path, windows: Windows) -> float:
        """Write encoder and network as ONNX. Gives the largest difference of the log-odds of these windows.

        Raises ModelError where that is not small.
        """
        from logscan.runtime.export import compare, renewed
        from logscan.runtime.session import open_traced
        from logscan.runtime.traced import export_traced

        with renewed(folder) as made:
            exported = copy(self)
            exported.semantics = self.semantics.export(made)
            example = np.random.default_rng(0).normal(size=(4, self.semantics.width)).astype(np.float32)
            batch = (_table(example), np.array([[1, 2, 3], [4, 1, 0]]))
            export_traced(self._network, INPUTS, OUTPUTS, made / EXPORTED[-1], [batch])
            exported.classifier = open_traced(made / EXPORTED[-1], INPUTS, OUTPUTS)
            return compare(self.log_odds, exported.log_odds, [(windows,)])

    def quantize(self, folder: Path) -> None:
        """Write the exported networks with weights of eight bits, beside them."""
        from logscan.runtime.traced import round_weights

        self.semantics.quantize(folder)
        round_weights(folder / EXPORTED[-1])


def _table(vectors: Vectors) -> Vectors:
    """Vectors behind the one that stands for padding."""
    return np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), vectors])
