"""Writes `demo.svg`: what `make demo` prints on a terminal.

python docs/picture.py
"""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 118
COMMAND = ("logscan", "scan", "examples/shop.log", "--baseline", "examples/good.log")


def report() -> str:
    """What the command writes to a terminal, escape sequences included. The program run is that of this Python."""
    terminal, end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", *COMMAND, "--no-progress"]
    with subprocess.Popen(command, cwd=PICTURE.parents[1], env=environment, stdout=end) as process:
        os.close(end)
        text = b"".join(chunks(terminal)).decode()
        os.close(terminal)
    if process.returncode:
        raise SystemExit(f"{' '.join(COMMAND)} ended with {process.returncode}")
    return text.replace("\r\n", "\n")


def chunks(terminal: int) -> Iterator[bytes]:
    """What arrives at a terminal, until its other end is closed: Linux then raises, macOS gives nothing."""
    try:
        while chunk := os.read(terminal, 1 << 16):
            yield chunk
    except OSError:
        return


def picture(text: str) -> str:
    """The terminal as SVG, in whatever monospaced font the reader has."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="standard", force_terminal=True)
    prompt = f"\x1b[1m$ {' '.join(COMMAND)}\x1b[0m\n"
    for line in Text.from_ansi(prompt + text).split():
        console.print(line, soft_wrap=len(line) <= COLUMNS, overflow="fold")
    without_fonts = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="logscan", code_format=without_fonts, unique_id="demo")


if __name__ == "__main__":
    PICTURE.write_text(picture(report()), encoding="utf-8")
