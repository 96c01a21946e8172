"""Writes `reference/commands.md`: each command with its options, as they are declared.

python docs/commands.py
"""

import re
from collections.abc import Iterator
from pathlib import Path

from logscan.shell.declared import Command, Option, program

PAGE = Path(__file__).parent / "reference" / "commands.md"

HEAD = """\
# Commands

Written by `make docs` from the declarations of the commands, as are the manual pages and completions; a test fails when
it is stale. Options may stand in [logscan.toml](../../README.md#configuration), too.
"""


def page() -> str:
    """The text of the page."""
    return HEAD + "".join("\n" + "\n\n".join(section(command)) + "\n" for command in program().commands)


def section(command: Command) -> Iterator[str]:
    """A command, in paragraphs."""
    yield f"## logscan {command.name}"
    yield from map(escaped, command.about)
    yield "    " + " ".join([f"logscan {command.name} [OPTION...]", *(one.usage for one in command.arguments)])
    if command.arguments:
        yield table("argument", [(one.value.metavar, one.help) for one in command.arguments])
    for panel in dict.fromkeys([None, *(option.panel for option in command.options)]):
        options = [option for option in command.options if option.panel == panel]
        if options:
            yield table(panel or "option", [(names(option), meaning(option)) for option in options])
    if command.examples:
        yield "\n".join(f"    {line}" for line in command.examples)
    yield from map(escaped, command.notes)


def names(option: Option) -> str:
    """All of them, and what it takes."""
    return ", ".join((*option.names, *option.off)) + (f" {option.value.metavar}" if option.value else "")


def meaning(option: Option) -> str:
    """The help, and the default where there is one."""
    return option.help + (f" Default: {option.default}." if option.default else "")


def table(head: str, rows: list[tuple[str, str]]) -> str:
    """Two columns, the first of which is typed."""
    lines = [f"| {head} | |", "|---|---|"]
    return "\n".join(lines + [f"| `{typed.replace('|', chr(92) + '|')}` | {escaped(text)} |" for typed, text in rows])


def escaped(text: str) -> str:
    """Plain text in which Markdown finds no tags and no emphasis, code aside."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<*_|])", r"\\\1", part) for part in parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
