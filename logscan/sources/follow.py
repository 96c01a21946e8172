"""Files, folders, patterns, pipes and clients that are followed: lines as they come, through every rotation.

follow    names -> logs; what became of each, and what came
growing   one open file of a log
place     how a file is found again, under whatever name
watch     when to look
piped     standard input and the clients of `clients`
"""

import glob
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from time import monotonic, sleep

import polars as pl

from logscan.sources import inputs
from logscan.sources.clients import client_of
from logscan.sources.discovery import expand, is_compressed, rotation
from logscan.sources.growing import STEP, Growing
from logscan.sources.lines import MAX_LINE, SCHEMA, Piece
from logscan.sources.piped import Piped, Running
from logscan.sources.place import Place, trace
from logscan.sources.stream import Problem
from logscan.sources.watch import Watch

DRAIN = 5.0  # seconds for which a rotated file is still read after its last line: its writer may not have noticed
SEARCH = 1.0  # seconds between two searches for files
LULL = 0.004  # seconds between two looks: lines that come one by one are given together
REMEMBERED = 64  # files that ended whose lines can be read again

Key = tuple[str, str]  # of a log: its path, or its folder and the name it shares with its rotated siblings


@dataclass(frozen=True)
class Arrived:
    """Lines that came, in the order they were written.

    source: as shown, the path as the user's name or pattern gives it, "-", "journal:nginx", "docker:web"
    file: number of the file (or client) behind it: 0 up, a new one after each rotation, never used twice
    lines: whole lines, columns of `lines.SCHEMA`; `line` is 1-based in its file, `offset` in bytes
    ended: nothing more will come from that file
    """

    source: str
    file: int
    lines: pl.DataFrame
    ended: bool


