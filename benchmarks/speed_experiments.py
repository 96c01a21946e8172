"""The experiments behind docs/results-speed.md, which `speed.py` runs and writes: figures that JSON can hold.

Whole processes are timed, one after the other in turns, so that what else the machine does falls on all of them.
"""

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import made
import orjson
from hdfs import repeat
from parsing import drain3_seconds
from processes import Ran, ran

import logscan
from logscan.train.baseline import SHARE

Figures = dict[str, Any]

HDFS_LINES = 273_030  # of the sample
DRAIN3_LINES = 100_000
LIMIT = 1800.0  # seconds after which a scan is given up
LOGSCAN = (sys.executable, "-m", "logscan")
ALONE, BASELINE, LOGLLAMA = "logscan scan", "logscan scan --model, baseline", "logscan scan --model, LogLLaMA"
LOGFOLD, DRAIN3, GREP, WC = "logfold check -f plain", "drain3 with our masks", "grep -ciE", "wc -l"
HEADERS = {  # what stands around a message, which drain3 is not asked to read
    "hdfs": re.compile(r"^\d+ \d+ \d+ \w+ [^ ]+: "),
    "syslog": re.compile(r"^\w+ +\d+ [\d:]+ \w+ [^:]+: "),
    "nginx": re.compile(r'^[^"]*"| HTTP/.*$'),
    "json": re.compile(r'^.*"message":"|"[,}].*$'),
}


