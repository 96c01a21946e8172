"""The command as a process: help, exit statuses, pipes, what is said where something is wrong."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

Write = Callable[[str, Sequence[str]], str]

COMMAND = [sys.executable, "-m", "logscan"]
COMMANDS = ("scan", "train", "evaluate", "export", "templates", "inspect", "accept", "config", "completions", "man")
NONE: Mapping[str, str] = MappingProxyType({})
SET_BY_USERS = (
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "LOGSCAN_CONFIG",
    "PY_COLORS",
    "GITHUB_ACTIONS",
)


@dataclass(frozen=True)
class Ran:
    """What a process left behind."""

    status: int
    out: str
    err: str


def environment(folder: Path, more: Mapping[str, str] = NONE) -> dict[str, str]:
    """Nothing of the user who runs the tests but where programs are, and `more`."""
    ours = {name: value for name, value in os.environ.items() if name not in SET_BY_USERS}
    return {**ours, "HOME": str(folder / "home"), "TERM": "xterm", **more}


def run(folder: Path, *args: str, stdin: bytes = b"", more: Mapping[str, str] = NONE) -> Ran:
    """`logscan` with these arguments in this folder, its output in pipes."""
    return finished([*COMMAND, *args], folder, stdin, more)


def shell(folder: Path, line: str) -> Ran:
    """A line of bash in this folder, in which `logscan` is the command."""
    return finished(["bash", "-c", f'logscan() {{ "{sys.executable}" -m logscan "$@"; }}; {line}'], folder)


def finished(command: list[str], folder: Path, stdin: bytes = b"", more: Mapping[str, str] = NONE) -> Ran:
    """Any command."""
    env = environment(folder, more)
    done = subprocess.run(command, cwd=folder, env=env, input=stdin, capture_output=True, timeout=240, check=False)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def log(write: Write) -> str:
    """The name of a log with nothing wrong but one line."""
    lines = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(600)]
    lines[400] = "2026-03-02 08:06:40 ERROR disk: cannot write to /var/lib/x, read-only file system"
    return Path(write("app.log", lines)).name


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_has_examples_one_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, *command, "--help", more={"COLUMNS": "80"})
    assert (done.status, done.err) == (0, "")
    lines = [line.rstrip() for line in done.out.splitlines()]
    examples = lines[lines.index("Examples:") + 1 :]
    examples = examples[: examples.index("")]
    assert len(examples) >= 2
    for line in examples:
        assert line.startswith("  ")
        assert f"logscan {' '.join(command)}" in line or "logscan scan" in line


def test_help_has_colours_where_they_are_asked_for(tmp_path: Path) -> None:
    bold, plain = ("\x1b[1mExamples\x1b[0m:", "Examples:")
    assert bold in run(tmp_path, "scan", "--help", more={"FORCE_COLOR": "1"}).out
    for more in ({}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}):
        assert plain in run(tmp_path, "scan", "--help", more=more).out.splitlines()


@pytest.mark.slow
def test_the_module_and_the_script_are_one(tmp_path: Path, log: str) -> None:
    script = Path(sysconfig.get_path("scripts")) / "logscan"
    if not script.exists():
        pytest.skip(f"logscan is not installed as {script}")
    for args in (["--version"], ["scan", log, "none.log"]):
        done, module = finished([str(script), *args], tmp_path), run(tmp_path, *args)
        assert (done.status, done.out) == (module.status, module.out)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Usage: logscan"),
        (("scna",), "Did you mean 'scan'"),
        (("scan", "--exit-cod"), "--exit-code"),
        (("scan", "--color", "red", "app.log"), "'red'"),
        (("scan", "--min-score", "2", "app.log"), "--min-score"),
        (("train",), "CORPUS"),
        (("inspect",), "MODEL"),
        (("export",), "MODEL"),
        (("evaluate",), "CORPUS"),
        (("completions",), "SHELL"),
        (("completions", "tcsh"), "'tcsh'"),
    ],
)
def test_wrong_usage(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = run(tmp_path, *args)
    assert done.status == 2
    assert said in done.out + done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--session", "(job"), "--session"),
        (("--mask", "[a"), "mask"),
        (("--log-format", "log4"), "'log4j'"),
        (("--window", "60x"), "60s"),
        (("--since", "no day"), "--since"),
        (("--split-at", "1999-01-01"), "no record before"),
        (("--format", "jsn"), "json"),
        (("--model", "none"), "none is no model"),
        (("--baseline", "app.log", "--split-at", "2026-03-02"), "leave out"),
    ],
)
def test_a_value_that_means_nothing_is_one_clear_line(
    tmp_path: Path, log: str, args: tuple[str, ...], said: str
) -> None:
    done = run(tmp_path, "scan", log, *args)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("logscan: ")
    assert said in line


@pytest.mark.slow
def test_exit_status_says_whether_there_are_findings_if_asked(tmp_path: Path, log: str) -> None:
    assert run(tmp_path, "scan", log, "--exit-code").status == 1
    assert run(tmp_path, "scan", log, "--exit-code", "--until", "2026-03-02 08:05").status == 0
    assert run(tmp_path, "scan", log, "none.log", "--exit-code").status == 2


def test_the_summary_and_the_formats_are_said_on_stderr(tmp_path: Path, log: str) -> None:
    done = run(tmp_path, "scan", log, "--stats")
    layout, read, found = done.err.splitlines()
    assert layout.startswith("app.log: ")
    assert read.startswith("600 lines, 600 records, ")
    assert found.startswith("1 finding in 600 lines, ")


@pytest.mark.parametrize(
    "command",
    ["--help", "scna 2>&1", "scan app.log 2>&1", "scan --json app.log none.log"],
)
def test_a_reader_that_left_is_quiet_success(tmp_path: Path, log: str, command: str) -> None:
    """Nobody reads from the very beginning, so that the first byte written finds the pipe closed."""
    done = shell(tmp_path, f"(sleep 0.1; logscan {command}) | exec 0<&-; echo ${{PIPESTATUS[0]}}")
    assert done.out.splitlines()[-1] == "0"
    assert "Traceback" not in done.err
    assert "Broken" not in done.err


def test_head_ends_a_long_report_quietly(tmp_path: Path, log: str) -> None:
    big = shell(tmp_path, f"for n in $(seq 20); do cat {log}; done > big.log; wc -l < big.log")
    assert int(big.out) == 12_000
    done = shell(tmp_path, "logscan scan --format annotate big.log | head -1; echo ${PIPESTATUS[0]}")
    assert done.out.splitlines()[-1] == "0"
    assert len(done.out.splitlines()) == 2
    assert "Traceback" not in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["--help", "scan app.log"])
def test_a_full_disk_is_one_line(tmp_path: Path, log: str, command: str) -> None:
    done = shell(tmp_path, f"logscan {command} > /dev/full")
    assert done.status == 2
    assert done.err.splitlines()[-1] == "logscan: No space left on device"
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_closed_standard_streams(tmp_path: Path, log: str) -> None:
    done = shell(tmp_path, "logscan scan <&-")
    assert (done.status, done.err.splitlines()[0]) == (2, "logscan: standard input: is empty")
    done = shell(tmp_path, f"logscan scan {log} 2>&-")
    assert (done.status, done.out.count("\n")) == (0, 1)
    assert shell(tmp_path, "logscan --version >&-").status == 0


def test_an_interrupt_ends_with_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "scan", "-"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"2026-03-02 08:00:00 INFO web: page sent\n" * 10_000)  # more than a pipe holds: it reads
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert (process.returncode, out, err) == (130, b"", b"")
