"""What starting costs: help and completion must not wait for what only a scan needs."""

import subprocess
import sys

import pytest

HEAVY = {
    "polars",
    "numpy",
    "torch",
    "transformers",
    "onnxruntime",
    "drain3",
    "orjson",
    "zstandard",
    "dateutil",
}


def imported(*args: str) -> set[str]:
    """The top names of all modules that python imports with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *args], capture_output=True, text=True, check=True, timeout=60
    )
    modules = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {module.partition(".")[0] for module in modules}


def test_help_loads_nothing_heavy() -> None:
    names = imported("-m", "logscan", "--help")
    assert {"logscan", "typer"} <= names
    assert not names & HEAVY


@pytest.mark.parametrize("module", ["logscan", "logscan.errors", "logscan.cli"])
def test_an_import_takes_no_more_than_typer_does(module: str) -> None:
    new = imported("-c", f"import {module}") - imported("-c", "import typer")
    assert not new & (HEAVY | {"rich"})
