"""What starting costs: help and completion must not wait for what only a scan needs."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from logscan.models.bundle import save
from logscan.train import train

NEURAL = {"torch", "transformers", "accelerate", "safetensors", "onnx", "onnxruntime"}  # of the extras
HEAVY = NEURAL | {"polars", "numpy", "drain3", "orjson", "zstandard", "dateutil", "matplotlib", "sklearn"}
SELDOM = {  # what a scan of an ordinary log has no use for
    "rich",
    "pydantic",
    "dateutil",
    "logscan.cli.train",
    "logscan.evaluation",
    "logscan.findings.redact",
    "logscan.live",
    "logscan.networks",
    "logscan.settings",
    "logscan.sources.follow",
}
LEARNING, MODEL = "drain3", "logscan.models"
COMMANDS = ("scan", "train", "evaluate", "export", "templates", "inspect", "accept", "config", "completions", "man")


def imported_by(stderr: str) -> set[str]:
    """The modules that are listed by `python -X importtime`."""
    return {line.rpartition("|")[2].strip() for line in stderr.splitlines() if line.startswith("import time:")}


def imported(*args: str) -> set[str]:
    """The modules that python imports with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *args], capture_output=True, text=True, check=True, timeout=600
    )
    return imported_by(done.stderr)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_loads_nothing_heavy(command: tuple[str, ...]) -> None:
    names = imported("-m", "logscan", *command, "--help")
    assert {"logscan", "typer"} <= names
    assert not names & (HEAVY | {"rich", "pydantic"})


@pytest.mark.parametrize("module", ["logscan", "logscan.errors", "logscan.cli"])
def test_an_import_takes_no_more_than_typer_does(module: str) -> None:
    new = imported("-c", f"import {module}") - imported("-c", "import typer")
    assert not new & (HEAVY | {"rich"})


@pytest.mark.parametrize(
    "module",
    [
        "logscan.scan",
        "logscan.train",
        "logscan.evaluation.compare",
        "logscan.models.export",
        "logscan.runtime.session",
        "logscan.detectors.loganomaly",
        "logscan.detectors.logbert",
        "logscan.detectors.plelog",
        "logscan.detectors.rapid",
        "logscan.detectors.fastlogad",
        "logscan.detectors.ensemble",
    ],
)
def test_what_may_run_a_network_loads_none_before_it_must(module: str) -> None:
    assert not imported("-c", f"import {module}") & (NEURAL | {"matplotlib", "sklearn"})


def test_a_detector_imports_nothing_that_only_learning_needs() -> None:
    assert not imported("-c", "import logscan.detectors.logllama.detector") & {"numpy.random", "tomllib"}


def test_a_plain_scan_imports_what_it_uses(tmp_path: Path, write: Callable[[str, Sequence[str]], str]) -> None:
    lines = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(100)]
    log, model = write("app.log", lines), tmp_path / "model"
    scan = ("-m", "logscan", "scan", log)
    assert not imported(*scan) & (NEURAL | SELDOM | {MODEL})
    learnt = train([log])
    save(model, learnt.profile, learnt.card)
    assert not imported(*scan, "--model", str(model)) & (NEURAL | SELDOM | {LEARNING})
