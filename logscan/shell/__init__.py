"""What is said to a shell and to `man` of the commands, written from their declarations.

declared         the commands as they are declared to Typer: options, arguments, choices, texts without markup
bash, zsh, fish  completion scripts, which start no Python
manual           manual pages

`make docs` writes all of them to `completions/` and `man/`; SCRIPTS names the files.
"""

from importlib import import_module

SCRIPTS = {"bash": "logscan.bash", "zsh": "_logscan", "fish": "logscan.fish"}  # as each shell looks for them


def script(shell: str) -> str:
    """The completion script for a shell of SCRIPTS."""
    from logscan.shell.declared import program

    written: str = import_module(f"logscan.shell.{shell}").script(program())
    return written
