"""Pages of measured figures, a section an experiment.

Figures are kept as JSON in a folder of work, so that a run that was cut goes on where it was. Each section says when it
was measured.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar

import orjson
import torch

Figures = dict[str, Any]
Lab = TypeVar("Lab")  # what the experiments of a page share

VERSIONS = ("torch", "transformers", "onnxruntime")


@dataclass(frozen=True)
class Section(Generic[Lab]):
    """measure: gives figures that JSON can hold; write: Markdown of them."""

    title: str
    measure: Callable[[Lab], Figures]
    write: Callable[[Figures], str]


@dataclass(frozen=True)
class Page(Generic[Lab]):
    """name: of the program, and of its folder of work; told: what the reader should know first; quick: what a quick run
    leaves out; lab: of the folder of logs, the folder of work, and whether the run is quick"""

    name: str
    title: str
    out: str
    told: str
    quick: str
    lab: Callable[[Path, Path, bool], Lab]
    sections: Mapping[str, Section[Lab]]

    def text(self, found: Mapping[str, Figures], quick: bool) -> str:
        """The whole document; a section that was not measured says so."""
        versions = ", ".join(f"{name} {import_module(name).__version__}" for name in VERSIONS)
        parts = [
            f"# {self.title}",
            *([f"**QUICK RUN, not for quoting: {self.quick}.**"] if quick else []),
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `python benchmarks/{self.name}.py`, on {os.cpu_count()} CPU "
            f"cores {'and a' if torch.cuda.is_available() else 'without a'} GPU; {versions}. Each section says what "
            f"data it stands on. {self.told}",
        ]
        for name, section in self.sections.items():
            parts.append(f"## {section.title}")
            if name not in found:
                parts.append(f"Not measured: `python benchmarks/{self.name}.py --only {name}`.")
                continue
            parts.append(section.write(found[name]["figures"]))
            parts.append(f"*Measured on {found[name]['at']} in {found[name]['seconds'] / 60:.1f} minutes.*")
        return "\n\n".join(parts) + "\n"

    def run(self, doc: str | None) -> None:
        """The program."""
        self.write(self.parser(doc).parse_args())

    def parser(self, doc: str | None) -> argparse.ArgumentParser:
        """What can be typed; a program may add options of its own before it calls `write`."""
        parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--data", type=Path, default=Path(os.environ.get("LOGSCAN_DATA", "../shared/data")))
        parser.add_argument("--out", type=Path, default=Path(self.out))
        parser.add_argument("--work", type=Path, default=Path("build") / self.name)
        parser.add_argument("--only", choices=self.sections)
        parser.add_argument("--quick", action="store_true")
        return parser

    def write(self, args: argparse.Namespace) -> None:
        """Measure what is asked for, or what was not measured yet, and write the page."""
        if not (args.data / "hdfs").is_dir():
            raise SystemExit(f"{args.data} holds no hdfs/: name the folder of the logs with --data")
        work = args.work / ("quick" if args.quick else "full")
        work.mkdir(parents=True, exist_ok=True)
        lab, found = self.lab(args.data, work, args.quick), {}
        for name, section in self.sections.items():
            path = work / f"{name}.json"
            if args.only == name or (args.only is None and not path.is_file()):
                print(f"{name} ...", file=sys.stderr)
                began = perf_counter()
                figures = section.measure(lab)
                taken = perf_counter() - began
                print(f"{name}: {taken:,.0f} s", file=sys.stderr)
                measured = {"at": f"{datetime.now(UTC):%Y-%m-%d}", "seconds": taken, "figures": figures}
                path.write_bytes(orjson.dumps(measured, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2))
            if path.is_file():
                found[name] = orjson.loads(path.read_bytes())
        args.out.write_text(self.text(found, args.quick), encoding="utf-8")


def number(n: int) -> str:
    return f"{n:,}"


def four(value: float) -> str:
    return f"{value:.4f}"


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def took(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.2f} s"


def quality(
    row: Mapping[str, Any], of: str = "at_prevalence", ends: str = "at_prevalence_intervals"
) -> tuple[str, ...]:
    """F1 with its interval, precision, recall, AUROC of a result."""
    low, high = row[ends]["f1"]
    m = row[of]
    return (four(m["f1"]), f"{low:.3f}-{high:.3f}", *(four(m[name]) for name in ("precision", "recall", "auroc")))


def of_seeds(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the figures are means of, and their intervals."""
    seeds = rows[-1]["seeds"]
    if len(seeds) == 1:
        return f"Seed {seeds[0]}; 95 % by bootstrap of the test windows."
    return f"Means over the seeds {', '.join(map(str, seeds))}, each with a split of its own; 95 % by Student's t."


def table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    """Pipes, the first column to the left; `columns` with bars between them."""
    names = columns.split("|")
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
