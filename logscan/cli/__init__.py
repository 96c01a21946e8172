"""The command line: one file a command, each only parses, calls the library and prints.

What is imported here decides how fast `logscan --help` is: typer and nothing heavy.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from logscan.cli import accept, completions, config, evaluate, export, inspect, man, scan, templates, train
from logscan.cli.configured import Configured
from logscan.errors import LogscanError

EPILOG = """[bold]Examples[/]
  logscan scan app.log                  [dim]# what does not belong in it[/]
  logscan train good/ -o model          [dim]# learn what is normal[/]
  logscan scan app.log --model model    [dim]# what differs from that[/]
  logscan evaluate hdfs/                [dim]# how good detectors are, by labels[/]

Exit status: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted."""


class Commands(TyperGroup):
    """The commands, with one way for all of them to end."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse what was typed; `--help` is printed here."""
        with _ending():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _ending():
            return super().invoke(ctx)


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
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan", cls=Configured, epilog=scan.EPILOG)(scan.scan)
app.command("train", cls=Configured, epilog=train.EPILOG)(train.train)
app.command("evaluate", cls=Configured, epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("export", cls=Configured, epilog=export.EPILOG)(export.export)
app.command("templates", cls=Configured, epilog=templates.EPILOG)(templates.templates)
app.command("inspect", cls=Configured, epilog=inspect.EPILOG)(inspect.inspect)
app.command("accept", cls=Configured, epilog=accept.EPILOG)(accept.accept)
app.command("config", cls=Configured, epilog=config.EPILOG)(config.config)
app.command("completions", cls=Configured, epilog=completions.EPILOG)(completions.completions)
app.command("man", cls=Configured, epilog=man.EPILOG)(man.man)


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
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # so ends Rich, with 1, where the help was not read
            sys.exit(0)
        raise
