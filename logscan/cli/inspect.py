"""`logscan inspect`."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

EPILOG = """Examples
  logscan inspect model
  logscan inspect model --json | jq .metrics

A model can be shared: it holds templates and counts, and no line of a log."""


def inspect(
    model: Annotated[Path, Argument(metavar="MODEL", help="A folder that `logscan train` wrote.")],
    json: Annotated[bool, Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what a model was learnt from, how large it is, and how good."""
    from logscan.models.bundle import card_text, layouts_of, read_card, size_of
    from logscan.reports.visible import visible

    card, size = read_card(model), size_of(model)
    if json:
        import orjson

        card["size"] = size
        sys.stdout.write(orjson.dumps(card, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        card |= {"formats": ", ".join(layouts_of(card)), "size": f"{size:,} bytes"}
        sys.stdout.writelines(f"{visible(line)}\n" for line in card_text(card).splitlines())
