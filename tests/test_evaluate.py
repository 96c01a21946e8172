"""Detectors and models side by side on corpora that are made here."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from test_train import bgl, corpus, hdfs

from logscan.corpora.reading import ReadOptions
from logscan.detectors.variants import variants
from logscan.errors import InputError, OptionError
from logscan.evaluation.compare import Options, evaluate
from logscan.models.bundle import save
from logscan.settings import parsed
from logscan.train import Options as TrainOptions
from logscan.train import train

Write = Callable[[str, Sequence[str]], str]
Hdfs = tuple[list[str], dict[str, str]]

TINY = ["lm.layers=1", "lm.heads=2", "lm.hidden=8", "lm.head_dim=4", "lm.intermediate=16", "lm.epochs=2", "folds=0"]
HALF = ReadOptions(train_share=0.5)

__all__ = ["hdfs"]  # a fixture


def test_the_baseline_and_the_counts(write: Write, hdfs: Hdfs) -> None:
    compared = evaluate([corpus(write, *hdfs)], Options(read=HALF))
    found = compared.evaluation
    assert (found.corpus, found.layout, found.protocol, found.window) == ("hdfs", "HDFS", "logllama", "session")
    assert (found.train, found.test, found.anomalous) == (270, 330, 60)
    assert found.labels == ("baseline", "counts")
    assert found.prevalence == 0.0293
    baseline, counts = found.results
    assert baseline.metrics.f1 > 0.9
    assert counts.metrics.precision == 1
    assert counts.metrics.recall < baseline.metrics.recall  # it cannot see that only the order is strange
    assert counts.confusion.tp + counts.confusion.fn == 60
    assert (baseline.cost.train, baseline.cost.size) != (None, None)
    assert None not in (counts.cost.train, counts.cost.score, counts.cost.latency, counts.cost.windows_per_second)
    assert not counts.top_k
    assert len(compared.curves) == 2


def test_a_network_and_variants_of_it_over_seeds(write: Write, hdfs: Hdfs) -> None:
    told: list[tuple[str, int, int]] = []
    options = Options(
        ("counts", "logllama", "logllama:rl.episodes=0"),
        settings=parsed([*TINY, "rl.episodes=1"]),
        seeds=(0, 1),
        read=HALF,
    )
    found = evaluate(
        [corpus(write, *hdfs)], options, epochs=lambda stage, epoch, of, figures: told.append((stage, epoch, of))
    ).evaluation
    assert found.labels == ("counts", "logllama rl.episodes=1", "logllama rl.episodes=0")
    assert found.seeds == (0, 1)
    first, *_ = told
    assert first == ("logllama, seed 0: language model", 1, 2)
    assert len(told) == 2 * (2 + 1 + 2)
    for result in found.results[1:]:
        assert [step.note for step in result.top_k].count("") < len(result.top_k)
        assert result.cost.size is not None
        assert result.cost.size > 1_000
        assert result.options["lm.epochs"] == 2
        low, high = result.intervals["f1"]
        assert low <= result.metrics.f1 <= high


def test_windows_of_labelled_lines(write: Write) -> None:
    lines = bgl(6000, [*range(1000, 1040), *range(4900, 4940)])
    read = ReadOptions(protocol="time", train_share=0.5, window="20")
    found = evaluate([write("BGL.log", lines)], Options(read=read, prevalence=0.01)).evaluation
    assert (found.protocol, found.window, found.anomalous) == ("time", "20", 2)
    baseline, counts = found.results
    assert baseline.metrics.recall == counts.metrics.recall == 1
    assert baseline.metrics.f1 > 0.6
    assert baseline.cost.latency is None
    assert any("reading of the log" in note for note in baseline.notes)
    assert baseline.at_prevalence is not None


@pytest.mark.slow
def test_a_model_is_tested_on_what_its_split_left(write: Write, hdfs: Hdfs, tmp_path: Path) -> None:
    folder = corpus(write, *hdfs)
    options = TrainOptions(0.5, 3, detector="logllama", settings=parsed([*TINY, "rl.episodes=0"]))
    model = train([folder], options)
    save(tmp_path / "model", model.profile, model.card, model.detector, model.held_out)
    found = evaluate([str(tmp_path / "model"), folder]).evaluation
    (result,) = found.results
    assert (found.train, found.test, found.anomalous, result.seeds) == (270, 330, 60, (3,))
    assert result.metrics.f1 == pytest.approx(model.card["metrics"]["f1"])
    assert "330 windows left" in result.notes[0]
    beside = evaluate([str(tmp_path / "model"), folder], Options(("counts",), seeds=(3,), read=HALF)).evaluation
    assert [r.detector for r in beside.results] == ["logllama", "counts"]
    shorter = corpus(write, hdfs[0][: len(hdfs[0]) // 2], hdfs[1])
    other = evaluate([str(tmp_path / "model"), shorter]).evaluation
    assert (other.protocol, other.train) == ("none", 0)
    assert "whatever it was trained on" in other.results[0].notes[0]
    with pytest.raises(OptionError, match="name a labelled corpus behind"):
        evaluate([str(tmp_path / "model")])


def test_a_baseline_model(write: Write, hdfs: Hdfs, tmp_path: Path) -> None:
    folder = corpus(write, *hdfs)
    model = train([folder])
    save(tmp_path / "model", model.profile, model.card)
    found = evaluate([str(tmp_path / "model"), folder]).evaluation
    assert (found.train, found.test, found.anomalous) == (432, 168, 60)
    assert found.results[0].metrics.f1 == model.card["metrics"]["f1"] > 0.9


def test_what_cannot_be_measured(write: Write, hdfs: Hdfs) -> None:
    with pytest.raises(InputError, match="no labels"):
        evaluate([write("app.log", ["one line", "another"])])
    with pytest.raises(InputError, match="one class only"):
        evaluate([corpus(write, hdfs[0], dict.fromkeys(hdfs[1], "Normal"))])
    with pytest.raises(InputError, match="too few"):
        evaluate([corpus(write, *hdfs)], Options(("counts",), read=ReadOptions(train_share=0.002)))


def test_variants() -> None:
    small, off = variants(["logllama", "logllama:rl.episodes=0:combine=counts"], "small", parsed(["lm.layers=2"]))
    assert (small.settings["lm.layers"], small.settings["lm.hidden"], small.settings["rl.episodes"]) == (2, 64, 10)
    assert (off.settings["rl.episodes"], off.settings["combine"]) == (0, "counts")
    assert [variant.name for variant in variants(["all"])][:3] == ["baseline", "counts", "pca"]


@pytest.mark.parametrize(
    ("wanted", "preset", "settings", "said"),
    [
        (["cuonts"], None, [], "did you mean counts"),
        (
            ["logllama", "counts"],
            None,
            ["rll.episodes=0"],
            r"logllama, counts: there is no option rll; did you mean rl\?",
        ),
        (["logllama"], None, ["rl.episods=0"], r"did you mean rl\.episodes"),
        (["counts"], None, ["rl.episodes=0"], "counts: there is no option rl$"),
        (["counts:a=1"], None, [], "counts has no options: leave out a=1"),
        (["baseline:a=1"], None, [], "baseline has no options: leave out a=1"),
        (["logllama:a"], None, [], "key=value"),
        (["logllama"], "smal", [], "there are paper, small"),
        (["counts"], "small", [], "have none"),
    ],
)
def test_options_that_mean_nothing(wanted: list[str], preset: str | None, settings: list[str], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        variants(wanted, preset, parsed(settings))
