"""Bursts and silences: the table of rates, and the judge that goes through a log chunk by chunk."""

import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logscan.detectors.rates import BUCKETS, MAX_KEYS, RateJudge, Rates, RateTable

SECOND = 1_000_000
BEGIN = datetime(2026, 1, 31, 6)
OFTEN, SELDOM, ELSE = range(3)
NEVER = np.iinfo(np.int64).max


def add(table: RateTable, records: list[tuple[int, float]]) -> None:
    keys, seconds = zip(*records, strict=True) if records else ((), ())
    table.add(np.array(keys, np.int64), (np.array(seconds, np.float64) * SECOND).astype(np.int64))


def records_of(records: list[tuple[int, float]]) -> pl.DataFrame:
    """(key, seconds) of records in lines 1, 2, ..."""
    times = [BEGIN + timedelta(seconds=seconds) for _, seconds in records]
    return pl.DataFrame(
        {"key": [key for key, _ in records], "time": times, "line": range(1, len(records) + 1)},
        schema={"key": pl.Int32, "time": pl.Datetime("us"), "line": pl.Int64},
    )


def chunks(records: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    ends = [0, *sorted(min(cut, len(records)) for cut in cuts), len(records)]
    return [records[a:b] for a, b in pairwise(ends)]


def bursts(judge: RateJudge, parts: list[pl.DataFrame]) -> list[int]:
    found = [judge.judge(part)[0] for part in parts]
    return [line for part in found if len(part) for line in part.filter(pl.col("rate") > pl.col("burst"))["line"]]


def silences(judge: RateJudge, parts: list[pl.DataFrame]) -> set[tuple[int, int]]:
    found = [*(judge.judge(part)[1] for part in parts), judge.silent_at_end()]
    return {
        (line, pause // SECOND) for part in found if len(part) for line, pause in part.select("line", "pause").rows()
    }


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10 * BUCKETS)), max_size=50)


