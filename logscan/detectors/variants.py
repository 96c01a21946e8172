"""Which detectors are trained, as they are typed: `counts`, `logllama:rl.episodes=0:combine=counts`, `all`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from logscan.detectors.registry import Detector, detector_class, epochs_of, names, options_of, presets_of
from logscan.errors import OptionError
from logscan.settings import Settings, build, check_names, merged, parsed
from logscan.templates.messages import Input


@dataclass(frozen=True)
class Variant:
    """A detector with its options; both None for the baseline, which has none. chosen: what is not left as it is."""

    name: str
    detector: type[Detector] | None = None
    options: Any = None
    chosen: Settings = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """All its options, with dotted names."""
        return {} if self.options is None else flat(asdict(self.options))

    @property
    def reads(self) -> Input | None:
        """What it reads of messages."""
        return None if self.detector is None else self.detector(self.options).reads


def variants(
    wanted: Sequence[str], preset: str | None = None, settings: Settings | None = None, epochs: int | None = None
) -> list[Variant]:
    """The detectors of these names, each of which settings of its own may follow, in `key=value` behind colons.

    The preset, the settings and the epochs beside the names are for all that know them. Raises OptionError for what
    none knows.
    """
    named = _named(wanted)
    classes = [cls for _, _, cls in named if cls]
    check_options(wanted, settings or {})
    presets = list(dict.fromkeys(name for cls in classes for name in presets_of(cls)))
    if preset is not None and preset not in presets:
        there = f"there are {', '.join(presets)}" if presets else "these detectors have none"
        raise OptionError(f"no preset is called {preset!r}: {there}")
    if epochs is not None and not any(epochs_of(cls) for cls in classes):
        raise OptionError(f"{', '.join(name for name, *_ in named)}: nothing is learnt in epochs: leave out --epochs")
    return [_variant(name, cls, own, preset, settings or {}, epochs) for name, own, cls in named]


def check_options(wanted: Sequence[str], settings: Settings) -> None:
    """Raises OptionError for settings beside the names of detectors none of which knows them."""
    named = _named(wanted)
    known = {option for _, _, cls in named if cls for option in _options(cls)}
    for option in settings:
        if option not in known:
            near = get_close_matches(option, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(f"{', '.join(name for name, *_ in named)}: there is no option {option}{hint}")
    for _, _, cls in named:
        if cls is not None:
            check_names(options_of(cls), {name: settings[name] for name in _options(cls) if name in settings})


def usual_protocol(wanted: Sequence[str]) -> str:
    """How a labelled corpus is split unless the user says it: with anomalies to learn from where one must have them."""
    supervised = any(cls.supervised for _, _, cls in _named(wanted) if cls)
    return "logllm" if supervised else "logllama"


def _named(wanted: Sequence[str]) -> list[tuple[str, list[str], type[Detector] | None]]:
    """The name, the settings of its own and the class of each detector. Raises OptionError."""
    split = [part.split(":") for text in wanted for part in (names() if text == "all" else [text])]
    return [(name, own, detector_class(name)) for name, *own in split]


def _options(cls: type[Detector]) -> list[str]:
    return [option.name for option in fields(options_of(cls))]


def _variant(
    name: str,
    cls: type[Detector] | None,
    pairs: Sequence[str],
    preset: str | None,
    settings: Settings,
    epochs: int | None,
) -> Variant:
    own = parsed(pairs)
    mine = _options(cls) if cls else []
    if own and not mine:
        raise OptionError(f"{name} has no options: leave out {':'.join(pairs)}")
    if cls is None:
        return Variant(name)
    chosen = merged(
        presets_of(cls).get(preset, {}) if preset is not None else {},
        {option: value for option, value in settings.items() if option in mine},
        parsed([f"{option}={epochs}" for option in epochs_of(cls)] if epochs is not None else []),
        own,
    )
    return Variant(name, cls, build(options_of(cls), chosen), chosen)


def flat(settings: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    return dict(_flat(settings, inside))


def _flat(settings: Mapping[str, Any], inside: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{inside}{name}.")
        else:
            yield f"{inside}{name}", value
