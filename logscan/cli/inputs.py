"""What a command reads, and what was wrong with it."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from logscan.errors import OptionError

if TYPE_CHECKING:
    from logscan.sources import Problem

READ = "What is read"  # panel of the help

Paths = Annotated[
    list[str] | None,
    Argument(
        metavar="PATH",
        help="Files, folders, globs; `-` or a pipe: standard input; `journal:UNIT`, `docker:NAME`, `kubectl:POD`.",
    ),
]
LogFormat = Annotated[
    str | None,
    Option(
        help="A format's name, or a pattern such as '<time> <level> <message>'.",
        metavar="NAME",
        rich_help_panel=READ,
    ),
]
Session = Annotated[
    str | None,
    Option(
        help="What identifies a session; one group marks the id.",
        metavar="REGEX",
        rich_help_panel=READ,
    ),
]
Window = Annotated[
    str,
    Option(
        help="auto, session, a time such as 60s, or a number of records.",
        metavar="WINDOW",
        rich_help_panel=READ,
    ),
]
Masks = Annotated[
    list[str] | None,
    Option(
        help="Text that varies, in addition to what is masked anyway; may be repeated.",
        metavar="REGEX",
        rich_help_panel=READ,
    ),
]


def named_or_piped(paths: list[str] | None, command: str) -> list[str]:
    """The paths, or a pipe that stands in for them. Raises OptionError where nothing is there to be read."""
    if paths:
        return paths
    if sys.stdin.isatty():
        see = f"see `logscan {command} --help`"
        raise OptionError(f"name a file or folder, or pipe a log into `logscan {command}`; {see}")
    return ["-"]


@dataclass
class Problems:
    """Says each problem with a source on stderr, once; without secrets, where it is to redact."""

    redact: bool = False
    said: "list[Problem]" = field(default_factory=list)

    def say(self, problem: "Problem") -> None:
        """To be called when it is met."""
        from logscan.findings.redact import redact
        from logscan.reports.visible import visible

        if problem not in self.said:
            self.said.append(problem)
            source = "standard input" if problem.source == "-" else visible(problem.source)
            message = redact(problem.message) if self.redact else problem.message
            typer.echo(f"logscan: {source}: {visible(message)}", err=True)

    def exit_if_fatal(self) -> None:
        """With status 2, when all that can be done is done."""
        if any(problem.fatal for problem in self.said):
            raise typer.Exit(2)
