"""Detectors by name: one of another package is trained, kept, loaded and measured as the built-in ones are."""

import json
import os
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from detector_words import Words
from test_cli import run
from test_train import bgl, hdfs

from logscan.corpora.reading import ReadOptions
from logscan.detectors.counts import CountVectors
from logscan.detectors.registry import BUILT_IN, detector_class, epochs_of, names, saved_class, training
from logscan.detectors.variants import usual_protocol, variants
from logscan.errors import InputError, LogscanError, ModelError, OptionError
from logscan.evaluation.compare import Options as EvaluationOptions
from logscan.evaluation.compare import evaluate
from logscan.evaluation.tables import notes
from logscan.models.bundle import load, save, size_of
from logscan.models.export import export
from logscan.train import Model, Options, train

__all__ = ["hdfs"]  # a fixture

Write = Callable[[str, Sequence[str]], str]
ALERTS = [*range(100, 140), *range(900, 940), *range(1700, 1720)]
ENTRIES = """[logscan.detectors]
words = detector_words:Words
kept = detector_words:Kept
broken = detector_broken:Broken
counts = detector_words:Kept
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that brings `words`, which learns from anomalies, `kept`, which cannot be saved, and `broken`."""
    info = tmp_path / "packages" / "words-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: words\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(info.parent))
    return info.parent


def options(**more: object) -> Options:
    return Options(**{"train_share": 0.5, "window": "20", "protocol": "logllm", "detector": "words", **more})  # type: ignore[arg-type]


def kept(folder: Path, model: Model) -> Path:
    save(folder, model.profile, model.card, model.detector, model.held_out)
    return folder


@pytest.mark.usefixtures("installed")
def test_another_package_brings_detectors_but_cannot_take_a_built_in_name() -> None:
    assert names() == ["baseline", *BUILT_IN, "broken", "kept", "words"]
    assert detector_class("words") is Words
    assert detector_class("counts") is CountVectors
    assert epochs_of(Words) == ("passes",)
    with pytest.raises(OptionError, match="kept cannot be saved"):
        saved_class("kept")


@pytest.mark.usefixtures("installed")
def test_options_for_all_that_know_them() -> None:
    words, llama, counts = variants(["words", "logllama", "counts"], "small", {"encoder": "x"}, epochs=3)
    assert (words.options.passes, words.options.encoder) == (3, "x")
    assert words.chosen == {"passes": 3, "encoder": "x"}
    assert (llama.options.lm.epochs, llama.options.lm.layers) == (3, 4)
    assert counts.chosen == {}
    assert [variant.reads for variant in (words, llama, counts)] == ["masked", None, None]
    assert variants(["words:passes=2"], "deep", epochs=3)[0].options.passes == 2
    with pytest.raises(OptionError, match="baseline, counts: nothing is learnt in epochs"):
        variants(["baseline", "counts"], epochs=3)
    asked: tuple[list[str], ...] = (["counts", "words:passes=2"], ["all", "words"], ["all"], ["counts"], [])
    assert [usual_protocol(wanted) for wanted in asked] == ["logllm"] * 2 + ["logllama"] * 3


@pytest.mark.usefixtures("installed")
def test_what_was_asked_of_all_and_means_nothing_to_one_is_noted() -> None:
    by_name = {variant.name: variant for variant in variants(["all", "counts"], "small", {"encoder": "x"}, epochs=3)}
    unused = {name: list(variant.unused) for name, variant in by_name.items()}
    assert unused["baseline"] == unused["pca"] == ["--preset small", "--epochs", "encoder"]
    assert (unused["words"], unused["logllama"], unused["plelog"]) == (["--preset small"], ["encoder"], [])
    assert by_name["pca"].notes == ("--preset small, --epochs, encoder mean nothing to it",)
    assert (by_name["words"].notes, by_name["plelog"].notes) == (("--preset small means nothing to it",), ())
    assert [name for name, variant in by_name.items() if not variant.of_all] == ["counts"]
    assert not any(variant.unused for variant in variants(["all"]))


