"""`logscan inspect`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

EPILOG = """Examples:

  logscan inspect model

  logscan inspect model --json | jq .metrics"""


def inspect(
    model: Annotated[Path, Argument(metavar="MODEL", help="A folder that `logscan train` wrote.")],
    json: Annotated[bool, Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what a model was learnt from, how large it is, and how good."""
    from logscan.models.bundle import card_text, read_card, size_of

    card = {**read_card(model), "size": size_of(model)}
    if json:
        import orjson

        sys.stdout.write(orjson.dumps(card, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        typer.echo(card_text(card), nl=False)
