"""A detector's options from what was typed: a preset, a TOML file, `key=value` settings.

    settings = merged(preset, read_toml("run.toml"), parsed(["rl.episodes=0"]))
    options = build(Options, settings)

Options are frozen dataclasses, some of whose fields are such dataclasses again. What none of them has is an error that
names the nearest field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from logscan.errors import OptionError

Options = TypeVar("Options")
Settings = Mapping[str, Any]


def parsed(pairs: Sequence[str]) -> dict[str, Any]:
    """Nested settings from `a.b=value`; a value is TOML, or else a text. Raises OptionError."""
    import tomllib

    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise OptionError(f"--set {pair!r} should be key=value, such as rl.episodes=0")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        for part in reversed(name.split(".")):
            value = {part: value}
        settings = merged(settings, value)
    return settings


def read_toml(path: Path) -> dict[str, Any]:
    """Settings from a file. Raises OptionError."""
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} is no TOML: {error}") from None


def merged(*all_settings: Settings) -> dict[str, Any]:
    """Later settings win; tables are merged."""
    whole: dict[str, Any] = {}
    for settings in all_settings:
        for name, value in settings.items():
            old = whole.get(name)
            whole[name] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return whole


def check_names(cls: type[Any], settings: Settings, inside: str = "") -> None:
    """Raises OptionError for a name that none of the options has."""
    kinds: dict[str, Any] = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    for name, value in settings.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {inside}{near[0]}?" if near else f"there are {', '.join(names)}"
            raise OptionError(f"there is no option {inside}{name}: {hint}")
        if is_dataclass(kinds[name]):
            if not isinstance(value, Mapping):
                raise OptionError(f"{inside}{name} has options of its own: set {inside}{name}.KEY=VALUE")
            check_names(cast(type[Any], kinds[name]), value, f"{inside}{name}.")


def build(cls: type[Options], settings: Settings) -> Options:
    """The options with these settings, defaults for all else. Raises OptionError."""
    check_names(cls, settings)
    return _built(cls, settings)


def _built(cls: type[Options], settings: Settings, inside: str = "") -> Options:
    kinds: dict[str, Any] = get_type_hints(cls)
    values = {}
    for name, value in settings.items():
        kind = kinds[name]
        if is_dataclass(kind):
            values[name] = _built(cast(type[Any], kind), value, f"{inside}{name}.")
        else:
            values[name] = _checked(value, kind, inside + name)
    try:
        return cls(**values)
    except ValueError as error:
        raise OptionError(f"{inside}{error}") from None


def _checked(value: Any, kind: Any, name: str) -> Any:
    """The value as that type; an integer may stand for a float."""
    choices = get_args(kind)
    if get_origin(kind) is Literal:
        if value not in choices:
            raise OptionError(f"{name} should be one of {', '.join(choices)}, not {value!r}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    allowed = choices if isinstance(kind, UnionType) else (kind,)
    if type(value) not in allowed:
        words = " or ".join("nothing" if one is type(None) else one.__name__ for one in allowed)
        raise OptionError(f"{name} should be of type {words}, not {value!r}")
    return value
