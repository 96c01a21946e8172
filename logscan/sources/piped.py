"""A pipe that is followed."""

import os
import select
from collections.abc import Callable

from logscan.sources import inputs
from logscan.sources.growing import STEP
from logscan.sources.lines import Piece, Splitter
from logscan.sources.place import Place
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch


class Piped:
    """Standard input or a named pipe, until its writers have ended it."""

    resumable = False
    patience = 60.0  # seconds until the next look, where nothing is told

    def __init__(self, source: str, number: int, watch: Watch, on_problem: Callable[[Problem], None]) -> None:
        self.source, self.number = source, number
        self.over = False
        self.caught_up = False
        self._splitter = Splitter()
        self._poll = select.poll()
        self._watch = watch
        # A named pipe that is open for writing, too, has no end when its writers leave: others come.
        self._file = 0 if source == inputs.STDIN else os.open(source, os.O_RDWR | os.O_NONBLOCK)
        self._poll.register(self._file, select.POLLIN)
        watch.pipe(self._file)

    def read(self) -> Piece | None:
        """The next lines; the unfinished one, too, when it is over."""
        if not self._poll.poll(0):
            self.caught_up = True
            return None
        data = os.read(self._file, STEP)
        if data:
            return self._splitter.add(data)
        self.over = self.caught_up = True
        self._watch.forget_pipe(self._file)
        return self._splitter.end()

    def place(self) -> Place:
        return Place(self.source, self.number, self._splitter.line, self._splitter.offset)

    def close(self) -> None:
        if self._file:
            os.close(self._file)
