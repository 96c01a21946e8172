"""Bytes into numbered lines, a whole buffer at a time.

A line ends at a line feed; one carriage return before it goes too, any other stays. Bytes that are not UTF-8
show as `\\xff` in the text and stay as they were in `raw`. UTF-16 is known by its byte order mark. Offsets count
the bytes of the content as it stands there: after decompression, before decoding, marks included.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from logscan import native
from logscan.native import Buffer, Positions

BLOCK = 8 << 20  # bytes of content in one block
PIECE = 2 << 20  # bytes that are cut into lines at a time, and stay in the processor's cache while they are worked on
MAX_LINE = 1 << 20  # bytes of one line that are kept

SCHEMA = {"line": pl.Int64, "offset": pl.Int64, "text": pl.String, "raw": pl.Binary}


@dataclass(frozen=True)
class Encoding:
    """How text stands in bytes."""

    codec: str
    unit: np.dtype[Any]  # of which a line feed is one
    mark: bytes = b""  # the byte order mark that tells it

    @property
    def width(self) -> int:
        """Bytes of a line feed."""
        return self.unit.itemsize

    def newlines(self, data: Buffer) -> Positions:
        """Where the line feeds are."""
        return native.newlines(data, "\n".encode(self.codec))

    def spans(self, data: Buffer, newlines: Positions) -> tuple[Positions, Positions]:
        """Start and end of each line: of those before line feeds, or of an unfinished one."""
        if not newlines.size:
            return np.array([0]), np.array([len(data)])
        return np.concatenate([[0], newlines[:-1] + self.width]), newlines

    def bodies(self, data: Buffer, newlines: Positions) -> tuple[Positions, Positions]:
        """The same without the carriage returns before the line feeds."""
        starts, ends = self.spans(data, newlines)
        if not newlines.size:
            return starts, ends
        units = np.frombuffer(data, self.unit, len(data) // self.width)  # without an odd byte at the end
        returns = (newlines > starts) & (units[newlines // self.width - 1] == ord("\r"))
        return starts, newlines - returns * self.width

    def whole(self, data: Buffer) -> int:
        """How many bytes of `data` there are without a character that is cut off at its end."""
        decoder = codecs.getincrementaldecoder(self.codec)("replace")
        decoder.decode(bytes(data))
        return len(data) - len(decoder.getstate()[0])


UTF_8 = Encoding("utf-8", np.dtype("u1"))
_MARKED = (
    Encoding("utf-8", np.dtype("u1"), codecs.BOM_UTF8),
    Encoding("utf-16-le", np.dtype("<u2"), codecs.BOM_UTF16_LE),
    Encoding("utf-16-be", np.dtype(">u2"), codecs.BOM_UTF16_BE),
)


def encoding_of(head: bytes) -> Encoding | None:
    """The encoding of a content that begins with these bytes; None where they are too few to tell."""
    marked = next((encoding for encoding in _MARKED if head.startswith(encoding.mark)), None)
    if marked is None and any(encoding.mark.startswith(head) for encoding in _MARKED):
        return None
    return marked or UTF_8


class Piece(NamedTuple):
    """Whole lines (columns of SCHEMA), and the numbers of those that were cut."""

    lines: pl.DataFrame
    cut: list[int]


def cut_message(piece: Piece) -> str:
    """What is said of a source when its first lines are cut while it is followed."""
    return f"lines longer than {MAX_LINE} bytes are cut, the first of them line {piece.cut[0]}"


class Splitter:
    """Cuts one content into lines as its bytes come. A line of any length takes no more memory than a few chunks.

    It begins at the start of a line: `line` and `offset` of the first byte that was not given yet. Without an
    encoding it begins at the start of the content, whose mark tells it.
    """

    def __init__(
        self, max_line: int = MAX_LINE, encoding: Encoding | None = None, line: int = 1, offset: int = 0
    ) -> None:
        self.line, self.offset = line, offset
        self._max_line = max_line
        self._encoding = encoding
        self._rest = b""  # the beginning of a line whose end has not come yet
        self._skipped = 0  # bytes dropped from it

    def add(self, chunk: bytes) -> Piece | None:
        """The lines that end in `chunk`, which follows what was added before; None where none ends there."""
        data = self._rest + chunk
        if self._encoding is None:
            self._encoding = encoding_of(data)
            if self._encoding is None:
                self._rest = data
                return None
            mark = len(self._encoding.mark)
            self.offset += mark
            data = data[mark:]
        encoding, piece = self._encoding, None
        newlines = encoding.newlines(data)
        if newlines.size:
            end = int(newlines[-1]) + encoding.width
            piece = self._piece(memoryview(data)[:end], newlines, encoding)
            self.line, self.offset = self.line + newlines.size, self.offset + end + self._skipped
            self._skipped = 0
            data = data[end:]
        # Of an endless line a little more than `max_line` stays, so that it is still seen to be too long.
        keep = self._max_line + 8
        drop = max(len(data) - keep, 0) // encoding.width * encoding.width
        self._rest = data[:keep] + data[keep + drop :] if drop else data
        self._skipped += drop
        return piece

    def end(self) -> Piece | None:
        """The last line, if no line feed ended it: nothing more will come, or what comes is another line."""
        encoding, rest = self._encoding or UTF_8, self._rest
        if not rest:
            return None
        piece = self._piece(rest, encoding.newlines(b""), encoding)
        self.line, self.offset = self.line + 1, self.offset + len(rest) + self._skipped
        self._encoding, self._rest, self._skipped = encoding, b"", 0
        return piece

    def _piece(self, data: Buffer, newlines: Positions, encoding: Encoding) -> Piece:
        starts, _ = encoding.spans(data, newlines)
        offsets = self.offset + starts
        offsets[1:] += self._skipped  # what was dropped stood in the first line
        data, newlines, cut = _shorten(data, newlines, encoding, self._max_line)
        numbers = np.arange(self.line, self.line + len(starts))
        columns = [pl.Series("line", numbers), pl.Series("offset", offsets), *_decode(data, newlines, encoding)]
        return Piece(pl.DataFrame(columns), (cut + self.line).tolist())


def split(chunks: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[Piece]:
    """The lines of a content that comes in chunks."""
    splitter = Splitter(max_line)
    for chunk in chunks:
        if piece := splitter.add(chunk):
            yield piece
    if piece := splitter.end():
        yield piece


def _shorten(
    data: Buffer, newlines: Positions, encoding: Encoding, max_line: int
) -> tuple[Buffer, Positions, Positions]:
    """`data` with its lines cut to `max_line` bytes, never within a character; its line feeds; and the lines cut."""
    starts, ends = encoding.spans(data, newlines)
    if (ends - starts).max() <= max_line:
        return data, newlines, newlines[:0]
    starts, bodies = encoding.bodies(data, newlines)
    cut = np.flatnonzero(bodies - starts > max_line)
    parts, behind = [], 0
    for start, end in zip(starts[cut].tolist(), ends[cut].tolist(), strict=True):
        kept = start + encoding.whole(data[start : start + max_line])
        parts.append(data[behind:kept])
        behind = end
    data = b"".join([*parts, data[behind:]])
    return data, encoding.newlines(data), cut


def _decode(data: Buffer, newlines: Positions, encoding: Encoding) -> list[pl.Series]:
    """Text and raw bytes of each line."""
    text, valid = _utf_8(data, encoding.codec)
    texts = native.split(text, newlines if text is data else UTF_8.newlines(text))
    if valid:
        return [texts, pl.Series("raw", [None], pl.Binary).new_from_index(0, len(texts))]

    # An escape is longer than the byte it shows: only lines that hold one differ in length from their bytes.
    starts, ends = encoding.bodies(data, newlines)
    lengths = texts.str.len_bytes()
    if encoding.width == 2:
        lengths = 2 * (texts.str.len_chars() + texts.str.count_matches(r"[\x{10000}-\x{10FFFF}]"))
    raws: list[bytes | None] = [None] * len(texts)
    for invalid in np.flatnonzero(lengths.to_numpy() != ends - starts).tolist():
        raws[invalid] = bytes(data[starts[invalid] : ends[invalid]])
    return [texts, pl.Series("raw", raws, pl.Binary)]


def _utf_8(data: Buffer, codec: str) -> tuple[Buffer, bool]:
    """The text in UTF-8, with escapes for bytes that are none in `codec`, and whether there were no such bytes."""
    try:
        text = str(data, codec)
        return data if codec == "utf-8" else text.encode(), True
    except UnicodeDecodeError:
        return str(data, codec, "backslashreplace").encode(), False
