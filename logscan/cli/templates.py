"""`logscan templates`."""

import sys
from typing import Annotated

from typer import Argument, Option

EPILOG = """Examples:

  logscan templates app.log                   what kinds of line there are, most frequent first

  logscan templates app.log --json | jq -r 'select(.count == 1) | .template'"""


def templates(
    paths: Annotated[
        list[str] | None, Argument(metavar="[PATH]...", help="Files, folders, globs; `-` or a pipe: standard input.")
    ] = None,
    log_format: Annotated[str | None, Option(help="A format's name or a pattern.", metavar="NAME")] = None,
    json: Annotated[bool, Option("--json", help="As JSON Lines.")] = False,
) -> None:
    """List the kinds of line in logs: how many, since when, the first one."""
    from logscan.cli.scan import say
    from logscan.reports.visible import visible
    from logscan.summary import kinds_of_line

    for row in kinds_of_line(paths or ["-"], log_format, say):
        if json:
            import orjson

            sys.stdout.write(orjson.dumps(row).decode() + "\n")
        else:
            sys.stdout.write(f"{row.count:>9,}  {row.first_seen or '':19.19}  {visible(row.template)}\n")
