"""Lines of a source that was read before, read again."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing

import numpy as np
import polars as pl

from logscan import native
from logscan.sources.compression import packed
from logscan.sources.inputs import open_input
from logscan.sources.lines import MAX_LINE, UTF_8, Encoding, Splitter, encoding_of
from logscan.sources.stream import Block, Stream

LONGEST = MAX_LINE + 8  # bytes of a line by which it is seen to be too long

Text = tuple[str, bytes | None]  # and the bytes where they are not valid text


def lines_at(source: str, places: Iterable[tuple[int, int]]) -> dict[int, Text]:
    """Text and raw bytes of the lines at these (line, offset), by line; those that cannot be read any more are absent.

    Of a plain file nothing else is read, of any other all up to the last of them.
    """
    wanted = dict(places)
    lines = sorted(wanted, key=wanted.__getitem__)
    try:
        file = open_input(source)
    except OSError:  # which was said when it was read first
        return {}
    with closing(file):
        descriptor = file.descriptor
        if descriptor is None or packed(file):
            return _numbered(source, lines)
        encoding = encoding_of(file.head) or UTF_8
        offsets = np.array([wanted[line] for line in lines], np.int64)
        found = b"".join(native.lines_at(descriptor, offsets, "\n".encode(encoding.codec), LONGEST))
    return dict(zip(lines, _decoded(found, encoding), strict=False))


def fetch(source: str, lines: Collection[int]) -> dict[int, str]:
    """The texts of these 1-based lines, read anew up to the last one. What cannot be read any more is absent."""
    return {line: text for line, (text, _) in _numbered(source, lines).items()}


def read_again(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of all lines of a source, once more."""
    for block in _blocks(source):
        yield from block.lines.select("line", "text").iter_rows()


def _numbered(source: str, lines: Collection[int]) -> dict[int, Text]:
    """Text and raw bytes of these lines, of all that stand before the last one."""
    found: dict[int, Text] = {}
    wanted = pl.Series(sorted(lines), dtype=pl.Int64)
    for block in _blocks(source) if lines else ():
        rows = block.lines.filter(pl.col("line").is_in(wanted.implode())).select("line", "text", "raw").iter_rows()
        found.update({line: (text, raw) for line, text, raw in rows})
        if block.lines["line"][-1] >= wanted[-1]:
            break
    return found


def _blocks(source: str) -> Iterator[Block]:
    """The blocks of a source whose problems are known."""
    return Stream(source, (source,), None).blocks(lambda problem: None)


def _decoded(lines: bytes, encoding: Encoding) -> list[Text]:
    """The texts of lines, of which the last may have no line feed."""
    splitter = Splitter(MAX_LINE, encoding)
    pieces = splitter.add(lines), splitter.end()
    return [text for piece in pieces if piece is not None for text in piece.lines.select("text", "raw").rows()]
