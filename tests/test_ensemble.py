"""The ensemble: two parts must agree, and it survives saving, loading, export and the command line."""

import json
import subprocess
import sys
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cli_neural import card, done, logscan, write_labels, write_log
from test_logllama import TINY
from test_semantic_detectors import FAILED, HASHES, NEW, SIZES, WITHOUT_TORCH, drawn, windows
from test_train import hdfs

from logscan.detectors import ensemble
from logscan.detectors.ensemble import Ensemble, Options, Rarity
from logscan.detectors.logllama.options import Reinforcement
from logscan.networks.run import Run
from logscan.windows import Windows

__all__ = ["hdfs"]  # a fixture

OPTIONS = Options(**SIZES, context=64, lm=replace(TINY, epochs=12), rl=Reinforcement(episodes=0), false_positives=0.02)


def fitted(normal: Windows, options: Options = OPTIONS) -> tuple[Ensemble, dict[str, Any]]:
    found = Ensemble(options)
    return found, found.fit(normal, HASHES, True, Run(0))


@pytest.fixture(scope="module")
def trained() -> Ensemble:
    return fitted(drawn(100, False))[0]


def test_a_planted_fault_is_found_and_blamed(trained: Ensemble) -> None:
    good, bad = (trained.score(drawn(60, kind, seed=1)).window for kind in (False, True))
    assert (bad > 0.5).mean() > 0.95
    assert (good > 0.5).mean() < 0.05
    scores = trained.score(windows([[0, 1, 2, FAILED, 2, 3]]))
    assert scores.event.argmax() == 3
    assert ((scores.event >= 0) & (scores.event <= 1)).all()


def test_one_part_alone_decides_nothing(trained: Ensemble) -> None:
    usual, odd = np.zeros(3), np.full(3, 1e4)
    one, two = (np.where(np.arange(3) < parts, odd, usual)[:, None] for parts in (1, 2))
    assert (
        ensemble._agreed(trained._rarities(one))[0] < trained.threshold_ < ensemble._agreed(trained._rarities(two))[0]
    )


def test_known_event_counts_excuse_all_but_what_none_did(trained: Ensemble) -> None:
    usual, turned = trained.score(windows([[0, 1, 2, 2, 3], [3, 2, 2, 1, 0]])).window
    assert usual < 0.5 < turned


def test_rarity_is_the_share_of_normal_windows_as_high() -> None:
    rarity = Rarity(100, np.arange(90.0, 100.0))  # the ten highest of a hundred
    np.testing.assert_allclose(rarity(np.array([0.0, 91.0, 95.0, 99.0])), np.log(101 / np.array([101, 10, 6, 2])))
    rising = rarity(np.array([98.0, 98.5, 99.0, 100.0, 1e6]))
    assert (np.diff(rising) >= 0).all()
    assert rising[1] < rising[3] < rising[4]
    same = Rarity(5, np.zeros(5))
    np.testing.assert_allclose(same(np.array([0.0, 1e-4, 0.1])), [0, 1e-4, log(6) + 0.1])  # what none had is rare


def test_each_normal_window_is_judged_by_parts_that_did_not_learn_it() -> None:
    """Were it otherwise, what is there once would be as common as anything."""
    normal = windows([*[[0, 1, 2, 3]] * 30, [0, NEW, NEW, 3]])
    found, figures = fitted(normal)
    assert found.rarity_[1].n == 31
    assert found.rarity_[1].highest[-1] > 4 * found.rarity_[1].highest[-2]
    assert figures["threshold"]["how"].startswith(
        "of new event counts, 2 of 3 parts finding a window stranger than all"
    )
    assert figures["distinct_windows"] >= 1


@pytest.mark.parametrize("n", [2, 3])
def test_a_few_windows_are_enough(n: int) -> None:
    found, _ = fitted(windows([[0, 1, 2, 3]] * n))
    usual, odd = found.score(windows([[0, 1, 2, 3], [FAILED]])).window
    assert usual < 0.5 < odd


