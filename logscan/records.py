"""Streams to chunks of records: the first three steps of the way, several blocks at once.

    sources -> formats -> templates => chunks

What depends on a line's shape alone (level, component, message, log key) is worked out once a distinct shape and
joined to the records; the rest (time, session) is a column. A chunk holds numbers only: the text of the few lines that
end up in a finding is read again.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan import formats
from logscan.columns import framed
from logscan.errors import OptionError
from logscan.formats import Layout
from logscan.formats.layout import TAIL
from logscan.regex import checked
from logscan.remembered import Remembered
from logscan.sources import Block, Problem, Stream
from logscan.templates.keys import Keys
from logscan.templates.messages import Messages
from logscan.windows.cut import Window
from logscan.windows.sessions import Ints

SAMPLE = 2_000  # lines on which a layout is detected
MESSAGE = 4096  # characters of a message that its template is made of
WORKERS = 3  # one of them reads
AHEAD = 1  # blocks read before the records of the first are asked for
KEYED = ["message", "level", "kept"]  # what a log key is made of
EVERYTHING = pl.lit(True)

Wanted = tuple[Block, Layout, pl.DataFrame]
Pending = deque[tuple[Block, Layout, Future[pl.DataFrame]]]


class Chunk(NamedTuple):
    """Records of one block of lines.

    records: `source` (its number in `Reader.sources`), `line`, `last_line`, `offset`, `time`, `session` (UInt64 digest
             of the window, null where absent), `kind` (row in kinds), `key`; and from a reader that has them `message`
             (Int32, its number in the texts of `Reader.messages`) and `anomalous`
    kinds:   a row a distinct kind of record: `key`, `template`, `name` (see `Keys`), `level`, `component`, `kept`,
             `message`, `label`, `n` (records)
    read:    bytes of the stream that were read so far
    """

    records: pl.DataFrame
    kinds: pl.DataFrame
    read: int


@dataclass
class Reader:
    """Reads streams into chunks; one table of keys and one numbering of sources for all of them.

    only: which records are read at all, an expression over `time`, `session`, `label`, `file`, `line` and, where there
          are labels, `anomalous`; nothing is learnt from others
    anomalous: the label of a record, over `session` as the log names it, `time`, `label`, `file`, `line`, `last_line`
    group: in place of the window, over the same columns
    messages: the table of texts that messages are numbered in, for detectors that read them
    sources: the name of each file by its number in the records; one that took the place of another has its own
    """

    keys: Keys
    on_problem: Callable[[Problem], None]
    log_format: str | None = None
    session: str | None = None
    window: Window = field(default_factory=Window)
    only: pl.Expr = EVERYTHING
    anomalous: pl.Expr | None = None
    group: pl.Expr | None = None
    messages: Messages | None = None
    by_format: dict[str, Layout] = field(default_factory=dict)
    layouts: dict[str, Layout] = field(default_factory=dict)  # by stream
    sources: list[str] = field(default_factory=list)
    files: dict[tuple[str, int], int] = field(default_factory=dict)  # name and file -> their numbers
    _cuts: dict[str, Window] = field(default_factory=dict)  # by stream
    _shapes: dict[str, Remembered] = field(default_factory=dict)  # by format: the attributes of each shape
    _keyed: Remembered = field(default_factory=lambda: Remembered(KEYED))

    def __post_init__(self) -> None:
        if self.messages is not None:
            self.messages.begin(self.keys)

    def freeze(self) -> npt.NDArray[np.int32]:
        """End the learning of keys (see `Keys.freeze`); every message is looked up anew."""
        self._keyed = Remembered(KEYED)
        return self.keys.freeze()

    def chunks(self, stream: Stream) -> Iterator[Chunk]:
        """The stream's records in order."""
        return starmap(self._chunk, self._read(stream))

    def unkeyed(self, stream: Stream) -> Iterator[tuple[pl.DataFrame, int]]:
        """The same records without kinds and keys, so that nothing is learnt, and the bytes read so far."""
        for block, _, records in self._read(stream):
            yield records.drop("group", "shape", "kept", "text", strict=False), block.read

    def to_json(self) -> dict[str, Any]:
        """What was met since learning ended, for `restore`."""
        return {
            "keys": self.keys.new(),
            "files": list(self.files),
            "layouts": {stream: layout.to_dict() for stream, layout in self.layouts.items()},
            "windows": {stream: [cut.stream, cut.read] for stream, cut in self._cuts.items()},
            "messages": self.messages.texts if self.messages else [],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on with what `to_json` gave, over the same keys. Raises ModelError or OptionError."""
        self.keys.restore(data["keys"])
        self.files = {(source, file): number for number, (source, file) in enumerate(data["files"])}
        self.sources = [source for source, _ in self.files]
        for stream, layout in data["layouts"].items():
            if self.log_format:
                named = formats.named(self.log_format, pl.Series([], dtype=pl.String))
                self.layouts[stream] = replace(named, session=layout["session"], kept=layout["kept"])
            else:
                self.layouts[stream] = Layout.from_dict(layout)
        self._cuts = {name: replace(self.window, stream=n, read=read) for name, (n, read) in data["windows"].items()}
        if self.messages is not None:
            self.messages.extend(data["messages"])

    def _read(self, stream: Stream) -> Iterator[Wanted]:
        """The wanted records of each block, with their shapes; with their texts where messages are read raw."""
        self._begin(stream.name)
        with ThreadPoolExecutor(WORKERS) as pool:
            pending: Pending = deque()
            blocks = stream.blocks(self.on_problem)
            for block, layout in self._whole_records(stream.name, _ahead(blocks, pool) if stream.size else blocks):
                records = pool.submit(self._records, layout, block.lines)
                pending.append((block._replace(lines=block.lines.clear()), layout, records))  # no text is kept for long
                del block, records
                if len(pending) > AHEAD:
                    yield self._oldest(stream.name, pending)
            while pending:
                yield self._oldest(stream.name, pending)

    def _whole_records(self, stream: str, blocks: Iterator[Block]) -> Iterator[tuple[Block, Layout]]:
        """Blocks that end where a record ends, with the stream's layout."""
        layout: Layout | None = None
        held: Block | None = None
        for block in blocks:
            layout = self.layout_of(stream, block.lines)
            lines = block.lines
            if held is not None and held.source == block.source:
                complete, rest = layout.split(held.lines)
                lines = pl.concat([rest, lines])
                if len(complete):
                    yield Block(block.source, complete, held.read), layout
            elif held is not None:
                yield held, layout
            held = Block(block.source, lines, block.read)
        if held is not None and layout is not None:  # the last one as it is: a short log is a single block
            yield held, layout

    def chunk(self, stream: str, block: Block, before: datetime | None, over: bool) -> tuple[Chunk, pl.DataFrame]:
        """The records of the next block of a stream whose blocks come one by one; `before`: the time of the last one.

        Unless it is `over` the last record may go on in the next block: its lines are given back, to stand before it.
        """
        layout, lines = self.layouts[stream], block.lines
        if stream not in self._cuts:
            self._begin(stream)
        records = self._records(layout, lines, before)
        rest = lines.clear()
        if (
            not over
            and len(records)
            and len(last := lines.slice(int(np.searchsorted(lines["line"].to_numpy(), records["line"][-1])))) < TAIL
        ):
            records, rest = records.head(-1), last
        return self._chunk(*self._wanted(stream, block, layout, records)), rest

    def layout_of(self, stream: str, lines: pl.DataFrame) -> Layout:
        """The layout of a stream, told by its first lines."""
        if stream not in self.layouts:
            self.layouts[stream] = self._layout(stream, lines["text"].head(SAMPLE))
        return self.layouts[stream]

    def _layout(self, name: str, sample: pl.Series) -> Layout:
        """The layout of lines; logs of one format share the session id that was found in the first of them."""
        layout = formats.named(self.log_format, sample) if self.log_format else formats.detect(sample, self.by_format)
        if self.log_format and not layout.heads(sample).any():
            self.on_problem(Problem(name, f"has no line of the format {self.log_format}", fatal=False))
        if self.session is not None:
            layout = replace(layout, session=session_pattern(self.session))
        return self.by_format.setdefault(layout.format.name, layout)

    def _begin(self, stream: str) -> None:
        """The windows of a stream are numbered from its beginning, apart from those of others."""
        begun = self._cuts.get(stream)
        self._cuts[stream] = replace(self.window, stream=begun.stream if begun else len(self._cuts))

    def _records(self, layout: Layout, lines: pl.DataFrame, before: datetime | None = None) -> pl.DataFrame:
        """Records with their sessions as digests, and in `group` a number that those of one kind share; with their text
        where messages are read as they were written."""
        records = layout.records(lines, before)
        session = records["session"].hash(seed=0)
        if records["session"].null_count():
            session = session.set(records["session"].is_null(), None)
        own_text = self.messages is not None and self.messages.input == "raw"
        columns = ["shape", "kept", *(["text"] if own_text else [])]
        of_line = (records[name] for name in ("line", "last_line", "offset", "time"))
        records = framed([*of_line, session, *(records[name] for name in columns)])
        if layout.kept is None:
            return records.hstack([records["shape"].to_physical().alias("group")])
        return records.with_row_index("group").with_columns(pl.col("group").first().over("shape", "kept"))

    def _oldest(self, stream: str, pending: Pending) -> Wanted:
        """What is wanted of the first block that is worked on, once its records are there."""
        block, layout, records = pending.popleft()
        return self._wanted(stream, block, layout, records.result())

    def _wanted(self, stream: str, block: Block, layout: Layout, records: pl.DataFrame) -> Wanted:
        """The block's records that are wanted, with their source, window and label."""
        number = self.files.setdefault((block.source, block.file), len(self.sources))
        if number == len(self.sources):
            self.sources.append(block.source)
        records = records.hstack([pl.Series("source", np.full(len(records), number, np.int32))])
        if self.only is EVERYTHING and self.anomalous is None and self.group is None:
            return block, layout, self._cuts[stream].cut(records)
        shapes = records.select(pl.col("shape").unique(maintain_order=True).cast(pl.String))
        labels = self._with_attributes(layout, shapes).select("shape", "label")
        records = records.with_columns(pl.col("shape").cast(pl.String), file=pl.lit(block.source))
        records = records.join(labels, on="shape", maintain_order="left")
        if self.anomalous is not None:
            records = records.with_columns(anomalous=self.anomalous)
        records = self._cuts[stream].cut(records)
        if self.group is not None:
            records = records.with_columns(session=self.group)
        return block, layout, records.filter(self.only).drop("label", "file")

    def _chunk(self, block: Block, layout: Layout, records: pl.DataFrame) -> Chunk:
        kind, begins = _numbered(records["group"].to_numpy())
        first = pl.Series(np.flatnonzero(begins).astype(np.uint32))
        counts = pl.Series("n", np.bincount(kind).astype(np.uint32))
        kinds = framed([records["shape"][first].cast(pl.String), records["kept"][first], counts])
        kinds = self._keyed.joined(self._with_attributes(layout, kinds), self.keys.of)
        numbers = pl.Series("kind", kind.astype(np.uint32))
        records = records.hstack([numbers, kinds["key"][numbers]])
        if self.messages is not None and self.messages.input != "raw":
            records = records.with_columns(message=self.messages.of(kinds["message"], kinds["key"]).gather(numbers))
        if self.messages is not None and self.messages.input == "raw":
            said = layout.attributes(_own_text(records))["message"].str.head(MESSAGE)
            records = records.with_columns(message=self.messages.of(said, records["key"])).drop("text")
        for column in ("group", "shape", "kept"):
            records.drop_in_place(column)
        kinds.drop_in_place("shape")
        return Chunk(records, kinds, block.read)

    def _with_attributes(self, layout: Layout, kinds: pl.DataFrame) -> pl.DataFrame:
        """The kinds with the level, component, message and label of each shape."""

        def attributes(new: pl.DataFrame) -> pl.DataFrame:
            return layout.attributes(new["shape"]).with_columns(pl.col("message").str.head(MESSAGE))

        return self._shapes.setdefault(layout.format.name, Remembered(["shape"])).joined(kinds, attributes)


def _ahead(blocks: Iterator[Block], pool: ThreadPoolExecutor) -> Iterator[Block]:
    """The next block is read while the last one is worked on. (Of a pipe nobody could stop the reading.)"""
    coming = pool.submit(next, blocks, None)
    while (block := coming.result()) is not None:
        coming = pool.submit(next, blocks, None)
        yield block


def session_pattern(pattern: str) -> str:
    """A user's pattern as one with exactly one group. Raises OptionError."""
    groups = checked(pattern, "--session").groups
    if groups > 1:
        raise OptionError(f"--session {pattern!r} has {groups} groups: mark the id with one, the others with (?:...)")
    return pattern if groups else f"({pattern})"


def _own_text(records: pl.DataFrame) -> pl.Series:
    """In the form of the shape, with the numbers of the first line as it was written."""
    exception = pl.col("shape").cast(pl.String).str.extract(r"(?s)(\n.*)").fill_null("")
    return records.select(pl.col("text") + exception).to_series()


def _numbered(groups: npt.NDArray[np.uint32]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """(n,) numbers of groups, in the order in which they are met, and whether a row is the first of its group."""
    rows = np.arange(len(groups))
    first = np.zeros(int(groups.max(initial=0)) + 1, np.int64)
    first[groups[::-1]] = rows[::-1]  # the last that is written stays
    begins = first[groups] == rows
    return (np.cumsum(begins) - 1)[first[groups]], begins
