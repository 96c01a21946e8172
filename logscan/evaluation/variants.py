"""Which detectors are compared, as they are typed: `counts`, `logllama:rl.episodes=0:combine=counts`, `all`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any

from logscan.detectors.registry import Detector, detector_class, names, options_of, presets_of
from logscan.errors import OptionError
from logscan.settings import Settings, build, merged, parsed


@dataclass(frozen=True)
class Variant:
    """A detector with its options; both None for the baseline, which has none."""

    name: str
    detector: type[Detector] | None = None
    options: Any = None

    @property
    def settings(self) -> dict[str, Any]:
        """All its options, with dotted names."""
        return {} if self.options is None else flat(asdict(self.options))


def variants(wanted: Sequence[str], preset: str | None = None, settings: Settings | None = None) -> list[Variant]:
    """The detectors of these names, each of which settings of its own may follow, in `key=value` behind colons.

    The preset and the settings beside the names are for all that know them. Raises OptionError for what none knows.
    """
    named = [part.split(":") for text in wanted for part in (names() if text == "all" else [text])]
    classes = [detector_class(name) for name, *_ in named]
    known = {field.name for cls in classes if cls for field in fields(options_of(cls))}
    for option in settings or {}:
        if option not in known:
            near = get_close_matches(option, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(f"{', '.join(name for name, *_ in named)}: there is no option {option}{hint}")
    presets = list(dict.fromkeys(name for cls in classes if cls for name in presets_of(cls)))
    if preset is not None and preset not in presets:
        there = f"there are {', '.join(presets)}" if presets else "these detectors have none"
        raise OptionError(f"no preset is called {preset!r}: {there}")
    return [
        _variant(name, cls, pairs, preset, settings or {}) for (name, *pairs), cls in zip(named, classes, strict=True)
    ]


def _variant(
    name: str, cls: type[Detector] | None, pairs: Sequence[str], preset: str | None, settings: Settings
) -> Variant:
    own = parsed(pairs)
    mine = [field.name for field in fields(options_of(cls))] if cls else []
    if own and not mine:
        raise OptionError(f"{name} has no options: leave out {':'.join(pairs)}")
    if cls is None:
        return Variant(name)
    common = {option: value for option, value in settings.items() if option in mine}
    chosen = presets_of(cls).get(preset, {}) if preset is not None else {}
    return Variant(name, cls, build(options_of(cls), merged(chosen, common, own)))


def flat(settings: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    return dict(_flat(settings, inside))


def _flat(settings: Mapping[str, Any], inside: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{inside}{name}.")
        else:
            yield f"{inside}{name}", value
