"""What was worked out once for each distinct row of a table, in bounded memory.

What is wanted of a block of lines are few distinct rows, and nearly all of them were met before: to look each up takes
less than to join tables, and does not grow with what is remembered.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from logscan.columns import rows_of

LIMIT = 24 << 20  # bytes
OBJECTS = 400  # bytes that a row takes beside its texts

Row = tuple[Any, ...]


class Remembered:
    """columns: those that tell rows apart."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._schema = pl.Schema()
        self._known: dict[Row, Row] = {}
        self._size = 0  # bytes that were added since it was last too much

    def joined(self, rows: pl.DataFrame, work_out: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """The rows with the columns that `work_out` gives for those that are new, each once, a row each."""
        asked = rows[self._columns]
        wanted = asked.rows()
        new: dict[Row, int] = {}
        for at, row in enumerate(wanted):
            if row not in self._known:
                new.setdefault(row, at)
        if new or not self._schema:
            if self._size > LIMIT:
                self._known, self._size = {row: self._known[row] for row in wanted if row in self._known}, 0
            asked = rows_of(asked, np.array([*new.values()], np.int64))
            found = work_out(asked)
            self._schema = found.schema
            self._known.update(zip(new, found.rows(), strict=True))
            self._size += OBJECTS * len(new) + int(asked.estimated_size() + found.estimated_size())
        columns = zip(*[self._known[row] for row in wanted], strict=True) if wanted else ((),) * len(self._schema)
        named = zip(self._schema.items(), columns, strict=True)
        return rows.hstack([pl.Series(name, values, dtype) for (name, dtype), values in named])
