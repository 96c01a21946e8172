"""Progress bars on stderr, if that is a terminal, shown once a run has taken a second."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

PATIENCE = 1.0  # seconds

Advance = Callable[[str, int, int | None], None]
Epochs = Callable[[str, int, int, dict[str, float]], None]  # as `networks.loop.Progress`, without torch


class _Screen:
    """The last lines of the terminal, which hold one bar at a time."""

    bar: "Progress | None" = None

    def show(self, bar: "Progress") -> None:
        """In the place of the one that is shown."""
        if self.bar is not bar:
            self.clear()
            self.bar = bar
            bar.start()
            bar.console.show_cursor(True)  # Rich hides it, and it would stay so after Ctrl-Z or a kill

    def clear(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


_screen = _Screen()


@contextmanager
def shown_progress(wanted: bool) -> Iterator[Advance]:
    """Gives the function to call with what is done, the bytes read and the bytes in all (None: not known)."""
    if not _seen(wanted):
        yield lambda doing, read, size: None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bar = _bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    task = bar.add_task("reading", total=None)
    began = monotonic()

    def advance(doing: str, read: int, size: int | None) -> None:
        if read < bar.tasks[0].completed:  # another log, or another step
            bar.reset(task)
        bar.update(task, description=doing, completed=read, total=size)
        if monotonic() - began > PATIENCE:
            _screen.show(bar)

    try:
        yield advance
    finally:
        _screen.clear()


class Status:
    """One line at the bottom of a terminal."""

    def __init__(self, shown: bool) -> None:
        self._bar: Progress | None = None
        self._shown = shown

    def show(self, text: Callable[[], str]) -> None:
        """In the place of what it said; the text is made only where it is shown."""
        if self._shown:
            from rich.progress import SpinnerColumn, TextColumn

            if self._bar is None:
                self._bar = _bar(SpinnerColumn(), TextColumn("{task.description}"))
                self._bar.add_task("")
            self._bar.update(self._bar.tasks[0].id, description=text())
            _screen.show(self._bar)

    def clear(self) -> None:
        """Until it is shown again."""
        _screen.clear()


@contextmanager
def shown_status(wanted: bool) -> Iterator[Status]:
    """A line on stderr, where stdout is a terminal too: in a pipe it would run into what the next program prints."""
    try:
        yield Status(_seen(wanted) and sys.stdout.isatty())
    finally:
        _screen.clear()


@contextmanager
def shown_epochs(wanted: bool) -> Iterator[Epochs]:
    """Gives the function to call after each epoch with the stage, the epoch, the epochs in all, and its figures."""
    if not _seen(wanted):
        yield lambda stage, epoch, epochs, figures: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    bar = _bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs  {task.fields[figures]}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    task = bar.add_task("training", total=None, figures="", speed="")
    began = last = monotonic()
    shown = ("", 0)

    def epoch_ended(stage: str, epoch: int, epochs: int, figures: dict[str, float]) -> None:
        nonlocal last, shown
        if stage != shown[0] or epoch <= shown[1]:  # another stage, or another training
            bar.reset(task, total=epochs, description=stage, figures="", speed="")
        now = monotonic()
        speed = f"{1 / max(now - last, 1e-6):.2g} epochs/s"
        text = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        bar.update(task, completed=epoch, total=epochs, figures=text, speed=speed)
        last, shown = now, (stage, epoch)
        if now - began > PATIENCE:
            _screen.show(bar)

    try:
        yield epoch_ended
    finally:
        _screen.clear()


def _seen(wanted: bool) -> bool:
    from logscan.reports.terminal import able

    return wanted and able(sys.stderr, os.environ)


def _bar(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)
