"""Memory stays bounded, whatever the input: whole processes on inputs far larger than what they may hold."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

LIMIT = 1000  # MB, for an input of any size

pytestmark = pytest.mark.slow

SCAN = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "logscan", "scan", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_of_scan(*arguments: str, fed: Iterable[bytes] = ()) -> float:
    """The peak memory, in MB, of a scan that ends well."""
    command = [sys.executable, "-c", SCAN, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for data in fed:
            process.stdin.write(data)
        process.stdin.close()
        code, peak = process.stdout.read().split()
    assert code == b"0"
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return int(peak) / unit


def shop(lines: int) -> Iterator[bytes]:
    """So many lines of orders, each order a session of its own, without end."""
    for first in range(0, lines, 10_000):
        yield b"".join(
            b"2026-01-31 %02d:%02d:%02d,%03d INFO Checkout: order-%d step %d of %d done\n"
            % (n // 3_600_000 % 24, n // 60_000 % 60, n // 1000 % 60, n % 1000, n // 4 + 10_000_000, n % 4, n * 7919)
            for n in range(first, first + 10_000)
        )


def test_sessions_without_end_from_a_pipe() -> None:
    assert peak_of_scan("-", fed=shop(3_000_000)) < LIMIT


def test_messages_that_are_all_different(tmp_path: Path) -> None:
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
    log = tmp_path / "words.log"
    with log.open("w") as file:
        for n in range(400_000):
            some = " ".join(words[(n * k * k + n // k) % len(words)] for k in range(3, 11))
            file.write(f"2026-01-31 01:02:03 INFO Main: {some}\n")
    assert peak_of_scan(str(log)) < LIMIT


def test_a_line_of_half_a_gigabyte(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    with log.open("wb") as file:
        for _ in range(512):
            file.write(b"x" * (1 << 20))
    assert peak_of_scan(str(log)) < LIMIT
