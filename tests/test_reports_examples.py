"""The example logs are what their generator writes, and hold the faults that their table says."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from logscan.findings.finding import Finding, Line
from logscan.reports import Begin, Output, Summary, open_report
from logscan.reports.annotate import MARK

EXAMPLES = Path(__file__).parent.parent / "examples"

SIGNS = {  # what the first and the last line of a fault say
    "exception": (" received from ", "... 5 more"),
    "frozen account": ("state=FROZEN", "state=FROZEN"),
    "unreserved payment": (" received from ", " completed in "),
    "retry storm": ("relay busy", "relay busy"),
    "missed health checks": ("health check passed", "health check passed"),
    "disk full": ("volume /var/lib/shop is 97% full", "writer resumed"),
    "guessed password": ("login of admin", "login of admin"),
}


def lines(name: str) -> list[str]:
    return (EXAMPLES / name).read_text(encoding="utf-8").splitlines()


def test_the_generator_writes_the_same_bytes_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_log.py", tmp_path], check=True)
    for name in ("shop.log", "good.log", "faults.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), f"{name}: run make_log.py"


def test_the_table_points_at_the_faults() -> None:
    log = lines("shop.log")
    with (EXAMPLES / "faults.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["fault"] for row in rows} == SIGNS.keys()
    for row in rows:
        first, last = SIGNS[row["fault"]]
        assert first in log[int(row["first_line"]) - 1]
        assert last in log[int(row["last_line"]) - 1]


def test_level_alone_does_not_find_the_faults() -> None:
    for name in ("shop.log", "good.log"):
        assert sum(" WARN " in line for line in lines(name)) > 50
    assert "".join(lines("good.log")).count(" ERROR ") == 0
    assert not any("FROZEN" in line for line in lines("good.log"))


@pytest.mark.parametrize("color", [False, True])
def test_annotating_the_example_keeps_it(color: bool) -> None:
    log = lines("shop.log")
    blamed = tuple(Line("shop.log", n, 0, 0.9, 1, "", log[n - 1]) for n in range(1, len(log), 7))
    finding = Finding("burst", "many", 0.9, "shop.log", 1, len(log), len(blamed), blamed, "many")
    stream = io.StringIO()
    report = open_report("annotate", Output(stream, color=color, read=lambda source: enumerate(log, 1)))
    report.begin(Begin(("shop.log",), "rates"))
    report.finding(finding)
    report.end(Summary(len(log), len(log), 1, 1, 0.1))
    printed = stream.getvalue().splitlines()
    assert [line for line in printed if MARK not in line] == log
    assert len(printed) == len(log) + len(blamed)
