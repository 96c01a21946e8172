"""`logscan completions`."""

import sys
from enum import StrEnum
from typing import Annotated

from typer import Argument

EPILOG = """Examples
  logscan completions bash > /etc/bash_completion.d/logscan
  logscan completions zsh > ~/.zfunc/_logscan   # a folder of fpath
  logscan completions fish > ~/.config/fish/completions/logscan.fish

For this shell alone: source <(logscan completions bash), the same in zsh after compinit."""


class Shell(StrEnum):
    """Shells with a script."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completions(shell: Annotated[Shell, Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print the script that completes logscan's commands, options and their values in a shell."""
    from logscan.shell import script

    sys.stdout.write(script(shell.value))
