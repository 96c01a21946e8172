"""The command line: one file a command, each only parses, calls the library and prints.

What is imported here decides how fast `logscan --help` is: typer and nothing heavy.
"""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from logscan.cli import accept, inspect, scan, templates, train
from logscan.errors import LogscanError


class Commands(TyperGroup):
    """Exit status: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted; a closed pipe is quiet success."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a user's error is one line, and a reader that left ends the run."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # flushed once more at exit
            raise typer.Exit(0) from None
        except LogscanError as error:
            typer.echo(f"logscan: {error}", err=True)
            raise typer.Exit(2) from None
        return result


app = typer.Typer(
    cls=Commands,
    name="logscan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("templates", epilog=templates.EPILOG)(templates.templates)
app.command("inspect", epilog=inspect.EPILOG)(inspect.inspect)
app.command("accept", epilog=accept.EPILOG)(accept.accept)


@app.callback(invoke_without_command=True)
def logscan(show_version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Read logs and say which lines do not belong, why, and how sure it is."""
    if show_version:
        from logscan import __version__

        typer.echo(f"logscan {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `logscan` command."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a log may hold what the locale does not
    app(prog_name="logscan")
