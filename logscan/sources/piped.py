"""Pipes that are followed: standard input, named pipes, and the clients of other logs."""

import os
import select
import subprocess
from collections.abc import Callable
from time import monotonic

import polars as pl

from logscan.sources import inputs
from logscan.sources.clients import Client, Output, failure, stop
from logscan.sources.growing import STEP
from logscan.sources.lines import Piece, Splitter
from logscan.sources.place import Place
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch

QUIET = 0.3  # seconds after which a client that prints nothing has printed all that was there
PAUSES = 1.0, 60.0  # seconds before a client is started again, the first time and at most
_FULL = 1 << 16  # bytes of a pipe: there may be more


class Piped:
    """Standard input, or a named pipe."""

    patience = 60.0  # seconds until the next look, where nothing is told

    def __init__(self, source: str, number: int, watch: Watch) -> None:
        self.source, self.number = source, number
        self.over = self.caught_up = self.behind = False
        self._splitter = Splitter()
        self._watch = watch
        # A named pipe that is open for writing, too, has no end when its writers leave: others may come.
        self._file = 0 if source == inputs.STDIN else os.open(source, os.O_RDWR | os.O_NONBLOCK)
        watch.pipe(self._file)

    def read(self) -> Piece | None:
        """The next lines; the unfinished one, too, when it is over."""
        data, self.over = _available(self._file)
        self.behind = len(data) >= _FULL
        self.caught_up = self.caught_up or not data
        piece = self._splitter.add(data) if data else None
        if not self.over:
            return piece
        self._watch.forget_pipe(self._file)
        last = self._splitter.end()
        if piece is None or last is None:
            return piece or last
        return Piece(pl.concat([piece.lines, last.lines]), piece.cut + last.cut)

    def place(self) -> Place | None:
        """What a pipe gave is gone."""
        return None

    def close(self) -> None:
        if self._file:
            os.close(self._file)


class Running:
    """A client that prints lines as they are written. Where it ends it is started again, and goes on where it stood."""

    def __init__(
        self,
        client: Client,
        number: int,
        watch: Watch,
        on_problem: Callable[[Problem], None],
        tail: int | None,
        place: Place | None,
    ) -> None:
        self.source, self.number = client.source, number
        self.over = self.caught_up = self.behind = False
        self._client = client
        self._watch = watch
        self._on_problem = on_problem
        self._tail = tail
        self._present = client.present()
        self._splitter = Splitter(line=place.line, offset=place.offset) if place else Splitter()
        self._ran = place is not None
        self._output = Output(client, place.cursor if place else "")
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = self._heard_at = monotonic()
        self._pause = PAUSES[0]

    @property
    def patience(self) -> float:
        """Seconds until the next look, where nothing is told."""
        if self._process is None:
            return self._start_at - monotonic()
        return 60.0 if self.caught_up else QUIET

    def read(self) -> Piece | None:
        """The next lines; the unfinished one, too, when the client has ended."""
        if self._process is None:
            if monotonic() < self._start_at:
                return None
            self._start()
        if self._process is None or self._process.stdout is None:
            return None
        data, ended = _available(self._process.stdout.fileno())
        self.behind = len(data) >= _FULL
        lines = self._output.add(data)
        if data:
            self._heard_at = monotonic()
        elif monotonic() - self._heard_at > QUIET:
            self.caught_up = True
        if lines:
            self._ran, self._pause = True, PAUSES[0]
        if not ended:
            return self._splitter.add(lines) if lines else None
        lines += self._output.end()
        self._end()
        if lines and not lines.endswith(b"\n"):
            lines += b"\n"
        return self._splitter.add(lines) if lines else None

    def place(self) -> Place | None:
        """Up to where lines were given."""
        cursor = self._output.cursor or self._present
        return Place(self.source, self.number, self._splitter.line, self._splitter.offset, cursor=cursor)

    def close(self) -> None:
        if self._process is not None:
            stop(self._process)

    def _start(self) -> None:
        after = self._output.cursor
        try:
            self._process = self._client.start(self._client.command(True, self._tail, after))
        except OSError as error:
            self._on_problem(Problem(self.source, f"cannot be read: {error.strerror}", fatal=True))
            self.over = self.caught_up = True
            return
        assert self._process.stdout is not None
        self._output = Output(self._client, after)
        self._heard_at = monotonic()
        self._watch.pipe(self._process.stdout.fileno())

    def _end(self) -> None:
        """The client ended: start it again after a pause, unless it never ran."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdout is not None
        self._watch.forget_pipe(process.stdout.fileno())
        failed = failure(self._client, process, self._output.said)
        stop(process)
        if failed and not self._ran:
            self.over = True
            self._on_problem(Problem(self.source, f"cannot be read: {failed}", fatal=True))
        elif failed and self._pause == PAUSES[0]:
            self._on_problem(Problem(self.source, f"{failed}; it is started again", fatal=False))
        self.caught_up = True
        self._start_at = monotonic() + self._pause
        self._pause = min(2 * self._pause, PAUSES[1])


def _available(file: int) -> tuple[bytes, bool]:
    """What can be read without waiting, at most about a MiB, and whether it is the end."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    parts: list[bytes] = []
    have = 0
    while have < STEP and poll.poll(0):
        part = os.read(file, _FULL)
        if not part:
            return b"".join(parts), True
        parts.append(part)
        have += len(part)
    return b"".join(parts), False
