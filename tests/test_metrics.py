"""Metrics and their intervals: against known values, against counting and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.evaluation import measure
from logscan.evaluation.metrics import NAMES, Confusion, auroc, confusion, intervals

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
    assert (m.accuracy, m.mcc) == (0.75, 0.5)
    assert m.auprc == pytest.approx((1 + 1 + 3 / 4 + 4 / 8) / 4)
    assert confusion(SCORES, ANOMALOUS) == Confusion(tp=3, fp=1, tn=3, fn=1)
    assert measure(SCORES, ANOMALOUS, threshold=0.65).precision == pytest.approx(2 / 3)
    assert measure(SCORES, ANOMALOUS, threshold=0.65).recall == 0.5


def test_a_score_at_the_threshold_is_normal() -> None:
    assert measure(np.array([0.5, 0.5]), np.array([True, False])).recall == 0


def test_nothing_flagged_is_no_division_by_zero() -> None:
    m = measure(np.array([0.1, 0.2]), np.array([True, False]))
    assert (m.precision, m.recall, m.f1, m.mcc) == (0, 0, 0, 0)


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
    for name in (*NAMES, "prevalence"):
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


@given(labelled, st.sampled_from([None, 0.01, 0.5, 0.9]))
def test_the_same_as_scikit_learn(rows: list[tuple[float, bool]], prevalence: float | None) -> None:
    learn = pytest.importorskip("sklearn.metrics")
    scores, anomalous = columns(rows)
    share = float(anomalous.mean())
    weights = np.ones(len(rows))
    if prevalence is not None:
        weights = np.where(anomalous, prevalence / share, (1 - prevalence) / (1 - share))
    flagged = scores > 0.5
    given_ = {"sample_weight": weights}
    m = measure(scores, anomalous, prevalence=prevalence)
    assert m.precision == pytest.approx(learn.precision_score(anomalous, flagged, zero_division=0, **given_))
    assert m.recall == pytest.approx(learn.recall_score(anomalous, flagged, zero_division=0, **given_))
    assert m.f1 == pytest.approx(learn.f1_score(anomalous, flagged, zero_division=0, **given_))
    assert m.accuracy == pytest.approx(learn.accuracy_score(anomalous, flagged, **given_))
    assert m.auroc == pytest.approx(learn.roc_auc_score(anomalous, scores, **given_))
    assert m.auprc == pytest.approx(learn.average_precision_score(anomalous, scores, **given_))
    if flagged.any() and not flagged.all():  # else it is 0 here, and a rounding error divided by one there
        assert m.mcc == pytest.approx(learn.matthews_corrcoef(anomalous, flagged, **given_), abs=1e-9)
    counts = confusion(scores, anomalous)
    assert [[counts.tn, counts.fp], [counts.fn, counts.tp]] == learn.confusion_matrix(anomalous, flagged).tolist()


@given(labelled)
def test_the_prevalence_of_the_sample_changes_nothing(rows: list[tuple[float, bool]]) -> None:
    scores, anomalous = columns(rows)
    assert measure(scores, anomalous, prevalence=float(anomalous.mean())) == measure(scores, anomalous)


@given(labelled, st.sampled_from([None, 0.0293]))
def test_intervals_hold_the_estimate(rows: list[tuple[float, bool]], prevalence: float | None) -> None:
    scores, anomalous = columns(rows)
    found = intervals(scores, anomalous, prevalence=prevalence, resamples=50)
    m = measure(scores, anomalous, prevalence=prevalence)
    assert list(found) == list(NAMES)
    for name, (low, high) in found.items():
        assert -1 <= low <= getattr(m, name) <= high <= 1 + 1e-9


def test_an_interval_is_as_wide_as_sampling_varies() -> None:
    """Recall of 80 of 100 has the interval of a binomial share; more windows make it narrower."""
    scores = np.array([1.0] * 80 + [0.0] * 20 + [0.0] * 1000)
    anomalous = np.arange(len(scores)) < 100
    low, high = intervals(scores, anomalous)["recall"]
    assert (low, high) == pytest.approx((0.72, 0.88), abs=0.015)
    more = intervals(np.repeat(scores, 25), np.repeat(anomalous, 25))["recall"]
    assert more[1] - more[0] == pytest.approx((high - low) / 5, rel=0.2)


def test_intervals_are_the_same_each_time_however_many_scores_differ() -> None:
    draw = np.random.default_rng(1)
    scores, anomalous = draw.random(3000), draw.random(3000) < 0.3
    assert intervals(scores, anomalous, resamples=90) == intervals(scores, anomalous, resamples=90)
    assert intervals(scores, anomalous, resamples=90) != intervals(scores, anomalous, resamples=90, seed=1)
    narrow, wide = (intervals(scores, anomalous, resamples=90, level=level)["f1"] for level in (0.5, 0.95))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
