"""What is remembered of rows, and rows of small tables."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from logscan import remembered
from logscan.columns import rows_of, stacked
from logscan.remembered import Remembered


def lengths(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(length=pl.col("text").str.len_bytes())


def test_each_distinct_row_is_worked_out_once() -> None:
    asked = []

    def work_out(rows: pl.DataFrame) -> pl.DataFrame:
        asked.extend(rows.rows())
        return lengths(rows)

    known = Remembered(["text", "level"])
    first = pl.DataFrame({"n": [1, 2, 3], "text": ["ab", "c", "ab"], "level": ["I", None, "I"]})
    second = pl.DataFrame({"n": [4, 5], "text": ["c", "d"], "level": [None, "W"]})
    assert known.joined(first, work_out)["length"].to_list() == [2, 1, 2]
    assert_frame_equal(known.joined(second, work_out), second.with_columns(lengths(second)))
    assert asked == [("ab", "I"), ("c", None), ("d", "W")]


def test_without_rows_the_columns_are_there() -> None:
    none = pl.DataFrame(schema={"text": pl.String})
    assert Remembered(["text"]).joined(none, lengths).schema == {"text": pl.String, "length": pl.UInt32}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "LIMIT", 100)
    known = Remembered(["text"])
    asked: list[str] = []

    def work_out(rows: pl.DataFrame) -> pl.DataFrame:
        asked.extend(rows["text"])
        return lengths(rows)

    for n in range(100):
        rows = pl.DataFrame({"text": [f"{n}", f"{n + 1}", "always"]})
        assert_frame_equal(known.joined(rows, work_out), rows.with_columns(lengths(rows)))
    assert asked.count("always") == 1
    assert asked.count("50") == 1
    known.joined(pl.DataFrame({"text": ["50"]}), work_out)
    assert asked.count("50") == 2


def test_rows_of_tables_are_those_of_polars() -> None:
    table = pl.DataFrame({"n": [1, 2, 3], "text": ["a", None, "c"]})
    assert_frame_equal(rows_of(table, np.array([2, 0, 2])), table[[2, 0, 2]])
    assert_frame_equal(rows_of(table, np.zeros(0, np.int64)), table.clear())
    assert_frame_equal(stacked([table, table.head(1), table.clear()]), pl.concat([table, table.head(1)]))
