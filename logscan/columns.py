"""Rows of tables that have few, column by column: for a whole table polars wakes its threads, and waits for them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl


def rows_of(table: pl.DataFrame, rows: npt.NDArray[np.integer]) -> pl.DataFrame:
    """These rows, in this order."""
    at = pl.Series(rows.astype(np.uint32))
    return pl.DataFrame([column[at] for column in table.get_columns()])


def stacked(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables with the same columns, one below the other."""
    columns = zip(*(table.get_columns() for table in tables), strict=True)
    return pl.DataFrame([pl.concat(parts, rechunk=True) for parts in columns])


def detached(table: pl.DataFrame) -> pl.DataFrame:
    """The same rows with texts of their own: those of polars keep all texts in memory that they were chosen from."""
    return pl.DataFrame([column + "" if column.dtype == pl.String else column for column in table.get_columns()])
