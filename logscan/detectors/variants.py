"""Which detectors are trained, as they are typed: `counts`, `logllama:rl.episodes=0:combine=counts`, `all`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from logscan.detectors.registry import Detector, detector_class, epochs_of, names, options_of, presets_of
from logscan.errors import OptionError
from logscan.settings import Settings, build, check_names, merged, parsed
from logscan.templates.messages import Input

ALL = "all"  # every detector there is


@dataclass(frozen=True)
class Variant:
    """A detector with its options; both None for the baseline, which has none.

    chosen: what is not left as it is; unused: what was asked of all, and means nothing to it; of_all: it was not named,
    `all` was, and so it may be left out where it cannot be trained
    """

    name: str
    detector: type[Detector] | None = None
    options: Any = None
    chosen: Settings = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    of_all: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """All its options, with dotted names."""
        return {} if self.options is None else flat(asdict(self.options))

    @property
    def reads(self) -> Input | None:
        """What it reads of messages."""
        return None if self.detector is None else self.detector(self.options).reads

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of its options."""
        mean = "means" if len(self.unused) == 1 else "mean"
        return (f"{', '.join(self.unused)} {mean} nothing to it",) if self.unused else ()


@dataclass(frozen=True)
class _Named:
    """own: the settings behind its name; cls: None for the baseline."""

    name: str
    own: Sequence[str]
    cls: type[Detector] | None
    of_all: bool


def variants(
    wanted: Sequence[str], preset: str | None = None, settings: Settings | None = None, epochs: int | None = None
) -> list[Variant]:
    """The detectors of these names, each of which settings of its own may follow, in `key=value` behind colons.

    The preset, the settings and the epochs beside the names are for all that know them. Raises OptionError for what
    none knows.
    """
    named = _named(wanted)
    classes = [one.cls for one in named if one.cls]
    check_options(wanted, settings or {})
    presets = list(dict.fromkeys(name for cls in classes for name in presets_of(cls)))
    if preset is not None and preset not in presets:
        there = f"there are {', '.join(presets)}" if presets else "these detectors have none"
        raise OptionError(f"no preset is called {preset!r}: {there}")
    if epochs is not None and not any(epochs_of(cls) for cls in classes):
        raise OptionError(f"{_listed(named)}: nothing is learnt in epochs: leave out --epochs")
    return [_variant(one, preset, settings or {}, epochs) for one in named]


def check_options(wanted: Sequence[str], settings: Settings) -> None:
    """Raises OptionError for settings beside the names of detectors none of which knows them."""
    named = _named(wanted)
    classes = [one.cls for one in named if one.cls]
    known = {option for cls in classes for option in _options(cls)}
    for option in settings:
        if option not in known:
            near = get_close_matches(option, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(f"{_listed(named)}: there is no option {option}{hint}")
    for cls in classes:
        check_names(options_of(cls), {name: settings[name] for name in _options(cls) if name in settings})


def usual_protocol(wanted: Sequence[str]) -> str:
    """How a labelled corpus is split unless the user says it: with anomalies to learn from where one that was named
    must have them."""
    supervised = any(one.cls.supervised for one in _named(wanted) if one.cls and not one.of_all)
    return "logllm" if supervised else "logllama"


def _named(wanted: Sequence[str]) -> list[_Named]:
    """Each detector, `all` as all there are. Raises OptionError."""
    split = [(part.split(":"), text == ALL) for text in wanted for part in (names() if text == ALL else [text])]
    return [_Named(name, own, detector_class(name), of_all) for (name, *own), of_all in split]


def _listed(named: Sequence[_Named]) -> str:
    return ", ".join(one.name for one in named)


def _options(cls: type[Detector]) -> list[str]:
    return [option.name for option in fields(options_of(cls))]


def _variant(named: _Named, preset: str | None, settings: Settings, epochs: int | None) -> Variant:
    cls, own = named.cls, parsed(named.own)
    mine = _options(cls) if cls else []
    if own and not mine:
        raise OptionError(f"{named.name} has no options: leave out {':'.join(named.own)}")
    asked = {
        f"--preset {preset}": preset is None or (cls is not None and preset in presets_of(cls)),
        "--epochs": epochs is None or (cls is not None and bool(epochs_of(cls))),
        **{option: option in mine for option in settings},
    }
    unused = tuple(text for text, used in asked.items() if not used)
    if cls is None:
        return Variant(named.name, unused=unused, of_all=named.of_all)
    chosen = merged(
        presets_of(cls).get(preset, {}) if preset is not None else {},
        {option: value for option, value in settings.items() if option in mine},
        parsed([f"{option}={epochs}" for option in epochs_of(cls)] if epochs is not None else []),
        own,
    )
    return Variant(named.name, cls, build(options_of(cls), chosen), chosen, unused, named.of_all)


def flat(settings: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    return dict(_flat(settings, inside))


def _flat(settings: Mapping[str, Any], inside: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{inside}{name}.")
        else:
            yield f"{inside}{name}", value
