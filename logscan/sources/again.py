"""Lines of a source that was read before, read again at their places."""

from collections.abc import Iterable, Sequence
from contextlib import closing

import numpy as np

from logscan.sources.compression import chunks
from logscan.sources.inputs import open_input
from logscan.sources.lines import MAX_LINE, PIECE, UTF_8, Encoding, Splitter, encoding_of

LONGEST = MAX_LINE + 8  # bytes of a line by which it is seen to be too long

Text = tuple[str, bytes | None]  # and the bytes where they are not valid text


def lines_at(source: str, places: Iterable[tuple[int, int]]) -> dict[int, Text]:
    """Text and raw bytes of the lines at these (line, offset), by line; those that cannot be read any more are absent.

    The content is read up to the last of them, and they alone are decoded.
    """
    wanted = dict(places)
    lines = sorted(wanted, key=wanted.__getitem__)
    offsets = np.array([wanted[line] for line in lines], np.int64)
    encoding: Encoding | None = None
    cut: list[bytes] = []  # those that were found
    data, begin = b"", 0  # what was read and is still needed, and its offset
    try:
        file = open_input(source)
    except OSError:  # which was said when it was read first
        return {}
    with closing(file):
        for chunk in chunks(file, PIECE, lambda problem: None):
            data += chunk
            encoding = encoding or encoding_of(data)
            if encoding is not None:
                near = offsets[len(cut) : offsets.searchsorted(begin + len(data))] - begin
                cut += _ended(data, near.tolist(), encoding)
            if len(cut) == len(wanted):
                data = b""
                break
            gone = min(int(offsets[len(cut)]) - begin, len(data))
            data, begin = data[gone:], begin + gone
    texts = _decoded(b"".join(cut) + data, encoding or UTF_8)  # the last line may have no line feed
    return dict(zip(lines, texts, strict=False))


def _ended(data: bytes, starts: Sequence[int], encoding: Encoding) -> list[bytes]:
    """The lines that begin at these places in `data`, each with a line feed, up to one that goes on behind it."""
    feed, lines = "\n".encode(encoding.codec), []
    width = len(feed)
    for start in starts:
        end = data.find(feed, start)
        while end >= 0 and (end - start) % width:
            end = data.find(feed, end + 1)
        if 0 <= end <= start + LONGEST:
            lines.append(data[start : end + width])
        elif len(data) - start < LONGEST:
            break
        else:
            lines.append(data[start : start + LONGEST] + feed)
    return lines


def _decoded(lines: bytes, encoding: Encoding) -> list[Text]:
    """The texts of lines, of which the last may have no line feed."""
    splitter = Splitter(MAX_LINE, encoding)
    pieces = splitter.add(lines), splitter.end()
    return [text for piece in pieces if piece is not None for text in piece.lines.select("text", "raw").rows()]
