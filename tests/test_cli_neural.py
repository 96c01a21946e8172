"""`logscan train --detector logllama`, `export`, `scan` and `evaluate` as processes, with a network of toy size."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from test_cli import COMMAND, Ran, environment, finished
from test_cli_scan import values
from test_imports import imported_by
from test_train import HEADER, hdfs

__all__ = ["hdfs"]  # a fixture

pytestmark = pytest.mark.slow  # most start processes that load torch

Hdfs = tuple[list[str], dict[str, str]]

ONE_CORE = {"OMP_NUM_THREADS": "1"}
SIZES = ("layers=1", "heads=2", "hidden=8", "head_dim=4", "intermediate=16", "batch=2", "learning_rate=0.02")
TINY = [
    part
    for pair in (*(f"lm.{size}" for size in SIZES), "rl.episodes=1", "folds=2", "improbable=0.1")
    for part in ("--set", pair)
]
TRAIN = ["train", "hdfs", "--detector", "logllama", *TINY, "--train-share", "0.5", "--epochs", "20"]
WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from logscan.cli import main
main()
"""
TORCH = ("torch", "transformers", "accelerate", "safetensors", "onnx", "onnxscript")  # what exporting is to spare
ODD = "2026-03-02 08:12:30 ERROR disk: cannot write to /var/lib/x, read-only file system"
PLAIN = [
    f"2026-03-02 08:{n // 120:02}:{n // 2 % 60:02} INFO {'web: page {} sent' if n % 2 else 'db: row {} read'}".format(n)
    for n in range(2000)
]


def logscan(folder: Path, *args: str) -> Ran:
    """The command in this folder, on one core."""
    return finished([*COMMAND, *args], folder, more=ONE_CORE)


def without(names: Sequence[str], folder: Path, *args: str) -> Ran:
    """The command where these packages cannot be imported."""
    return finished([sys.executable, "-c", WITHOUT, ",".join(names), *args], folder, more=ONE_CORE)


def done(folder: Path, *args: str) -> str:
    """What the command prints, once it has ended well."""
    ran = logscan(folder, *args)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


