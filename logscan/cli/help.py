"""What `--help` shows: options in panels, and examples as they are typed.

Typer would do this with Rich, whose import takes longer than all else that `--help` does; so the app has no markup,
and of what is in the terminal's colours it is told here. Where there are none, Typer's `echo` takes them out.
"""

import re
from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import typer

WIDEST = 100  # columns; longer lines are hard to read


def write_panels(params: Iterable[Any], ctx: Any, formatter: Any) -> None:
    """Arguments, then options: first those without a panel, as `rich_help_panel` of Typer names it."""
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for param in params:
        names, about = param.get_help_record(ctx) or ("", "")
        if param.param_type_name == "argument":
            panels["Arguments"].append((param.metavar, about))
        elif names:
            panels.setdefault(param.rich_help_panel or "Options", []).append((names, about))
    for title, rows in panels.items():
        if rows:
            with formatter.section(typer.style(title, bold=True)):
                formatter.write_dl([(typer.style(names, fg="cyan"), about) for names, about in rows])


def write_epilog(epilog: str, formatter: Any) -> None:
    """Examples a line each, what is said of them dim, and the paragraphs below."""
    formatter.write_paragraph()
    for paragraph in cleandoc(epilog).split("\n\n"):
        heading, *examples = paragraph.splitlines()
        if examples:
            formatter.write(typer.style(heading, bold=True) + ":\n")
            formatter.write("\n".join(re.sub("(?<=  )# .*", _dim, line) for line in examples) + "\n\n")
        else:
            formatter.write_text(paragraph)


def _dim(comment: re.Match[str]) -> str:
    return typer.style(comment[0], dim=True)
