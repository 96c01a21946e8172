"""`logscan accept`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

EPILOG = """Examples:

  logscan scan app.log; logscan accept 3f9c0a1b2c3d --note "planned restart"

  logscan accept 3f9c 77aa                    ids may be shortened, as in git

The file is meant to be read in a review and committed; `logscan scan` reads it where it lies."""


def accept(
    ids: Annotated[list[str], Argument(metavar="ID...", help="Ids of findings of the last scan.")],
    note: Annotated[str, Option(help="Why it is fine.", metavar="TEXT")] = "",
    file: Annotated[Path | None, Option(help="Where to keep it; by default logscan-accepted.jsonl.")] = None,
) -> None:
    """Say that findings of the last scan are normal: they stay silent from now on."""
    from logscan.findings.accepted import FILE
    from logscan.findings.accepted import accept as run

    for entry in run(ids, note, file or FILE):
        typer.echo(f"{entry.id} {entry.kind}: {entry.reason}")
