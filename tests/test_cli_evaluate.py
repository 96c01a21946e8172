"""`logscan evaluate` as a process."""

import json
import re
from pathlib import Path

import pytest
from test_cli import run
from test_evaluate import TINY
from test_train import HEADER, hdfs

from logscan.detectors.registry import detector_class, names

__all__ = ["hdfs"]  # a fixture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, hdfs: tuple[list[str], dict[str, str]]) -> Path:
    """`hdfs/` with labels, `one/` with those of one class, and `app.log` without any."""
    folder = tmp_path_factory.mktemp("evaluate")
    lines, labels = hdfs
    for name, rows in (("hdfs", labels), ("one", dict.fromkeys(labels, "Normal"))):
        (folder / name).mkdir()
        (folder / name / "HDFS.log").write_text("".join(f"{line}\n" for line in lines))
        table = "".join(f"{block},{label}\n" for block, label in rows.items())
        (folder / name / "anomaly_label.csv").write_text(f"BlockId,Label\n{table}")
    (folder / "app.log").write_text(f"{HEADER.format(1)} web: a page was sent\n" * 50)
    return folder


@pytest.mark.slow
def test_json(folder: Path) -> None:
    args = [part for pair in TINY for part in ("--set", pair)]
    names = "baseline,counts,logllama:rl.episodes=0"
    done = run(folder, "evaluate", "hdfs", "--detector", names, "--train-share", "0.5", *args, "--format", "json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["version"], found["corpus"], found["protocol"]) == (1, "hdfs", "logllama")
    assert found["windows"] == {"train": 270, "test": 330, "anomalous": 60}
    assert [result["detector"] for result in found["results"]] == ["baseline", "counts", "logllama"]
    for result in found["results"]:
        assert result["at_prevalence"]["prevalence"] == 0.0293
        assert result["seconds"]["score"] > 0
        assert result["latency_ms"] > 0
        assert bool(result["sweeps"]["top_k"]) == (result["detector"] == "logllama")


@pytest.mark.slow
def test_tables(folder: Path) -> None:
    done = run(folder, "evaluate", "hdfs", "--train-share", "0.5", "--seeds", "0,1")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(
        "hdfs (HDFS), protocol logllama, windows by session, seeds 0, 1: learnt from 270 windows"
    )
    assert "At a prevalence of 2.93%" in done.out
    assert "\x1b" not in done.out


@pytest.mark.slow
def test_markdown_and_a_page_with_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page, plots = tmp_path / "page.html", tmp_path / "plots"
    args = ("--detector", "counts", "--format", "markdown", "--html", str(page), "--plots", str(plots))
    done = run(folder, "evaluate", "hdfs", "--train-share", "0.5", "--protocol", "logllama", *args)
    assert done.status == 0
    assert "| **counts** |" in done.out
    assert page.read_text().startswith("<!doctype html>")
    assert {"roc.svg", "confusion.png"} <= {path.name for path in plots.iterdir()}


@pytest.mark.slow
def test_all_detectors(folder: Path) -> None:
    args = ("--detector", "all", "--preset", "small", "--epochs", "1", "--encoder", "scratch", "--limit", "200")
    done = run(folder, "evaluate", "hdfs", *args, "--train-share", "0.5", "--format", "json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    measured = {result["detector"]: result for result in found["results"]}
    left_out = {one["detector"]: one["why"] for one in found["left_out"]}
    assert found["protocol"] == "logllama"
    assert {*measured, *left_out} == {*names()}
    assert {*left_out} == {name for name in names() if (cls := detector_class(name)) and cls.supervised}
    assert all("--protocol logllm leaves some there" in why for why in left_out.values())
    assert "--preset small, --epochs, encoder mean nothing to it" in measured["counts"]["notes"]
    assert not measured["plelog"]["notes"]
    assert measured["deeplog"]["options"]["epochs"] == measured["logllama"]["options"]["lm.epochs"] == 1
    assert all(result["seconds"]["train"] and result["size_bytes"] for result in found["results"][1:])


@pytest.mark.slow
def test_what_needs_a_network_that_is_not_there_is_left_out(folder: Path) -> None:
    args = ("--detector", "all", "--preset", "small", "--epochs", "1", "--encoder", "none/such", "--limit", "200")
    done = run(folder, "evaluate", "hdfs", *args, "--protocol", "logllm", more={"HF_HUB_OFFLINE": "1"})
    assert (done.status, done.err) == (0, "")
    for name in ("logrobust", "cnn", "neurallog", "plelog", "rapid", "logllm", "bert"):
        assert f"{name} is left out: --encoder none/such is no folder, and the hub does not give it" in done.out
    assert re.search(r"^llama-prompt +\d", done.out, flags=re.MULTILINE)


def test_settings_of_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[lm]\nlayers = 1\nheads = 2\nhidden = 8\nhead_dim = 3\n")
    done = run(folder, "evaluate", "hdfs", "--detector", "logllama", "-c", str(tmp_path / "run.toml"))
    assert (done.status, done.out) == (2, "")
    assert done.err == "logscan: lm.head_dim should be even: rotary position embedding turns pairs\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["app.log"], "app.log has no labels"),
        (["one"], "labels of one class only"),
        (["none"], "none"),
        (["hdfs", "--detector", "logllma"], "did you mean logllama?"),
        (["hdfs", "--detector", "logllama", "--set", "rl.episods=0"], "did you mean rl.episodes?"),
        (["hdfs", "--set", "rl.episodes=0"], "baseline, counts: there is no option rl"),
        (["hdfs", "--epochs", "3"], "baseline, counts: nothing is learnt in epochs: leave out --epochs"),
        (["hdfs", "--detector", "counts,logllama", "--llm", "x"], "counts, logllama: there is no option llm"),
        (["hdfs", "--preset", "small"], "no preset is called 'small'"),
        (["hdfs", "--protocol", "logllama2"], "no protocol is called"),
        (["hdfs", "--seeds", "0,x"], "should be numbers such as 0,1,2"),
        (["hdfs", "-c", "none.toml"], "none.toml cannot be read"),
    ],
)
def test_what_cannot_be_evaluated(folder: Path, args: list[str], said: str) -> None:
    done = run(folder, "evaluate", *args)
    assert (done.status, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
