"""`logscan config`."""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer import Option

EPILOG = """Examples
  logscan config                           # what is set, and where
  logscan config --all | grep ^scan        # defaults, too
  LOGSCAN_SCAN_BUDGET=5 logscan config

Options stand in logscan.toml, in this folder or the nearest above, or in ~/.config/logscan: a table a command, such \
as [scan], with long names, such as budget = 5. LOGSCAN_SCAN_BUDGET comes before both, and what is typed before all. \
LOGSCAN_CONFIG names a file in place of both."""


class Row(NamedTuple):
    """An option in effect. source: a file, a variable, or `default`"""

    command: str
    option: str
    value: Any
    source: str


def config(
    ctx: typer.Context,
    everything: Annotated[bool, Option("--all", help="Also what stands at its default.")] = False,
    json: Annotated[bool, Option("--json", help="As JSON Lines.")] = False,
) -> None:
    """Show which options are set in files and in the environment, and where."""
    from logscan.cli.configured import files
    from logscan.reports.visible import visible

    rows = [row for row in _rows(ctx) if everything or row.source != "default"]
    if json:
        import orjson

        sys.stdout.writelines(orjson.dumps(row._asdict()).decode() + "\n" for row in rows)
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for name in Row._fields:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(Text(visible(_shown(cell))) for cell in row))
        Console().print(table)
    else:
        sys.stdout.writelines("\t".join(visible(_shown(cell)) for cell in row) + "\n" for row in rows)
    read = ", ".join(visible(str(file)) for file in files())
    typer.echo(f"read: {read}" if read else "there is no logscan.toml", err=True)


def _rows(ctx: typer.Context) -> Iterator[Row]:
    from logscan.cli.configured import options, settings

    assert ctx.parent is not None
    commands: Any = ctx.parent.command
    for name, command in commands.commands.items():
        found = settings(commands.commands, name, ctx)
        for option, param in options(command).items():
            setting = found.get(param.name)
            value, source = (setting.value, setting.origin) if setting else (param.default, "default")
            yield Row(name, option, _plain(value), source)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    value = value.value if isinstance(value, Enum) else value
    return str(value) if isinstance(value, Path) else value


def _shown(value: Any) -> str:
    """As it would be typed; of several, as a list."""
    import orjson

    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
