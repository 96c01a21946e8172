"""Measure everything that docs/results-speed.md says, and write it.

    python benchmarks/speed.py [--data DIR] [--out FILE] [--work DIR] [--only SECTION] [--quick] [--lines N]

The HDFS log is made of ../shared/data/hdfs or $LOGSCAN_DATA/hdfs (see hdfs.py), the others are made up (see made.py).
Logs, models and the figures of each section are kept in the folder of work, so that a run that was cut goes on where it
was; remove the folder to measure everything anew, or name one section with --only to renew it alone. logfold is part of
the extra `bench`. --quick takes short logs and one turn, and marks the page as not for quoting: it shows that every
section works.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
from pages import Figures, Page, Section, number, table
from speed_experiments import (
    ALONE,
    BASELINE,
    DRAIN3,
    GREP,
    HEADERS,
    LOGFOLD,
    LOGLLAMA,
    WC,
    Lab,
    bounds,
    growth,
    long,
    profiles,
    speeds,
    startup,
)

LINES = 2_000_000
QUICK_LINES = 50_000
LOGS = ", ".join(HEADERS)
NAMES = {"hdfs": "HDFS", "syslog": "syslog", "nginx": "nginx", "json": "JSON lines"}
WAYS = (WC, GREP, LOGFOLD, ALONE, BASELINE, LOGLLAMA, DRAIN3)


def with_load(measure: Callable[[Lab], Figures], lab: Lab) -> Figures:
    """The figures, and how many percent of the machine others used before."""
    return {"busy": psutil.cpu_percent(interval=3), "of": measure(lab)}


def told(write: Callable[[Figures], str], found: Figures) -> str:
    busy = f"\n\n**On a busy machine**: other work took {found['busy']:.0f} % of it before this began."
    return write(found["of"]) + (busy if found["busy"] >= 10 else "")


def write_speeds(found: Figures) -> str:
    logs = ", ".join(
        f"{NAMES[n]} {number(of['lines'])} lines of {of['bytes'] / 1e6:,.0f} MB" for n, of in found.items()
    )
    columns = "|".join(["", *(NAMES[name] for name in found)])

    def row(way: str, cell: Callable[[Figures, str], str]) -> tuple[str, ...]:
        return (f"`{way}`", *(cell(of, way) if way in of["ways"] else "" for of in found.values()))

    turns = len(found["hdfs"]["ways"][BASELINE]["all"])
    parts = [
        f"Lines per second of whole processes, reading the file included, it being in memory: {logs}. In brackets the "
        "time as a multiple of that of `logscan scan --model` with a baseline model; below 1 is faster than that. "
        f"Median of {turns} turn{'s' * (turns > 1)}, the ways taken one after the other in each. `logfold` tells "
        "templates only, no sessions, times or line numbers, and its model and the baseline are learnt from the same "
        f"log: of HDFS the sample, of the others a tenth of another seed. drain3 is timed inside one process on the "
        "first 100,000 messages, their headers taken off before. `grep` is asked for `warn|error|exception`. LogLLaMA "
        "is the preset `small`, learnt on HDFS alone, from the same sessions as the baseline, and exported.",
        table(columns, [row(way, speed_cell) for way in WAYS]),
    ]
    if not any(LOGFOLD in of["ways"] for of in found.values()):
        parts.append("logfold is missing: `pip install 'logscan[bench]'`.")
    parts += [
        "The most memory that each of them took, at least the 10 MB of what starts and times it:",
        table(columns, [row(way, memory_cell) for way in WAYS if way != DRAIN3]),
        "What should hold, and whether it does:",
        "\n".join(f"- {line}" for line in verdicts(found)),
    ]
    return "\n\n".join(parts)


def speed_cell(of: Figures, way: str) -> str:
    seconds, base = of["ways"][way]["seconds"], of["ways"][BASELINE]["seconds"]
    return "not in time" if seconds is None else f"{of['lines'] / seconds:,.0f} ({seconds / (base or seconds):.2f})"


def memory_cell(of: Figures, way: str) -> str:
    return f"{of['ways'][way]['mb']:,.0f} MB"


def verdicts(found: Figures) -> list[str]:
    """The targets of the project, with what was measured."""
    hdfs = {way: of["seconds"] for way, of in found["hdfs"]["ways"].items()}
    base = hdfs[BASELINE]
    lines = [
        *(
            [verdict("HDFS, baseline, lines/s to `logfold`", hdfs[LOGFOLD] / base, 1.0, True)]
            if LOGFOLD in hdfs
            else []
        ),
        verdict("HDFS, baseline, lines/s to drain3", hdfs[DRAIN3] / base, 15, True),
        verdict("HDFS, baseline, time to `grep`", base / hdfs[GREP], 6, False),
        verdict("HDFS, LogLLaMA, time to the baseline", hdfs[LOGLLAMA] / base, 1.5, False),
    ]
    for name in ("json", "nginx"):
        rate = found[name]["lines"] / found[name]["ways"][BASELINE]["seconds"]
        lines.append(verdict(f"{NAMES[name]}, baseline, thousand lines/s", rate / 1000, 400, True))
    return lines


def verdict(what: str, value: float, limit: float, at_least: bool) -> str:
    held = value >= limit if at_least else value <= limit
    return f"{what}: {value:,.2f}, {'at least' if at_least else 'at most'} {limit:g}: {'yes' if held else '**no**'}"


def write_startup(found: Figures) -> str:
    base = found['python -c "import typer"']["seconds"]
    rows = [
        (f"`{name}`", f"{1000 * of['seconds']:.0f} ms", f"{of['seconds'] / base:.2f}", f"{of['mb']:,.0f} MB")
        for name, of in found.items()
    ]
    return (
        f"Whole processes, median of {len(next(iter(found.values()))['all'])} turns, as multiples of importing typer, "
        "which the command line stands on. `--help` should take at most 2, a scan of 100 lines at most 5.\n\n"
        + table("|time|to `import typer`|memory", rows)
    )


def write_growth(found: Figures) -> str:
    parts = [
        "HDFS, twice as long each time. Time should grow as the log does, within 10 %, and memory by 100 MB at most."
    ]
    for way in (ALONE, BASELINE):
        first = found["rows"][0]
        per_line = first["ways"][way]["seconds"] / first["lines"]
        rows = [
            (
                number(row["lines"]),
                f"{of['seconds']:.2f} s",
                f"{row['lines'] / of['seconds']:,.0f}",
                f"{of['seconds'] / row['lines'] / per_line:.2f}",
                f"{of['mb']:,.0f} MB",
            )
            for row in found["rows"]
            if (of := row["ways"][way])
        ]
        parts += [f"`{way}`:", table("lines|time|lines/s|time of a line, to the first|memory", rows)]
    return "\n\n".join(parts)


def write_bounds(found: Figures) -> str:
    rows = [
        (
            name,
            "not in time" if of["seconds"] is None else f"{of['seconds']:.1f} s",
            "" if of["seconds"] is None else f"{found['lines'] / of['seconds']:,.0f}",
            f"{of['mb']:,.0f} MB",
            "" if of["findings"] is None else number(of["findings"]),
            "; ".join(of["notes"]),
        )
        for name, of in found["logs"].items()
    ]
    return (
        f"{number(found['lines'])} lines each, once, without a model, so that each log is learnt from and then judged. "
        "What is said is how the scan tells that a bound was reached.\n\n"
        + table("log|time|lines/s|memory|findings|said", rows)
    )


def write_long(found: Figures) -> str:
    rows = [
        (
            name,
            "not in time" if of["seconds"] is None else f"{of['seconds']:,.0f} s",
            "" if of["seconds"] is None else f"{found['lines'] / of['seconds']:,.0f}",
            f"{of['mb']:,.0f} MB",
        )
        for name, of in found["ways"].items()
    ]
    return (
        f"HDFS of {number(found['lines'])} lines, {found['bytes'] / 1e9:.1f} GB; what comes through a pipe is made on "
        "the fly, by a process that works at the same time. Memory should stay under 600 MB.\n\n"
        + table("from|time|lines/s|memory", rows)
    )


def write_profiles(found: Figures) -> str:
    steps = list(dict.fromkeys(step for of in found.values() for step in of["steps"]))
    rows = [(step, *(share(of["steps"], step) for of in found.values())) for step in steps]
    whole = ("seconds, all threads", *(f"{sum(of['steps'].values()):.1f}" for of in found.values()))
    clock = ("seconds, by the clock", *(f"{of['clock']:.1f}" for of in found.values()))
    return (
        "The share of each step by `logscan scan --profile`, with a baseline model, once. Threads overlap, so the "
        "seconds of all threads are more than those of the clock.\n\n"
        + table("|".join(["", *(NAMES[name] for name in found)]), [*rows, whole, clock])
    )


def share(steps: Figures, step: str) -> str:
    return f"{100 * steps[step] / sum(steps.values()):.1f} %" if step in steps else ""


def section(title: str, measure: Callable[[Lab], Figures], write: Callable[[Figures], str]) -> Section[Lab]:
    return Section(title, partial(with_load, measure), partial(told, write))


SECTIONS: dict[str, Section[Lab]] = {
    "speed": section("Lines per second", speeds, write_speeds),
    "profile": section("Where the time goes", profiles, write_profiles),
    "startup": section("Start-up", startup, write_startup),
    "growth": section("Growth", growth, write_growth),
    "bounds": section("Logs as bad as can be", bounds, write_bounds),
    "long": section("Ten gigabytes", long, write_long),
}


def lab(lines: int | None, data: Path, work: Path, quick: bool) -> Lab:
    return Lab(data, work, quick, lines or (QUICK_LINES if quick else LINES))


PAGE = Page(
    name="speed",
    title="Speed",
    out="docs/results-speed.md",
    told=f"The logs are {LOGS}: HDFS is a real one, over and over under fresh block ids; the others are made by "
    "`benchmarks/made.py`, with the variety of such logs but nothing wrong in them.",
    quick="short logs, one turn",
    lab=partial(lab, None),
    sections=SECTIONS,
)


def main(argv: Sequence[str] | None = None) -> None:
    parser: argparse.ArgumentParser = PAGE.parser(__doc__)
    parser.add_argument("--lines", type=int, help=f"of each log, {LINES:,} as a rule")
    args = parser.parse_args(argv)
    replace(PAGE, lab=partial(lab, args.lines)).write(args)


if __name__ == "__main__":
    main()