@given(rows, st.lists(st.integers(0, 50), max_size=4))
def test_counts_stay_when_buckets_double(records: list[tuple[int, int]], cuts: list[int]) -> None:
    records.sort(key=lambda record: record[1])
    table = RateTable()
    ends = [0, *sorted(cuts), len(records)]
    for a, b in pairwise(ends):
        add(table, [(key, float(second)) for key, second in records[a:b]])
    if not records:
        assert table.met == 0
        return
    origin, width = records[0][1], table.width // SECOND
    assert width & (width - 1) == 0
    assert (records[-1][1] - origin) // width < BUCKETS
    assert width == 1 or (records[-1][1] - origin) // (width // 2) >= BUCKETS
    counts = table.counts[: table.met]
    counted = {(int(k), int(b)): int(counts[k, b]) for k, b in zip(*counts.nonzero(), strict=True)}
    assert counted == Counter((key, (second - origin) // width) for key, second in records)


@given(st.lists(rows, max_size=5))
def test_times_out_of_order_are_counted_all_the_same(blocks: list[list[tuple[int, int]]]) -> None:
    table = RateTable()
    for block in blocks:
        add(table, [(key, float(second)) for key, second in block])
    keys = Counter(key for block in blocks for key, _ in block)
    assert {key: int(table.counts[key].sum()) for key in keys} == keys


@given(rows, st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_a_family_has_the_counts_of_its_members(records: list[tuple[int, int]], older: list[int]) -> None:
    first = [min(key, old) for key, old in enumerate(older)]
    family = np.unique(first, return_inverse=True)[1].astype(np.int32)  # numbered in the order of their firsts
    table, joined = RateTable(), RateTable()
    records.sort(key=lambda record: record[1])
    add(table, [(key, float(second)) for key, second in records])
    table.join(family)
    add(joined, [(int(family[key]), float(second)) for key, second in records])
    assert (table.counts[:6] == joined.counts[:6]).all()


def test_keys_beyond_those_that_are_followed_have_no_rate() -> None:
    table = RateTable()
    add(table, [(MAX_KEYS - 1, 0.0), (MAX_KEYS, 1.0)])
    assert table.counts.sum() == 1
    assert table.rates(MAX_KEYS + 5, own=False).burst[-6:].tolist() == [30, *[NEVER] * 5]
    assert len(table.runs(MAX_KEYS + 5)) == len(table.pauses(MAX_KEYS + 5)) == MAX_KEYS + 5


def test_what_is_usual_survives_json() -> None:
    rates = Rates(2 * SECOND, np.array([NEVER, 30]), np.array([0, 5 * SECOND]))
    read = Rates.from_json(json.loads(json.dumps(rates.to_json())))
    assert read.width == rates.width
    assert (read.burst == rates.burst).all()
    assert (read.silence == rates.silence).all()


def usual(own: bool = False) -> Rates:
    """Of ten minutes in which one key comes 3 times a second on average, and one every 5 seconds."""
    random, table = Random(1), RateTable()
    often = [(OFTEN, random.random() * 600) for _ in range(1800)]
    beat = [(SELDOM, second + random.random() / 10) for second in range(0, 600, 5)]
    add(table, sorted([*often, *beat], key=lambda record: record[1]))
    return table.rates(2, own)


def test_a_burst_is_far_more_than_usual() -> None:
    for own in (False, True):
        rates = usual(own)
        ordinary = records_of([(OFTEN, n / 6) for n in range(600)])  # twice as fast
        assert bursts(RateJudge(rates), [ordinary]) == []
        burst = records_of([(OFTEN, 100 + n / 200) for n in range(600)])
        assert len(bursts(RateJudge(rates), [burst])) == 600


def test_a_few_records_are_no_burst() -> None:
    assert bursts(RateJudge(usual()), [records_of([(SELDOM, 10 + n / 100) for n in range(20)])]) == []


@given(st.lists(st.integers(0, 300), max_size=6))
def test_a_burst_is_found_however_the_log_is_cut(cuts: list[int]) -> None:
    rates = Rates(SECOND, np.array([50, NEVER]), np.array([0, 0]))
    burst = [(OFTEN, 10 + n / 101) for n in range(101)]  # within one bucket
    calm = [(ELSE - 1, n / 10) for n in range(200)]
    records = records_of(sorted([*burst, *calm], key=lambda record: record[1]))
    whole = bursts(RateJudge(rates), [records])
    assert len(whole) == 101
    found = bursts(RateJudge(rates), chunks(records, cuts))
    assert found == sorted(set(found))  # no line twice
    assert set(found) <= set(whole)
    assert len(found) >= 101 - 50  # those before the limit was crossed may lie in an earlier chunk


def test_a_regular_key_that_stops_is_silent_and_others_are_not() -> None:
    random = Random(2)
    often = [(OFTEN, random.random() * 600) for _ in range(1800)]
    beat = [(SELDOM, float(second)) for second in range(0, 600, 5) if not 200 < second < 400]
    for own in (False, True):
        records = records_of(sorted([*often, *beat], key=lambda record: record[1]))
        (line, pause), *more = silences(RateJudge(usual(own)), [records])
        assert more == []
        assert records["key"][line - 1] == SELDOM
        assert records["time"][line - 1] == BEGIN + timedelta(seconds=200)
        assert 190 <= pause <= 200


def test_a_silence_that_lasts_to_the_end_is_found_there() -> None:
    beat = [(SELDOM, float(second)) for second in range(0, 300, 5)]
    records = records_of([*beat, *((OFTEN, 300 + n / 2) for n in range(600))])
    ((line, pause),) = silences(RateJudge(usual()), [records])
    assert line == len(beat)
    assert 295 <= pause <= 305


def test_ordinary_pauses_are_no_silence() -> None:
    random = Random(3)
    often = [(OFTEN, random.random() * 600) for _ in range(1800)]
    beat = [(SELDOM, second + 3 * random.random()) for second in range(0, 600, 5) if random.random() < 0.9]
    records = records_of(sorted([*often, *beat], key=lambda record: record[1]))
    for own in (False, True):
        assert silences(RateJudge(usual(own)), [records]) == set()


def test_records_at_random_are_never_silent_by_themselves() -> None:
    for seed in range(20):
        random, table = Random(seed), RateTable()
        records = sorted(((OFTEN, random.random() ** (1 + seed % 3) * 3600) for _ in range(200)), key=lambda r: r[1])
        add(table, records)
        assert silences(RateJudge(table.rates(1, own=True)), [records_of(records)]) == set()


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=5), st.sets(st.integers(0, 59), max_size=40))
@example(cuts=[30], gone=set(range(25, 45)))
def test_silences_are_the_same_however_the_log_is_cut(cuts: list[int], gone: set[int]) -> None:
    rates = Rates(SECOND, np.array([NEVER, NEVER]), np.array([0, 12 * SECOND]))
    records = records_of([(OFTEN, 0.0), *((SELDOM, 5.0 * n) for n in range(60) if n not in gone), (OFTEN, 300.0)])
    whole = silences(RateJudge(rates), [records])
    assert silences(RateJudge(rates), chunks(records, cuts)) == whole
    beats = [5 * n for n in range(60) if n not in gone]
    assert len(whole) == sum(b - a - 1 > 12 for a, b in zip(beats, [*beats[1:], 300], strict=False))


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(-500, 500) | st.none()), max_size=20), max_size=5))
def test_wild_times_do_no_harm(blocks: list[list[tuple[int, int | None]]]) -> None:
    judge = RateJudge(Rates(SECOND, np.array([1, 2, NEVER]), np.array([SECOND, 0, SECOND])))
    for block in blocks:
        part = records_of([(key, float(second or 0)) for key, second in block])
        stamped = pl.Series([second is not None for _, second in block], dtype=pl.Boolean)
        part = part.with_columns(time=pl.select(pl.when(stamped).then(part["time"])).to_series())
        judge.judge(part)
    judge.silent_at_end()
