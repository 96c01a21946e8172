"""One stream: a log, with its rotated siblings in the order of time, as blocks of lines."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import polars as pl

from logscan.sources.compression import chunks
from logscan.sources.inputs import open_input
from logscan.sources.lines import BLOCK, MAX_LINE, PIECE, Piece, split

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3), in bytes but for the last


class Problem(NamedTuple):
    """What was wrong with a source. A fatal one is an error of the run (exit status 2); all else is still read."""

    source: str
    message: str
    fatal: bool


class Block(NamedTuple):
    """Some whole lines of one file.

    Columns of `lines`: line (Int64, 1-based in its file), offset (Int64, bytes to its first byte in the decompressed
    content), text (String, no line ending), raw (Binary, null but for lines that were not valid text).
    """

    source: str  # the file, as shown
    lines: pl.DataFrame
    read: int  # bytes of input (compressed where it is) consumed so far in this stream
    file: int = 0  # its number, where several of this name took each other's place


@dataclass(frozen=True)
class Stream:
    """Files that are one log, oldest first."""

    name: str  # of the newest file, as the user wrote it; "-" is standard input
    files: tuple[str, ...]
    size: int | None  # bytes on disk; None for a pipe
    named: frozenset[str] = frozenset()  # files the user named, not found in a folder: fatal when empty

    def blocks(
        self, on_problem: Callable[[Problem], None], size: int = BLOCK, max_line: int = MAX_LINE
    ) -> Iterator[Block]:
        """All lines, in blocks of about `size` bytes. Each call reads from the beginning (a pipe if spooled)."""
        _keep_freed_memory()  # before there are threads
        return self._blocks(on_problem, size, max_line)

    def _blocks(self, on_problem: Callable[[Problem], None], size: int, max_line: int) -> Iterator[Block]:
        before = 0
        for source in self.files:
            try:
                file = open_input(source)
            except OSError as error:
                on_problem(Problem(source, f"cannot be read: {error.strerror}", fatal=True))
                continue
            with closing(file):
                breaks: list[str] = []
                cut: list[int] = []
                count = 0
                pieces = split(chunks(file, min(size, PIECE), breaks.append), max_line)
                for piece in _joined(pieces, max(1, size // PIECE)):
                    count += len(piece.lines)
                    cut += piece.cut
                    yield Block(source, piece.lines, before + file.consumed)
                before += file.consumed
            if breaks:
                on_problem(Problem(source, f"breaks off in or after line {count}: {breaks[0]}", fatal=True))
            elif not count:
                on_problem(Problem(source, "is empty", fatal=source in self.named))
            if cut:
                lines = "1 line was" if len(cut) == 1 else f"{len(cut)} lines were"
                message = f"{lines} cut to {max_line} bytes, the first of them line {cut[0]}"
                on_problem(Problem(source, message, fatal=False))


def _keep_freed_memory() -> None:
    """glibc gives each large buffer that is freed back to the system, and gets the next one page by page, which takes
    longer than most work on it. It shall keep some for the next, in one place for all threads, not in one for each."""
    with suppress(AttributeError):  # in other libraries
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 8 << 20)
        mallopt(M_TRIM_THRESHOLD, 16 << 20)
        mallopt(M_ARENA_MAX, 1)


def _joined(pieces: Iterator[Piece], n: int) -> Iterator[Piece]:
    """`n` pieces as one, whose columns stay in as many chunks."""
    while some := list(islice(pieces, n)):
        yield Piece(pl.concat([piece.lines for piece in some]), [line for piece in some for line in piece.cut])
