"""`logscan accept`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

EPILOG = """Examples
  logscan accept 3f9c0a1b2c3d --note "planned restart"
  logscan accept 3f9c 77aa                   # ids may be shortened

The file is meant to be reviewed and committed; a scan that is started beside \
it heeds it."""


def accept(
    ids: Annotated[list[str], Argument(metavar="ID", help="Ids of findings of the last scan.")],
    note: Annotated[str, Option(help="Why it is fine.", metavar="TEXT")] = "",
    file: Annotated[
        Path | None, Option(help="Where to keep it; by default logscan-accepted.jsonl.", metavar="FILE")
    ] = None,
) -> None:
    """Say that findings of the last scan are normal: they stay silent from now on."""
    from logscan.findings.accepted import FILE
    from logscan.findings.accepted import accept as run
    from logscan.reports.visible import visible

    file = file or FILE
    new = run(ids, note, file)
    for entry in new:
        typer.echo(f"{entry.id} {entry.kind}: {visible(entry.reason)}")
    said = f"{len(new)} accepted in" if new else "nothing new for"
    typer.echo(f"{said} {visible(str(file))}", err=True)