@pytest.mark.usefixtures("installed")
def test_from_messages_with_labels_to_a_model_and_its_figures(write: Write, tmp_path: Path) -> None:
    path, told = write("BGL.log", bgl(2000, ALERTS)), []
    model = train([path], options(), epochs=lambda stage, epoch, of, figures: told.append((stage, epoch, of)))
    assert told == [("reading", 1, 1)]
    card = model.card
    assert card["training"] == {"messages": 1, "epochs": 1, "held_out_loss": 0.25, "losses": [0.25]}
    assert card["threshold"] == {"how": "one bad message is enough"}
    assert (card["windows"], card["span"], card["metrics"]["f1"]) == (46, 19, 1.0)
    assert card["split"] == {"protocol": "logllm", "train_share": 0.5, "seed": 0, "limit": None, "window": "20"}
    folder = kept(tmp_path / "model", model)
    assert size_of(folder) == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    read = load(folder)
    assert isinstance(read.detector, Words)
    assert (read.card["detector"], read.detector.bad_) == ("words", {"data TLB error interrupt"})
    found = evaluate([str(folder), path]).evaluation
    assert (found.protocol, found.train, found.test, found.anomalous) == ("logllm", 50, 50, 1)
    assert found.results[0].metrics.f1 == 1
    with pytest.raises(ModelError, match="holds no network: the words detector scans as it is"):
        export(folder)


@pytest.mark.usefixtures("installed")
def test_a_model_of_a_detector_that_is_not_there_any_more(
    write: Write, tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept(tmp_path / "model", train([write("BGL.log", bgl(2000, ALERTS))], options()))
    (installed / "words-1.0.dist-info" / "entry_points.txt").write_text("")
    with pytest.raises(ModelError, match="a version that knows other detectors"):
        load(folder)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("detector", ["kept", ["words"], {}, None])
def test_a_card_that_names_no_detector_of_models(write: Write, tmp_path: Path, detector: object) -> None:
    folder = kept(tmp_path / "model", train([write("BGL.log", bgl(200))]))
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "detector": detector}))
    with pytest.raises(ModelError, match="kept cannot be saved" if detector == "kept" else "knows other detectors"):
        load(folder)


@pytest.mark.usefixtures("installed")
def test_a_corpus_is_read_once_for_all_that_read_the_same_of_it(write: Write) -> None:
    doing: list[str] = []
    found = evaluate(
        [write("BGL.log", bgl(2000, ALERTS))],
        EvaluationOptions(
            ("counts", "words", "kept", "words:passes=2", "words:input=raw"),
            read=ReadOptions(protocol="logllm", train_share=0.5, window="20"),
        ),
        lambda what, read, size: doing.append(what),
    ).evaluation
    assert (found.train, found.test, found.anomalous) == (50, 50, 1)
    assert [result.metrics.f1 for result in found.results] == [1, 1, 0, 1, 1]
    assert [what for what, _ in groupby(doing)].count("reading the test part") == 3  # without messages, masked, raw


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("message", "error"), [("bad luck", ModelError), ("", ZeroDivisionError)])
def test_the_others_are_shown_where_one_fails(write: Write, message: str, error: type[Exception]) -> None:
    compared = evaluate(
        [write("BGL.log", bgl(2000, ALERTS))],
        EvaluationOptions(
            ("counts", f"broken:message={message}", "words:passes=2"),
            epochs=1,
            seeds=(0, 1),
            read=ReadOptions(protocol="logllm", train_share=0.5, window="20"),
        ),
    )
    found = compared.evaluation
    assert [(result.detector, result.seeds) for result in found.results] == [("counts", (0, 1)), ("words", (0, 1))]
    assert found.results[0].notes[0] == "--epochs means nothing to it"
    ((name, why),) = found.left_out
    assert (name, why) == ("broken", message or "ZeroDivisionError: division by zero")
    assert [type(failed) for failed in compared.failed] == [error]
    assert f"broken is left out: {why}" in list(notes(found))
    assert found.to_json()["left_out"] == [{"detector": "broken", "why": why}]
    assert len(compared.curves) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_what_learns_from_anomalies_says_so_where_there_are_none(write: Write) -> None:
    path = write("BGL.log", bgl(2000, ALERTS))
    read = ReadOptions(protocol="logllama", train_share=0.5, window="20")
    with pytest.raises(InputError, match=r"words learns from anomalous windows too.*--protocol logllm"):
        train([path], options(protocol="logllama"))
    for wanted in (("words",), ("counts", "words")):
        with pytest.raises(InputError, match=r"words learns from anomalous windows too.*--protocol logllm"):
            evaluate([path], EvaluationOptions(wanted, read=read))
    with pytest.raises(InputError, match=r"app\.log has no labels, and words learns from anomalous windows too"):
        train([write("app.log", ["one line", "another"])], options())
    with pytest.raises(OptionError, match="kept cannot be saved"):
        train([path], options(detector="kept"))


