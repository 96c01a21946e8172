"""The command line: one file a command, each only parses, calls the library and prints.

What is imported here decides how fast `logscan --help` is: typer and nothing heavy.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from logscan.cli.configured import Configured
from logscan.cli.help import WIDEST, write_epilog, write_panels
from logscan.cli.values import lightly
from logscan.errors import LogscanError

EPILOG = """Examples
  logscan scan app.log                  # what does not belong in it
  logscan train good/ -o model          # learn what is normal
  logscan scan app.log --model model    # what differs from that
  logscan evaluate hdfs/                # how good detectors are, by labels

Exit status: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted."""


COMMANDS = ("scan", "train", "evaluate", "export", "templates", "inspect", "accept", "config", "completions", "man")


class Lazily(Mapping[str, Any]):
    """The commands by name, each made of the function of that name when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made and name in COMMANDS:
            module = import_module(f"logscan.cli.{name}")
            one = typer.Typer(add_completion=False, rich_markup_mode=None)
            one.command(name, cls=Configured, epilog=module.EPILOG)(getattr(module, name))
            self._made[name] = typer.main.get_command(one)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The commands, with one way for all of them to end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = Lazily()

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse what was typed; `--help` is printed here."""
        from logscan.reports.terminal import color_mode

        with _ending():
            return super().make_context(*args, color=color_mode("auto", sys.stdout, os.environ), **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _ending():
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """See `logscan.cli.values`."""
        return lightly(super().get_params(ctx), self.callback)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """See `logscan.cli.help`."""
        with formatter.section(typer.style("Commands", bold=True)):
            rows = [
                (typer.style(name, fg="cyan"), cleandoc(command.help or "")) for name, command in self.commands.items()
            ]
            formatter.write_dl(rows)
        write_panels(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """See `logscan.cli.help`."""
        write_epilog(self.epilog or "", formatter)


@contextmanager
def _ending() -> Iterator[None]:
    """A user's or the system's error is one line and exit status 2; a reader that left is quiet success."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        drop_unwritten()
        raise typer.Exit(0) from None
    except (LogscanError, OSError) as error:
        from logscan.reports.visible import visible

        reason = str(error)
        if isinstance(error, OSError):
            drop_unwritten()
            reason = ": ".join(str(part) for part in (error.filename, error.strerror) if part) or reason
        with suppress(OSError):  # stderr may be what is broken
            typer.echo(f"logscan: {visible(' '.join(reason.splitlines()))}", err=True)
        raise typer.Exit(2) from None


def drop_unwritten() -> None:
    """What stdout and stderr still hold would be tried again at exit, and fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


app = typer.Typer(
    cls=Commands,
    name="logscan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # see `logscan.cli.help`
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)


@app.callback(invoke_without_command=True, epilog=EPILOG)
def logscan(
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Read logs and say which lines do not belong, why, and how sure it is."""
    if show_version:
        from logscan import __version__

        typer.echo(f"logscan {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `logscan` command."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a log may hold what the locale does not
    try:
        app(prog_name="logscan")
    except BrokenPipeError:  # what is wrong with what was typed is printed without `_ending`
        drop_unwritten()
