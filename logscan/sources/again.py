"""Lines of a source that was read before, read again at their places."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing

from logscan.sources.compression import chunks
from logscan.sources.inputs import open_input
from logscan.sources.lines import BLOCK, MAX_LINE, UTF_8, Encoding, Splitter, encoding_of

LONGEST = MAX_LINE + 8  # bytes from which a line is seen to be too long

Text = tuple[str, bytes | None]  # and the bytes where they are not valid text


def lines_at(source: str, places: Iterable[tuple[int, int]]) -> dict[int, Text]:
    """Text and raw bytes of the lines at these (line, offset), by line; those that cannot be read any more are absent.

    The content is read up to the last of them, and only they are decoded."""
    try:
        file = open_input(source)
    except OSError:  # which was said when it was read before
        return {}
    with closing(file):
        wanted = sorted(set(places), key=lambda place: place[1])
        return dict(_texts(chunks(file, BLOCK, lambda problem: None), deque(wanted)))


def _texts(content: Iterable[bytes], wanted: deque[tuple[int, int]]) -> Iterator[tuple[int, Text]]:
    """The line and the texts of each place, in the order of their offsets."""
    encoding: Encoding | None = None
    data, begin = b"", 0  # what was read and is still needed, and its offset
    for chunk in content:
        data += chunk
        encoding = encoding or encoding_of(data)
        if encoding is not None:
            yield from _decoded(_ended(data, begin, wanted, encoding), encoding)
            gone = min(wanted[0][1] - begin, len(data)) if wanted else len(data)
            data, begin = data[gone:], begin + gone
        if not wanted:
            return
    if wanted and wanted[0][1] - begin < len(data):  # the last line, without a line feed
        yield from _decoded([(wanted[0][0], data[wanted[0][1] - begin :])], encoding or UTF_8)


def _ended(
    data: bytes, begin: int, wanted: deque[tuple[int, int]], encoding: Encoding
) -> Iterator[tuple[int, bytes]]:
    """The wanted lines that end in `data`, which begins at this offset; they are wanted no more."""
    feed = "\n".encode(encoding.codec)
    while wanted and (start := wanted[0][1] - begin) < len(data):
        end = data.find(feed, start)
        while end >= 0 and (end - start) % encoding.width:
            end = data.find(feed, end + 1)
        if end < 0 and len(data) - start < LONGEST:
            return
        line, _ = wanted.popleft()
        yield line, data[start : min(end, start + LONGEST) if end >= 0 else start + LONGEST] + feed


def _decoded(lines: Iterable[tuple[int, bytes]], encoding: Encoding) -> Iterator[tuple[int, Text]]:
    """The texts of numbered lines, all but the last of which end in a line feed."""
    numbers, contents = [], []
    for number, content in lines:
        numbers.append(number)
        contents.append(content)
    splitter = Splitter(MAX_LINE, encoding)
    for piece in (splitter.add(b"".join(contents)), splitter.end()):
        if piece is not None:
            yield from zip(numbers, piece.lines.select("text", "raw").rows(), strict=True)
