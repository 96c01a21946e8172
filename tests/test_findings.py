"""From evidence to findings: one cause, one finding; ids, reasons, and the order they are told in."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.detectors.evidence import EVIDENCE
from logscan.detectors.profile import Profile
from logscan.findings import Finding
from logscan.findings.explain import explain
from logscan.findings.merge import MANY, Cause, Evidence, Item, _joined
from logscan.findings.names import new_names
from logscan.findings.rank import AGAIN, PLACE, ranked
from logscan.templates.keys import Keys

KNOWN = ("pump started after a while", "tank is full of clear water", "user ann came in by the gate", "valve is shut")


def keys(*new: str) -> Keys:
    """A table that learnt KNOWN, numbers 0 to 3, and met `new` after it, numbers 4 and up."""
    table = Keys()
    for texts in (KNOWN, new):
        rows = [(text, None, None) for text in texts]
        table.of(pl.DataFrame(rows, schema={"message": pl.String, "level": pl.String, "kept": pl.String}, orient="row"))
        table.freeze() if texts is KNOWN else None
    return table


def evidence(*rows: tuple[str, int, int], about: str = "", source: int = 0) -> pl.DataFrame:
    """(kind, key, line) of records."""
    table = pl.DataFrame(rows, schema={"kind": pl.String, "key": pl.Int32, "line": pl.Int64}, orient="row")
    table = table.with_columns(
        source=source,
        last_line=pl.col("line"),
        offset=0,
        session=None,
        surprise=5.0,
        trouble=0.0,
        about=pl.lit(about),
        expected=None,
    )
    table = table.with_columns(time=pl.datetime(2026, 1, 31) + pl.duration(seconds="line"))
    return table.select(pl.col(name).cast(kind) for name, kind in EVIDENCE.schema.items())


def causes(table: Keys, *frames: pl.DataFrame) -> list[Cause]:
    collected = Evidence(Profile(table))
    for frame in frames:
        collected.add(frame)
    return list(collected.causes())


def kinds_and_lines(found: Sequence[Cause]) -> list[tuple[str, list[int]]]:
    return [(cause.kind, sorted(cause.rows["line"].to_list())) for cause in found]


NEW = ("boiler burst in the cellar", "steam in every corridor", "alarm bell rings all night")


def test_no_evidence_no_cause() -> None:
    assert causes(keys()) == []
    assert causes(keys(), EVIDENCE.clone()) == []


def test_what_happens_within_a_few_lines_is_one_cause() -> None:
    rows = [("new", 4, 10), ("new", 5, 12), ("new", 6, 40)]
    assert kinds_and_lines(causes(keys(*NEW), evidence(*rows))) == [("new", [10, 12]), ("new", [40])]


def test_kinds_that_hang_together_by_others_are_one_cause_however_many() -> None:
    n = 20_000
    names: list[list[Item]] = [[name] for name in range(n)]
    assert len(set(_joined(names).values())) == n
    chain: list[list[Item]] = [[a, a + 1] for start in (0, 1) for a in range(start, n - 1, 2)]
    assert len(set(_joined(names + chain).values())) == 1


def test_what_happens_again_is_the_same_cause() -> None:
    rows = [("new", 4, 10), ("new", 5, 12), ("new", 6, 40), ("new", 4, 900), ("new", 5, 5000)]
    assert kinds_and_lines(causes(keys(*NEW), evidence(*rows))) == [("new", [10, 12, 900, 5000]), ("new", [40])]


def test_what_is_everywhere_ties_nothing_together() -> None:
    often = [("new", 4, line) for line in range(0, 4000, 100)]
    found = causes(keys(*NEW), evidence(*often, ("new", 5, 1001), ("new", 6, 2001)))
    assert sorted(len(cause.rows) for cause in found) == [1, 1, 40]


def test_lines_of_two_files_are_no_episode() -> None:
    found = causes(keys(*NEW), evidence(("new", 4, 10)), evidence(("new", 5, 11), source=1))
    assert len(found) == 2


def test_kinds_are_never_mixed() -> None:
    rows = [("new", 4, 10), ("burst", 4, 10), ("silent", 0, 10)]
    found = causes(keys(*NEW), evidence(*rows[:1]), evidence(*rows[1:], about="7/5"))
    assert sorted(cause.kind for cause in found) == ["burst", "new", "silent"]


def test_one_value_is_one_cause_in_whatever_slot() -> None:
    frames = [evidence(("value", 0, 5), about="0.level=WARN"), evidence(("value", 1, 800), about="1.level=WARN")]
    assert len(causes(keys(), *frames)) == 1
    frames.append(evidence(("value", 1, 900), about="1.level=FATAL"))
    assert len(causes(keys(), *frames)) == 2


def test_bursts_at_one_time_are_one_cause() -> None:
    near = [("burst", key, line) for key in (0, 1) for line in range(100, 130)]
    far = [("burst", 0, line) for line in range(500, 530)]
    assert sorted(len(cause.rows) for cause in causes(keys(), evidence(*near, *far, about="30/9"))) == [30, 60]


@pytest.mark.parametrize("block", [10_007, MANY + 1])
def test_evidence_without_end_is_counted_in_bounded_memory(block: int) -> None:
    total = 2 * MANY + 5_000
    collected = Evidence(Profile(keys(*NEW)))
    one = evidence(*(("new", 4, 0) for _ in range(block)))
    for at in range(0, total, block):
        lines = pl.int_range(at, min(at + block, total), eager=True).cast(pl.Int64)
        collected.add(one.head(len(lines)).with_columns(line=lines, last_line=lines))
    (cause,) = collected.causes()
    assert cause.count == total
    assert len(cause.rows) <= MANY + block
    assert cause.rows["line"].min() == 0


@pytest.mark.parametrize(("windows", "said"), [(1, "1 window "), (1_200, "1,200 windows "), (MANY + 9, "more than ")])
def test_windows_that_were_not_kept_are_more_than_it_says(windows: int, said: str) -> None:
    collected = Evidence(Profile(keys()))
    lines = pl.int_range(windows, eager=True).cast(pl.Int64)
    rows = evidence(*[("window", 2, 0)] * windows, about="2/words")
    collected.add(rows.with_columns(line=lines, last_line=lines, session=lines.cast(pl.UInt64)))
    (cause,) = collected.causes()
    found = explain(cause, collected.profile, ["app.log"], own=False)
    assert found.count == windows
    assert found.reason.startswith(f"{said}called" if windows < MANY else said)
    assert found.reason.endswith(f" called anomalous by words ({found.score:.2f}), above all for: {KNOWN[2]}")


def finding(score: float, line: int, signature: str = "x", source: str = "app.log") -> Finding:
    return Finding("new", "", score, source, line, line, 1, (), signature)


def test_an_id_is_that_of_what_was_found() -> None:
    one = finding(0.9, 7, "new\x1fboiler burst")
    assert len(one.id) == 12
    assert one.id == replace(one, score=0.1, first_line=99, source="other.log", count=3, reason="why").id
    assert one.id != replace(one, signature="new\x1fboiler bursts").id


places = st.tuples(
    st.integers(0, 100).map(lambda n: n / 100), st.integers(1, 20 * PLACE), st.sampled_from(["a.log", "b.log"])
)


@given(st.lists(places, max_size=40))
def test_all_findings_are_told_the_best_first(rows: list[tuple[float, int, str]]) -> None:
    given_ = [finding(score, line, str(n), source) for n, (score, line, source) in enumerate(rows)]
    told = ranked(given_)
    assert sorted(f.signature for f in told) == sorted(f.signature for f in given_)
    if told:
        assert told[0].score == max(f.score for f in given_)
    for place in {(f.source, f.first_line // PLACE) for f in told}:
        scores = [f.score for f in told if (f.source, f.first_line // PLACE) == place]
        assert scores == sorted(scores, reverse=True)
    for before, after in pairwise(told):
        assert before.score > after.score - AGAIN * len(told) - 1e-9


def test_one_place_does_not_hide_all_others() -> None:
    here = [finding(0.9, n, f"here {n}") for n in range(10)]
    there = finding(0.87, 5000, "there")
    assert ranked([*here, there]).index(there) == 4


def test_a_name_that_recurs_in_known_lines_is_no_new_kind_of_line() -> None:
    table = keys(
        "user zoe came in by the gate",
        "zoe is full of clear water",  # a name at the place of another word
        "pump zoe after a while",
        "boiler exploded after a while",
    )
    names = new_names([4, 5, 6, 7], set(), table)
    assert set(names.values()) <= {"zoe"}
    assert 4 in names
    assert 7 not in names


def test_a_name_in_one_new_line_is_new() -> None:
    table = keys("user zoe came in by the gate")
    assert new_names([4], set(), table) == {}
    assert new_names([4], {4}, table) == {4: "zoe"}  # unless it is written all along the log


def test_a_word_of_trouble_is_no_name() -> None:
    table = keys("tank is broken of clear water", "user broken came in by the gate", "pump broken after a while")
    assert new_names([4, 5, 6], {4, 5, 6}, table) == {}