def test_the_table_of_counts_as_a_model(write: Write, tmp_path: Path, hdfs: tuple[list[str], dict[str, str]]) -> None:
    write("hdfs/anomaly_label.csv", ["BlockId,Label", *(f"{name},{label}" for name, label in hdfs[1].items())])
    corpus = str(Path(write("hdfs/HDFS.log", hdfs[0])).parent)
    folder = kept(tmp_path / "model", train([corpus], Options(0.5, detector="counts")))
    read = load(folder)
    assert isinstance(read.detector, CountVectors)
    assert read.detector.provider == "numpy"
    assert "threshold" not in read.card
    found = evaluate([str(folder), corpus]).evaluation
    assert (found.test, found.results[0].metrics.f1) == (330, read.card["metrics"]["f1"])
    for damaged in ("{", "{}", '{"vectors":[-1]}', '{"vectors":["x"]}'):
        (folder / "detector.json").write_text(damaged)
        with pytest.raises(ModelError, match="is damaged"):
            load(folder)


def test_four_bits_need_another_package() -> None:
    with (
        pytest.raises(LogscanError, match=r"words trains with bitsandbytes: pip install 'logscan\[qlora\]'"),
        training("words"),
    ):
        raise ModuleNotFoundError("No module named 'bitsandbytes'", name="bitsandbytes")


@pytest.mark.slow
def test_the_command(write: Write, installed: Path) -> None:
    """The protocol, the options with names of their own, and what is said of a training."""
    write("BGL.log", bgl(2000, ALERTS))
    place = os.pathsep.join([str(installed), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])

    def logscan(*args: str) -> tuple[int, list[str], str]:
        done = run(installed.parent, *args, more={"PYTHONPATH": place})
        return done.status, done.out.splitlines(), done.err

    shared = ("BGL.log", "--train-share", "0.5", "--window", "20")
    typed = ("--epochs", "2", "--encoder", "bert", "--include-base")
    status, out, err = logscan("train", *shared, "--detector", "words", *typed)
    assert (status, err) == (0, "")
    assert out[1] == "words: 1 messages, 2 epochs, held out loss 0.2500"
    card = json.loads((installed.parent / "model" / "model.json").read_text())
    assert card["split"]["protocol"] == "logllm"
    assert card["options"]["settings"] == {"passes": 2, "encoder": "bert", "include_base": True}
    status, out, err = logscan("evaluate", *shared, "--detector", "words,counts", "--format", "json")
    assert (status, json.loads("".join(out))["protocol"], err) == (0, "logllm", "")
    status, out, err = logscan("evaluate", *shared, "--detector", "counts,broken")
    assert (status, err) == (2, "logscan: bad luck\n")
    assert "broken is left out: bad luck" in out
    assert any(line.startswith("counts") for line in out)
