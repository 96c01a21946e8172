"""The commands as they are declared to Typer, in a form from which scripts and pages are easily written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_type_hints

import typer

EXAMPLES = "Examples"  # the first line of an epilog that has some
STATUS = "Exit status:"  # begins what the manual says in a section of its own


@dataclass(frozen=True)
class Value:
    """What an option or an argument takes."""

    metavar: str
    choices: tuple[str, ...] = ()
    listed: bool = False  # several choices, with commas between
    place: Literal["file", "folder"] | None = None  # where it is one of the file system


@dataclass(frozen=True)
class Option:
    """names: short before long; off: what switches it off again; value: None for a switch"""

    names: tuple[str, ...]
    off: tuple[str, ...]
    help: str
    panel: str | None
    value: Value | None
    default: str | None
    many: bool


@dataclass(frozen=True)
class Argument:
    """What stands without a name. usage: as in the first line of the help"""

    value: Value
    help: str
    many: bool
    usage: str


@dataclass(frozen=True)
class Command:
    """about: its paragraphs; examples: lines; notes: paragraphs below these; name: without `logscan`, "" for itself"""

    name: str
    about: tuple[str, ...]
    examples: tuple[str, ...]
    notes: tuple[str, ...]
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]

    @property
    def summary(self) -> str:
        """What it does, in a sentence without its full stop."""
        return re.split(r"[.:](?:\s|$)", self.about[0])[0]


@dataclass(frozen=True)
class Program:
    """`logscan` itself, and its commands."""

    root: Command
    commands: tuple[Command, ...]


def program() -> Program:
    """All that is declared."""
    from logscan.cli import app

    root: Any = typer.main.get_command(app)
    context = typer.Context(root, info_name="logscan", **root.context_settings)
    return Program(
        _command(root, "", context, ()),
        tuple(
            _command(command, name, typer.Context(command, info_name=name, parent=context), tuple(root.commands))
            for name, command in root.commands.items()
        ),
    )


def _command(command: Any, name: str, context: typer.Context, commands: Sequence[str]) -> Command:
    kinds = get_type_hints(command.callback)
    params = [(param, _value(name, param, kinds.get(param.name), commands)) for param in command.get_params(context)]
    examples, notes = _epilog(command.epilog or "")
    return Command(
        name,
        about=tuple(_paragraphs(command.help or "")),
        examples=examples,
        notes=notes,
        options=tuple(_option(p, value) for p, value in params if p.param_type_name == "option" and not p.hidden),
        arguments=tuple(
            Argument(value, p.help or "", p.nargs != 1, _usage(p))
            for p, value in params
            if p.param_type_name == "argument"
        ),
    )


def _epilog(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Examples, and what is said below them."""
    first, _, rest = text.partition("\n\n")
    heading, *examples = first.splitlines() or [""]
    if heading != EXAMPLES:
        return (), tuple(_paragraphs(text))
    notes = tuple(paragraph for paragraph in _paragraphs(rest) if not paragraph.startswith(STATUS))
    return tuple(line.strip() for line in examples), notes


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _option(param: Any, value: Value) -> Option:
    default = param.default.value if isinstance(param.default, Enum) else param.default
    told = param.show_default and not param.is_flag and (default == 0 or bool(default))
    return Option(
        names=tuple(sorted(param.opts, key=len)),
        off=tuple(param.secondary_opts),
        help=param.help or "",
        panel=getattr(param, "rich_help_panel", None),
        value=None if param.is_flag else value,
        default=str(default) if told else None,
        many=param.multiple,
    )


def _usage(argument: Any) -> str:
    name: str = argument.metavar or argument.name.upper()
    if not re.fullmatch(r"[A-Z]+", name):  # says by itself what may be left out
        return name
    many = f"{name}..." if argument.nargs != 1 else name
    return many if argument.required else f"[{many}]"


def _value(command: str, param: Any, kind: Any, commands: Sequence[str]) -> Value:
    metavar = param.metavar or param.name.upper()
    inner = next((one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Enum)), None)
    choices = tuple(str(one.value) for one in inner) if inner else _named(param.name, commands)
    words = re.findall(r"[A-Z]+", metavar)
    place: Literal["file", "folder"] | None = None
    if {"DIR", "MODEL"} & set(words) and "CORPUS" not in words:
        place = "folder"
    elif {"FILE", "PATH", "CORPUS"} & set(words):
        place = "file"
    listed = metavar == "NAMES"
    return Value(metavar, (*choices, "all") if listed else choices, listed, place)


def _named(param: str, commands: Sequence[str]) -> tuple[str, ...]:
    """What is chosen from by name: the built-in ones, so that what is written is the same everywhere."""
    from logscan.corpora.splits import PROTOCOLS
    from logscan.detectors import registry
    from logscan.formats import registry as formats
    from logscan.reports import BUILT_IN as REPORTS

    detectors = (registry.BASELINE, *registry.BUILT_IN)
    if param == "preset":
        classes = [found for name in detectors if (found := registry.detector_class(name))]
        return tuple(dict.fromkeys(preset for found in classes for preset in registry.presets_of(found)))
    named = {
        "detector": detectors,
        "protocol": PROTOCOLS,
        "report": REPORTS,
        "log_format": formats.BUILT_IN,
        "window": ("auto", "session"),
        "command": commands,
    }
    return tuple(named.get(param, ()))
