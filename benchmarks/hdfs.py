"""A long HDFS log: the sessions of a real one, over and over under fresh block ids and on later days.

python benchmarks/hdfs.py ../shared/data/hdfs/HDFS.log OUT.log --repeat 8
python benchmarks/hdfs.py ../shared/data/hdfs/HDFS.log /dev/stdout --repeat 265 | logscan scan --model model
"""

import argparse
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl


def repeat(log: Path, out: Path, times: int) -> int:
    """Write `log` so many times, each time with its own block ids and a day later. Gives the number of lines."""
    lines = pl.Series(log.read_text().splitlines())
    day = lines.str.head(6)
    dates = {text: datetime.strptime(text, "%y%m%d") for text in day.unique()}
    with out.open("w") as file:
        for turn in range(times):
            later = {text: (date + timedelta(days=3 * turn)).strftime("%y%m%d") for text, date in dates.items()}
            moved = day.replace_strict(list(later), list(later.values())) + lines.str.slice(6)
            file.write("\n".join(moved.str.replace_all(r"blk_(-?)", f"blk_${{1}}{turn + 1}")) + "\n")
    return len(lines) * times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeat", type=int, default=8)
    args = parser.parse_args()
    print(f"{args.out}: {repeat(args.log, args.out, args.repeat):,} lines", file=sys.stderr)


if __name__ == "__main__":
    main()
