"""How well `scan` finds injected faults in the logs of real servers.

    python benchmarks/faults.py DIR [--json]

DIR holds a folder a system with `train.log` (only normal), `test.log`, `labels.csv` (`line_no,label,fault`, a row a
line of test.log) and `soft.csv` (`line_no,...`: ordinary lines written because of a fault, neither right nor wrong).
Each test.log is scanned with `--baseline train.log` and with no baseline at all, everything else at its default.

    kinds      kinds of fault with at least one finding on one of their lines
    findings   findings in all
    false      findings that touch neither a faulty nor a soft line, and how many that is in 10,000 lines
    P@20       share of the 20 highest findings that are not false
    precision  share of the flagged lines that are faulty or soft; recall: share of the faulty lines that are flagged
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

from logscan.findings import Finding
from logscan.scan import Options, scan


def read_labels(folder: Path) -> tuple[dict[int, str], set[int], int]:
    """Faulty lines with their fault, soft lines, and the number of lines."""
    faulty: dict[int, str] = {}
    total = 0
    with (folder / "labels.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            total += 1
            if row["label"] == "1":
                faulty[int(row["line_no"])] = row["fault"]
    with (folder / "soft.csv").open(newline="") as rows:
        soft = {int(row["line_no"]) for row in csv.DictReader(rows)}
    return faulty, soft, total


def judge(findings: Sequence[Finding], folder: Path) -> dict[str, float | int | list[str]]:
    """The figures of one scan, best finding first."""
    faulty, soft, total = read_labels(folder)
    touched = [flagged_lines(finding) for finding in findings]
    good = [bool(lines & faulty.keys() or lines & soft) for lines in touched]
    flagged = set().union(*touched)
    found = {faulty[line] for line in flagged & faulty.keys()}
    return {
        "kinds": len(found),
        "of": len(set(faulty.values())),
        "missed": sorted(set(faulty.values()) - found),
        "findings": len(findings),
        "false": good.count(False),
        "false_per_10k": round(1e4 * good.count(False) / total, 2),
        "p_at_20": round(sum(good[:20]) / max(1, len(good[:20])), 3),
        "precision": round(len(flagged & (faulty.keys() | soft)) / max(1, len(flagged)), 3),
        "recall": round(len(flagged & faulty.keys()) / max(1, len(faulty)), 3),
    }


def flagged_lines(finding: Finding) -> set[int]:
    """All lines that a finding blames, those of multi-line records included."""
    return {n for line in finding.lines for n in range(line.line, (line.last_line or line.line) + 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = []
    for system in sorted(path.parent for path in args.folder.glob("*/labels.csv")):
        for baseline in (["train.log"], []):
            found = scan([str(system / "test.log")], Options(baseline=tuple(str(system / name) for name in baseline)))
            figures = judge(found.findings, system)
            results.append({"system": system.name, "baseline": " ".join(baseline) or "none", **figures})
    if args.json:
        print(json.dumps(results))
        return
    print(
        f"{'system':12}{'baseline':12}{'kinds':>8}{'findings':>10}{'false':>7}{'/10k':>7}{'P@20':>7}{'precision':>11}{'recall':>8}"
    )
    for r in results:
        print(
            f"{r['system']:12}{r['baseline']:12}{r['kinds']:>5}/{r['of']}{r['findings']:>9}{r['false']:>8}{r['false_per_10k']:>7}"
            f"{r['p_at_20']:>7}{r['precision']:>11}{r['recall']:>8}"
            + (f"  missed {', '.join(r['missed'])}" if r["missed"] else "")
        )


if __name__ == "__main__":
    main()
