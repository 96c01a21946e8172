"""How fast `logscan scan` is, as ratios against other ways through the same log, in the same run.

    python benchmarks/speed.py [--log HDFS.log] [--repeat 8] [--runs 5]

The log is a long HDFS log (see hdfs.py), by default made of ../shared/data/hdfs or $LOGSCAN_DATA/hdfs. A model is
trained on that corpus first; then whole processes are timed in turn: `logscan scan --model`, `wc -l`, `grep -ciE`, and
drain3 line by line with our masks. drain3 is timed on the first 100,000 lines, inside one process, and compared by
lines per second. Medians of `--runs` turns.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from hdfs import repeat
from parsing import drain3_seconds

DRAIN3_LINES = 100_000
HEADER = re.compile(r"^\d+ \d+ \d+ \w+ [^ ]+: ")


def seconds(command: Sequence[str]) -> float:
    """Wall seconds of a whole process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # into a pipe: grep stops early when nobody listens
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("LOGSCAN_DATA", "../shared/data"))
    parser.add_argument("--log", type=Path, default=data / "hdfs" / "HDFS.log")
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    if not args.log.is_file():
        raise SystemExit(f"{args.log} is not there: name an HDFS log with --log, its labels beside it")
    logscan = [sys.executable, "-m", "logscan"]
    with tempfile.TemporaryDirectory() as folder:
        log, model = Path(folder) / "long.log", Path(folder) / "model"
        lines = repeat(args.log, log, args.repeat)
        subprocess.run([*logscan, "train", str(args.log.parent), "-o", str(model)], check=True)
        commands = {
            "logscan scan --model": [*logscan, "scan", str(log), "--model", str(model), "--json"],
            "wc -l": ["wc", "-l", str(log)],
            "grep -ciE": ["grep", "-ciE", "warn|error|exception", str(log)],
        }
        with log.open() as file:
            messages = [HEADER.sub("", line.rstrip("\n")) for line in islice(file, DRAIN3_LINES)]
        rates: dict[str, list[float]] = {name: [] for name in (*commands, "drain3 with masks")}
        for _ in range(args.runs):
            for name, command in commands.items():
                rates[name].append(lines / seconds(command))
            rates["drain3 with masks"].append(len(messages) / drain3_seconds(messages))
        report(lines, log.stat().st_size, rates)


def report(lines: int, size: int, rates: dict[str, list[float]]) -> None:
    """Print the table: medians, and the ratio of logscan to each."""
    ours = statistics.median(rates["logscan scan --model"])
    print(f"{lines:,} lines, {size / 1e6:,.0f} MB, medians of {len(rates['wc -l'])} turns")
    print(f"{'':24}{'lines/s':>14}{'logscan is':>14}")
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name:24}{rate:>14,.0f}{ours / rate:>13.2f}x")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:,.0f} MB")


if __name__ == "__main__":
    main()
