"""A progress bar on stderr, if that is a terminal, shown once a run has taken a second."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

PATIENCE = 1.0  # seconds

Advance = Callable[[str, int, int | None], None]


@contextmanager
def shown_progress(wanted: bool) -> Iterator[Advance]:
    """Gives the function to call with what is done, the bytes read and the bytes in all (None: not known)."""
    from logscan.reports.terminal import able

    if not wanted or not able(sys.stderr, os.environ):
        yield lambda doing, read, size: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("reading", total=None)
    began = monotonic()

    def advance(doing: str, read: int, size: int | None) -> None:
        if read < bar.tasks[0].completed:  # another log, or another step
            bar.reset(task)
        bar.update(task, description=doing, completed=read, total=size)
        if not bar.live.is_started and monotonic() - began > PATIENCE:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
