"""The texts of lines that came lately; those of earlier ones are read again where that can be done."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np
import polars as pl

from logscan.columns import stacked
from logscan.sources.follow import Arrived, Follower

KEPT = 32 << 20  # bytes of text
LEAST = 32 << 10  # bytes of a table: a table a line would take fifty times the line

Text = tuple[str, bytes | None]  # and the bytes where they are not UTF-8


@dataclass
class _Kept:
    """Lines of a file, from first to last, in parts as they came until there are enough for one table."""

    file: int
    first: int
    last: int = 0
    parts: list[pl.DataFrame] = field(default_factory=list)
    bytes: int = 0

    def join(self) -> None:
        """In one part from here on."""
        self.parts = [stacked(self.parts)]


class Texts:
    """follower: what reads lines again."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._kept: deque[_Kept] = deque()
        self._last: dict[int, _Kept] = {}  # of each file
        self._bytes = 0

    def add(self, arrived: Sequence[Arrived]) -> int:
        """Keep these for a while. Gives their bytes."""
        added = 0
        for one in arrived:
            if len(one.lines):
                size = int(one.lines["text"].str.len_bytes().sum()) + len(one.lines)
                added += size
                self._keep(one.file, size, one.lines)
        while self._bytes > KEPT and len(self._kept) > 1:
            self._drop_oldest()
        return added

    def _keep(self, file: int, size: int, lines: pl.DataFrame) -> None:
        last = self._last.get(file)
        if last is None or last.bytes >= LEAST:
            last = self._last[file] = _Kept(file, lines["line"][0])
            self._kept.append(last)
        last.parts.append(lines)
        last.last = lines["line"][-1]
        last.bytes += size
        self._bytes += size
        if last.bytes >= LEAST:
            last.join()

    def _drop_oldest(self) -> None:
        oldest = self._kept.popleft()
        self._bytes -= oldest.bytes
        if self._last[oldest.file] is oldest:
            del self._last[oldest.file]

    def of(self, file: int, places: Sequence[tuple[int, int]]) -> dict[int, Text]:
        """The texts of the lines of a file that are at these (line, offset), -1 for an offset that is not known; those
        that are gone are absent."""
        found = self.kept(file, [line for line, _ in places])
        missing = [(line, offset) for line, offset in places if line not in found and offset >= 0]
        return found | self.follower.lines_at(file, missing) if missing else found

    def kept(self, file: int, lines: Sequence[int]) -> dict[int, Text]:
        """The texts of those of these lines that came lately."""
        found: dict[int, Text] = {}
        if not lines:
            return found
        wanted = np.array(lines)
        first, last = min(lines), max(lines)
        since = takewhile(lambda kept: kept.file != file or kept.last >= first, reversed(self._kept))
        for kept in [kept for kept in since if kept.file == file and kept.first <= last]:
            for part in kept.parts:
                there = part["line"].to_numpy()
                at = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
                for row in at[there[at] == wanted].tolist():
                    line, _, text, raw = part.row(row)
                    found[line] = text, raw
        return found

    def in_order(self, rows: Sequence[tuple[int, int, int]]) -> list[Text]:
        """The texts at (file, line, offset) each, empty where they are gone."""
        by_file: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for file, line, offset in rows:
            by_file[file].append((line, offset))
        found = {file: self.of(file, places) for file, places in by_file.items()}
        return [found[file].get(line, ("", None)) for file, line, _ in rows]
