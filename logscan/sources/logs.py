"""Files that are followed by their names: what becomes of each, and what comes in it.

A log is a path and the open files that were found there. When it is rotated, what was read so far tells where its file
went; that one is read to its end, then all that came in between, then the new one.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from logscan.sources.arrived import Arrived
from logscan.sources.files import Files
from logscan.sources.growing import STEP, Growing
from logscan.sources.lines import Piece, cut_message
from logscan.sources.names import Key, Names, age
from logscan.sources.place import Place, trace
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch

DRAIN = 5.0  # seconds for which a rotated file is still read after its last line: its writer may not have noticed
SEARCH = 1.0  # seconds between two searches for files


@dataclass(eq=False)
class _Log:
    """What is written under one path: the files that were, oldest first, and the present one."""

    path: str
    files: list[Growing] = field(default_factory=list)
    current: Growing | None = None  # the last of them, where it is still written
    refused: bool = False  # could not be opened, which was said


class Logs:
    """All logs that are followed. `number` is that of the first file."""

    def __init__(self, names: Sequence[str], number: int, watch: Watch, on_problem: Callable[[Problem], None]) -> None:
        self._names = Names(names, watch, on_problem)
        self._watch = watch
        self._on_problem = on_problem
        self.files = Files(number, watch)
        self._logs: dict[Key, _Log] = {}
        self._of: dict[Growing, _Log] = {}  # the log of each open file
        self._dirty: dict[_Log, None] = {}  # in which something may have changed
        self._search_at = self._rest_until = self._polled_at = 0.0

    @property
    def behind(self) -> bool:
        """Whether there is more to read already."""
        return bool(self._dirty)

    @property
    def patience(self) -> float:
        """Seconds until it is time to look again, even if nothing was told."""
        until = self._search_at - monotonic()
        return min(until, self._watch.pause) if self.files.unwatched else until

    def arrivals(self) -> list[Arrived]:
        """The next lines of all logs in which something may have changed."""
        self._look()
        logs, self._dirty = self._dirty, {}
        return [some for log in logs for some in self._read(log)]

    def close(self) -> None:
        """Closes the files."""
        self.files.close()
        self._logs = {}

    def _look(self) -> None:
        """Find the logs in which something may have changed."""
        watches, names = self._watch.changed()
        now = monotonic()
        if names:
            self._search_at = min(self._search_at, self._rest_until)
        if now >= self._search_at:
            self.search()
            return
        everything = min(watches, default=0) < 0
        self._dirty |= {self._of[file]: None for file in self.files.watched(watches)}
        if self.files.unwatched and now - self._polled_at >= self._watch.pause:
            self._polled_at, everything = now, True
        if everything:
            self._dirty = dict.fromkeys(self._logs.values())

    def _read(self, log: _Log) -> Iterator[Arrived]:
        """A MiB of each of a log's files, the next file when the one before it is read to its end."""
        now = monotonic()
        for file in list(log.files):
            if file.known == 0 and file is log.current and self._missed(log, file):
                return
            data = file.read()
            if data is None:
                yield from self._emptied(log, file)
                return
            piece = file.split(data) if data else None
            if data:
                file.quiet_since = now
            ended = file is not log.current and not data and now - file.quiet_since >= DRAIN
            if ended:
                piece = file.end()
                self._finish(log, file)
            if piece is not None or ended:
                self._say_cut(file, piece)
                yield Arrived.of(file.source, file.number, piece, ended)
            if len(data) == STEP:
                self._dirty[log] = None
                return

    def search(self, tail: int | None = None, first: bool = False) -> None:
        """Look for files that appeared, and for what became of those that were there."""
        began = monotonic()
        found = set()
        for key, path in self._names.paths(first):
            log = self._logs.setdefault(key, _Log(path))
            log.path = max(log.path, path, key=age)
            found.add(key)
        for key, log in list(self._logs.items()):
            self._renew(log, tail)
            if not log.files:
                self._watch_folders(log)
                if key not in found:
                    del self._logs[key]
        self._dirty = dict.fromkeys(self._logs.values())
        now = monotonic()
        self._search_at, self._rest_until = now + SEARCH, now + 10 * (now - began)

    def _renew(self, log: _Log, tail: int | None = None) -> None:
        """Go on with the file that is under the log's path now."""
        current = log.current
        try:
            status = os.stat(log.path)
        except OSError:
            if current is not None and os.fstat(current.file).st_nlink == 0:
                log.current = None
            return
        identity = status.st_dev, status.st_ino
        if current is not None and identity == current.identity:
            return
        if not stat.S_ISREG(status.st_mode) or self.files.has(identity, log.path):
            return
        later: tuple[str, ...] = ()
        if current is not None:
            later = trace(current.place(), os.path.realpath(log.path)).later
            current.quiet_since = monotonic()
            log.current = None
        for path in later:
            self._open(log, path)
        log.current = self._open(log, log.path, tail)

    def _missed(self, log: _Log, file: Growing) -> bool:
        """Whether a file of which nothing was read was copied and emptied before what stands in it was written."""
        if os.fstat(file.file).st_mtime_ns == file.modified:
            return False
        trail = trace(file.place(), file.real)
        if trail.found != file.real:  # renamed: what came after it is found with its new name
            return False
        return self._open_before(log, file, trail.later)

    def _open_before(self, log: _Log, file: Growing, paths: Sequence[str]) -> bool:
        """Read files before one of which nothing was given; whether there are any."""
        opened = [self._open(log, path) for path in paths]
        if not any(opened):
            return False
        self.files.renumber(file)
        log.files.sort(key=lambda file: file.number)
        return True

    def _emptied(self, log: _Log, file: Growing) -> Iterator[Arrived]:
        """What was read of a file is not there any more: go on in the copy, if one was made, then with what is new."""
        present = file is log.current
        trail = trace(file.place(), os.path.realpath(log.path))
        self.files.unwatch(file)
        moved = trail.found is not None and file.move_to(trail.found)
        self.files.watch(file)
        if moved:
            file.quiet_since = monotonic()
        else:
            message = "was emptied and not copied: lines that were written just before it may be lost"
            self._on_problem(Problem(file.source, message, fatal=False))
            piece = file.end()
            self._finish(log, file)
            yield Arrived.of(file.source, file.number, piece, ended=True)
        if present:
            log.current = None
        for path in trail.later:
            self._open(log, path)
        if present:
            self._renew(log)
        self._dirty[log] = None

    def restore(self, places: Sequence[Place]) -> None:
        """Go on where the files stood."""
        self.files.remember(place for place in places if place.ended)
        for key, path in self._names.paths(first=True):
            log = self._logs.setdefault(key, _Log(path))
            log.path = max(log.path, path, key=age)
        stood: dict[_Log, list[Place]] = {}
        for place in sorted(places, key=lambda place: place.file):
            key_of_place = self._names.key(place.source)
            if place.real and key_of_place is not None:
                log = self._logs.setdefault(key_of_place, _Log(place.source))
                stood.setdefault(log, []).append(place)
        for log, of_log in stood.items():
            for place in of_log:
                if place is of_log[-1] or not place.ended:
                    self._go_on(log, place, last=place is of_log[-1])
        self.search()

    def _go_on(self, log: _Log, place: Place, last: bool) -> None:
        """Read on in one file, and in those that came after the last one."""
        present = os.path.realpath(log.path)
        trail = trace(place, present)
        file = None
        if trail.found is not None and not place.ended:
            file = self._open(log, trail.found, place=place)
        if file is None and not place.ended:
            message = "is not the file it was, which is gone: lines may be lost"
            self._on_problem(Problem(place.source, message, fatal=False))
            self.files.remember([replace(place, ended=True, inode=0)])
        if not last:
            return
        if file is not None and trail.found == present:
            self._open_before(log, file, trail.later)
            log.current = file
            return
        for path in trail.later:
            self._open(log, path)
        if log.files and not os.path.exists(present):
            log.current = log.files[-1]

    def _open(self, log: _Log, path: str, tail: int | None = None, place: Place | None = None) -> Growing | None:
        """Follow one more file of a log; None where it cannot be opened or is followed already."""
        try:
            file = self.files.begin(place.source if place else log.path, path, tail, place)
        except OSError as error:
            if not log.refused and not isinstance(error, FileNotFoundError):
                self._on_problem(Problem(path, f"cannot be read: {error.strerror}", fatal=True))
                log.refused = True
            return None
        if file is None:
            return None
        log.refused = False
        self._watch_folders(log)
        log.files.append(file)
        self._of[file] = log
        self._dirty[log] = None
        return file

    def _finish(self, log: _Log, file: Growing) -> None:
        """Nothing more comes from a file."""
        self.files.finish(file)
        log.files.remove(file)
        del self._of[file]
        if file is log.current:
            log.current = None

    def _watch_folders(self, log: _Log) -> None:
        self._watch.folder(os.path.dirname(log.path) or ".")
        self._watch.folder(os.path.dirname(os.path.realpath(log.path)))

    def _say_cut(self, file: Growing, piece: Piece | None) -> None:
        if piece is not None and piece.cut and not file.cut:
            file.cut = True
            self._on_problem(Problem(file.source, cut_message(piece), fatal=False))
