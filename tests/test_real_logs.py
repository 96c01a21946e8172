"""The targets on real logs, where they are present, and the example logs, which always are."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from logscan.scan import Options, scan
from logscan.templates import Templates
from logscan.train import Options as TrainOptions
from logscan.train import train

ROOT = Path(__file__).parent.parent
SYSTEMS = ("redis", "sshd")


def benchmark(name: str) -> ModuleType:
    """A file of `benchmarks/`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_examples_have_their_faults_found_and_nothing_else() -> None:
    log = str(ROOT / "examples" / "shop.log")
    result = scan([log], Options(baseline=(str(ROOT / "examples" / "good.log"),)))
    with (ROOT / "examples" / "faults.csv").open(newline="") as rows:
        faults = {
            row["fault"]: range(int(row["first_line"]), int(row["last_line"]) + 1) for row in csv.DictReader(rows)
        }
    found: dict[str, set[int]] = {name: set() for name in faults}
    for number, finding in enumerate(result.findings):
        lines = {line.line for line in finding.lines}
        touched = [name for name, span in faults.items() if lines & set(span)]
        assert touched, finding.reason
        for name in touched:
            found[name].add(number)
    assert [name for name, findings in found.items() if not findings] == []
    assert result.problems == []


@pytest.mark.parametrize("baseline", [True, False])
def test_faults_of_real_servers(data: Path, baseline: bool) -> None:
    faults = benchmark("faults")
    kinds = 0
    for system in SYSTEMS:
        folder = data / "servers" / system
        good = (str(folder / "train.log"),) if baseline else ()
        figures = faults.judge(scan([str(folder / "test.log")], Options(baseline=good)).findings, folder)
        kinds += figures["kinds"]
        assert figures["false_per_10k"] <= (1 if baseline else 2)
        assert figures["findings"] <= 40
    assert kinds >= (18 if baseline else 17)


def test_a_known_good_log_has_nothing_to_find_against_itself(data: Path) -> None:
    for system in SYSTEMS:
        log = str(data / "servers" / system / "train.log")
        assert scan([log], Options(baseline=(log,))).findings == []


def test_messages_are_grouped_as_people_would(data: Path) -> None:
    parsing = benchmark("parsing")
    accuracies = []
    for path in sorted((data / "loghub_2k").glob("*_structured.csv")):
        frame = pl.read_csv(path, infer_schema=False)
        messages = frame["Content"].fill_null("").str.replace_all("[0-9]+", "0")
        accuracies.append(parsing.grouping_accuracy(Templates().keys(messages).tolist(), frame["EventId"].to_list()))
    assert len(accuracies) == 16
    assert np.mean(accuracies) >= 0.86


def test_hdfs_sessions(data: Path) -> None:
    card = train([str(data / "hdfs")], TrainOptions(prevalence=0.0293)).card
    assert card["held_out"]["anomalous"] == 4000
    assert card["at_prevalence"]["f1"] >= 0.98
    assert card["metrics"]["auroc"] >= 0.99


@pytest.mark.parametrize("corpus", ["bgl/BGL.log", "thunderbird/Thunderbird.log"])
def test_corpora_of_labelled_lines(data: Path, corpus: str) -> None:
    card = train([str(data / corpus)], TrainOptions(train_share=0.5)).card
    assert card["held_out"]["lines"] > 900
    assert 0.5 < card["metrics"]["auroc"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("log", ["kafka", "web/apache_access.log", "openstack/nova-sample.log", "thunderbird"])
def test_a_log_of_any_system_is_scanned_by_itself(data: Path, log: str) -> None:
    result = scan([str(data / log)])
    assert result.records > 1000
    assert [problem for problem in result.problems if problem.message != "is empty"] == []
    assert len(result.findings) <= max(20, 20 * result.lines / 10_000)
    assert all(finding.lines[0].text for finding in result.findings)
    assert result.seconds < 30
