"""`logscan train --detector logllm`, `export`, `scan` and `evaluate` as processes, with networks of toy size."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from small_models import save_decoder, save_encoder
from test_cli_neural import TORCH, card, done, error_of, logscan, without, write_labels, write_log

SIZES = ("layers=1", "heads=2", "hidden=32", "intermediate=64", "vocabulary=400", "length=160")
OPTIONS = ("batch=16", "at_once=16", "messages=32", "tokens=32", "answer.epochs=4", "whole.learning_rate=0.002")
TINY = [part for pair in (*(f"size.{size}" for size in SIZES), *OPTIONS) for part in ("--set", pair)]
TRAIN = ["train", "farm", "--detector", "logllm", "--preset", "small", *TINY, "--set", "whole.epochs=25"]
STEPS = ("taken from the queue", "scene of {} MB read", "tile {} drawn", "stored as /var/farm/{}.png")
FAULTS = ("tile {} lost: worker {} does not answer", "scene of {} MB is damaged")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`farm/`, a corpus labelled by block; `model`, trained on it and exported."""
    folder = tmp_path_factory.mktemp("logllm")
    random = Random(3)
    labels, lines = {}, []
    for n in range(400):
        name = f"blk_{random.randrange(10**17, 10**18)}"
        steps = [step.format(random.randrange(100)) for step in STEPS]
        steps[2:2] = [STEPS[2].format(tile) for tile in range(random.randrange(4))]
        labels[name] = "Anomaly" if n % 5 == 2 else "Normal"
        if n % 5 == 2:
            steps[2:2] = [random.choice(FAULTS).format(random.randrange(100), random.randrange(9))]
        lines += [f"260302 {80000 + 9 * n + at:06} 31 INFO farm.Worker: {name} {step}" for at, step in enumerate(steps)]
    write_log(folder / "farm" / "HDFS.log", lines)
    write_labels(folder / "farm", labels)
    said = done(folder, *TRAIN)
    assert said.startswith("model: ")
    assert "logllm: " in said
    compared, *sizes = done(folder, "export", "model", "--int8").splitlines()
    assert compared.startswith("model: ONNX and torch differ by ")
    assert [line.split(":")[0] for line in sizes] == ["float", "int8"]
    return folder


@pytest.mark.slow
def test_the_model_says_what_was_learnt_and_how_good_it_is(folder: Path) -> None:
    said = card(folder / "model")
    assert said["detector"] == "logllm"
    assert said["split"]["protocol"] == "logllm"
    assert said["threshold"].keys() == {"log_odds", "how"}
    assert said["training"]["losses"].keys() == {"answer", "embedder", "whole"}
    assert said["metrics"]["f1"] > 0.9
    assert said["export"]["float"]["f1"] == said["metrics"]["f1"]


@pytest.mark.slow
def test_a_scan_names_the_message_to_blame_and_needs_no_torch(folder: Path) -> None:
    args = ("scan", "farm/HDFS.log", "--model", "model", "--format", "json")
    ran = without((*TORCH, "transformers", "peft", "psutil"), folder, *args)
    assert ran.status == 0
    findings = [line for line in map(json.loads, ran.out.splitlines()) if line.get("kind") == "window"]
    reasons = " ".join(finding["reason"] for finding in findings)
    assert "called anomalous by logllm" in reasons
    assert "lost" in reasons
    assert "damaged" in reasons
    assert ran.out.splitlines()[:-1] == logscan(folder, *args).out.splitlines()[:-1]  # the last one tells the seconds


@pytest.mark.slow
def test_models_and_trainings_are_evaluated(folder: Path) -> None:
    table = json.loads(done(folder, "evaluate", "model", "farm", "--format", "json"))
    assert table["results"][0]["detector"] == "logllm"
    assert table["results"][0]["metrics"]["f1"] == pytest.approx(card(folder / "model")["metrics"]["f1"], abs=0.02)
    named = ["--detector", f"baseline,logllm:{':'.join(TINY[1::2])}:whole.epochs=1"]
    table = json.loads(done(folder, "evaluate", "farm", "--preset", "small", *named, "--format", "json"))
    assert [result["detector"] for result in table["results"]] == ["baseline", "logllm"]
    assert table["protocol"] == "logllm"


@pytest.mark.slow
def test_pretrained_networks_by_path(folder: Path) -> None:
    texts = [*STEPS, *FAULTS]
    save_encoder(folder / "bert", texts)
    save_decoder(folder / "llama")
    named = (
        "--encoder",
        "bert",
        "--llm",
        "llama",
        "--include-base",
        "--set",
        "adapters=lora",
        "-o",
        "tuned",
        "--limit",
        "100",
    )
    done(folder, *TRAIN, *named, "--set", "whole.epochs=1")
    assert json.loads((folder / "tuned" / "detector.json").read_text())["options"]["encoder"] == "bert"
    for base in ("bert", "llama"):
        for path in (folder / base).iterdir():
            path.unlink()
    done(folder, "export", "tuned")  # the bases are inside


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--encoder", "no/where"], "--encoder no/where is no folder, and the hub does not give it"),
        (["--llm", "farm"], "--llm farm is no model: there is no config.json in it"),
        (["--set", "adapters=none"], "adapters should be one of qlora, lora, full"),
        (["--set", "beta=2"], "beta and held_out should lie between 0 and 1"),
        (["--protocol", "logllama"], "--protocol logllm"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder: Path, args: Sequence[str], said: str) -> None:
    assert said in error_of(logscan(folder, *TRAIN, "-o", "other", *args))
