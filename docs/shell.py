"""Writes `completions/` and `man/`: what a shell and `man` know of logscan.

python docs/shell.py
"""

from pathlib import Path

from logscan.shell import SCRIPTS, script
from logscan.shell.manual import pages

ROOT = Path(__file__).parents[1]


def files() -> dict[str, str]:
    """Path below ROOT -> text."""
    scripts = {f"completions/{name}": script(shell) for shell, name in SCRIPTS.items()}
    return scripts | {f"man/{name}": page for name, page in pages().items()}


if __name__ == "__main__":
    for folder in ("completions", "man"):  # nothing stays of a command that is gone
        for old in (ROOT / folder).glob("*"):
            old.unlink()
    for path, text in files().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
