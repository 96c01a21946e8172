"""How a log is cut into windows: by session id, by time, or by count."""

import re
from dataclasses import dataclass

import polars as pl

from logscan.errors import OptionError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STREAM = 1 << 40  # numbers of windows a stream: more than 10,000 years have seconds


@dataclass
class Window:
    """`microseconds` cuts by time, `records` by count, neither by the session that a record names, if it names one.

    A session may go on in another stream; windows by time and by count end with their stream.

    stream: the number of the stream; read: records of it so far
    """

    microseconds: int | None = None
    records: int | None = None
    stream: int = 0
    read: int = 0

    @classmethod
    def parse(cls, text: str) -> "Window":
        """`auto` and `session`, a time such as `60s` or `5m`, or a number of records. Raises OptionError."""
        if text in ("auto", "session"):
            return cls()
        if match := re.fullmatch(r"(\d+)([smhd]?)", text):
            number = int(match[1])
            if number > 0:
                return cls(microseconds=number * SECONDS[match[2]] * 1_000_000) if match[2] else cls(records=number)
        raise OptionError(f"--window {text!r} is none of: auto, session, a time such as 60s, a number of records")

    @property
    def by_session(self) -> bool:
        """Whether the log itself says what belongs together."""
        return self.microseconds is None and self.records is None

    def cut(self, records: pl.DataFrame) -> pl.DataFrame:
        """The records with the number of their window in `session`; null where they belong to none."""
        if self.microseconds is not None:
            number = pl.col("time").dt.epoch("us") // self.microseconds + STREAM // 2  # there were times before 1970
            return records.with_columns(session=(number + self.stream * STREAM).cast(pl.UInt64))
        if self.records is not None:
            number = (pl.int_range(pl.len()) + self.read) // self.records
            self.read += len(records)
            return records.with_columns(session=(number + self.stream * STREAM).cast(pl.UInt64))
        return records
