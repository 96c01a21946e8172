"""A log that is written while `logscan scan -f` follows it, in a process of its own."""

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from test_cli import COMMAND, environment

from logscan.live import state

START = 120.0  # seconds that anything may take on a busy machine


def pages(first: int, last: int) -> list[str]:
    """A line a second."""
    return [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(first, last)]


NORMAL = pages(0, 1200)
SYLLABLES = ("balar", "cetis", "dimon", "fover", "gulan", "heric", "jomal", "kupen")


def fault(n: int = 0) -> str:
    """A line of a kind that was never seen, each n another one."""
    words = " ".join(syllable + SYLLABLES[n] for syllable in SYLLABLES)
    return f"2026-03-02 08:{20 + n // 6}:{n % 6}0 ERROR disk: {words}"


class Followed:
    """A log, and `logscan scan -f` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "app.log"
        self.path.write_text("".join(f"{line}\n" for line in NORMAL))
        self.state = folder / "live.state"
        self.started: list[subprocess.Popen[bytes]] = []

    def write(self, *lines: str) -> None:
        """Lines, as a service writes them."""
        with self.path.open("a") as out:
            out.write("".join(f"{line}\n" for line in lines))

    def follow(self, *args: str, stdout: int | IO[bytes] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """The process, when it has begun to follow: it has written its state then."""
        place = self.state
        before = place.stat().st_mtime_ns if place.exists() else 0
        process = subprocess.Popen(
            [*COMMAND, "scan", "app.log", "-f", "--state", place.relative_to(self.folder), *args],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        wait_for(lambda: process.poll() is not None or (place.exists() and place.stat().st_mtime_ns > before))
        wait_for(lambda: process.poll() is not None or catches(process.pid, signal.SIGTERM))
        return process

    def judged(self, lines: int) -> bool:
        """Whether the state holds so many lines, and no finding that may not have been printed."""
        held = state.load(self.state).data
        return bool(held["counted"][0] == lines and not held["findings"])


def catches(process: int, number: int) -> bool:
    """Whether a process has a handler for a signal by now."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():  # ended, or no Linux
        time.sleep(0.5)
        return True
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", status.read_text(), flags=re.MULTILINE)
    return bool(int(caught, 16) >> (number - 1) & 1)


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


def bash(live: Followed, script: str) -> "subprocess.Popen[bytes]":
    """A line of bash with `logscan --state live.state`, when it follows."""
    process = subprocess.Popen(
        ["bash", "-c", f'logscan() {{ "{sys.executable}" -m logscan "$@"; }}; {script}'],
        cwd=live.folder,
        env=environment(live.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    live.started.append(process)
    wait_for(live.state.exists)
    return process


FULL = 1 << 16  # bytes of a pipe


def full_pipe() -> tuple[int, int]:
    """The ends of a pipe into which no more goes."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, FULL)
    os.write(writing, b"\n" * FULL)
    return reading, writing


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Followed]:
    followed = Followed(tmp_path)
    yield followed
    for process in followed.started:
        if process.poll() is None:
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.communicate()
