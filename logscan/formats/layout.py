"""A layout: a format as it was found in one log. It turns lines into records, and shapes into fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from logscan.formats import times
from logscan.formats.extraction import extract
from logscan.formats.format import Fields, Format
from logscan.native import distinct

LEVELS = {
    "T": "TRACE", "V": "TRACE", "VERBOSE": "TRACE", "FINEST": "TRACE", "FINER": "TRACE", "FINE": "DEBUG",
    "D": "DEBUG", "I": "INFO", "INFORMATION": "INFO", "INFORMATIONAL": "INFO", "NOTE": "NOTICE",
    "W": "WARN", "WARNING": "WARN", "E": "ERROR", "ERR": "ERROR", "SEVERE": "ERROR",
    "F": "FATAL", "CRIT": "CRITICAL", "C": "CRITICAL", "EMERGENCY": "EMERG",
}  # fmt: skip

# What a line is to its record. A line that is not a head and not said to continue one is a record of its own.
HEAD, OTHER, INDENTED, TRACE, NAME, ERROR = range(6)
KINDS = (
    (INDENTED, r"^\s|^$|^[\])}]+[,;]?$|^\.\.\. \d+ (?:more|common frames)"),
    (
        TRACE,
        r"^(?:Caused by: |Traceback \(most recent call last\):|During handling of |The above exception was )",
    ),
    (ERROR, r"^[A-Za-z_][\w.$]*(?:Exception|Error)(?::|$)"),
    (NAME, r"^[A-Za-z_][\w.$]*(?::|$)"),
)
TAIL = 2000  # lines in which `split` looks for the last head


@dataclass(frozen=True)
class Layout:
    """A format with the session id and the meaningful number that a log turned out to have."""

    format: Format
    session: str | None = None  # a regex with one group, for raw lines
    kept: str | None = None  # likewise

    def records(self, lines: pl.DataFrame, before: datetime | None = None) -> pl.DataFrame:
        """One row a record, from a block's `line`, `offset`, `text`, `raw`.

        Columns: line, last_line, offset Int64; time Datetime(us); shape Enum; session, kept, text String; raw.
        Of a record of several lines the shape is that of its first, a line break, and that of the last line
        of its trace that is not indented: the exception. A record without a time has that of the one before;
        `before` is the time of the one before all.
        """
        shape = self.format.shape(lines["text"])
        kind, start = self.kinds(shape, headed=before is not None)
        first, begun = (lines, shape) if start.all() else (lines.filter(start), shape.filter(start))
        if len(first) < len(lines):
            last_line = lines["line"].filter(start.shift(-1).fill_null(True))
            shape = _with_exceptions(shape, kind, start)
        else:
            last_line = lines["line"]
        text = first["text"]
        plain = begun if self.format.plain else None
        time = self._times(text)
        if time.null_count():
            time = time.forward_fill() if before is None else time.forward_fill().fill_null(before)
        columns = {
            "line": first["line"],
            "last_line": last_line,
            "offset": first["offset"],
            "time": time,
            "session": extract(text, self.session, plain),
            "shape": shape,
            "kept": extract(text, self.kept, plain),
            "text": text,
            "raw": first["raw"],
        }
        return pl.DataFrame([column.alias(name) for name, column in columns.items()])

    def attributes(self, shapes: pl.Series) -> pl.DataFrame:
        """level, component, message, label (String, null where absent but for message), one row a shape."""
        parts = shapes.cast(pl.String).str.splitn("\n", 2).struct.unnest()
        head, exception = parts["field_0"], parts["field_1"]
        found = self._read(head) if self.format.read else self._groups(head)
        levels = {**LEVELS, **self.format.levels}
        level = pl.Series([levels.get(name, name) for name in found["level"].str.to_uppercase()], dtype=pl.String)
        message = found["message"]
        if exception.null_count() < len(exception):
            message = (message + " " + exception).zip_with(exception.is_not_null(), message)
        return pl.DataFrame(
            {"level": level, "component": found["component"], "message": message, "label": found["label"]}
        )

    def split(self, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(complete, rest): rest begins at the last record, to be put before the next block's lines.

        Where 2,000 lines hold no beginning of a record, rest is empty.
        """
        tail = lines.tail(TAIL)
        starts = _starts(self._kinds(self.format.shape(tail["text"]))).arg_true()
        last = int(starts[-1]) if len(starts) else 0
        if last == 0 and len(lines) > TAIL:  # the first line seen counts as a beginning whatever it is
            return lines, lines.clear()
        at = len(lines) - len(tail) + last
        return lines.head(at), lines.slice(at)

    def heads(self, lines: pl.Series) -> pl.Series:
        """(n,) which lines have the format's header."""
        return self.kinds(self.format.shape(lines))[0] == HEAD

    def to_dict(self) -> dict[str, Any]:
        """For a model bundle; see `from_dict`."""
        return {"format": self.format.name, "session": self.session, "kept": self.kept}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Layout":
        """The inverse of `to_dict`. Raises OptionError for a format that is not installed."""
        from logscan.formats.registry import format_of

        return cls(format_of(data["format"]), data.get("session"), data.get("kept"))

    def kinds(self, shape: pl.Series, headed: bool = False) -> tuple[pl.Series, pl.Series]:
        """(what each line is to its record, whether it begins one), from the shapes of lines; headed: whether there
        were headers before them."""
        kind = self._kinds(shape)
        if not headed and not (kind == HEAD).any():  # indentation means something only beside lines that have none
            kind = pl.Series([OTHER], dtype=pl.Int8).new_from_index(0, len(shape))
        return kind, _starts(kind)

    def _kinds(self, shape: pl.Series) -> pl.Series:
        """Decided once a distinct shape."""
        shapes = distinct(shape).alias("shape")
        head = shapes.str.contains(self.format.header)
        if head.all():
            return pl.Series([HEAD], dtype=pl.Int8).new_from_index(0, len(shape))
        matching = [pl.when(pl.col("shape").str.contains(pattern)).then(value) for value, pattern in KINDS]
        kind = pl.when(head).then(HEAD).otherwise(pl.coalesce(*matching, OTHER)).cast(pl.Int8)
        return shapes.to_frame().select(kind).to_series().gather(shape.to_physical())

    def _times(self, text: pl.Series) -> pl.Series:
        pattern = self.format.time_pattern
        if pattern is None:
            return pl.Series([None], dtype=times.TIME).new_from_index(0, len(text))
        return times.read(text, pattern, self.format.times)

    def _groups(self, head: pl.Series) -> pl.DataFrame:
        groups = re.compile(self.format.header).groupindex
        found = head.str.extract_groups(self.format.header).struct
        null = pl.Series([None], dtype=pl.String).new_from_index(0, len(head))
        columns = {n: found.field(n) if n in groups else null for n in ("level", "component", "message", "label")}
        for pattern, value in self.format.payload:
            columns["message"] = columns["message"].str.replace_all(pattern, value)
        columns["message"] = columns["message"].fill_null(head)
        return pl.DataFrame(columns)

    def _read(self, head: pl.Series) -> pl.DataFrame:
        read = self.format.read
        assert read is not None
        rows = [read(shape) or Fields(shape) for shape in head]
        columns = {
            "level": [row.level for row in rows],
            "component": [row.component for row in rows],
            "message": [row.message for row in rows],
            "label": [None] * len(rows),
        }
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _starts(kind: pl.Series) -> pl.Series:
    """Which lines begin a record. A name such as `ValueError: ...` continues one only after a trace."""
    if kind.max() == HEAD:
        return pl.Series([True]).new_from_index(0, len(kind))
    before = kind.shift(1)
    named = kind.is_in([NAME, ERROR]) & (before == INDENTED)
    thrown = (kind == ERROR) & (before == HEAD)
    start = ~(kind.is_in([INDENTED, TRACE]) | named | thrown)
    return start.scatter(0, True) if len(start) else start


def _with_exceptions(shape: pl.Series, kind: pl.Series, start: pl.Series) -> pl.Series:
    """The shapes of records, from those of lines."""
    lines = pl.DataFrame({"record": start.cum_sum(), "shape": shape, "start": start, "kind": kind})
    last = (
        lines.filter(~pl.col("start") & pl.col("kind").is_in([TRACE, NAME, ERROR]))
        .unique("record", keep="last")
        .select("record", exception="shape")
    )
    records = lines.filter("start").join(last, on="record", how="left", maintain_order="left")
    whole = pl.concat_str("shape", "exception", separator="\n")
    shapes = records.select(
        pl.when(pl.col("exception").is_null()).then(pl.col("shape").cast(pl.String)).otherwise(whole)
    )
    return shapes["shape"].cast(pl.Enum(shapes["shape"].unique(maintain_order=True)))
