"""What a command reads, and what was wrong with it."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from logscan.errors import OptionError

if TYPE_CHECKING:
    from logscan.sources import Problem


def named_or_piped(paths: list[str] | None, command: str) -> list[str]:
    """The paths, or a pipe that stands in for them. Raises OptionError where nothing is there to be read."""
    if paths:
        return paths
    if sys.stdin.isatty():
        raise OptionError(f"name a file or folder, or pipe a log into `logscan {command}`; see `logscan {command} --help`")
    return ["-"]


@dataclass
class Problems:
    """Says each problem with a source on stderr, once."""

    said: "list[Problem]" = field(default_factory=list)

    def say(self, problem: "Problem") -> None:
        """To be called when it is met."""
        from logscan.reports.visible import visible

        if problem not in self.said:
            self.said.append(problem)
            source = "standard input" if problem.source == "-" else visible(problem.source)
            typer.echo(f"logscan: {source}: {visible(problem.message)}", err=True)

    def exit_if_fatal(self) -> None:
        """With status 2, when all that can be done is done."""
        if any(problem.fatal for problem in self.said):
            raise typer.Exit(2)
