"""The detectors by name, loaded on first use. One of another package comes through the entry point group
`logscan.detectors`.

`baseline` has no class here: it judges records as well as windows, and what it knows is the profile of the logs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from logscan.detectors.sessions import Scores
from logscan.errors import LogscanError, OptionError
from logscan.networks.run import Run
from logscan.settings import Settings
from logscan.windows.sessions import Windows

GROUP = "logscan.detectors"
BASELINE = "baseline"
BUILT_IN = {
    "counts": "logscan.detectors.counts:CountVectors",
    "logllama": "logscan.detectors.logllama.detector:LogLLaMA",
}
EXTRA = ("torch", "transformers", "accelerate", "safetensors")  # what `logscan[train]` brings


class Detector(Protocol):
    """What learns from normal windows and judges others, see `CountVectors` for the smallest.

    options: a frozen dataclass; beside its class may stand PRESETS, named settings of it
    """

    name: str
    options: Any

    def __init__(self, options: Any = None) -> None:
        """With the defaults where there are no options."""

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: Run, anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn. hashes: of the known keys, by number; ends: whether the windows are sessions."""

    def score(self, windows: Windows) -> Scores:
        """Higher is stranger, 0.5 the threshold."""


def names() -> list[str]:
    """Of all detectors, built-in ones first."""
    foreign = {entry.name for entry in entry_points(group=GROUP)}
    return [BASELINE, *BUILT_IN, *sorted(foreign - {BASELINE, *BUILT_IN})]


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


def presets_of(detector: type[Detector]) -> Mapping[str, Settings]:
    """Its named settings."""
    return getattr(import_module(options_of(detector).__module__), "PRESETS", {})


@contextmanager
def training(name: str) -> Iterator[None]:
    """A training, which may lack what is not installed with logscan itself. Raises LogscanError then."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise LogscanError(f"{name} trains with torch: pip install 'logscan[train]'") from None