@dataclass(frozen=True)
class Lab:
    """Logs and models, made when they are needed and kept in the folder of work. lines: of each log, nearly."""

    data: Path
    work: Path
    quick: bool
    lines: int

    @property
    def turns(self) -> int:
        return 1 if self.quick else 5

    @property
    def sample(self) -> Path:
        return self.data / "hdfs" / "HDFS.log"

    def log(self, name: str) -> Path:
        path = self.work / f"{name}-{self.lines}.log"
        if not path.is_file():
            self.render(name, path, self.lines, seed=1)
        return path

    def good(self, name: str) -> Path:
        """A tenth of such a log, of another seed, to learn from; of HDFS the sample."""
        path = self.work / f"{name}-{self.lines}-good.log"
        if name == "hdfs":
            return self.sample
        if not path.is_file():
            self.render(name, path, self.lines // 10, seed=2)
        return path

    def render(self, name: str, path: Path, lines: int, seed: int) -> None:
        if name == "hdfs":
            repeat(self.sample, path, ceil(lines / HDFS_LINES))
        else:
            made.write(path, made.LOGS[name](seed), lines)

    def baseline(self, name: str) -> Path:
        """A model learnt from the good log."""
        folder = self.work / f"{name}-{self.lines}-baseline"
        if not folder.is_dir():
            good = self.sample.parent if name == "hdfs" else self.good(name)
            ran([*LOGSCAN, "train", str(good), "-o", str(folder)])
        return folder

    def logllama(self) -> Path:
        """An exported LogLLaMA of the preset `small`, of the same HDFS sessions as the baseline: what the profile finds
        in records is in both."""
        folder = self.work / "logllama"
        if not folder.is_dir():
            short = ["--epochs", "2"] if self.quick else []
            train = [*LOGSCAN, "train", str(self.sample.parent), "-o", str(folder), "--detector", "logllama"]
            ran([*train, "--preset", "small", "--train-share", str(SHARE), *short], limit=4 * 3600)
            ran([*LOGSCAN, "export", str(folder)])
        return folder

    def logfold(self, name: str) -> list[str] | None:
        """The command that checks such a log against a saved model; None where logfold is not installed."""
        program = shutil.which("logfold", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if program is None:
            return None
        state = self.work / f"{name}-{self.lines}-logfold.json"
        if not state.is_file():
            ran([program, "learn", str(self.good(name)), "--state", str(state), "-f", "plain"])
        return [program, "check", str(self.log(name)), "--state", str(state), "-f", "plain"]


def scan(*args: str | Path) -> list[str]:
    return [*LOGSCAN, "scan", *map(str, args), "--json"]


def count(log: Path) -> int:
    return int(ran(["wc", "-l", str(log)]).last.split()[0])


def in_turns(commands: dict[str, list[str]], turns: int, fine: Sequence[int] = (0,)) -> dict[str, Figures]:
    """Median seconds, the largest peak in MB, and all seconds, of each command; the first turn warms up."""
    found: dict[str, list[Ran]] = {name: [] for name in commands}
    for _ in range(turns + 1):
        for name, command in commands.items():
            found[name].append(ran(command, fine, LIMIT))
    return {name: of_runs(runs[1:]) for name, runs in found.items()}


def of_runs(runs: Sequence[Ran]) -> Figures:
    times = [run.seconds for run in runs if run.seconds is not None]
    late = len(times) < len(runs)
    return {"seconds": None if late else median(times), "mb": max(run.mb for run in runs), "all": times}


def speeds(lab: Lab) -> Figures:
    """Each way through each log."""
    return {name: ways(lab, name) for name in HEADERS}


def ways(lab: Lab, name: str) -> Figures:
    log = lab.log(name)
    commands = {
        ALONE: scan(log),
        BASELINE: scan(log, "--model", lab.baseline(name)),
        GREP: ["grep", "-ciE", "warn|error|exception", str(log)],
        WC: ["wc", "-l", str(log)],
    }
    if name == "hdfs":
        commands[LOGLLAMA] = scan(log, "--model", lab.logllama())
    if logfold := lab.logfold(name):
        commands[LOGFOLD] = logfold
    with log.open() as file:
        messages = [HEADERS[name].sub("", line.rstrip("\n")) for line in islice(file, DRAIN3_LINES)]
    lines = count(log)
    found = in_turns(commands, lab.turns, fine=(0, 1, 2))  # grep that finds nothing, logfold that finds something
    slow = [drain3_seconds(messages) * lines / len(messages) for _ in range(lab.turns)]
    found[DRAIN3] = {"seconds": median(slow), "mb": None, "all": slow}
    return {"lines": lines, "bytes": log.stat().st_size, "ways": found}


def startup(lab: Lab) -> Figures:
    """Seconds of processes that hardly do anything, of a package that is compiled, as pip leaves it."""
    compileall.compile_dir(Path(logscan.__file__).parent, quiet=1)
    log = lab.work / "hundred.log"
    with lab.sample.open() as file:
        log.write_text("".join(islice(file, 100)))
    commands = {
        'python -c "import typer"': [sys.executable, "-c", "import typer"],
        "logscan --help": [*LOGSCAN, "--help"],
        "logscan scan, 100 lines": scan(log),
        "logscan scan --model, 100 lines": scan(log, "--model", lab.baseline("hdfs")),
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    return in_turns(commands, 2 if lab.quick else 15)


def growth(lab: Lab) -> Figures:
    """Logs of twice the lines each, with the baseline model and without."""
    with made_log(lab, "growing.log") as log:
        rows, times = [], ceil(lab.lines / 2 / HDFS_LINES)
        for more in range(3 if lab.quick else 5):
            lines = repeat(lab.sample, log, times << more)
            commands = {ALONE: scan(log), BASELINE: scan(log, "--model", lab.baseline("hdfs"))}
            rows.append({"lines": lines, "ways": in_turns(commands, 1 if lab.quick else 3)})
    return {"rows": rows}


def bounds(lab: Lab) -> Figures:
    """Logs that are as bad as can be, and an ordinary one beside them; no model, so that they are learnt from, too."""
    sessions, kinds = lab.lines // 2, max(100, lab.lines // 20)
    logs = {
        "every message distinct": made.distinct(1),
        f"{sessions:,} sessions open at once": made.sessions(1, sessions),
        f"{kinds:,} templates": made.templates(1, kinds),
        "a syslog": made.syslog(1),
    }
    found = {}
    with made_log(lab, "bad.log") as log:
        for name, lines in logs.items():
            made.write(log, lines, lab.lines)
            run = ran(scan(log), limit=LIMIT)
            summary = orjson.loads(run.last) if run.seconds is not None else {"findings": None, "notes": []}
            notes = [note.removeprefix(f"{log}: ") for note in summary["notes"]]
            found[name] = {**of_runs([run]), "findings": summary["findings"], "notes": notes}
    return {"lines": lab.lines, "logs": found}


def long(lab: Lab) -> Figures:
    """HDFS of 5,000 bytes for each line of the other logs, 10 GB as a rule: through a pipe, and from the disk."""
    times = ceil(lab.lines * 5_000 / lab.sample.stat().st_size)
    model = lab.baseline("hdfs")
    found = {}
    for name, more in (("a pipe, with the baseline model", ("--model", model)), ("a pipe, without a model", ())):
        render = [sys.executable, str(Path(__file__).with_name("hdfs.py")), str(lab.sample), "/dev/stdout"]
        with subprocess.Popen(
            [*render, "--repeat", str(times)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as writer:
            found[name] = of_runs([ran(scan("-", *more), limit=4 * LIMIT, stdin=writer.stdout)])
    with made_log(lab, "long.log") as log:
        lines = repeat(lab.sample, log, times)
        size = log.stat().st_size
        found["the disk, with the baseline model"] = of_runs([ran(scan(log, "--model", model), limit=4 * LIMIT)])
    return {"lines": lines, "bytes": size, "ways": found}


def profiles(lab: Lab) -> Figures:
    """Seconds of each step by `scan --profile`, with the baseline model, of each log; those of the clock as well."""
    found = {}
    for name in HEADERS:
        told = ran([*scan(lab.log(name), "--model", lab.baseline(name)), "--profile"]).err
        steps = {step: float(seconds) for step, seconds in re.findall(r"^(\w+) +([\d.]+) s +[\d.]+ %$", told, re.M)}
        clock = re.search(r"([\d.]+) s by the clock", told)
        assert clock is not None
        found[name] = {"steps": steps, "clock": float(clock[1])}
    return found


@contextmanager
def made_log(lab: Lab, name: str) -> Iterator[Path]:
    """A path for a log that is too long to be kept."""
    path = lab.work / name
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
