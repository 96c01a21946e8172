"""Detectors of count vectors: what each one finds, that equal windows weigh what they are worth, and what is kept."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from logscan.detectors.count_matrix import CELLS, CountDetector, Counts, matrix_of
from logscan.detectors.invariants import Invariants
from logscan.detectors.isolation_forest import IsolationForest
from logscan.detectors.logcluster import LogCluster
from logscan.detectors.one_class_svm import OneClassSVM
from logscan.detectors.pca import PCA
from logscan.detectors.registry import Saved, detector_class, options_of, training
from logscan.detectors.wholes import Blaming
from logscan.errors import LogscanError, ModelError, OptionError
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.settings import build
from logscan.windows import Windows

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]
ALL = (PCA, IsolationForest, OneClassSVM, LogCluster, Invariants)
NOVEL = (PCA, OneClassSVM, LogCluster, Invariants)  # those to which a key never seen means something
HASHES = ["e", "c", "a", "d", "b"]  # of the keys 0 to 4
# a job begins (3), one file or two are opened (0) and closed (1) as often, and read (2); others only beat (4)
JOBS = [[3, *[0, 1] * files, *[2] * reads] for files in (1, 2) for reads in (1, 2, 3) for _ in range(12)]
NORMAL = [*JOBS, *[[4, 4]] * 12]
UNCLOSED, UNSEEN, USUAL = [3, 0, 0, 0, 0, 2], [3, 0, 1, 2, 9, 9], [3, 0, 1, 2, 2]


def fitted(cls: type[CountDetector], windows: Windows, seed: int = 0, **options: Any) -> tuple[Any, dict[str, Any]]:
    detector: Any = cls()
    detector.options = build(type(detector.options), options)
    return detector, detector.fit(windows, HASHES, True, Run(seed))


def test_a_matrix_of_counts(windows_of: WindowsOf) -> None:
    windows = windows_of([[0, 2, 0], [2, 0, 0], [2, 7, 9, 4]])
    vocabulary = Vocabulary(["e", "a"], HASHES)  # keys 0 and 2; in the order of their hashes 2 comes first
    assert matrix_of(windows, vocabulary).tolist() == [[0, 1, 2], [0, 1, 2], [3, 1, 0]]
    counts = Counts.of(windows, vocabulary)
    assert dict(zip(map(tuple, counts.matrix), counts.weights, strict=True)) == {(0, 1, 2): 2, (3, 1, 0): 1}
    again = Counts.from_json(orjson.loads(orjson.dumps(counts.to_json())), 3)
    assert (again.matrix == counts.matrix).all()
    assert (again.weights == counts.weights).all()


def test_windows_held_out_in_turn(windows_of: WindowsOf) -> None:
    vocabulary = Vocabulary(HASHES, HASHES)
    counts = Counts.of(windows_of([[0]] * 9 + [[1, 1]]), vocabulary)
    found = list(counts.held_out(5, np.random.default_rng(0)))
    assert [kept.weights.sum() for kept, _, _ in found] == [8] * 5
    alone = [part.matrix.tolist() for _, _, part in found if len(part.matrix)]
    assert alone == [[[2, 0]]]  # the only window with key 1 is judged once, and there that key was never seen


@pytest.mark.parametrize("cls", NOVEL)
def test_strange_counts(windows_of: WindowsOf, cls: type[CountDetector]) -> None:
    detector, figures = fitted(cls, windows_of(NORMAL))
    scores = detector.score(windows_of([UNCLOSED, UNSEEN, USUAL, *NORMAL]))
    assert (scores.window[:2] > 0.5).all()
    assert (scores.window[2:] < 0.5).all()
    assert len(scores.event) == sum(map(len, [UNCLOSED, UNSEEN, USUAL, *NORMAL]))
    assert (figures["keys"], figures["vectors"]) == (5, 7)
    assert figures["threshold"]["strangeness"] == pytest.approx(detector.threshold_, rel=1e-3)


@pytest.mark.parametrize("cls", NOVEL)
def test_a_key_never_seen_is_blamed(windows_of: WindowsOf, cls: type[CountDetector]) -> None:
    detector, _ = fitted(cls, windows_of(NORMAL))
    assert isinstance(detector, Blaming)
    blame = detector.blame(windows_of([USUAL, UNSEEN]))[len(USUAL) :]
    assert set(np.flatnonzero(blame == blame.max())) == {4, 5}


@pytest.mark.parametrize("cls", ALL)
def test_a_saved_one_scores_the_same(windows_of: WindowsOf, tmp_path: Path, cls: type[CountDetector]) -> None:
    detector, _ = fitted(cls, windows_of(NORMAL), seed=3)
    assert isinstance(detector, Saved)
    detector.save(tmp_path)
    swapped = np.array([4, 1, 2, 3, 0, 9, 9, 9, 9, 9], np.int32)  # other numbers for the same keys
    loaded = cls.load(tmp_path, ["b", "c", "a", "d", "e"])
    windows = windows_of([UNCLOSED, UNSEEN, USUAL, [0, 4, 4]])
    before, after = detector.score(windows), loaded.score(windows.renamed(swapped))
    assert before.window.tolist() == after.window.tolist()
    assert loaded.provider in {"numpy", "scikit-learn"}
    state = orjson.loads((tmp_path / "detector.json").read_bytes())
    state["learnt"]["columns"][0] = 99
    (tmp_path / "detector.json").write_bytes(orjson.dumps(state))
    with pytest.raises(IndexError):
        cls.load(tmp_path, HASHES)


@pytest.mark.parametrize("cls", ALL)
def test_one_normal_window_and_none_to_judge(windows_of: WindowsOf, cls: type[CountDetector]) -> None:
    detector, _ = fitted(cls, windows_of([[0, 1]]))
    assert detector.score(windows_of([[1, 0]])).window[0] < 0.5
    none = windows_of([])
    assert not len(detector.score(none).window)
    assert not len(detector.blame(none))


@pytest.mark.parametrize("cls", ALL)
def test_the_rule_of_the_paper(windows_of: WindowsOf, cls: type[CountDetector]) -> None:
    rules = {PCA: "q-statistic", IsolationForest: "half", OneClassSVM: "boundary", LogCluster: "theta"}
    detector, figures = fitted(cls, windows_of(NORMAL), rule=rules.get(cls, "any"))
    assert "of the paper" in figures["threshold"]["how"]
    unclosed = detector.score(windows_of([UNCLOSED])).window[0] > 0.5
    assert unclosed or cls in (IsolationForest, LogCluster)  # whose rules are loose


@pytest.mark.parametrize("cls", ALL)
def test_by_name_and_with_options_that_mean_something(cls: type[CountDetector]) -> None:
    assert detector_class(cls.name) is cls
    options = options_of(cls)
    for name, value in (("folds", 1), ("false_positives", 0.0)):
        with pytest.raises(OptionError, match=name):
            build(options, {name: value})
    with pytest.raises(OptionError, match="rule should be one of calibrated"):
        build(options, {"rule": "none"})


def test_components_are_those_of_repeated_vectors(windows_of: WindowsOf) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    detector, figures = fitted(PCA, windows_of(NORMAL), variance=0.7)
    rows = matrix_of(windows_of(NORMAL), detector.vocabulary) * detector.idf_
    theirs = decomposition.PCA(figures["components"]).fit(rows)
    away = rows - theirs.inverse_transform(theirs.transform(rows))
    ours = detector.strangeness(matrix_of(windows_of(NORMAL), detector.vocabulary))
    assert ours == pytest.approx(np.square(away).sum(1), abs=1e-9)


def test_a_boundary_leaves_out_its_share(windows_of: WindowsOf) -> None:
    rng = np.random.default_rng(0)
    many = [[key for key in range(4) for _ in range(1 + rng.poisson(6))] for _ in range(400)]
    detector, figures = fitted(OneClassSVM, windows_of(many), nu=0.2, rule="boundary")
    outside = (detector.score(windows_of(many)).window > 0.5).mean()
    assert outside == pytest.approx(0.2, abs=0.05)
    assert figures["support_vectors"] >= 80
    _, figures = fitted(OneClassSVM, windows_of(many), vectors=50)
    assert figures["vectors_left_out"] == figures["vectors"] - 50


def test_clusters_keep_what_they_are_like(windows_of: WindowsOf) -> None:
    detector, figures = fitted(LogCluster, windows_of([[0, 1]] * 9 + [[0, 0, 1]] + [[2, 3]] * 5))
    assert figures["clusters"] == 2
    usual = matrix_of(windows_of([[0, 1], [2, 3]]), detector.vocabulary)  # the most frequent of each cluster
    assert detector.strangeness(usual) == pytest.approx([0, 0], abs=1e-12)
    assert detector.strangeness(matrix_of(windows_of([[7]]), detector.vocabulary)) == pytest.approx([1])


def test_invariants_are_found(windows_of: WindowsOf) -> None:
    windows = [[*[0] * a, *[1] * b, *[2] * (2 * a + b), 3] for a in (1, 2, 3) for b in (1, 2, 4) for _ in range(5)]
    detector, figures = fitted(Invariants, windows_of([*windows, [0, 1, 2, 2, 2, 3, 4]]))
    found = {
        (*equation.astype(int).tolist(), int(constant))
        for equation, constant in zip(detector.equations_, detector.constants_, strict=True)
    }  # columns: never seen, then the keys 2, 4, 1, 3, 0 by their hashes; the constant
    assert (1, 0, 0, 0, 0, 0, 0) in found  # nothing new
    assert (0, 0, 0, 0, 1, 0, -1) in found  # key 3 once
    assert (0, 1, 0, -1, 0, -2, 0) in found  # x2 = x1 + 2 x0
    assert figures["invariants"] == len(found) == 3
    scores = detector.score(windows_of([[0, 1, 2, 2, 2, 3], [0, 1, 2, 2, 3], [0, 1, 2, 2, 2, 3, 3]])).window
    assert (scores > 0.5).tolist() == [False, True, True]


def test_many_windows_are_judged_in_parts(windows_of: WindowsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    detector, _ = fitted(LogCluster, windows_of(NORMAL))
    windows = windows_of([UNCLOSED, UNSEEN, USUAL, *NORMAL])
    whole, blame = detector.score(windows).window, detector.blame(windows)
    monkeypatch.setattr("logscan.detectors.count_matrix.CELLS", 12)
    assert CELLS > 12
    assert detector.score(windows).window == pytest.approx(whole)
    assert detector.blame(windows) == pytest.approx(blame)


def test_without_scikit_learn(windows_of: WindowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector, _ = fitted(LogCluster, windows_of(NORMAL))
    detector.save(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "sklearn.cluster", None)
    with pytest.raises(ModelError, match=r"pip install 'logscan\[classic\]'"):
        LogCluster.load(tmp_path, HASHES)
    with pytest.raises(LogscanError, match=r"pip install 'logscan\[classic\]'"), training("logcluster"):
        fitted(LogCluster, windows_of(NORMAL))
