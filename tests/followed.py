"""A log that is followed in this process, in a thread of its own, while the test writes it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from logscan.findings import Finding
from logscan.live import watch
from logscan.live.watch import Begin, Watch
from logscan.scan import Options
from logscan.sources import Problem

PATIENCE = 120.0  # seconds that anything may take on a busy machine


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are more frequent than in life."""
    monkeypatch.setattr(watch, "LOOK", 0.03)
    monkeypatch.setattr(watch, "WAIT", 0.01)


class Live:
    """What follows the logs. findings: so far; problems: what was said; looks: at what did not come."""

    def __init__(self, paths: Sequence[Path | str], options: Options, begin: Begin) -> None:
        self.findings: list[Finding] = []
        self.problems: list[Problem] = []
        self.looks = 0
        self.failed: BaseException | None = None
        self.watch = Watch(
            [str(path) for path in paths], options, begin, on_problem=self.problems.append, on_look=self._look
        )
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            for finding in self.watch.findings():
                self.findings.append(finding)
        except BaseException as error:  # to be raised in the test
            self.failed = error

    def _look(self, watch: Watch) -> None:
        self.looks += 1

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if self.failed is not None:
                raise self.failed
            assert self._thread.is_alive(), "ended"
            assert time.monotonic() < end, f"{self.watch.result.lines} lines, {self.found}"
            time.sleep(0.002)

    def read(self, lines: int) -> None:
        """Wait until so many lines were judged in all: they are counted first, and a look comes after both."""
        self.until(lambda: self.watch.result.lines >= lines)
        self.look(1)
        assert self.watch.result.lines == lines

    def look(self, times: int = 2) -> None:
        """Wait until it has looked at what did not come."""
        before = self.looks
        self.until(lambda: self.looks >= before + times)

    @property
    def found(self) -> list[tuple[str, str]]:
        """Kind and the first template of each finding."""
        return [(finding.kind, finding.lines[0].template) for finding in self.findings]

    def stop(self) -> None:
        """End in order."""
        self.watch.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.failed is not None:
            raise self.failed


@contextmanager
def following(*paths: Path | str, options: Options, tail: int | None = 0, state: Path | None = None) -> Iterator[Live]:
    """Until the end of the block."""
    live = Live(paths, options, Begin(tail, state))
    try:
        yield live
    finally:
        live.stop()


def write(path: Path, text: str | bytes) -> int:
    """Add to a log; gives the lines that were added."""
    data = text.encode() if isinstance(text, str) else text
    with path.open("ab") as out:
        out.write(data)
    return data.count(b"\n")
