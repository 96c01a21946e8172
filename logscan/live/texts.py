"""The texts of lines that came lately; those of earlier ones are read again where that can be done."""

from collections import defaultdict, deque
from collections.abc import Sequence

import polars as pl

from logscan.sources.follow import Arrived, Follower

KEPT = 32 << 20  # bytes of text

Text = tuple[str, bytes | None]  # and the bytes where they are not UTF-8


class Texts:
    """follower: what reads lines again."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._kept: deque[tuple[int, int, pl.DataFrame]] = deque()  # file, bytes, lines
        self._bytes = 0

    def add(self, arrived: Sequence[Arrived]) -> int:
        """Keep these for a while. Gives their bytes."""
        added = 0
        for one in arrived:
            if len(one.lines):
                size = int(one.lines["text"].str.len_bytes().sum()) + len(one.lines)
                added += size
                self._kept.append((one.file, size, one.lines.select("line", "text", "raw")))
                self._bytes += size
        while self._bytes > KEPT and len(self._kept) > 1:
            self._bytes -= self._kept.popleft()[1]
        return added

    def of(self, file: int, places: Sequence[tuple[int, int]]) -> dict[int, Text]:
        """The texts of the lines of a file that are at these (line, offset), -1 for an offset that is not known; those
        that are gone are absent."""
        found: dict[int, Text] = {}
        wanted = pl.Series([line for line, _ in places], dtype=pl.Int64)
        for kept, _, lines in self._kept:
            if kept == file and len(lines) and lines["line"][0] <= wanted.max() and lines["line"][-1] >= wanted.min():
                rows = lines.filter(pl.col("line").is_in(wanted.implode()))
                found.update({line: (text, raw) for line, text, raw in rows.iter_rows()})
        missing = [(line, offset) for line, offset in places if line not in found and offset >= 0]
        return found | self.follower.lines_at(file, missing) if missing else found

    def in_order(self, rows: Sequence[tuple[int, int, int]]) -> list[Text]:
        """The texts at (file, line, offset) each, empty where they are gone."""
        by_file: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for file, line, offset in rows:
            by_file[file].append((line, offset))
        found = {file: self.of(file, places) for file, places in by_file.items()}
        return [found[file].get(line, ("", None)) for file, line, _ in rows]
