"""How fast logs are followed, how soon a finding is told, and in how much memory.

    python benchmarks/live.py [--model DIR ...] [--log FILE] [--repeat N] [--rate LINES] [--seconds S]

Without --model a baseline is trained on the HDFS sample of ../shared/data or $LOGSCAN_DATA; the log that is followed is
the same sample, over and over under fresh block ids. For each model:

    catching up  lines per second from the start of a log that lies there
    keeping up   lines are written at --rate; the time from the write of a line to be blamed to the line about it on the
                 other end of a pipe: median, 99 %, and the longest
    memory       the largest resident set of the following process
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import IO

import numpy as np
import orjson
from hdfs import repeat
from pages import table

DATA = Path(os.environ.get("LOGSCAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
STEP = 0.005  # seconds between two writes
WAIT = 300.0  # seconds for the last finding


@contextmanager
def following(log: Path, model: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """`logscan scan --follow` as a process; gives it once it is ready."""
    command = [sys.executable, "-m", "logscan", "scan", str(log), "--follow", "--model", str(model), "--json"]
    process = subprocess.Popen([*command, "--budget", "1000000", *more], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process, process.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def peak(process: subprocess.Popen[bytes]) -> float:
    """MB of the largest resident set so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


def marker(n: int) -> bytes:
    """A line of a kind that no other line is of."""
    word = "".join(chr(ord("a") + int(digit)) for digit in str(n))
    return f"081109 203615 148 WARN dfs.DataNode: {word} went {word} on {word}\n".encode()


def catching_up(log: Path, model: Path, lines: int) -> tuple[float, float]:
    """Lines per second, and MB."""
    with log.open("ab") as out:
        out.write(marker(0) * 2)
    with following(log, model, "--from-start") as (process, printed):
        began = monotonic()
        for row in printed:
            if b"went aa" in row or b"a went a on a" in row:
                return lines / (monotonic() - began), peak(process)
    raise RuntimeError("it ended early")


def keeping_up(source: Path, log: Path, model: Path, rate: int, seconds: float) -> tuple[list[float], float]:
    """Milliseconds from the write of the last line to blame to its finding, of each finding; and MB."""
    log.write_bytes(b"")
    written: list[tuple[int, float]] = [(0, 0.0)]  # lines, and when they were all written
    found: list[tuple[float, int]] = []  # when, and the last line to blame
    with following(log, model) as (process, printed):

        def read() -> None:
            for row in printed:
                finding = orjson.loads(row)
                if finding["type"] == "finding" and finding["kind"] in ("new", "value", "order"):
                    found.append((monotonic(), finding["lines"][-1]["line"]))

        reader = threading.Thread(target=read)
        reader.start()
        with source.open("rb") as lines, log.open("ab", buffering=0) as out:
            began, marked, count = monotonic(), 1, 0
            while (now := monotonic()) - began < seconds:
                due = int((now - began) * rate) - count
                block = b"".join(line for _, line in zip(range(due), lines, strict=False))
                if now - began > marked * 0.2:
                    block += marker(marked)
                    marked += 1
                out.write(block)
                count += block.count(b"\n")
                written.append((count, monotonic()))
                sleep(STEP)
        sleep(3)
        memory = peak(process)
    reader.join(WAIT)
    counts, times = (np.array(column) for column in zip(*written, strict=True))
    return [1000 * (when - times[np.searchsorted(counts, line)]) for when, line in found], memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append")
    parser.add_argument("--repeat", type=int, default=8, help="of the sample, to catch up with")
    parser.add_argument("--rate", type=int, default=15_000)
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        models = args.model or [work / "model"]
        if not args.model:
            train = [sys.executable, "-m", "logscan", "train", str(DATA / "hdfs"), "-o", str(models[0])]
            subprocess.run(train, check=True, stderr=subprocess.DEVNULL)
        source, log, rows = work / "source.log", work / "app.log", []
        lines = repeat(DATA / "hdfs" / "HDFS.log", source, args.repeat)
        for model in models:
            shutil.copy(source, work / "long.log")
            rate, memory = catching_up(work / "long.log", model, lines)
            (work / "long.log").unlink()
            waits, also = keeping_up(source, log, model, args.rate, args.seconds)
            median, most = np.quantile(waits, [0.5, 0.99])
            cells = (f"{rate:,.0f}", f"{memory:,.0f} MB", f"{len(waits):,}", f"{median:.0f} ms", f"{most:.0f} ms")
            rows.append((model.name, *cells, f"{max(waits):.0f} ms", f"{also:,.0f} MB"))
    print(f"{lines:,} lines to catch up with; {args.rate:,} lines a second for {args.seconds:.0f} s to keep up with\n")
    print(table("model|lines/s|memory|findings|median|99 %|longest|memory while keeping up", rows))


if __name__ == "__main__":
    main()
