"""Writes `reference/detectors.md`: the options of each detector, from their dataclasses and docstrings.

python docs/detectors.py
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

from logscan.detectors import registry

PAGE = Path(__file__).parent / "reference" / "detectors.md"

HEAD = """\
# Options of detectors

Written by `make docs` from the docstrings of `logscan/detectors/`; a test fails when it is stale. What each detector
knows and needs stands in the [overview](../../README.md#comparing-detectors).

    logscan train hdfs/ --detector logllama --preset small --set rl.episodes=0 --output model
    logscan train hdfs/ --detector logllama --config run.toml --output model

An option with a dot in its name stands in a table of the TOML file: `episodes = 0` below `[rl]`. A preset sets what its
column says, `--config` and `--set` come after it.
"""


def page() -> str:
    """The text of the page."""
    return HEAD + "".join("\n" + "\n\n".join(section(name)) + "\n" for name in registry.BUILT_IN)


def section(name: str) -> Iterator[str]:
    """A detector, in paragraphs."""
    detector = registry.detector_class(name)
    assert detector is not None
    options = detector().options
    yield f"## {name}"
    yield paragraphs(import_module(detector.__module__).__doc__)[0]
    defaults = flat(options)
    if not defaults:
        yield "It has no options."
        return
    presets = {preset: names(settings) for preset, settings in registry.presets_of(detector).items() if settings}
    lines = [f"| {' | '.join(['option', 'default', *presets])} |", "|---" * (2 + len(presets)) + "|"]
    for option, default in defaults.items():
        chosen = [shown(settings[option]) if option in settings else "" for settings in presets.values()]
        lines.append(f"| {' | '.join([f'`{option}`', shown(default), *chosen])} |")
    yield "\n".join(lines)
    yield "\n".join(meanings(options))


def flat(options: Any, inside: str = "") -> dict[str, Any]:
    """Dotted name -> value."""
    found: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        found |= flat(value, f"{inside}{field.name}.") if is_dataclass(value) else {inside + field.name: value}
    return found


def names(settings: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Dotted name -> value, of nested settings."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= names(value, f"{inside}{name}.") if isinstance(value, Mapping) else {inside + name: value}
    return found


def meanings(options: Any, inside: str = "") -> Iterator[str]:
    """What the docstrings say, those of the classes below first: an item for each line that begins with names."""
    for kind in reversed(type(options).__mro__):
        if is_dataclass(kind):
            text = re.sub(r"\n\n+", "\n", cleandoc(kind.__doc__ or ""))
            for line in re.sub(r"\n(?!\w+(?:, \w+)*: )", " ", text).splitlines():
                named = re.match(r"(\w+(?:, \w+)*)(: .*)", line)
                yield f"- {coded(named[1], inside)}{named[2]}" if named else f"- {line}"
    for field in fields(options):
        if is_dataclass(value := getattr(options, field.name)):
            yield from meanings(value, f"{inside}{field.name}.")


def coded(names: str, inside: str) -> str:
    """Names, as they are set."""
    return ", ".join(f"`{inside}{name}`" for name in names.split(", "))


def paragraphs(text: str | None) -> list[str]:
    """Of a docstring, each in one line."""
    return [" ".join(part.split()) for part in cleandoc(text or "").split("\n\n")]


def shown(value: object) -> str:
    """A value as TOML has it; nothing for None."""
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
