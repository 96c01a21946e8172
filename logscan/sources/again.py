"""Lines of a source that was read before, read again at their places."""

import os
from collections.abc import Callable, Iterable
from contextlib import closing

from logscan.sources.compression import chunks, packed
from logscan.sources.inputs import Input, open_input
from logscan.sources.lines import MAX_LINE, PIECE, UTF_8, Encoding, Splitter, encoding_of

LONGEST = MAX_LINE + 8  # bytes of a line by which it is seen to be too long
USUAL = 512  # bytes of most lines

Text = tuple[str, bytes | None]  # and the bytes where they are not valid text
Look = Callable[[int, int], bytes]  # at most so many bytes from an offset, which may only grow


def lines_at(source: str, places: Iterable[tuple[int, int]]) -> dict[int, Text]:
    """Text and raw bytes of the lines at these (line, offset), by line; those that cannot be read any more are absent.

    Of a plain file nothing else is read, of any other all up to the last of them; they alone are decoded.
    """
    wanted = dict(places)
    lines = sorted(wanted, key=wanted.__getitem__)
    found: list[bytes] = []
    try:
        file = open_input(source)
    except OSError:  # which was said when it was read first
        return {}
    with closing(file):
        descriptor = None if packed(file) else file.descriptor
        look = _forward(file) if descriptor is None else lambda offset, size: os.pread(descriptor, size, offset)
        encoding = encoding_of(look(0, USUAL)) or UTF_8
        for line in lines:
            if not (text := _line(look, wanted[line], encoding)):
                break
            found.append(text)
    return dict(zip(lines, _decoded(b"".join(found), encoding), strict=False))


def _forward(file: Input) -> Look:
    """A look at the content of what can only be read on."""
    pieces = chunks(file, PIECE, lambda problem: None)
    data, begin = b"", 0  # what was read and may still be asked for, and its offset

    def look(offset: int, size: int) -> bytes:
        nonlocal data, begin
        while len(data) < offset - begin + size and (piece := next(pieces, b"")):
            gone = min(offset - begin, len(data))
            data, begin = data[gone:] + piece, begin + gone
        return data[offset - begin : offset - begin + size]

    return look


def _line(look: Look, start: int, encoding: Encoding) -> bytes:
    """The line that begins there, with its line feed: the last one may have none, and one that is too long is cut."""
    feed = "\n".encode(encoding.codec)
    for size in (USUAL, LONGEST):
        data = look(start, size)
        end = data.find(feed)
        while end >= 0 and end % len(feed):
            end = data.find(feed, end + 1)
        if end >= 0:
            return data[: end + len(feed)]
        if len(data) < size:
            return data
    return data + feed


def _decoded(lines: bytes, encoding: Encoding) -> list[Text]:
    """The texts of lines, of which the last may have no line feed."""
    splitter = Splitter(MAX_LINE, encoding)
    pieces = splitter.add(lines), splitter.end()
    return [text for piece in pieces if piece is not None for text in piece.lines.select("text", "raw").rows()]
