"""`logscan man`."""

import sys
from typing import Annotated

from typer import Argument

EPILOG = """Examples
  logscan man | man -l -           # read the manual
  logscan man scan | man -l -      # of a command
  logscan man scan > logscan-scan.1

Packages find the pages in the folder man/ of the source, too."""


def man(
    command: Annotated[
        str | None, Argument(metavar="COMMAND", help="One of logscan's; by default logscan itself.")
    ] = None,
) -> None:
    """Print a manual page, for `man -l` and for those who make packages."""
    from logscan.errors import OptionError
    from logscan.shell.manual import pages

    written = pages()
    page = f"logscan-{command}.1" if command else "logscan.1"
    if page not in written:
        names = ", ".join(name[len("logscan-") : -len(".1")] for name in written if "-" in name)
        raise OptionError(f"no command is called {command!r}; there are {names}")
    sys.stdout.write(written[page])
