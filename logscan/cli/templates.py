"""`logscan templates`."""

import sys
from dataclasses import replace
from typing import Annotated

from typer import Option

from logscan.cli.inputs import LogFormat, Paths, Problems, named_or_piped

EPILOG = """Examples
  logscan templates app.log                  # the most frequent first
  logscan templates app.log --json | jq -r 'select(.count == 1) | .template'

A template stands for all lines of one form; what varies in them is <*>."""


def templates(
    paths: Paths = None,
    log_format: LogFormat = None,
    json: Annotated[bool, Option("--json", help="As JSON Lines, with where each was first written.")] = False,
) -> None:
    """List the kinds of line in logs: how many, since when, level and template."""
    from logscan.reports import Output
    from logscan.reports.jsonl import JsonLines
    from logscan.reports.visible import visible
    from logscan.summary import kinds_of_line

    problems = Problems()
    kinds = kinds_of_line(named_or_piped(paths, "templates"), log_format, problems.say)
    if json:
        report = JsonLines(Output(sys.stdout))
        for kind in kinds:
            report.write(replace(kind, source=visible(kind.source)))
    else:
        width = max((len(kind.level or "") for kind in kinds), default=0)
        for kind in kinds:
            since = f"{kind.first_seen:%Y-%m-%d %H:%M:%S}" if kind.first_seen else ""
            sys.stdout.write(f"{kind.count:>9,}  {since:19}  {kind.level or '':{width}}  {visible(kind.template)}\n")
    problems.exit_if_fatal()
