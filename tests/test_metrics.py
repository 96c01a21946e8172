"""Precision, recall, F1 and AUROC: against known values and against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.evaluation import measure
from logscan.evaluation.metrics import auroc

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.1])
ANOMALOUS = np.array([True, True, False, True, False, False, True, False])

labelled = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=2, max_size=40
).filter(lambda rows: len({anomalous for _, anomalous in rows}) == 2)


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in rows]), np.array([anomalous for _, anomalous in rows])


def test_known_values() -> None:
    m = measure(SCORES, ANOMALOUS)
    assert (m.precision, m.recall, m.f1, m.prevalence) == (0.75, 0.75, 0.75, 0.5)
    assert m.auroc == (4 + 4 + 3 + 0.5) / 16
    assert measure(SCORES, ANOMALOUS, threshold=0.65).precision == pytest.approx(2 / 3)
    assert measure(SCORES, ANOMALOUS, threshold=0.65).recall == 0.5


def test_a_score_at_the_threshold_is_normal() -> None:
    assert measure(np.array([0.5, 0.5]), np.array([True, False])).recall == 0


def test_nothing_flagged_is_no_division_by_zero() -> None:
    m = measure(np.array([0.1, 0.2]), np.array([True, False]))
    assert (m.precision, m.recall, m.f1) == (0, 0, 0)


@pytest.mark.parametrize("anomalous", [True, False])
def test_one_class_has_no_metrics(anomalous: bool) -> None:
    with pytest.raises(ValueError, match="one class"):
        measure(np.array([0.1, 0.9]), np.array([anomalous, anomalous]))


def test_hdfs_at_the_prevalence_of_the_whole_corpus() -> None:
    """4,000 of 14,583 sessions, all found, with 0.1 % false positives: precision is what falls."""
    anomalous = np.arange(14_583) < 4_000
    scores = np.where(anomalous | (np.arange(14_583) >= 14_583 - 10), 1.0, 0.0)
    m = measure(scores, anomalous, prevalence=0.0293)
    false = 10 / 10_583
    assert m.precision == pytest.approx(0.0293 / (0.0293 + 0.9707 * false))
    assert m.recall == 1
    assert measure(scores, anomalous).precision > m.precision


@given(labelled, st.integers(1, 5), st.integers(1, 5))
def test_another_prevalence_is_as_good_as_sampling_again(rows: list[tuple[float, bool]], good: int, bad: int) -> None:
    repeated = [row for row in rows for _ in range(bad if row[1] else good)]
    whole = measure(*columns(repeated))
    weighed = measure(*columns(rows), prevalence=sum(anomalous for _, anomalous in repeated) / len(repeated))
    for name in ("precision", "recall", "f1", "auroc", "prevalence"):
        assert getattr(weighed, name) == pytest.approx(getattr(whole, name))


@given(labelled)
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[float, bool]]) -> None:
    scores, anomalous = columns(rows)
    pairs = [(a > b) + (a == b) / 2 for a in scores[anomalous] for b in scores[~anomalous]]
    assert auroc(scores, anomalous) == pytest.approx(sum(pairs) / len(pairs))


@given(labelled)
def test_auroc_of_the_opposite(rows: list[tuple[float, bool]]) -> None:
    scores, anomalous = columns(rows)
    assert auroc(-scores, anomalous) == pytest.approx(1 - auroc(scores, anomalous))
