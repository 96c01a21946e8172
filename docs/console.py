"""Writes what commands print into the pages that show it: in each block ```console, below the lines that begin with $.

python docs/console.py
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).parent
PAGES = ("tutorial.md", "how-to/format.md", "how-to/jq.md", "how-to/share.md")
BLOCK = re.compile(r"(?<=```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


def written(page: str) -> str:
    """The text of a page with what its commands print on stdout now, in a folder with nothing but the example logs."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for log in (DOCS.parent / "examples").glob("*.log"):
            shutil.copy(log, folder)
        program = folder / ".bin" / "logscan"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m logscan "$@"\n')
        program.chmod(0o755)
        text = (DOCS / page).read_text(encoding="utf-8")
        return BLOCK.sub(lambda block: "".join(f"$ {line}\n{ran(line, folder)}" for line in typed(block[0])), text)


def typed(block: str) -> list[str]:
    """The commands of a block."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def ran(line: str, folder: Path) -> str:
    """What comes of a command; the program run is that of this Python and this repository."""
    own = {"PATH": f"{folder / '.bin'}:{os.environ['PATH']}", "PYTHONPATH": str(DOCS.parent)}
    environment = {**os.environ, **own, "COLUMNS": "100", "XDG_STATE_HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout


if __name__ == "__main__":
    for page in PAGES:
        (DOCS / page).write_text(written(page), encoding="utf-8")
