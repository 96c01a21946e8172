"""What the place that a report goes to can do: colour, hyperlinks, width."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TextIO

from logscan.reports import Output

ColorChoice = Literal["auto", "always", "never"]


def color_mode(choice: ColorChoice, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour: by the choice, `NO_COLOR`, `FORCE_COLOR`, or what the stream is; in this order."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] not in ("0", "false")
    return able(stream, environ)


def able(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal that understands escape sequences."""
    return stream.isatty() and environ.get("TERM", "") not in ("", "dumb")


def columns(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """The width of the terminal in columns; None where the stream is none, so that nothing is cropped."""
    if not stream.isatty():
        return None
    if environ.get("COLUMNS", "").isdecimal():
        return int(environ["COLUMNS"]) or None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def output_to(
    stream: TextIO,
    read: Callable[[str], Iterable[tuple[int, str]]],
    *,
    color: ColorChoice = "auto",
    context: int = 0,
    environ: Mapping[str, str] = os.environ,
) -> Output:
    """The output that suits the stream."""
    colored = color_mode(color, stream, environ)
    return Output(
        stream,
        color=colored,
        links=colored and able(stream, environ),
        width=columns(stream, environ),
        context=context,
        read=read,
    )
