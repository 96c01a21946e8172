"""Where the time of a run goes, by the steps of the way: `scan --profile`.

A thread of its own looks a few hundred times a second at what every other thread is in, and counts the time for the
innermost function of logscan there: for the package that it lies in. What a library, or `native`, does on our behalf is
so the step's that called it, and nothing in the steps knows of it. Threads overlap, so the seconds of all steps are
more than those of the clock; a thread that waits for another one, or for a file, is counted as waiting, while one that
waits for the interpreter's lock cannot be told from one that works.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, get_ident
from time import perf_counter
from types import FrameType

import typer

import logscan

INTERVAL = 0.003  # seconds between two looks
PACKAGE = str(Path(logscan.__file__).parent) + "/"
NATIVE = f"{PACKAGE}native/"
STEPS = {
    "sources": "reading",
    "formats": "formats",
    "records.py": "records",  # what joins shapes, keys and records
    "templates": "templates",
    "windows": "windows",
    "detectors": "detectors",
    "networks": "networks",
    "runtime": "networks",
    "findings": "findings",
    "reports": "reports",
}
OTHER, IMPORTS, WAITING = "other", "imports", "waiting"
WAITS = ("/threading.py", "/selectors.py", "/concurrent/futures/_base.py")
ORDER = (*dict.fromkeys(STEPS.values()), OTHER, IMPORTS, WAITING)


def step_of(frame: FrameType | None) -> str | None:
    """The step that a thread is in, by its innermost frame; None where it does nothing of ours."""
    waiting = frame is not None and frame.f_code.co_filename.endswith(WAITS)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return IMPORTS
        if name.startswith(PACKAGE) and not name.startswith(NATIVE):
            return WAITING if waiting else STEPS.get(name.removeprefix(PACKAGE).partition("/")[0], OTHER)
        frame = frame.f_back
    return None


class Profile:
    """The seconds of each step, of all threads, and those of the clock."""

    def __init__(self) -> None:
        self.steps: defaultdict[str, float] = defaultdict(float)
        self.seconds = 0.0
        self._over = Event()

    def look(self) -> None:
        """Count what the threads do until it is over. A look that came late counts for all the time before it."""
        began = last = perf_counter()
        while not self._over.wait(INTERVAL):
            now = perf_counter()
            for thread, frame in sys._current_frames().items():
                if thread != get_ident() and (step := step_of(frame)):
                    self.steps[step] += now - last
            last = now
        self.seconds = perf_counter() - began

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While this lasts, time is counted."""
        thread = Thread(target=self.look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def table(self) -> str:
        """A row a step with its seconds and its share of all of them."""
        whole = sum(self.steps.values()) or 1.0
        rows = [(step, self.steps[step]) for step in ORDER if step in self.steps]
        lines = [f"{step:12}{seconds:>8.2f} s{100 * seconds / whole:>7.1f} %" for step, seconds in rows]
        return "\n".join([*lines, f"{whole:.2f} s in all threads, which overlap; {self.seconds:.2f} s by the clock"])


@contextmanager
def _shown() -> Iterator[None]:
    profile = Profile()
    try:
        with profile.looking():
            yield
    finally:
        typer.echo(profile.table(), err=True)


def begin(context: typer.Context, wanted: bool) -> bool:
    """The callback of `--profile`: count from here on, and print the table on stderr when the command ends."""
    if wanted:
        context.with_resource(_shown())
    return wanted
