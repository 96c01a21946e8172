"""Files, folders, patterns, pipes and clients that are followed: lines as they come, through every rotation.

names     what was named -> the paths of logs
logs      what became of the files of each log, and what came in them
files     the open files of all logs, and those that ended
growing   one open file
place     how a file is found again, under whatever name
piped     pipes, and the clients of `clients`
watch     when to look
"""

import os
import stat
from collections.abc import Callable, Sequence
from time import monotonic, sleep

from logscan.sources import inputs
from logscan.sources.arrived import Arrived
from logscan.sources.clients import client_of
from logscan.sources.lines import cut_message
from logscan.sources.logs import Logs
from logscan.sources.piped import Piped, Running
from logscan.sources.place import Place
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch

__all__ = ["Arrived", "Follower"]

LULL = 0.004  # seconds between two looks: lines that come one by one are given together


class Follower:
    """Follows sources by their names.

    tail: lines before the present end at which it begins; None: at the beginning. What appears later is read from its
          beginning.
    places: what `places` gave before: goes on exactly there
    """

    def __init__(
        self,
        names: Sequence[str],
        tail: int | None,
        on_problem: Callable[[Problem], None],
        places: Sequence[Place] | None = None,
    ) -> None:
        self._on_problem = on_problem
        self._watch = Watch()
        self._given_at = 0.0
        self._number = max((place.file for place in places or ()), default=-1) + 1
        self._pipes: list[Piped | Running] = []
        self._cut: set[int] = set()  # pipes of which a line was cut, which was said
        pipes = [name for name in dict.fromkeys(names) if _is_pipe(name)]
        for name in pipes:
            self._add_pipe(name, tail, places or ())
        self._files = [name for name in dict.fromkeys(names) if name not in pipes]
        self._logs = Logs(self._files, self._number, self._watch, on_problem)
        if places is None:
            self._logs.search(tail, first=True)
        else:
            self._logs.restore(places)
        self._early = list(self._logs.files.open)

    def arrivals(self, wait: float) -> list[Arrived]:
        """What has come, at once if there is anything, at most about a MiB a file; [] after `wait` seconds.

        An unfinished last line stays unread until its line feed comes or its file has ended.
        """
        now = monotonic()
        deadline = now + wait
        behind = self._logs.behind or any(pipe.behind for pipe in self._pipes)
        if not behind and (lull := min(wait, self._given_at + LULL - now)) > 0:
            sleep(lull)
        while True:
            if came := self._logs.arrivals() + self._piped():
                self._watch.busy()
                self._given_at = monotonic()
                return came
            left = deadline - monotonic()
            if left <= 0:
                return []
            if not self._logs.behind:
                soon = [pipe.patience for pipe in self._pipes if not pipe.over]
                self._watch.wait(min([left, self._logs.patience, *soon]))

    def places(self) -> list[Place]:
        """Up to where lines were given so far."""
        return self._logs.files.places() + [place for pipe in self._pipes if (place := pipe.place()) is not None]

    def lines_at(self, file: int, places: Sequence[tuple[int, int]]) -> dict[int, tuple[str, bytes | None]]:
        """Text and raw bytes of lines at (line, offset), by line; those that cannot be read any more are absent."""
        return self._logs.files.lines_at(file, places)

    @property
    def over(self) -> bool:
        """Whether nothing can come any more: all sources are pipes and clients that ended."""
        return not self._files and all(pipe.over for pipe in self._pipes)

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the beginning has been given."""
        self._early = [file for file in self._early if file.known < file.goal and not file.closed]
        return not self._early and all(pipe.caught_up for pipe in self._pipes)

    def close(self) -> None:
        """Ends clients, closes files."""
        self._logs.close()
        for pipe in self._pipes:
            pipe.close()
        self._pipes = []
        self._watch.close()

    def _piped(self) -> list[Arrived]:
        """The next lines of all pipes."""
        arrived = []
        for pipe in self._pipes:
            if pipe.over:
                continue
            piece = pipe.read()
            if piece is not None and piece.cut and pipe.number not in self._cut:
                self._cut.add(pipe.number)
                self._on_problem(Problem(pipe.source, cut_message(piece), fatal=False))
            if piece is not None or pipe.over:
                arrived.append(Arrived.of(pipe.source, pipe.number, piece, pipe.over))
        return arrived

    def _add_pipe(self, name: str, tail: int | None, places: Sequence[Place]) -> None:
        place = next((place for place in places if place.source == name and place.cursor), None)
        number = self._number if place is None else place.file
        self._number = max(self._number, number + 1)
        client = client_of(name)
        try:
            pipe = (
                Piped(name, number, self._watch)
                if client is None
                else Running(client, number, self._watch, self._on_problem, tail, place)
            )
        except OSError as error:
            self._on_problem(Problem(name, f"cannot be read: {error.strerror}", fatal=True))
        else:
            self._pipes.append(pipe)


def _is_pipe(name: str) -> bool:
    if name == inputs.STDIN or client_of(name) is not None:
        return True
    try:
        mode = os.stat(name).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
