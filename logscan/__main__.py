"""`python -m logscan`, and the `logscan` command: a process that is quick to begin and to end."""

import atexit
import gc
import os
import sys


def main() -> None:
    """Run what was typed, and end the process.

    Imports and parsed logs are many objects and little garbage: it is looked for seldom. What there is at the end goes
    with the process, since to free each object takes as long as to import a small library.
    """
    gc.set_threshold(100_000, 20, 20)
    status: int | None = None  # where an error ends the process, it ends as any other

    def leave() -> None:
        if status is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    atexit.register(leave)  # before all else: what is registered first is called last
    from logscan.cli import main as run

    try:
        run()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):  # to be printed
            raise
        status = end.code or 0


if __name__ == "__main__":
    main()
