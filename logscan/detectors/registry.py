"""The detectors by name, loaded on first use. One of another package comes through the entry point group
`logscan.detectors`.

`baseline` has no class here: it judges records as well as windows, and what it knows is the profile of the logs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast, runtime_checkable

from logscan.detectors.sessions import Scores
from logscan.errors import InputError, LogscanError, ModelError, OptionError
from logscan.templates.messages import Input
from logscan.windows.sessions import Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run
    from logscan.settings import Settings

GROUP = "logscan.detectors"
BASELINE = "baseline"
BUILT_IN = {
    "counts": "logscan.detectors.counts:CountVectors",
    "pca": "logscan.detectors.pca:PCA",
    "isolation-forest": "logscan.detectors.isolation_forest:IsolationForest",
    "one-class-svm": "logscan.detectors.one_class_svm:OneClassSVM",
    "logcluster": "logscan.detectors.logcluster:LogCluster",
    "invariants": "logscan.detectors.invariants:Invariants",
    "deeplog": "logscan.detectors.deeplog:DeepLog",
    "loganomaly": "logscan.detectors.loganomaly:LogAnomaly",
    "logbert": "logscan.detectors.logbert:LogBERT",
    "logrobust": "logscan.detectors.logrobust:LogRobust",
    "cnn": "logscan.detectors.cnn:Cnn",
    "neurallog": "logscan.detectors.neurallog:NeuralLog",
    "plelog": "logscan.detectors.plelog:PLELog",
    "rapid": "logscan.detectors.rapid:Rapid",
    "fastlogad": "logscan.detectors.fastlogad:FastLogAD",
    "logllama": "logscan.detectors.logllama.detector:LogLLaMA",
    "ensemble": "logscan.detectors.ensemble:Ensemble",
    "logllm": "logscan.detectors.logllm.detector:LogLLM",
    "bert": "logscan.detectors.bert:Bert",
    "llama-prompt": "logscan.detectors.llama_prompt:LlamaPrompt",
}
EXTRA = {  # what brings a package that is not installed with logscan itself
    **dict.fromkeys(("torch", "transformers", "accelerate", "safetensors", "peft", "tokenizers", "psutil"), "train"),
    "bitsandbytes": "qlora",
    "sklearn": "classic",
}
FEWEST = 2  # normal windows to learn from: one, and one to be held out


class Detector(Protocol):
    """What learns from normal windows and judges others, see `CountVectors` for the smallest.

    supervised: whether it learns from labelled anomalies too, and cannot do without
    options: a frozen dataclass; beside its class may stand PRESETS, named settings of it, and EPOCHS, the dotted names
    of how long a network is trained
    """

    name: str
    supervised: bool
    options: Any

    @property
    def reads(self) -> Input | None:
        """What it reads of messages; None for log keys alone."""

    def __init__(self, options: Any = None) -> None:
        """With the defaults where there are no options."""

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn. hashes: of the known keys, by number; ends: whether the windows are sessions.

        Gives figures of the training, among them `threshold`, a dict with what there is to say of it.
        """

    def score(self, windows: Windows) -> Scores:
        """Higher is stranger, 0.5 the threshold."""


@runtime_checkable
class Saved(Detector, Protocol):
    """A detector that a bundle can hold."""

    @property
    def provider(self) -> str:
        """What runs it, in words, such as `numpy`; of one that has learnt."""

    def save(self, folder: Path) -> None:
        """Write what was learnt into a folder that is there."""

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote, for keys with these hashes; runs on what was exported, unless that is not wanted.

        Raises ModelError where it cannot be used, KeyError, TypeError or ValueError where it is damaged.
        """


@runtime_checkable
class Tuning(Protocol):
    """A detector that tunes pretrained networks."""

    def check(self) -> None:
        """Raises OptionError where these cannot be had or would not fit into memory; none of them is loaded."""


@runtime_checkable
class Exportable(Protocol):
    """A detector with a network that ONNX Runtime can run; loaded with `exported=False`."""

    def export(self, folder: Path, windows: Windows) -> float:
        """Write `*.onnx` into its bundle, and take away an older `*.int8.onnx`; gives the largest difference from torch
        on these windows. Raises ModelError where that is too large."""

    def quantize(self, folder: Path) -> None:
        """Write `*.int8.onnx` beside what was exported."""


def names() -> list[str]:
    """Of all detectors, built-in ones first."""
    foreign = {entry.name for entry in entry_points(group=GROUP)}
    return [BASELINE, *BUILT_IN, *sorted(foreign - {BASELINE, *BUILT_IN})]


def known(name: object) -> bool:
    """Whether a detector has this name. The packages that are installed are looked through only for a foreign one."""
    return name in (BASELINE, *BUILT_IN) or name in names()


def detector_class(name: str) -> type[Detector] | None:
    """The class of a name, None for the baseline. Raises OptionError."""
    if name == BASELINE:
        return None
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name].split(":")
        return cast(type[Detector], getattr(import_module(module), attribute))
    for entry in entry_points(group=GROUP, name=name):
        return cast(type[Detector], entry.load())
    near = get_close_matches(name, names(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}"
    raise OptionError(f"no detector is called {name!r}: {hint}")


def options_of(detector: type[Detector]) -> type[Any]:
    """The dataclass of its options."""
    return type(detector().options)


def presets_of(detector: type[Detector]) -> "Mapping[str, Settings]":
    """Its named settings."""
    return getattr(import_module(options_of(detector).__module__), "PRESETS", {})


def epochs_of(detector: type[Detector]) -> Sequence[str]:
    """The options, with dotted names, that say for how many epochs its networks are trained."""
    return getattr(import_module(options_of(detector).__module__), "EPOCHS", ())


def saved_class(name: str) -> type[Saved]:
    """The class of a detector that can be saved. Raises OptionError where it cannot, or where there is none."""
    found = detector_class(name)
    if not (hasattr(found, "save") and hasattr(found, "load")):
        raise OptionError(f"{name} cannot be saved: it is for `logscan evaluate --detector {name}` alone")
    return cast(type[Saved], found)


def check_enough(detector: Detector, corpus: str, normal: Windows, anomalous: Windows | None) -> None:
    """Raises InputError where windows of a labelled corpus are too few to learn from."""
    if len(normal) < FEWEST:
        raise InputError(f"{corpus}: {len(normal)} normal windows are too few to learn from")
    if detector.supervised and anomalous is None:
        raise InputError(
            f"{corpus}: {detector.name} learns from anomalous windows too, and there is none in the training part: "
            "--protocol logllm leaves some there"
        )


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """A model that is loaded into torch, which may not be installed. Raises ModelError then."""
    try:
        yield
    except ImportError:
        raise ModelError(
            f"{folder} is not exported: run `logscan export` on it where it was trained, "
            "or pip install 'logscan[train]'"
        ) from None


@contextmanager
def training(name: str) -> Iterator[None]:
    """A training, which may lack what is not installed with logscan itself. Raises LogscanError then."""
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise LogscanError(f"{name} trains with {package}: pip install 'logscan[{EXTRA[package]}]'") from None
