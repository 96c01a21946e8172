"""Splits: no window in both parts, the same for the same seed, and what each protocol promises."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logscan.corpora.splits import PROTOCOLS, Split, sample, split
from logscan.corpora.table import TABLE
from logscan.errors import InputError, OptionError

BEGIN = datetime(2026, 1, 31, 6)
TIMES = ("all", "some", "none")

Row = tuple[bool, int, int, int]  # anomalous, seconds to its begin and from there to its end, lines it extends over


def table(rows: list[Row], times: str = "all") -> pl.DataFrame:
    """Windows whose first lines stand one below the other."""
    columns: dict[str, list[Any]] = {name: [] for name in TABLE.columns}
    for n, (anomalous, at, lasts, lines) in enumerate(rows):
        timed = times == "all" or (times == "some" and at % 3 > 0)
        begin = BEGIN + timedelta(seconds=at) if timed else None
        end = begin + timedelta(seconds=lasts) if begin else None
        for name, value in zip(columns, (1000 + n, anomalous, 3, n, n + lines, begin, end), strict=True):
            columns[name].append(value)
    return pl.DataFrame(columns, schema=TABLE.schema)


tables = st.builds(
    table,
    st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 9), st.integers(0, 3)), max_size=40),
    st.sampled_from(TIMES),
)


def rows_of(table: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"window": ids}).join(table, on="window", maintain_order="left")


def split_or_none(given_: pl.DataFrame, *args: Any) -> Split | None:
    try:
        return split(given_, *args)
    except InputError:
        return None


@settings(deadline=None)
@given(tables, st.sampled_from(sorted(PROTOCOLS)), st.floats(0.05, 0.95), st.integers(0, 3), st.booleans())
def test_no_window_is_in_both_parts(given_: pl.DataFrame, name: str, share: float, seed: int, in_order: bool) -> None:
    found = split_or_none(given_, name, share, seed, in_order)
    assume(found is not None)
    assert found is not None
    train, test = found.train.to_list(), found.test.to_list()
    assert not set(train) & set(test)
    assert len({*train, *test}) == len(train) + len(test)
    assert {*train, *test} <= set(given_["window"])
    assert name == "time" or len(train) + len(test) == len(given_)
    again = split(given_, name, share, seed, in_order)
    assert (again.train.to_list(), again.test.to_list()) == (train, test)
    assert not rows_of(given_, found.train)["anomalous"].all()
    assert rows_of(given_, found.test)["anomalous"].n_unique() == 2
    if name == "logllama":
        assert not rows_of(given_, found.train)["anomalous"].any()
        assert len(train) == int(given_.filter(~pl.col("anomalous")).height * share)
    if name == "logllm":
        assert len(train) == int(len(given_) * share)


@settings(deadline=None)
@given(tables, st.floats(0.05, 0.95))
def test_by_time_what_is_learnt_from_ended_before_the_test(given_: pl.DataFrame, share: float) -> None:
    found = split_or_none(given_, "time", share)
    assume(found is not None)
    assert found is not None
    train, test = rows_of(given_, found.train), rows_of(given_, found.test)
    if given_["begin"].null_count() == len(given_):
        assert train["last"].max() < test["first"].min()  # type: ignore[operator]
    elif train["end"].is_not_null().any() and test["begin"].is_not_null().any():
        assert train["end"].max() < test["begin"].min()  # type: ignore[operator]


NORMAL_AND_NOT = [(n % 5 == 4, n, 0, 0) for n in range(100)]


def test_the_paper_s_shares() -> None:
    llama = split(table(NORMAL_AND_NOT), "logllama")
    assert (len(llama.train), len(llama.test)) == (8, 92)
    for in_order in (False, True):
        llm = split(table(NORMAL_AND_NOT), "logllm", in_order=in_order, window="100")
        assert (len(llm.train), len(llm.test), llm.window) == (80, 20, "100")
        assert (llm.train.to_list() == list(range(1000, 1080))) == in_order
    assert split(table(NORMAL_AND_NOT), "time").train.to_list() == list(range(1000, 1080))


def test_the_seed_draws_the_split() -> None:
    one, other = (split(table(NORMAL_AND_NOT), "logllama", seed=seed).train.to_list() for seed in (0, 1))
    assert one != other


def test_a_window_that_lasts_into_the_test_is_in_neither() -> None:
    rows = [(n > 8, n, 6 if n == 3 else 0, 0) for n in range(10)]
    found = split(table(rows), "time")
    assert found.train.to_list() == [1000, 1001, 1002, 1004, 1005, 1006, 1007]
    assert found.test.to_list() == [1008, 1009]
    untimed = split(table([(bad, at, lasts, lasts) for bad, at, lasts, _ in rows], "none"), "time")
    assert untimed.train.to_list() == found.train.to_list()


def test_the_order_of_time_is_not_that_of_the_lines() -> None:
    rows = [(n % 2 == 0, 100 - n, 0, 0) for n in range(20)]
    for name in ("time", "logllm"):
        assert split(table(rows), name, 0.5, 0, True).train.to_list() == list(range(1019, 1009, -1))


@pytest.mark.parametrize(
    ("rows", "name", "share", "complaint"),
    [
        ([(False, 0, 0, 0)] * 9, "logllama", None, "one class only: none of 9 windows is anomalous"),
        ([(True, 0, 0, 0)] * 9, "time", None, "one class only: none of 9 windows is normal"),
        ([(n == 9, n, 0, 0) for n in range(10)], "logllama", 0.05, "0.05 of 10 windows leaves no normal one"),
        ([(n < 5, n, 0, 0) for n in range(10)], "logllm", 0.5, "leaves no normal one"),
        ([(n == 0, n, 0, 0) for n in range(10)], "time", 0.5, "test part: none of 5 windows is anomalous"),
        ([(n > 5, n, 0, 0) for n in range(10)], "time", 0.7, "test part: none of 3 windows is normal"),
    ],
)
def test_a_part_of_one_class(rows: list[Row], name: str, share: float | None, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        split(table(rows), name, share, 0, True)


def test_options_that_mean_nothing() -> None:
    with pytest.raises(OptionError, match="no protocol is called 'deeplog'; there are logllama, logllm, time"):
        split(table(NORMAL_AND_NOT), "deeplog")
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(OptionError, match="--train-share"):
            split(table(NORMAL_AND_NOT), "time", share)


@given(tables, st.integers(2, 50), st.integers(0, 3), st.booleans())
def test_a_sample(given_: pl.DataFrame, limit: int, seed: int, in_order: bool) -> None:
    found = sample(given_, limit, seed, in_order)
    assert len(found) == min(limit, len(given_)) or given_["anomalous"].n_unique() == 1
    assert len(found) <= limit
    assert found.columns == given_.columns
    assert found["window"].is_in(given_["window"].implode()).all()
    assert found["window"].is_unique().all()
    assert found["first"].is_sorted()
    assert found.equals(sample(given_, limit, seed, in_order))
    if not in_order:
        assert found["anomalous"].any() == given_["anomalous"].any()
        before, after = (part.filter("anomalous").height for part in (given_, found))
        assert abs(after - before / max(len(given_), 1) * len(found)) <= 1
    elif len(found) < len(given_) and not given_["begin"].has_nulls():
        rest = given_.join(found, on="window", how="anti")
        assert found["begin"].max() <= rest["begin"].min()  # type: ignore[operator]
