"""Lines that arrive into chunks of whole records.

The last line of a file is held for a moment, since the next may belong to the same record; and the first lines of an
unknown log until there are enough to know its layout.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path

import polars as pl

from logscan.columns import stacked
from logscan.live.state import State, time_of
from logscan.records import SAMPLE, Chunk, Reader
from logscan.sources import Block, Stream
from logscan.sources.follow import Arrived
from logscan.sources.lines import SCHEMA

HOLD = 0.025  # seconds that a line waits for others of its record
SAMPLED = 0.5  # seconds that the lines of an unknown log wait for others
ENOUGH = 20  # lines that tell a layout


@dataclass
class Held:
    """Lines of a file that wait. since: when the last of them came; time: of the last record before them."""

    source: str
    lines: pl.DataFrame
    since: float
    time: datetime | None = None


class Feed:
    """What `reader` makes of lines that arrive. held: by file."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.held: dict[int, Held] = {}

    def chunks(self, arrived: Iterable[Arrived], now: float) -> Iterator[tuple[str, Chunk]]:
        """The records that are complete, by source; `now` in seconds of any clock."""
        for one in arrived:
            held = self.held.setdefault(one.file, Held(one.source, one.lines.clear(), now))
            held.lines, held.since = stacked([held.lines, one.lines]), now
            if self._known(held) or one.ended:
                yield from self._released(one.file, held, one.ended)
            if one.ended:
                del self.held[one.file]

    def overdue(self, now: float) -> Iterator[tuple[str, Chunk]]:
        """The records that have waited long enough."""
        for file, held in self.held.items():
            if len(held.lines) and now >= self._due(held):
                self._known(held, sure=True)
                yield from self._released(file, held, everything=True)

    def patience(self, now: float) -> float:
        """Seconds until some of the lines that are held have waited long enough."""
        return max(0.0, min((self._due(held) - now for held in self.held.values() if len(held.lines)), default=inf))

    def _due(self, held: Held) -> float:
        """When it has waited long enough."""
        return held.since + (HOLD if held.source in self.reader.layouts else SAMPLED)

    def _known(self, held: Held, sure: bool = False) -> bool:
        """Whether the layout is known, from the model, the file so far, or enough lines of it."""
        reader = self.reader
        if held.source not in reader.layouts and len(held.lines):
            text = held.lines["text"]
            fitting = [layout for layout in reader.by_format.values() if 2 * layout.heads(text).sum() >= len(text)]
            if fitting and reader.log_format is None:
                reader.layouts[held.source] = fitting[0]
            elif sure or len(held.lines) >= ENOUGH:
                reader.layout_of(held.source, max(_first_lines(held.source), held.lines, key=len))
        return held.source in reader.layouts

    def _released(self, file: int, held: Held, everything: bool) -> Iterator[tuple[str, Chunk]]:
        if not len(held.lines):
            return
        self.reader.layout_of(held.source, held.lines)
        block = Block(held.source, held.lines, 0, file)
        chunk, held.lines = self.reader.chunk(held.source, block, held.time, over=everything)
        if len(chunk.records):
            held.time = chunk.records["time"][-1]
            yield held.source, chunk

    def state(self) -> State:
        """The lines that are held."""
        held = [[file, one.source, one.time] for file, one in self.held.items()]
        return State(held, {str(file): one.lines for file, one in self.held.items()})

    def restore(self, state: State, now: float) -> list[Arrived]:
        """Go on with what `state` gave; gives the lines that are held."""
        for file, source, before in state.data:
            self.held[file] = Held(source, state.tables[str(file)], now, time_of(before))
        return [Arrived(one.source, file, one.lines, ended=False) for file, one in self.held.items()]


def _first_lines(source: str) -> pl.DataFrame:
    """The beginning of a file as it is now; nothing of what can be read only once."""
    blocks = Stream(source, (source,), None).blocks(lambda problem: None) if Path(source).is_file() else iter(())
    return next((block.lines.head(SAMPLE) for block in blocks), pl.DataFrame(schema=SCHEMA))
