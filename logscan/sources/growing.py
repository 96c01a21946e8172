"""One file that grows: read as it comes, under whatever name it has by now."""

import os

from logscan.sources.lines import MAX_LINE, UTF_8, Encoding, Piece, Splitter, encoding_of
from logscan.sources.place import EDGE, Place, digest, edges

STEP = 1 << 20  # bytes read at a time
_COUNTED = 8 << 20  # bytes at a time, where lines are only counted


class Growing:
    """An open file and how far it was read. Raises OSError where it cannot be opened."""

    def __init__(self, source: str, number: int, path: str) -> None:
        self.source = source
        self.number = number
        self.real = os.path.realpath(path)
        self.file = os.open(self.real, os.O_RDONLY | os.O_NONBLOCK)
        status = os.fstat(self.file)
        self.identity = status.st_dev, status.st_ino
        self.modified = status.st_mtime_ns
        self.goal = status.st_size  # bytes that were there at the beginning
        self.quiet_since = 0.0  # in seconds of the monotonic clock
        self.watch: int | None = None
        self.cut = False  # a line of it was cut, which was said
        self.closed = False
        self.known = 0  # bytes read
        self._head = self._tail = b""  # the first and the last of them
        self._splitter = Splitter()

    def begin_before_end(self, lines: int) -> None:
        """Begin so many whole lines before the present end."""
        encoding = encoding_of(os.pread(self.file, 3, 0))
        if encoding is not None:
            offset = _before_end(self.file, self.goal, encoding, lines)
            self._splitter = Splitter(MAX_LINE, encoding, 1 + _count(self.file, offset, encoding), offset)
            self._seek(offset)

    def begin_at(self, place: Place) -> None:
        """Go on where the reading of this file stood."""
        if place.offset:
            encoding = encoding_of(os.pread(self.file, 3, 0))
            self._splitter = Splitter(MAX_LINE, encoding, place.line, place.offset)
        self._seek(place.offset)

    def move_to(self, path: str) -> bool:
        """Read on in a copy of the file; whether it could be opened."""
        try:
            copy = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        os.dup2(copy, self.file, inheritable=False)
        os.close(copy)
        status = os.fstat(self.file)
        self.real, self.identity = path, (status.st_dev, status.st_ino)
        return True

    def read(self) -> bytes | None:
        """The next bytes, none where there are no more for now; None where the file is not the one it was."""
        if self.known == 0:
            self.modified = os.fstat(self.file).st_mtime_ns
            self._skip_hole()
        data = os.pread(self.file, STEP, self.known)
        return data if self.intact() else None

    def intact(self) -> bool:
        """Whether what was read still stands in the file."""
        head, tail = self._head, self._tail
        return (
            os.pread(self.file, len(head), 0) == head and os.pread(self.file, len(tail), self.known - len(tail)) == tail
        )

    def split(self, data: bytes) -> Piece | None:
        """The lines that end in the bytes that were read."""
        self.known += len(data)
        if len(self._head) < EDGE:
            self._head += data[: EDGE - len(self._head)]
        self._tail = (self._tail + data[-EDGE:])[-EDGE:]
        return self._splitter.add(data)

    def end(self) -> Piece | None:
        """The unfinished last line, if there is one."""
        return self._splitter.end()

    def line_at(self, line: int, offset: int) -> tuple[str, bytes | None] | None:
        """Text and raw bytes of a line, read again; None where it is not there any more."""
        if not self.intact():
            return None
        encoding = encoding_of(os.pread(self.file, 3, 0)) or UTF_8
        splitter = Splitter(MAX_LINE, encoding, line, offset)
        size = 4096
        while data := os.pread(self.file, size, offset):
            if piece := splitter.add(data):
                break
            offset += len(data)
            size = STEP
        else:
            piece = splitter.end()
        return None if piece is None else piece.lines.row(0)[2:]

    def place(self, ended: bool = False) -> Place:
        """Up to where its lines were given; a deleted file whose lines all were cannot be found any more."""
        status = os.fstat(self.file)
        deleted = status.st_nlink == 0 and (ended or self._splitter.offset == status.st_size)
        return Place(
            self.source,
            self.number,
            self._splitter.line,
            self._splitter.offset,
            ended or deleted,
            self.real,
            self.identity[0],
            0 if deleted else self.identity[1],
            status.st_mtime_ns if self.known else self.modified,
            self.known,
            digest(self._head, self._tail),
        )

    def close(self) -> None:
        """Nothing more is read."""
        self.closed = True
        os.close(self.file)

    def _skip_hole(self) -> None:
        """Begin behind the NULs that stand where a file was emptied and its writer went on at its old offset."""
        if os.pread(self.file, 1, 0) != b"\0":
            return
        try:
            hole = os.lseek(self.file, 0, os.SEEK_DATA)
        except OSError:  # nothing stands behind them yet
            return
        while (data := os.pread(self.file, STEP, hole)) and not data.lstrip(b"\0"):
            hole += len(data)
        if not data:
            return
        hole += len(data) - len(data.lstrip(b"\0"))
        self._splitter = Splitter(MAX_LINE, UTF_8, 1, hole)
        self._seek(hole)

    def _seek(self, known: int) -> None:
        self.known = known
        self._head, self._tail = edges(self.file, known)


def _before_end(file: int, size: int, encoding: Encoding, lines: int) -> int:
    """The offset at which the last whole lines begin."""
    start = len(encoding.mark)
    end = size - (size - start) % encoding.width
    wanted = lines + 1  # line feeds: those of the lines, and the one before them
    while end > start:
        begin = max(start, end - STEP)
        newlines = encoding.newlines(os.pread(file, end - begin, begin))
        if newlines.size >= wanted:
            return begin + int(newlines[-wanted]) + encoding.width
        wanted -= newlines.size
        end = begin
    return start


def _count(file: int, end: int, encoding: Encoding) -> int:
    """Lines that end before an offset."""
    count = 0
    for begin in range(len(encoding.mark), end, _COUNTED):
        data = os.pread(file, min(_COUNTED, end - begin), begin)
        count += data.count(b"\n") if encoding.width == 1 else encoding.newlines(data).size
    return count
