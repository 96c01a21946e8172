"""The files of all logs that are followed: numbered, watched, and remembered for a while when they have ended."""

import os
from collections.abc import Iterable, Sequence
from time import monotonic

from logscan.sources.growing import Growing
from logscan.sources.place import Place, trace
from logscan.sources.watch import Watch

REMEMBERED = 64  # files that ended whose lines can be read again

Identity = tuple[int, int]  # device and inode


class Files:
    """Those that are open, by the order in which they were opened. number: of the first."""

    def __init__(self, number: int, watch: Watch) -> None:
        self.open: list[Growing] = []
        self.unwatched = 0  # of which nobody tells
        self._number = number  # of the next file
        self._watch = watch
        self._watched: dict[int, Growing] = {}  # by the number of the watch
        self._ended: dict[int, Place] = {}  # by file

    def begin(self, source: str, path: str, tail: int | None = None, place: Place | None = None) -> Growing | None:
        """Follow one more file, from its beginning, from so many lines before its end, or from its place; None where it
        is followed already. Raises OSError where it cannot be opened."""
        status = os.stat(path)
        if self.has((status.st_dev, status.st_ino), path):
            return None
        file = Growing(source, self._number if place is None else place.file, path)
        self._number = max(self._number, file.number + 1)
        if place is not None:
            file.begin_at(place)
        elif tail is not None:
            file.begin_before_end(tail)
        file.quiet_since = monotonic()
        self.watch(file)
        self.open.append(file)
        return file

    def has(self, identity: Identity, path: str) -> bool:
        """Whether a file is followed under any name, or was, before it was renamed to this path."""
        if any(file.identity == identity for file in self.open):
            return True
        passed = (place for place in self._ended.values() if (place.device, place.inode) == identity)
        return any(place.known > 0 and place.source != path and place.is_in(path) for place in passed)

    def renumber(self, file: Growing) -> None:
        """A file of which nothing was given comes after all others."""
        file.number, self._number = self._number, self._number + 1

    def finish(self, file: Growing) -> None:
        """Nothing more comes from a file."""
        self.remember([file.place(ended=True)])
        for number in sorted(self._ended)[:-REMEMBERED]:
            del self._ended[number]
        self.unwatch(file)
        self.open.remove(file)
        file.close()

    def remember(self, ended: Iterable[Place]) -> None:
        """Files that ended where they stood."""
        self._ended |= {place.file: place for place in ended}

    def watch(self, file: Growing) -> None:
        """Be told of changes of a file."""
        file.watch = self._watch.file(file.file, file.real)
        if file.watch is None:
            self.unwatched += 1
        else:
            self._watched[file.watch] = file

    def unwatch(self, file: Growing) -> None:
        """An end of `watch`."""
        if file.watch is None:
            self.unwatched -= 1
        else:
            self._watch.forget(file.watch)
            self._watched.pop(file.watch, None)

    def watched(self, watches: Iterable[int]) -> list[Growing]:
        """The files of these watches."""
        return [self._watched[watch] for watch in watches if watch in self._watched]

    def places(self) -> list[Place]:
        """Up to where lines were given so far."""
        return [*self._ended.values(), *(file.place() for file in self.open)]

    def lines_at(self, number: int, places: Sequence[tuple[int, int]]) -> dict[int, tuple[str, bytes | None]]:
        """Text and raw bytes of lines at (line, offset), by line; those that cannot be read any more are absent."""
        growing = next((file for file in self.open if file.number == number), None)
        if growing is not None:
            return _lines_at(growing, places)
        place = self._ended.get(number)
        found = trace(place, place.real).found if place and place.inode else None
        if place is None or found is None:
            return {}
        try:
            growing = Growing(place.source, number, found)
        except OSError:
            return {}
        growing.begin_at(place)
        lines = _lines_at(growing, places)
        growing.close()
        return lines

    def close(self) -> None:
        """Closes those that are open."""
        for file in self.open:
            file.close()
        self.open = []


def _lines_at(file: Growing, places: Sequence[tuple[int, int]]) -> dict[int, tuple[str, bytes | None]]:
    if not file.intact():
        return {}
    found = {line: file.line_at(line, offset) for line, offset in places}
    return {line: row for line, row in found.items() if row is not None}