def error_of(ran: Ran) -> str:
    """The one line that a command says where it cannot go on."""
    assert (ran.status, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("logscan: ")
    return line


def write_log(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def write_labels(folder: Path, labels: dict[str, str]) -> None:
    write_log(folder / "anomaly_label.csv", ["BlockId,Label", *(f"{name},{label}" for name, label in labels.items())])


def card(folder: Path) -> dict[str, Any]:
    """What a model says of itself, but when it was made."""
    read: dict[str, Any] = json.loads((folder / "model.json").read_text())
    del read["created"]
    return read


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, hdfs: Hdfs) -> Path:
    """`hdfs/`, a labelled corpus; `model`, trained on it; `plain.log` without sessions, `odd.log` with a line more."""
    folder = tmp_path_factory.mktemp("neural")
    lines, labels = hdfs
    write_log(folder / "hdfs" / "HDFS.log", lines)
    write_labels(folder / "hdfs", labels)
    write_log(folder / "plain.log", PLAIN)
    write_log(folder / "odd.log", [*PLAIN[:1500], ODD, *PLAIN[1500:]])
    learnt, training, *held_out = done(folder, *TRAIN).splitlines()
    assert learnt == "model: 2,970 records, 5 templates, 270 sessions"
    assert training.startswith("logllama: 808 parameters, 5 keys, 20 distinct windows, 20 epochs, held out loss ")
    assert [line.partition(": ")[0] for line in held_out] == [
        "held out, 330 windows at a prevalence of 18.18%",
        "held out, 330 windows at a prevalence of 2.93%",
    ]
    return folder


@pytest.fixture(scope="module")
def exported(folder: Path) -> Path:
    """The model, exported, in a place of its own: not to be changed."""
    shutil.copytree(folder / "model", folder / "exported")
    compared, size = done(folder, "export", "exported").splitlines()
    assert compared.startswith("exported: ONNX and torch differ by ")
    assert size.startswith("float: ")
    assert " bytes, F1 " in size
    return folder / "exported"


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """The exported model, to be broken."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def test_the_model_says_what_was_learnt_and_how_good_it_is(folder: Path) -> None:
    card = json.loads(done(folder, "inspect", "model", "--json"))
    assert (card["detector"], card["corpus"], card["window"], card["windows"]) == ("logllama", "hdfs", "session", 270)
    assert card["split"] == {
        "protocol": "logllama",
        "train_share": 0.5,
        "seed": 0,
        "limit": None,
        "window": "session",
    }
    assert card["held_out"] == {"windows": 330, "anomalous": 60}
    assert card["training"]["epochs"] == 20
    assert len(card["training"]["rewards"]) == 1
    assert card["metrics"]["f1"] > 0.9
    assert card["at_prevalence"]["prevalence"] == 0.0293
    assert "## training" in done(folder, "inspect", "model").splitlines()


def test_a_scan_says_which_steps_were_expected(folder: Path, exported: Path, hdfs: Hdfs) -> None:
    ran = logscan(folder, "scan", "hdfs/HDFS.log", "--model", exported.name, "--json", "--stats")
    begin, findings, summary = values(ran)
    assert (begin["detector"], begin["model"]) == ("logllama (ONNX Runtime, CPU)", "exported")
    assert "judged by logllama (ONNX Runtime, CPU)" in ran.err
    assert summary["windows"] == 600
    assert {finding["kind"] for finding in findings} == {"order", "count"}
    blocks = {name for name, label in hdfs[1].items() if label == "Anomaly"}
    for finding in findings:
        assert finding["window"].removeprefix("session ") in blocks
        for line in finding["lines"]:
            chances = [expected["p"] for expected in line["expected"]]
            assert 1 >= chances[0] >= chances[-1] >= 0
            assert sum(chances) <= 1.001
    named = {word for finding in findings for line in finding["lines"] for word in line["text"].split()}
    assert len(named & blocks) > 0.9 * len(blocks)


def test_torch_and_onnx_find_the_same(folder: Path, exported: Path) -> None:
    torch, onnx = (
        values(logscan(folder, "scan", "hdfs/HDFS.log", "--model", name, "--json")) for name in ("model", exported.name)
    )
    assert torch[0]["detector"] == "logllama (torch)"
    assert [(f["id"], f["count"]) for f in torch[1]] == [(f["id"], f["count"]) for f in onnx[1]]


def test_an_exported_model_scans_without_torch(folder: Path, exported: Path) -> None:
    args = ("scan", "hdfs/HDFS.log", "--model", exported.name)
    ran, usual = without(TORCH, folder, *args), logscan(folder, *args)
    assert ran.status == 0
    assert len(ran.out.splitlines()) > 50
    assert ran.out == usual.out


def test_an_exported_model_imports_no_torch(folder: Path, exported: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "logscan", "scan", "hdfs/HDFS.log", "--model", exported.name]
    names = imported_by(finished(command, folder, more=ONE_CORE).err)
    assert "onnxruntime" in names
    assert not names & {*TORCH, "matplotlib", "sklearn"}


@pytest.mark.parametrize(
    ("missing", "args", "said"),
    [
        (TORCH, ("scan", "plain.log", "--model", "model"), "run `logscan export` on it where it was trained, or pip"),
        (TORCH, ("export", "model"), "export needs torch and onnx"),
        (TORCH, TRAIN, "logllama trains with torch: pip install 'logscan[train]'"),
        (TORCH, ("evaluate", "hdfs", "--detector", "logllama"), "pip install 'logscan[train]'"),
        (("onnxruntime",), ("scan", "plain.log", "--model", "exported"), "pip install 'logscan[cpu]'"),
        (("matplotlib",), ("evaluate", "hdfs", "--plots", "plots"), "matplotlib"),
    ],
)
def test_what_is_not_installed_is_named(
    folder: Path, exported: Path, missing: Sequence[str], args: Sequence[str], said: str
) -> None:
    before = contents(folder / "model")
    assert said in error_of(without(missing, folder, *args))
    assert contents(folder / "model") == before


def test_an_export_with_eight_bits_and_another_without(copy: Path, folder: Path) -> None:
    def flagged() -> int:
        ran = logscan(copy.parent, "scan", str(folder / "hdfs" / "HDFS.log"), "--model", "copy")
        assert ran.status == 0
        return len(ran.out.splitlines())

    out = done(copy.parent, "export", "copy", "--int8")
    assert [line.partition(":")[0] for line in out.splitlines()] == ["copy", "float", "int8"]
    exports = card(copy)["export"]
    assert exports["int8"]["f1"] == pytest.approx(exports["float"]["f1"], abs=0.05)
    (copy / "detector.onnx").write_bytes(b"")  # nobody looks at it
    assert flagged() > 50
    done(copy.parent, "export", "copy")
    assert not (copy / "detector.int8.onnx").exists()
    assert flagged() > 50


def test_a_damaged_export_is_made_again(copy: Path, folder: Path) -> None:
    (copy / "detector.onnx").write_bytes((copy / "detector.onnx").read_bytes()[:1000])
    said = error_of(logscan(copy.parent, "scan", str(folder / "plain.log"), "--model", "copy"))
    assert "export the model again" in said
    done(copy.parent, "export", "copy")
    assert card(copy)["export"]["largest_difference"] < 1e-4


@pytest.mark.parametrize("name", ["detector.onnx", "detector.json", "keys.json", "held_out.json"])
def test_what_is_truncated(copy: Path, folder: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    args = ("export", "copy") if name == "held_out.json" else ("scan", str(folder / "plain.log"), "--model", "copy")
    said = error_of(logscan(copy.parent, *args))
    assert "damaged" in said
    assert "again" in said


def test_truncated_weights(copy: Path, folder: Path) -> None:
    content = (copy / "weights.safetensors").read_bytes()
    (copy / "weights.safetensors").write_bytes(content[:-100])
    (copy / "detector.onnx").unlink()
    said = error_of(logscan(copy.parent, "scan", str(folder / "plain.log"), "--model", "copy"))
    assert "weights.safetensors is damaged" in said


def test_a_log_without_sessions_is_cut_by_time(folder: Path, copy: Path) -> None:
    out = done(folder, "train", "plain.log", "--detector", "logllama", *TINY, "--epochs", "5", "-o", "plain")
    assert "plain: 2,000 records, 2 templates, 0 sessions" in out.splitlines()[0]
    assert (card(folder / "plain")["window"], card(folder / "plain")["windows"]) == ("60s", 17)
    assert "metrics" not in card(folder / "plain")
    assert "F1" not in done(folder, "export", "plain")
    ran = logscan(folder, "scan", "plain.log", "odd.log", "--model", "plain", "--stats")
    assert ran.out == f"odd.log:1501:{ODD}\n"
    assert "34 windows; judged by logllama" in ran.err
    for name in ("detector.json", "detector.onnx"):  # of another model
        of_ours = (copy / name).read_bytes()
        shutil.copy(folder / "plain" / name, copy)
        said = error_of(logscan(copy.parent, "scan", str(folder / "hdfs" / "HDFS.log"), "--model", "copy"))
        assert "again" in said
        (copy / name).write_bytes(of_ours)


def test_a_log_with_sessions_and_without_labels(folder: Path, hdfs: Hdfs, tmp_path: Path) -> None:
    lines, labels = hdfs
    bad = {name for name, label in labels.items() if label == "Anomaly"}
    good = [line for line in lines if not bad & set(line.split())]
    write_log(tmp_path / "good.log", good)
    done(tmp_path, "train", "good.log", "--detector", "logllama", *TINY, "--epochs", "20", "--limit", "300")
    made = card(tmp_path / "model")
    assert (made["window"], made["windows"], made["options"]["limit"]) == ("session", 300, 300)
    ran = logscan(tmp_path, "scan", str(folder / "hdfs" / "HDFS.log"), "--model", "model", "--json")
    assert {finding["kind"] for finding in values(ran)[1]} == {"order", "count"}


def test_a_model_is_evaluated_on_what_its_split_left(folder: Path, exported: Path) -> None:
    found = json.loads(done(folder, "evaluate", exported.name, "hdfs", "--format", "json"))
    assert found["windows"] == {"train": 270, "test": 330, "anomalous": 60}
    (result,) = found["results"]
    assert result["options"]["model"] == "exported"
    assert result["metrics"]["f1"] == pytest.approx(card(exported)["metrics"]["f1"], abs=1e-6)


def test_a_training_that_was_killed_goes_on(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "hdfs", tmp_path / "hdfs")
    done(tmp_path, "train", "hdfs")
    older = contents(tmp_path / "model")
    checkpoint = tmp_path / ".model.training" / "language model.pt"
    killed = subprocess.Popen(
        [*COMMAND, *TRAIN], cwd=tmp_path, env=environment(tmp_path, ONE_CORE), stderr=subprocess.PIPE
    )
    latest = monotonic() + 600
    while not checkpoint.exists() and killed.poll() is None and monotonic() < latest:
        sleep(0.002)
    killed.kill()
    killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL
    assert contents(tmp_path / "model") == older
    said = error_of(logscan(tmp_path, *TRAIN, "--resume", "--seed", "1"))
    assert "leave out --resume to begin anew" in said
    done(tmp_path, *TRAIN, "--resume")
    assert not checkpoint.parent.exists()
    assert card(tmp_path / "model") == card(folder / "model")  # as if nothing had happened


@pytest.fixture(scope="module")
def unusable(tmp_path_factory: pytest.TempPathFactory, hdfs: Hdfs) -> Path:
    """Corpora, models and settings with which nothing can be done, and `hdfs/` with which all can."""
    folder = tmp_path_factory.mktemp("unusable")
    lines, labels = hdfs
    of = {
        "hdfs": labels,
        "foreign": {"blk_1": "Normal", "blk_2": "Anomaly"},
        "one": dict.fromkeys(labels, "Normal"),
        "hollow": labels,
    }
    for name, rows in of.items():
        write_log(folder / name / "HDFS.log", [] if name == "hollow" else lines)
        write_labels(folder / name, rows)
    (folder / "empty").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "model.json").write_text('{"a": 1}')
    (folder / "bad.toml").write_text("lm = [")
    (folder / "odd.toml").write_text("lm = {layrs = 2}")
    write_log(folder / "short.log", [f"{HEADER.format(1)} web: page sent"])
    done(folder, "train", "hdfs", "-o", "baseline")
    return folder


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("train foreign --detector logllama", "no label matches the log: the labels name 'blk_1'"),
        ("evaluate foreign", "no label matches the log: the labels name 'blk_1'"),
        ("train one --detector logllama", "labels of one class only"),
        ("evaluate one", "labels of one class only"),
        ("train short.log --detector logllama", "too few to learn from"),
        ("train hdfs --detector logllama --set lm.layrs=2", "there is no option lm.layrs: did you mean lm.layers?"),
        ("train hdfs --detector logllama --set lm.layers=x", "lm.layers should be of type int"),
        (
            "train hdfs --detector logllama -c odd.toml",
            "odd.toml: there is no option lm.layrs: did you mean lm.layers?",
        ),
        ("train hdfs --detector logllama --preset smal", "'smal': there are paper, small"),
        ("train hdfs --detector logllama --protocol logllama2", "there are logllama, logllm, time"),
        ("train hdfs --detector logllma", "did you mean logllama?"),
        ("train hdfs --detector all", "no detector is called 'all'"),
        ("train hdfs --detector logllama --config bad.toml", "bad.toml is no TOML"),
        ("train hdfs --detector logllama -c none.toml", "none.toml cannot be read"),
        ("train hdfs --set lm.layers=2", "baseline: there is no option lm"),
        ("train hdfs --epochs 2", "baseline: nothing is learnt in epochs"),
        ("export baseline", "baseline holds no network"),
        ("inspect hdfs", "hdfs is no model"),
        ("export other", "other was not written by logscan"),
        ("scan short.log --model other", "other was not written by logscan"),
        ("evaluate other hdfs", "other was not written by logscan"),
        ("evaluate baseline", "name a labelled corpus behind baseline"),
    ],
)
def test_what_cannot_be_done_is_one_line(unusable: Path, args: str, said: str) -> None:
    assert said in error_of(logscan(unusable, *args.split()))


@pytest.mark.parametrize("command", ["train {} --detector logllama", "evaluate {}"])
@pytest.mark.parametrize("corpus", ["empty", "hollow", "none"])
def test_a_corpus_that_holds_nothing(unusable: Path, command: str, corpus: str) -> None:
    ran = logscan(unusable, *command.format(corpus).split())
    assert (ran.status, ran.out) == (2, "")
    *problems, reason = ran.err.splitlines()
    assert len(problems) <= 1  # with a source
    assert reason.startswith(f"logscan: {corpus}")