def test_scores_are_of_windows_alone(trained: Ensemble) -> None:
    some = windows([[0, 1, 2, 3], [2], [0, NEW, 3], [0, 1, *[2] * 40, 3], [0, 1, 2, 3]])
    scores = trained.score(some)
    assert (scores.window.shape, scores.event.shape) == ((5,), (len(some.events),))
    for at in range(5):
        assert trained.score(some.take(np.array([at]))).window[0] == pytest.approx(scores.window[at], abs=1e-4)
    none = trained.score(some.take(np.array([], np.int64)))
    assert len(none.window) == len(none.event) == 0


def test_what_was_saved_scores_the_same(trained: Ensemble, tmp_path: Path) -> None:
    trained.save(tmp_path)
    loaded, some = Ensemble.load(tmp_path, HASHES), drawn(20, True, seed=2)
    np.testing.assert_allclose(loaded.score(some).window, trained.score(some).window, atol=1e-5)
    assert (loaded.options, loaded.provider) == (trained.options, "torch")


def test_the_same_seed_gives_the_same_scores(trained: Ensemble) -> None:
    some = drawn(20, True, seed=2)
    again, _ = fitted(drawn(100, False))
    np.testing.assert_allclose(again.score(some).window, trained.score(some).window, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"context": 2}, {"false_positives": 0.0}, {"tokens": 2}])
def test_options_that_mean_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="should"):
        Options(**wrong)


@pytest.mark.slow
def test_an_exported_one_scores_the_same(trained: Ensemble, tmp_path: Path) -> None:
    some = drawn(40, True, seed=1)
    trained.save(tmp_path)
    assert Ensemble.load(tmp_path, HASHES, exported=False).export(tmp_path, some) < 1e-4
    exported = Ensemble.load(tmp_path, HASHES)
    assert exported.provider.startswith("ONNX Runtime")
    np.testing.assert_allclose(exported.score(some).window, trained.score(some).window, atol=1e-3)
    exported.quantize(tmp_path)
    assert ((Ensemble.load(tmp_path, HASHES).score(some).window > 0.5) == (trained.score(some).window > 0.5)).all()
    script = WITHOUT_TORCH.format(module=Ensemble.__module__, name=Ensemble.__name__, folder=str(tmp_path))
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600)
    assert ran.stdout.startswith("ONNX Runtime")


@pytest.mark.slow
def test_from_normal_windows_to_findings(tmp_path: Path, hdfs: tuple[list[str], dict[str, str]]) -> None:
    lines, labels = hdfs
    write_log(tmp_path / "hdfs" / "HDFS.log", lines)
    write_labels(tmp_path / "hdfs", labels)
    sizes = ("lm.layers=1", "lm.hidden=16", "lm.heads=2", "lm.head_dim=8", "rl.episodes=0", "size.layers=1")
    tiny = [part for size in (*sizes, "lm.learning_rate=0.01", "size.hidden=32") for part in ("--set", size)]
    learn = (
        "train",
        "hdfs",
        "--detector",
        "ensemble",
        "--preset",
        "small",
        *tiny,
        "--train-share",
        "0.5",
        "--limit",
        "300",
    )
    assert "\nensemble: " in done(tmp_path, *learn, "--epochs", "10")
    learnt = card(tmp_path / "model")
    assert (learnt["split"]["protocol"], learnt["metrics"]["f1"] > 0.9) == ("logllama", True)
    done(tmp_path, "export", "model")
    exported = card(tmp_path / "model")["export"]
    assert exported["float"]["f1"] == learnt["metrics"]["f1"]
    assert exported["float"]["bytes"] > 0
    ran = logscan(tmp_path, "scan", "hdfs/HDFS.log", "--model", "model", "--json")
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.status, said[0]["detector"].partition(",")[0]) == (0, "ensemble (ONNX Runtime")
    assert [told["type"] for told in said][:2] == ["begin", "finding"]
    figures = json.loads(done(tmp_path, "evaluate", "model", "hdfs", "--format", "json"))
    assert figures["results"][0]["metrics"]["f1"] == learnt["metrics"]["f1"]