@dataclass(eq=False)
class _Log:
    """What is written under one path: the files that were, oldest first, and the present one."""

    path: str
    files: list[Growing] = field(default_factory=list)
    current: Growing | None = None  # the last of them, where it is still written
    refused: bool = False  # could not be opened, which was said


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
        self._logs: dict[Key, _Log] = {}
        self._watched: dict[int, _Log] = {}  # by the number of the watch of a file
        self._unwatched = 0  # files of which nobody tells
        self._ended: dict[int, Place] = {}  # by file
        self._cut: set[int] = set()  # files of which a line was cut, which was said
        self._numbers = max((place.file for place in places or ()), default=-1) + 1
        self._pipes: list[Piped | Running] = []
        self._names: list[str] = []
        for name in dict.fromkeys(names):
            if _is_pipe(name):
                self._add_pipe(name, tail, places or ())
            else:
                self._names.append(name)
        self._dirty: dict[_Log, None] = {}  # logs in which something may have changed
        self._search_at = self._rest_until = self._given_at = self._polled_at = 0.0
        if places is None:
            self._search(tail, first=True)
        else:
            self._restore(places)
        self._early = [file for log in self._logs.values() for file in log.files]

    def arrivals(self, wait: float) -> list[Arrived]:
        """What has come, at once if there is anything, at most about a MiB a file; [] after `wait` seconds.

        An unfinished last line stays unread until its line feed comes or its file has ended.
        """
        now = monotonic()
        deadline = now + wait
        behind = self._dirty or any(pipe.behind for pipe in self._pipes)
        if not behind and (lull := min(wait, self._given_at + LULL - now)) > 0:
            sleep(lull)
        while True:
            self._look()
            if came := self._gather():
                self._given_at = monotonic()
                return came
            left = deadline - monotonic()
            if left <= 0:
                return []
            if not self._dirty:
                self._watch.wait(min(left, self._patience()))

    def places(self) -> list[Place]:
        """Up to where lines were given so far."""
        living = [file.place() for log in self._logs.values() for file in log.files]
        stand = [place for pipe in self._pipes if (place := pipe.place()) is not None]
        return [*self._ended.values(), *living, *stand]

    def lines_at(self, file: int, places: Sequence[tuple[int, int]]) -> dict[int, tuple[str, bytes | None]]:
        """Text and raw bytes of lines at (line, offset), by line; those that cannot be read any more are absent."""
        growing = next((g for log in self._logs.values() for g in log.files if g.number == file), None)
        if growing is not None:
            return _lines_at(growing, places)
        place = self._ended.get(file)
        found = trace(place, place.real).found if place and place.inode else None
        if place is None or found is None:
            return {}
        try:
            growing = Growing(place.source, file, found)
        except OSError:
            return {}
        growing.begin_at(place)
        lines = _lines_at(growing, places)
        growing.close()
        return lines

    @property
    def over(self) -> bool:
        """Whether nothing can come any more: all sources are pipes and clients that ended."""
        return not self._names and all(pipe.over for pipe in self._pipes)

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the beginning has been given."""
        self._early = [file for file in self._early if file.known < file.goal and file.number not in self._ended]
        return not self._early and all(pipe.caught_up for pipe in self._pipes)

    def close(self) -> None:
        """Ends clients, closes files."""
        for log in self._logs.values():
            for file in log.files:
                file.close()
        for pipe in self._pipes:
            pipe.close()
        self._logs, self._pipes = {}, []
        self._watch.close()

    def _look(self) -> None:
        """Find the logs in which something may have changed."""
        watches, names = self._watch.changed()
        now = monotonic()
        if names:
            self._search_at = min(self._search_at, self._rest_until)
        if now >= self._search_at:
            self._search()
            return
        everything = min(watches, default=0) < 0
        self._dirty |= {self._watched[watch]: None for watch in watches if watch in self._watched}
        if self._unwatched and now - self._polled_at >= self._watch.pause:
            self._polled_at, everything = now, True
        if everything:
            self._dirty = dict.fromkeys(self._logs.values())

    def _patience(self) -> float:
        """Seconds until it is time to look again, even if nothing was told."""
        soon = [self._watch.pause] if self._unwatched else []
        soon += [pipe.patience for pipe in self._pipes if not pipe.over]
        return min([self._search_at - monotonic(), *soon])

    def _gather(self) -> list[Arrived]:
        """The next lines of all logs and pipes that may have some."""
        logs, self._dirty = self._dirty, {}
        arrived = [some for log in logs for some in self._read(log)]
        for pipe in self._pipes:
            if pipe.over:
                continue
            piece = pipe.read()
            if piece is not None or pipe.over:
                self._say_cut(pipe.source, pipe.number, piece)
                arrived.append(_arrived(pipe.source, pipe.number, piece, pipe.over))
        if arrived:
            self._watch.busy()
        return arrived

    def _read(self, log: _Log) -> Iterator[Arrived]:
        """A MiB of each of a log's files, the next file when the one before it is read to its end."""
        now = monotonic()
        for file in list(log.files):
            if file.known == 0 and self._missed(log, file):
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
                self._say_cut(file.source, file.number, piece)
                yield _arrived(file.source, file.number, piece, ended)
            if len(data) == STEP:
                self._dirty[log] = None
                return

    def _search(self, tail: int | None = None, first: bool = False) -> None:
        """Look for files that appeared, and for what became of those that were there."""
        began = monotonic()
        for key, path in self._paths(first):
            log = self._logs.setdefault(key, _Log(path))
            if _age(path) >= _age(log.path):
                log.path = path
        for log in self._logs.values():
            self._renew(log, tail)
            for folder in {os.path.dirname(log.path) or ".", os.path.dirname(os.path.realpath(log.path))}:
                self._watch.folder(folder)
        self._dirty = dict.fromkeys(self._logs.values())
        now = monotonic()
        self._search_at, self._rest_until = now + SEARCH, now + 10 * (now - began)

    def _paths(self, first: bool) -> Iterator[tuple[Key, str]]:
        """The path at which each log is written now. What is missing is said the first time."""

        def report(problem: Problem) -> None:
            waits = "Permission" not in problem.message
            if first:
                message = f"{problem.message}; waiting for it" if waits else problem.message
                self._on_problem(Problem(problem.source, message, fatal=not waits))

        for name in self._names:
            if os.path.isdir(name) or (glob.has_magic(name) and not os.path.lexists(name)):
                self._watch.folder(name if os.path.isdir(name) else _base(name))
                for file in expand(name, report):
                    self._watch.folder(os.path.dirname(file.path) or ".")
                    if not file.pipe and not is_compressed(file.path):
                        yield file.log, file.path
            else:
                if first and not os.path.exists(name):
                    report(Problem(name, "cannot be read: No such file or directory", fatal=True))
                yield (name, ""), name

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
        if not stat.S_ISREG(status.st_mode) or self._is_followed(identity, log.path):
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
        if not any([self._open(log, path) for path in paths]):
            return False
        file.number, self._numbers = self._numbers, self._numbers + 1
        log.files.sort(key=lambda file: file.number)
        return True

    def _emptied(self, log: _Log, file: Growing) -> Iterator[Arrived]:
        """What was read of a file is not there any more: go on in the copy, if one was made, then with what is new."""
        present = file is log.current
        trail = trace(file.place(), os.path.realpath(log.path))
        self._unwatch(file)
        moved = trail.found is not None and file.move_to(trail.found)
        self._watch_file(log, file)
        if moved:
            file.quiet_since = monotonic()
        else:
            message = "was emptied and not copied: lines that were written just before it may be lost"
            self._on_problem(Problem(file.source, message, fatal=False))
            piece = file.end()
            self._finish(log, file)
            yield _arrived(file.source, file.number, piece, ended=True)
        if present:
            log.current = None
            for path in trail.later:
                self._open(log, path)
            self._renew(log)
        self._dirty[log] = None

    def _restore(self, places: Sequence[Place]) -> None:
        """Go on where the files stood."""
        self._ended = {place.file: place for place in places if place.ended}
        for key, path in self._paths(first=True):
            log = self._logs.setdefault(key, _Log(path))
            log.path = max(log.path, path, key=_age)
        stood: dict[_Log, list[Place]] = {}
        for place in sorted(places, key=lambda place: place.file):
            if not place.real:
                continue
            named, found = (place.source, ""), _found_key(place.source)
            key = named if named in self._logs else found
            if key in self._logs or any(_covers(name, place.source) for name in self._names):
                log = self._logs.setdefault(key, _Log(place.source))
                stood.setdefault(log, []).append(place)
        for log, of_log in stood.items():
            for place in of_log:
                if place is of_log[-1] or not place.ended:
                    self._go_on(log, place, last=place is of_log[-1])
        self._search()

    def _go_on(self, log: _Log, place: Place, last: bool) -> None:
        """Read on in one file, and in those that came after the last one."""
        present = os.path.realpath(log.path)
        trail = trace(place, present)
        file = None
        if trail.found is not None and not place.ended:
            file = self._open(log, trail.found, number=place.file, source=place.source)
        if file is not None:
            file.begin_at(place)
        elif not place.ended:
            message = "is not the file it was, which is gone: lines may be lost"
            self._on_problem(Problem(place.source, message, fatal=False))
            self._ended[place.file] = replace(place, ended=True, inode=0)
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

    def _open(
        self, log: _Log, path: str, tail: int | None = None, number: int | None = None, source: str | None = None
    ) -> Growing | None:
        """Follow one more file, from its beginning; None where it cannot be opened or is followed already."""
        try:
            status = os.stat(path)
            if self._is_followed((status.st_dev, status.st_ino), path):
                return None
            file = Growing(source or log.path, self._numbers if number is None else number, path)
        except OSError as error:
            if not log.refused and not isinstance(error, FileNotFoundError):
                self._on_problem(Problem(path, f"cannot be read: {error.strerror}", fatal=True))
                log.refused = True
            return None
        log.refused = False
        self._numbers = max(self._numbers, file.number + 1)
        if tail is not None:
            file.begin_before_end(tail)
        file.quiet_since = monotonic()
        self._watch_file(log, file)
        log.files.append(file)
        self._dirty[log] = None
        return file

    def _is_followed(self, identity: tuple[int, int], path: str) -> bool:
        """Whether a file is followed under any name, or was, before it was renamed to this path."""
        if any(file.identity == identity for log in self._logs.values() for file in log.files):
            return True
        passed = (place for place in self._ended.values() if (place.device, place.inode) == identity)
        return any(place.known > 0 and place.source != path and place.is_in(path) for place in passed)

    def _finish(self, log: _Log, file: Growing) -> None:
        """Nothing more comes from a file."""
        self._ended[file.number] = file.place(ended=True)
        for number in sorted(self._ended)[:-REMEMBERED]:
            del self._ended[number]
        log.files.remove(file)
        if file is log.current:
            log.current = None
        self._unwatch(file)
        file.close()

    def _watch_file(self, log: _Log, file: Growing) -> None:
        file.watch = self._watch.file(file.file, file.real)
        if file.watch is None:
            self._unwatched += 1
        else:
            self._watched[file.watch] = log

    def _unwatch(self, file: Growing) -> None:
        if file.watch is None:
            self._unwatched -= 1
        else:
            self._watch.forget(file.watch)
            self._watched.pop(file.watch, None)

    def _say_cut(self, source: str, number: int, piece: Piece | None) -> None:
        if piece is not None and piece.cut and number not in self._cut:
            self._cut.add(number)
            message = f"lines longer than {MAX_LINE} bytes are cut, the first of them line {piece.cut[0]}"
            self._on_problem(Problem(source, message, fatal=False))

    def _add_pipe(self, name: str, tail: int | None, places: Sequence[Place]) -> None:
        place = next((place for place in places if place.source == name and place.cursor), None)
        number = self._numbers if place is None else place.file
        self._numbers = max(self._numbers, number + 1)
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


def _covers(name: str, path: str) -> bool:
    """Whether a folder or pattern would give a path, if it was there."""
    return fnmatch(path, name) or path.startswith(os.path.join(name, ""))


def _found_key(path: str) -> Key:
    """The key of a log that nobody named."""
    folder, name = os.path.split(os.path.abspath(path))
    return folder, rotation(name)[0]


def _age(path: str) -> tuple[int, ...]:
    return rotation(os.path.basename(path))[1]


def _base(pattern: str) -> str:
    """The folder of a pattern up to which there are no signs in it."""
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)
    return pattern or "."


def _arrived(source: str, number: int, piece: Piece | None, ended: bool) -> Arrived:
    return Arrived(source, number, pl.DataFrame(schema=SCHEMA) if piece is None else piece.lines, ended)


def _lines_at(file: Growing, places: Sequence[tuple[int, int]]) -> dict[int, tuple[str, bytes | None]]:
    if not file.intact():
        return {}
    found = {line: file.line_at(line, offset) for line, offset in places}
    return {line: row for line, row in found.items() if row is not None}
