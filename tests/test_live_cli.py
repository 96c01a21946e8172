"""`logscan scan --follow` as a process: pipes, signals, what it says, and what it keeps."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from test_cli import COMMAND, NONE, environment, run, shell

START = 30.0  # seconds that anything may take on a busy machine
NORMAL = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(1200)]
SYLLABLES = ("balar", "cetis", "dimon", "fover", "gulan", "heric", "jomal", "kupen")


def fault(n: int = 0) -> str:
    """A line of a kind that was never seen, each n another one."""
    words = " ".join(syllable + SYLLABLES[n] for syllable in SYLLABLES)
    return f"2026-03-02 08:20:{n:02} ERROR disk: {words}"


class Followed:
    """A log, and `logscan scan -f` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "app.log"
        self.path.write_text("".join(f"{line}\n" for line in NORMAL))
        self.started: list[subprocess.Popen[bytes]] = []

    def write(self, *lines: str) -> None:
        """Lines, as a service writes them."""
        with self.path.open("a") as out:
            out.write("".join(f"{line}\n" for line in lines))

    def follow(self, *args: str, stdout: int | IO[bytes] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """The process, when it has begun to follow: it has written its state then."""
        state = self.folder / "live.state"
        before = state.stat().st_mtime_ns if state.exists() else 0
        process = subprocess.Popen(
            [*COMMAND, "scan", "app.log", "-f", "--state", "live.state", *args],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        wait_for(lambda: state.exists() and state.stat().st_mtime_ns > before or process.poll() is not None)
        time.sleep(0.1)  # it listens to signals a moment later
        return process


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + START
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def line_of(stream: IO[bytes] | None) -> str:
    """The next line, when it comes."""
    assert stream is not None
    assert select.select([stream], [], [], START)[0], "nothing came"
    return os.read(stream.fileno(), 1 << 16).decode()


def ended(process: "subprocess.Popen[bytes]", number: int = 0) -> tuple[int, str, str]:
    """Status, stdout and stderr, after a signal if one is named."""
    if number:
        process.send_signal(number)
    out, err = process.communicate(timeout=START)
    return process.returncode, (out or b"").decode(), err.decode()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Followed]:
    followed = Followed(tmp_path)
    yield followed
    for process in followed.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_finding_is_in_the_pipe_at_once_and_ctrl_c_ends_in_order(live: Followed) -> None:
    process = live.follow("--stats")
    live.write(fault())
    assert line_of(process.stdout) == f"app.log:1201:{fault()}\n"
    status, out, err = ended(process, signal.SIGINT)
    assert (status, out) == (130, "")
    layout, read, found = err.splitlines()
    assert layout.startswith("app.log: ")
    assert read.startswith("1 line, 1 record, ")
    assert found.startswith("1 finding in 1 line, ")
