"""What `bert` and `llama-prompt` share: a base that is tuned on labelled traces, and judges others.

What sets them apart is said in their own files: which base, what of a trace it reads, and how it answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import orjson

from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import best_between, logistic
from logscan.errors import InputError, OptionError
from logscan.networks.options import Adapters, Lora, Size
from logscan.settings import build
from logscan.windows.sessions import Floats, Ints, Windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from logscan.detectors.traces import Events, Judge, Reader
    from logscan.networks.pretrained import Base
    from logscan.networks.run import Run
    from logscan.networks.tuning import Wanted

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
EXPORTED = (".int8.onnx", ".onnx")  # the best first


@dataclass(frozen=True)
class Options:
    """size: of a base from scratch
    adapters: how a pretrained base is trained: `qlora` freezes weights of four bits and trains LoRA beside them, `lora`
    freezes weights as they are, `full` trains them
    batch: traces a step; at_once: traces whose gradients are held in memory at once
    events: of a part of a trace, at most
    held_out: share of the windows that validates, and on which the threshold is found
    checkpointing: less memory for activations, which are worked out twice
    include_base: keep the weights of a pretrained base in the bundle, too
    """

    size: Size = field(default_factory=Size)
    adapters: Adapters = "full"
    lora: Lora = field(default_factory=Lora)
    epochs: int = 4
    learning_rate: float = 3e-5
    weight_decay: float = 0.01
    batch: int = 32
    at_once: int = 8
    events: int = 128
    held_out: float = 0.1
    checkpointing: bool = False
    include_base: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if min(self.epochs, self.batch, self.at_once, self.events) < 1 or self.batch % self.at_once:
            raise ValueError("epochs and events should be at least 1, and batch a multiple of at_once")
        if not self.learning_rate > 0 or self.weight_decay < 0:
            raise ValueError("learning_rate should be above 0, and weight_decay at least 0")
        if not 0 < self.held_out < 1:
            raise ValueError("held_out should lie between 0 and 1")


class TraceClassifier(ABC):
    """threshold_: the log-odds of anomalous above which a window is so."""

    name: ClassVar[str]
    place: ClassVar[str]  # the folder of its base in a bundle, and the name of what is exported
    supervised = True
    reads = None

    options: Any
    judge: "Judge"
    network: Any
    base: "Base"
    threshold_: float

    @abstractmethod
    def _wanted(self) -> "Wanted":
        """The base."""

    @abstractmethod
    def _scratch(self, events: "Events", seed: int) -> "Base":
        """A base with random weights in which each event is one token."""

    @abstractmethod
    def _phrased(self, tokenizer: "Tokenizer", special: dict[str, int | None]) -> "Phrased":
        """How it reads traces with this tokenizer. Raises OptionError where it cannot."""

    def check(self) -> None:
        """Raises OptionError where a pretrained base cannot be had, or would not fit into memory."""
        from logscan.networks.tuning import check_memory

        check_memory([self._wanted()], self.options)

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Tune the base, and put the threshold where held-out windows are told apart best. Gives figures.

        Raises InputError where there are no anomalous windows, OptionError where a base cannot be used.
        """
        from logscan.detectors.traces import Events

        if anomalous is None or len(anomalous) < 2:
            raise InputError(f"{self.name} learns from anomalous windows too, and there are none to learn from")
        return self._fit(Events.learnt([normal, anomalous], hashes), normal, anomalous, run)

    def _fit(self, events: "Events", normal: Windows, anomalous: Windows, run: "Run") -> dict[str, Any]:
        import torch

        from logscan.detectors.classifying import Examples, TorchReader, learn
        from logscan.detectors.traces import Judge, Labelled
        from logscan.networks.tuning import opened, trained_parts

        options, wanted = self.options, self._wanted()
        rng = np.random.default_rng(run.seed)
        learnt, held_out = zip(*(kind.parted(options.held_out, rng) for kind in (normal, anomalous)), strict=True)
        self.check()
        torch.manual_seed(run.seed)
        self.base = base = opened(wanted, options, lambda: self._scratch(events, run.seed))
        phrased = self._phrased(base.tokenizer, {"bos": base.bos, "eos": base.eos})
        _check_length(base, phrased, events, options.events)
        torch.manual_seed(run.seed)
        self.network = phrased.network(base.model)
        parameters = trained_parts(self.network)

        def examples(windows: Sequence[Windows]) -> Examples:
            found = Labelled.of(windows[0], windows[1], events, options.events)
            return Examples(phrased.rows([events.text(trace) for trace in found.traces]), found.counts, found.anomalous)

        known = examples(learnt)
        epochs = learn(self.network, known, examples(held_out), options, run)
        self.judge = Judge(TorchReader(self.network), events, phrased.rows, options.events)
        odds = [self.judge.log_odds(windows) for windows in held_out]
        self.threshold_ = best_between(odds[0], odds[1], run.prevalence, usual=0.0)
        return {
            "parameters": sum(weights.numel() for weights in self.network.parameters()),
            "trained_parameters": sum(weights.numel() for weights in parameters.values()),
            "keys": len(events.hashes),
            "distinct_windows": len(known.rows),
            "held_out_loss": min(figures["held-out loss"] for figures in epochs),
            "epochs": len(epochs),
            "validated": epochs,
            "threshold": {
                "log_odds": round(self.threshold_, 3),
                "how": "of anomalous, 0 unless F1 is better elsewhere on labelled windows held out from training",
            },
        }

    def score(self, windows: Windows) -> Scores:
        """Scores of windows: the probability of anomalous, moved so that 0.5 is the threshold. An event has that of its
        window, see `blame` for what makes it so."""
        scores = logistic(self.judge.log_odds(windows), self.threshold_)
        return Scores(scores, np.repeat(scores, windows.lengths))

    def blame(self, windows: Windows) -> Floats:
        """(events,) by how much the log-odds of each window fall without each of its events."""
        return self.judge.blame(windows)

    @property
    def provider(self) -> str:
        """What runs the network, in words."""
        return self.judge.reader.provider

    def save(self, folder: Path) -> None:
        """Write what was learnt: a JSON file, the weights that were trained, and of the base what tells which it is,
        its tokenizer, and with `include_base` its weights."""
        from logscan.networks.pretrained import save_base
        from logscan.networks.tuning import trained_parts
        from logscan.networks.weights import save_weights

        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            "events": self.judge.events.hashes,
            "revision": self.base.revision,
            "digest": self.base.digest,
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        save_base(self.base, folder / self.place, self.options.include_base and bool(self.base.digest))
        save_weights(trained_parts(self.network), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote, for keys with these hashes; runs on ONNX Runtime where it is exported, unless that is not
        wanted, else on torch.

        Raises ModelError where neither can be used, OptionError where a base is gone, KeyError, TypeError or ValueError
        where it is damaged.
        """
        from logscan.detectors.traces import Events, Judge
        from logscan.networks.pretrained import saved_tokenizer

        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls()
        detector.options = build(type(detector.options), state["options"])
        detector.threshold_ = float(state["threshold"])
        events = Events(state["events"], hashes)
        phrased = detector._phrased(*saved_tokenizer(folder / cls.place))
        path = next((path for end in EXPORTED if exported and (path := folder / f"{cls.place}{end}").is_file()), None)
        if path is None:
            reader: Reader = detector._torch(folder, str(state["digest"]), phrased)
        else:
            reader = phrased.session(path)
        detector.judge = Judge(reader, events, phrased.rows, detector.options.events)
        return detector

    def _torch(self, folder: Path, digest: str, phrased: "Phrased") -> "Reader":
        with loading(folder):
            from logscan.detectors.classifying import TorchReader
            from logscan.networks.tuning import restored
        saved = [(self._wanted(), folder / self.place, digest)]
        self.network, (self.base,) = restored(phrased.network, saved, self.options, folder / WEIGHTS)
        return TorchReader(self.network)

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the network as ONNX, adapters merged. Gives the largest difference of the log-odds of these windows.

        Raises ModelError where that is not small.
        """
        from logscan.runtime.export import compare, renewed

        phrased = self._phrased(self.base.tokenizer, {"bos": self.base.bos, "eos": self.base.eos})
        with renewed(folder) as made:
            path = made / f"{self.place}.onnx"
            phrased.export(self.network, path)
            judge = replace(self.judge, reader=phrased.session(path))
            return compare(self.judge.log_odds, judge.log_odds, [(windows,)])

    def quantize(self, folder: Path) -> None:
        """Write the exported network with weights of eight bits, beside it."""
        from logscan.runtime.export import quantize

        quantize(folder / f"{self.place}.onnx", folder / f"{self.place}.int8.onnx")


class Phrased(ABC):
    """How traces become tokens, and what a network makes of these. answer: tokens behind a trace in training"""

    answer = 0

    @abstractmethod
    def rows(self, texts: Sequence[str]) -> list[Ints]:
        """The tokens of texts of traces."""

    @abstractmethod
    def network(self, model: Any) -> Any:
        """A `classifying.Classifier` of the base's model."""

    @abstractmethod
    def export(self, network: Any, path: Path) -> None:
        """Write it as ONNX. Raises ModelError."""

    @abstractmethod
    def session(self, path: Path) -> "Reader":
        """What was exported. Raises ModelError."""


def _check_length(base: "Base", phrased: Phrased, events: "Events", most: int) -> None:
    """Raises OptionError where a part of so many events may be longer than what the base reads."""
    once, twice = (phrased.rows([" ".join([name] * n) for name in events.names]) for n in (1, 2))
    event = max(len(two) - len(one) for one, two in zip(once, twice, strict=True))
    frame = max(len(one) for one in once) - event + phrased.answer
    longest = base.model.config.max_position_embeddings
    if frame + most * event > longest:
        raise OptionError(f"{base.name} reads {longest} tokens at most: --set events={(longest - frame) // event}")
