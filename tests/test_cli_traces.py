"""`bert` and `llama-prompt` from the command line, with networks of toy size; and pairs for other trainers."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli_neural import card, done, error_of, logscan, write_labels, write_log
from test_train import hdfs

__all__ = ["hdfs"]  # a fixture

Hdfs = tuple[list[str], dict[str, str]]
SIZES = ("size.layers=1", "size.hidden=32", "size.intermediate=64")
TINY = [part for size in SIZES for part in ("--set", size)]


@pytest.fixture
def folder(tmp_path: Path, hdfs: Hdfs) -> Path:
    """A labelled corpus in `hdfs/`."""
    lines, labels = hdfs
    write_log(tmp_path / "hdfs" / "HDFS.log", lines)
    write_labels(tmp_path / "hdfs", labels)
    return tmp_path


@pytest.mark.slow
def test_pairs_for_other_trainers(folder: Path) -> None:
    assert done(folder, "train", "hdfs", "--write-pairs", "pairs.jsonl", "--limit", "100") == "pairs.jsonl: 80 pairs\n"
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    assert {pair["completion"] for pair in pairs} == {"Label: Normal", "Label: Anomaly"}
    assert all(pair["prompt"].startswith("Log trace: E1 E") and pair["prompt"].endswith("\n") for pair in pairs[:9])
    assert not (folder / "model").exists()


@pytest.mark.slow
def test_pairs_that_cannot_be_written(folder: Path) -> None:
    told = error_of(logscan(folder, "train", "hdfs", "--write-pairs", "pairs.jsonl", "--protocol", "logllama"))
    assert told == "logscan: hdfs: there is no anomalous window in the training part: --protocol logllm leaves some"
    told = error_of(logscan(folder, "train", "hdfs", "--write-pairs", "none/pairs.jsonl"))
    assert told == "logscan: none/pairs.jsonl cannot be written: No such file or directory"


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["bert", "llama-prompt"])
def test_from_labels_to_findings(detector: str, folder: Path) -> None:
    more: list[str] = []
    if detector == "llama-prompt":
        done(folder, "train", "hdfs", "--write-pairs", "pairs.jsonl")
        more = ["--set", "pairs=pairs.jsonl"]
    told = done(folder, "train", "hdfs", "--detector", detector, "--preset", "small", *TINY, "--epochs", "10", *more)
    assert f"\n{detector}: " in told
    learnt: dict[str, Any] = card(folder / "model")
    assert (learnt["split"]["protocol"], learnt["metrics"]["f1"] > 0.9) == ("logllm", True)
    assert len(learnt["training"]["validated"]) == learnt["training"]["epochs"] == 10
    assert set(learnt["threshold"]) == {"log_odds", "how"}
    done(folder, "export", "model")
    ran = logscan(folder, "scan", "hdfs/HDFS.log", "--model", "model", "--json")
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.status, said[0]["detector"].partition(",")[0]) == (0, f"{detector} (ONNX Runtime")
    assert [told["type"] for told in said][:2] == ["begin", "finding"]
    figures = json.loads(done(folder, "evaluate", "model", "hdfs", "--format", "json"))
    assert figures["results"][0]["metrics"]["f1"] == learnt["metrics"]["f1"]
