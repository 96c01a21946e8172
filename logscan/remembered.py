"""What was worked out once for each distinct row of a table, in bounded memory.

What is wanted of a block of lines are few distinct rows, and nearly all of them were met before: to look up a digest of
each takes less than to join tables, wakes no threads, and does not grow with what is remembered.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from logscan.columns import columns_of, detached, rows_of, stacked

LIMIT = 16 << 20  # bytes of what was worked out, and of the places
PLACE = 128  # bytes of one


class Remembered:
    """columns: those that tell rows apart. Rows are taken for equal where 64 bits of digest are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._places: dict[int, int] = {}  # by digest: the row in `_found`
        self._found: pl.DataFrame | None = None

    def joined(self, rows: pl.DataFrame, work_out: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """The rows with the columns that `work_out` gives for those that are new, each once, a row each."""
        digests = [*map(hash, zip(*(rows[name].to_list() for name in self._columns), strict=True))]
        new: dict[int, int] = {}
        for at, digest in enumerate(digests):
            if digest not in self._places:
                new.setdefault(digest, at)
        if new or self._found is None:
            asked = rows_of(rows[self._columns], np.array([*new.values()], np.int64))
            self._add(list(new), detached(work_out(asked)), digests)
        assert self._found is not None
        places = np.array([self._places[digest] for digest in digests], np.int64)
        return rows.hstack(columns_of(self._found, places))

    def _add(self, new: list[int], found: pl.DataFrame, wanted: list[int]) -> None:
        """Remember them too; of what is too much already only those that are wanted now."""
        before = found.clear() if self._found is None else self._found
        if before.estimated_size() + PLACE * len(self._places) > LIMIT:
            kept = [digest for digest in dict.fromkeys(wanted) if digest in self._places]
            before = detached(rows_of(before, np.array([self._places[digest] for digest in kept], np.int64)))
            self._places = {digest: place for place, digest in enumerate(kept)}
        self._places |= {digest: place for place, digest in enumerate(new, start=len(before))}
        self._found = stacked([before, found])
