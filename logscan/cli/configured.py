"""What options are where they are not typed.

Later wins: the default, the user's logscan.toml, the project's logscan.toml (in this folder or the nearest above),
`LOGSCAN_COMMAND_OPTION` of the environment, what is typed. A file that `--config` of `scan` or LOGSCAN_CONFIG names
takes the place of both others. In a file, a table a command holds options by their long names:

    [scan]
    model = "model"     # a path is one from the file's folder
    min-score = 0.8
    mask = ["job-[a-z]+"]
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer
from typer import Option
from typer.core import TyperCommand

from logscan.cli.help import write_epilog, write_panels
from logscan.cli.values import kind_of, lightly
from logscan.errors import OptionError

FILE = "logscan.toml"
NAMED = "LOGSCAN_CONFIG"  # the variable that names a file
RIVALS = (  # of these, what is said later silences the others
    frozenset({"model", "baseline", "split_at"}),
    frozenset({"report", "json"}),
    frozenset({"seed", "seeds"}),
    frozenset({"tail", "from_start"}),
)

ConfigFile = Annotated[
    Path | None,
    Option("--config", "-c", help="In place of each logscan.toml, see `logscan config`.", metavar="FILE"),
]


class Setting(NamedTuple):
    """A value as a file or the environment has it, and the name of that file or variable."""

    value: Any
    origin: str


Settings = dict[str, Setting]  # by the name of the parameter


class Configured(TyperCommand):
    """A command whose options may stand in files and in the environment, too. `--help` reads neither."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is typed comes first; the rest is left to Click as the defaults of this call."""
        typed, _, _ = self.make_parser(ctx).parse_args(list(args))
        if "help" not in typed:
            commands = ctx.parent.command.commands
            found = settings(commands, self.name or "", ctx, typed.get("config_file"), typed)
            ctx.default_map = {name: setting.value for name, setting in found.items()}
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """See `logscan.cli.values`."""
        return lightly(super().get_params(ctx), self.callback)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """See `logscan.cli.help`."""
        write_panels(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """See `logscan.cli.help`."""
        write_epilog(self.epilog or "", formatter)


def settings(
    commands: Mapping[str, Any],
    name: str,
    ctx: typer.Context,
    file: str | None = None,
    typed: Collection[str] = (),
) -> Settings:
    """Of the command of this name, what does not stand at its default. file: in place of those that would be found;
    typed: parameters about which nothing else counts. Raises OptionError for a file or variable that means nothing."""
    layers = [_of_file(path, commands, ctx)[name] for path in files(file)]
    whole: Settings = {}
    for layer in (*layers, _of_environment(name, commands[name], ctx)):
        whole = {**_beside(whole, layer), **layer}
    return _beside(whole, typed)


def files(named: str | None = None) -> list[Path]:
    """Those that are read, the user's before the project's."""
    named = named or os.environ.get(NAMED)
    if named:
        return [Path(named)]
    return list(dict.fromkeys(path for path in (_of_user(), _of_project()) if path))


def options(command: Any) -> dict[str, Any]:
    """Long name without its dashes -> parameter, of all that can be set elsewhere."""
    params = [param for param in command.params if param.param_type_name == "option" and param.name != "config_file"]
    return {next(name[2:] for name in param.opts if name.startswith("--")): param for param in params}


def _of_user() -> Path | None:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.config")  # as it is where nobody is at home
    file = Path(base, "logscan", FILE)
    return file if file.is_absolute() and os.path.isfile(file) else None


def _of_project() -> Path | None:
    try:
        here = Path.cwd()
    except OSError:  # it is deleted
        return None
    return next((file for folder in (here, *here.parents) if os.path.isfile(file := folder / FILE)), None)


def _beside(settings: Settings, names: Collection[str]) -> Settings:
    """Without the rivals of these parameters."""
    silenced = {name for rivals in RIVALS if not rivals.isdisjoint(names) for name in rivals}
    return {name: setting for name, setting in settings.items() if name not in silenced}


def _of_file(path: Path, commands: Mapping[str, Any], ctx: typer.Context) -> dict[str, Settings]:
    """What it says of each command. Raises OptionError."""
    from logscan.settings import read_toml

    tables = read_toml(path)
    for table, content in tables.items():
        if not isinstance(content, dict):
            raise OptionError(f"{path}: {table} belongs below the name of a command, such as [scan]")
        if table not in commands:
            raise OptionError(f"{path}: no command is called {table}: {_near(table, commands)}")
    try:
        return {name: dict(_of_table(path, command, tables.get(name, {}), ctx)) for name, command in commands.items()}
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from None


def _of_table(path: Path, command: Any, table: Mapping[str, Any], ctx: typer.Context) -> Iterator[tuple[str, Setting]]:
    known = options(command)
    kinds = get_type_hints(command.callback) if table else {}
    for key, value in table.items():
        param = known.get(key.replace("_", "-"))
        if param is None:
            raise OptionError(f"[{command.name}] has no option {key}: {_near(key, known)}")
        try:
            typed = _typed(value, param, kind_of(kinds[param.name]), path.parent)
            _taken(typed, param, ctx)
            yield param.name, Setting(typed, str(path))
        except OptionError as error:
            raise OptionError(f"[{command.name}] {key} {error}") from None


def _of_environment(name: str, command: Any, ctx: typer.Context) -> Settings:
    """What its variables say; texts, and where there may be several white space between them. Raises OptionError."""
    prefix = f"LOGSCAN_{name.upper()}_"
    known = {option.upper().replace("-", "_"): param for option, param in options(command).items()}
    found: Settings = {}
    for variable, text in os.environ.items():
        if not variable.startswith(prefix) or not text:
            continue
        param = known.get(variable.removeprefix(prefix))
        if param is None:
            near = _near(variable, [prefix + option for option in known])
            raise OptionError(f"{variable} stands for no option of `logscan {name}`: {near}")
        try:
            found[param.name] = Setting(_taken(text.split() if param.multiple else text, param, ctx), variable)
        except OptionError as error:
            raise OptionError(f"{variable} {error}") from None
    return found


def _typed(value: Any, param: Any, kind: type, folder: Path) -> Any:
    """The value of a file as Click takes it. kind: what the option is, or what each of several is. Raises OptionError
    that says only what it should be."""
    if param.multiple:
        if not isinstance(value, list):
            raise OptionError(f"should be a list, such as [{_said(value)}], not {_said(value)}")
        return [_one(each, param, kind, folder) for each in value]
    return _one(value, param, kind, folder)


def _one(value: Any, param: Any, kind: type, folder: Path) -> Any:
    from datetime import date, time

    numbers = {bool: ("true or false", bool), int: ("a whole number", int), float: ("a number", int | float)}
    if kind in numbers:
        words, allowed = numbers[kind]
        if not isinstance(value, allowed) or isinstance(value, bool) is not (kind is bool):
            raise OptionError(f"should be {words}, not {_said(value)}")
        return value
    if kind is str and isinstance(value, int | float | date | time) and not isinstance(value, bool):
        return str(value)  # a window of so many records, a time
    if not isinstance(value, str):
        raise OptionError(f"should be a text, not {_said(value)}")
    if param.metavar not in ("DIR", "FILE", "PATH") or value == "-" or (param.metavar == "PATH" and _client(value)):
        return value
    return os.path.join(folder, os.path.expanduser(value))


def _client(value: str) -> bool:
    """Whether it is a log such as `journal:`, no path."""
    from logscan.sources.clients import client_of

    return client_of(value) is not None


def _taken(value: Any, param: Any, ctx: typer.Context) -> Any:
    """What the option makes of a value. Raises OptionError that says only what it should be."""
    try:
        return param.process_value(ctx, value)
    except typer.BadParameter as error:
        raise OptionError(f"is {_said(value)}: {error.message}") from None


def _said(value: Any) -> str:
    """As it stands in a file, nearly."""
    from json import dumps

    return dumps(value, ensure_ascii=False, default=str)


def _near(name: str, names: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
