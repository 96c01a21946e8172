"""The command line: one file a command, each only parses, calls the library and prints."""

import os
import sys

import typer

from logscan.cli import accept, inspect, scan, templates, train
from logscan.errors import LogscanError

app = typer.Typer(
    name="logscan",
    help="Read logs and say which lines do not belong, why, and how sure it is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (scan, train, templates, inspect, accept):
    app.command(command.NAME, epilog=command.EPILOG)(command.run)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, show: bool = typer.Option(False, "--version", help="Print the version and exit.")
) -> None:
    """Read logs and say which lines do not belong, why, and how sure it is."""
    if show:
        from logscan import __version__

        typer.echo(f"logscan {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted; a closed pipe is quiet success."""
    try:
        app(prog_name="logscan", standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at exit
    except LogscanError as error:
        typer.echo(f"logscan: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
