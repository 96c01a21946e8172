"""Curves and sweeps agree with the metrics at each of their points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.evaluation.curves import BEST, IN_USE, curves, rank_sweep, threshold_sweep
from logscan.evaluation.metrics import Bools, Floats, measure

labelled = (
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=2, max_size=60)
    .filter(lambda rows: len({anomalous for _, anomalous in rows}) == 2)
    .map(lambda rows: (np.array([n / 60 for n, _ in rows]), np.array([anomalous for _, anomalous in rows])))
)
shares = st.sampled_from([None, 0.0293])


@given(labelled, shares)
def test_the_areas_are_auroc_and_average_precision(sample: tuple[Floats, Bools], prevalence: float | None) -> None:
    m = measure(*sample, prevalence=prevalence)
    c = curves(*sample, prevalence=prevalence)
    assert np.trapezoid(c.recall, c.false) == pytest.approx(m.auroc)
    assert (np.diff(c.recall) * c.precision[1:]).sum() == pytest.approx(m.auprc)
    assert (c.recall[0], c.false[0], c.recall[-1], c.false[-1]) == (0, 0, 1, 1)
    assert c.recall[c.here] == m.recall
    assert not m.recall or c.precision[c.here] == pytest.approx(m.precision)


@given(labelled, shares)
def test_each_threshold_of_a_sweep_gives_its_figures(sample: tuple[Floats, Bools], prevalence: float | None) -> None:
    steps = threshold_sweep(*sample, prevalence=prevalence)
    for step in steps:
        m = measure(*sample, threshold=step.value, prevalence=prevalence)
        assert (step.precision, step.recall, step.f1) == (m.precision, m.recall, m.f1)
    assert [step.value for step in steps] == sorted({step.value for step in steps})
    assert [step.value for step in steps if IN_USE in step.note] == [0.5]
    (best,) = (step for step in steps if BEST in step.note)
    assert best.f1 == max(
        measure(*sample, threshold=value, prevalence=prevalence).f1 for value in (-1, *np.unique(sample[0]))
    )
    assert len(steps) <= 26


def test_a_sweep_covers_where_the_scores_are() -> None:
    """Almost all scores lie within a hundredth of the threshold; the rows tell them apart all the same."""
    draw = np.random.default_rng(0)
    anomalous = np.arange(2000) < 500
    scores = 0.5 + 0.001 * draw.normal(anomalous - 0.5, 0.5)
    recalls = [step.recall for step in threshold_sweep(scores, anomalous)]
    assert max(-np.diff(recalls)) < 0.1
    assert recalls[0] > 0.98
    assert recalls[-1] < 0.15


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: len({anomalous for _, anomalous in rows}) == 2
    ),
    st.integers(1, 30),
    shares,
)
def test_each_k_flags_what_ranks_behind_the_first_k(
    rows: list[tuple[int, bool]], k: int, prevalence: float | None
) -> None:
    ranks, anomalous = np.array([rank for rank, _ in rows]), np.array([anomalous for _, anomalous in rows])
    steps = rank_sweep(ranks, anomalous, 30, k, prevalence)
    for step in steps:
        m = measure((ranks >= step.value).astype(float), anomalous, prevalence=prevalence)
        assert (step.precision, step.recall, step.f1) == (m.precision, m.recall, m.f1)
    assert [step.value for step in steps if IN_USE in step.note] == [k]
    assert sum(BEST in step.note for step in steps) == 1
    assert {1, 2, 3, 30} <= {step.value for step in steps}


def test_a_k_beyond_the_keys_is_in_the_sweep() -> None:
    steps = rank_sweep(np.array([0, 5]), np.array([False, True]), 3, 10)
    assert [step.value for step in steps] == [1, 2, 3, 10]
    assert [step.f1 for step in steps] == [1, 1, 1, 0]
