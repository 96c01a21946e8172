"""Bytes into numbered lines, a whole buffer at a time.

A line ends at a line feed; one carriage return before it goes too, any other stays. Bytes that are not UTF-8 show as
`\\xff` in the text and stay as they were in `raw`. UTF-16 is known by its byte order mark. Offsets count the bytes of
the content as it stands there: after decompression, before decoding, marks included.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

BLOCK = 8 << 20  # bytes of content in one block
MAX_LINE = 1 << 20  # bytes of one line that are kept

SCHEMA = {"line": pl.Int64, "offset": pl.Int64, "text": pl.String, "raw": pl.Binary}

Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Encoding:
    """How text stands in bytes."""

    codec: str
    unit: np.dtype[Any]
    mark: bytes = b""  # the byte order mark that tells it

    def newlines(self, data: bytes) -> Positions:
        """Byte positions of the line feeds."""
        units = np.frombuffer(data, self.unit, len(data) // self.unit.itemsize)
        return np.flatnonzero(units == ord("\n")) * self.unit.itemsize

    def without_return(self, data: bytes, starts: Positions, newlines: Positions) -> Positions:
        """Where the lines that end at these line feeds have their last byte behind them."""
        size = self.unit.itemsize
        units = np.frombuffer(data, self.unit, len(data) // size)
        returns = (newlines > starts) & (units[newlines // size - 1] == ord("\r"))
        return newlines - returns * size

    def whole_characters(self, data: bytes) -> int:
        """How many bytes of `data` there are without a character that is cut off at its end."""
        decoder = codecs.getincrementaldecoder(self.codec)("replace")
        decoder.decode(data)
        return len(data) - len(decoder.getstate()[0])


UTF_8 = Encoding("utf-8", np.dtype("u1"))
_MARKED = (
    Encoding("utf-8", np.dtype("u1"), codecs.BOM_UTF8),
    Encoding("utf-16-le", np.dtype("<u2"), codecs.BOM_UTF16_LE),
    Encoding("utf-16-be", np.dtype(">u2"), codecs.BOM_UTF16_BE),
)


@dataclass(frozen=True)
class Piece:
    """Whole lines (columns of SCHEMA), and the numbers of those among them that were cut."""

    lines: pl.DataFrame
    cut: list[int]


def split(chunks: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[Piece]:
    """The lines of a content that comes in chunks of four bytes or more.

    A line of any length takes no more memory than a chunk and `max_line`.
    """
    encoding = UTF_8
    line, offset = 1, 0  # of the first byte of `rest`
    rest = b""  # the beginning of a line whose end has not come yet
    skipped = 0  # bytes dropped from it
    for number, chunk in enumerate(chunks):
        if number == 0:
            encoding = next((e for e in _MARKED if chunk.startswith(e.mark)), UTF_8)
            offset = len(encoding.mark)
        data = rest + chunk if number else chunk[offset:]
        newlines = encoding.newlines(data)
        if newlines.size:
            end = int(newlines[-1]) + encoding.unit.itemsize
            yield _piece(data[:end], newlines, encoding, line, offset, skipped, max_line)
            line, offset, skipped = line + newlines.size, offset + end + skipped, 0
            data = data[end:]
        # Of an endless line a little more than is kept stays, so that `_piece` sees that it is too long.
        keep = max_line + 8
        excess = max(len(data) - keep, 0) // encoding.unit.itemsize * encoding.unit.itemsize
        rest = data[:keep] + data[keep + excess :] if excess else data
        skipped += excess
    if rest:
        yield _piece(rest, encoding.newlines(b""), encoding, line, offset, skipped, max_line)


def _piece(
    data: bytes, newlines: Positions, encoding: Encoding, line: int, offset: int, skipped: int, max_line: int
) -> Piece:
    """Lines of `data`, which is one unfinished line or ends with a line feed."""
    finished = newlines.size > 0
    starts = np.concatenate([[0], newlines[:-1] + encoding.unit.itemsize])
    ends = newlines if finished else np.array([len(data)])
    offsets = offset + starts
    offsets[1:] += skipped  # the dropped bytes stood in the first line

    cut = np.flatnonzero(ends - starts > max_line)
    if cut.size:
        bodies = encoding.without_return(data, starts, ends) if finished else ends
        cut = cut[bodies[cut] - starts[cut] > max_line]
        data = _shorten(data, starts[cut], ends[cut], encoding, max_line)

    texts, raws = _decode(data, finished, encoding)
    columns = {"line": np.arange(line, line + len(starts)), "offset": offsets, "text": texts, "raw": raws}
    return Piece(pl.DataFrame(columns, schema=SCHEMA), (cut + line).tolist())


def _shorten(data: bytes, starts: Positions, ends: Positions, encoding: Encoding, max_line: int) -> bytes:
    """`data` with the lines from `starts` to `ends` cut to `max_line` bytes, not within a character."""
    parts, behind = [], 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        kept = encoding.whole_characters(data[start : start + max_line])
        parts.append(data[behind : start + kept])
        behind = end
    return b"".join([*parts, data[behind:]])


def _decode(data: bytes, finished: bool, encoding: Encoding) -> tuple[pl.Series, pl.Series]:
    """Text and raw bytes of each line."""
    try:
        text, valid = data.decode(encoding.codec), True
    except UnicodeDecodeError:
        text, valid = data.decode(encoding.codec, "backslashreplace"), False
    text = text.replace("\r\n", "\n")
    texts = pl.Series([text.removesuffix("\n") if finished else text]).str.split("\n").explode()
    if valid:
        return texts, pl.repeat(None, len(texts), dtype=pl.Binary, eager=True)

    # An escape is longer than the byte it shows: only lines that hold one differ in length from their bytes.
    newlines = encoding.newlines(data)
    starts = np.concatenate([[0], newlines[:-1] + encoding.unit.itemsize])
    ends = encoding.without_return(data, starts, newlines) if finished else np.array([len(data)])
    lengths = texts.str.len_bytes()
    if encoding.unit.itemsize == 2:
        lengths = 2 * (texts.str.len_chars() + texts.str.count_matches(r"[\x{10000}-\x{10FFFF}]"))
    raws: list[bytes | None] = [None] * len(texts)
    for invalid in np.flatnonzero(lengths.to_numpy() != ends - starts).tolist():
        raws[invalid] = data[starts[invalid] : ends[invalid]]
    return texts, pl.Series(raws, dtype=pl.Binary)
