"""Rows of tables that have few, column by column: for a whole table polars wakes its threads, and waits for them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

MIX = np.uint64(0x9E3779B97F4A7C15)


def rows_of(table: pl.DataFrame, rows: npt.NDArray[np.integer]) -> pl.DataFrame:
    """These rows, in this order."""
    return framed(columns_of(table, rows))


def columns_of(table: pl.DataFrame, rows: npt.NDArray[np.integer]) -> list[pl.Series]:
    """The columns of these rows."""
    at = pl.Series(rows.astype(np.uint32))
    return [column[at] for column in table.get_columns()]


def framed(columns: list[pl.Series]) -> pl.DataFrame:
    """The table of these columns, of which there is at least one: in a third of the time that `pl.DataFrame` takes."""
    return columns[0].to_frame().hstack(columns[1:])


def stacked(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables with the same columns, one below the other."""
    whole = tables[0].clone()
    for table in tables[1:]:
        whole.vstack(table, in_place=True)
    return framed([column.rechunk() for column in whole.get_columns()])


def detached(table: pl.DataFrame) -> pl.DataFrame:
    """The same rows with texts of their own: those of polars keep all texts in memory that they were chosen from."""
    return framed([column + "" if column.dtype == pl.String else column for column in table.get_columns()])


def digests_of(table: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """(n,) 64 bits a row, equal where rows are."""
    digests = np.zeros(len(table), np.uint64)
    for column in table.get_columns():
        digests = (digests ^ column.hash().to_numpy()) * MIX
    return digests
