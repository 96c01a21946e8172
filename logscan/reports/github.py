"""Annotations of GitHub Actions, as workflow commands, and a table in the summary of the step.

    ::error file=build.log,line=12,endLine=14,title=new 0.97 [3f9c0a1b2c3d]::why, and the lines

GitHub shows ten annotations of a level and step, and drops the rest without a word; here it is counted, and stands
in the table. A path is shown beside the code where it is that of a file in the repository.
"""

import os
from collections import Counter
from pathlib import Path

from logscan.errors import OptionError
from logscan.findings.finding import Finding
from logscan.reports import Context, Output, Report, Summary
from logscan.reports.visible import visible

MOST = 10  # of a level that GitHub shows
SHOWN = 3  # lines to blame in an annotation
ERROR, WARNING = 0.9, 0.7  # scores from which a finding is one; a notice below
ROWS, WIDTH = 200, 200  # of the table, so that it stays below the MiB that GitHub takes


class GitHub(Report):
    """Writes each annotation at once, the table at the end."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.told: Counter[str] = Counter()  # by level
        self.rows: list[str] = []

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """An annotation, unless there are MOST of its level."""
        level = "error" if finding.score >= ERROR else "warning" if finding.score >= WARNING else "notice"
        self.told[level] += 1
        if self.told[level] <= MOST:
            self.output.stream.write(annotation(level, finding))
        if len(self.rows) < ROWS:
            self.rows.append(row(finding))

    def end(self, summary: Summary) -> None:
        """What is not shown, and the table."""
        hidden = sum(n - MOST for n in self.told.values() if n > MOST)
        if hidden:
            self.output.stream.write(f"{hidden:,} more, of which GitHub would show no annotation\n")
        place = os.environ.get("GITHUB_STEP_SUMMARY")
        if place:
            try:
                with Path(place).open("a", encoding="utf-8") as file:
                    file.write(self.table(summary))
            except OSError as error:
                raise OptionError(f"GITHUB_STEP_SUMMARY cannot be written: {error.strerror}: {place}") from None

    def table(self, summary: Summary) -> str:
        """All findings, up to ROWS, in Markdown."""
        said = f"logscan: {summary.findings:,} finding{'s' * (summary.findings != 1)} in {summary.lines:,} lines"
        if summary.findings > len(self.rows):
            said += f", of which {len(self.rows):,} stand here"
        head = ["| score | kind | where | what | line | id |", "|---|---|---|---|---|---|"] if self.rows else []
        errors = [f"\n{literal(error)}\n" for error in summary.errors]
        return "\n".join([f"### {said}\n", *head, *self.rows, *errors, ""])


def annotation(level: str, finding: Finding) -> str:
    """The workflow command of a finding, on one line."""
    title = f"{finding.kind} {finding.score:.2f} [{finding.id}]"
    values = {"title": title}
    if finding.source != "-":
        values = {
            "file": in_repository(finding.source),
            "line": str(finding.first_line),
            "endLine": str(finding.last_line),
            **values,
        }
    told = [finding.reason, *(f"{line.line}: {line.text}" for line in finding.lines[:SHOWN])]
    if finding.count > SHOWN:
        told.append(f"... and {finding.count - SHOWN:,} more")
    properties = ",".join(
        f"{name}={data(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in values.items()
    )
    return f"::{level} {properties}::{'%0A'.join(map(data, told))}\n"


def in_repository(path: str) -> str:
    """The path from the repository's root, where it is an absolute one into the checkout."""
    root = os.environ.get("GITHUB_WORKSPACE")
    inside = root and Path(path).is_absolute() and Path(path).is_relative_to(root)
    return str(Path(path).relative_to(root)) if root and inside else path


def data(text: str) -> str:
    """The text as the message of a command; what ends a line is visible then."""
    return visible(text).replace("%", "%25")


def row(finding: Finding) -> str:
    """A row of the table, with the first line to blame."""
    line = finding.lines[0].text if finding.lines else ""
    where = f"{finding.source}:{finding.first_line}"
    cells = [f"{finding.score:.2f}", finding.kind, literal(where), literal(finding.reason), literal(line), finding.id]
    return f"| {' | '.join(cells)} |"


def literal(text: str) -> str:
    """The text, cropped, as code in which no character means anything to Markdown or HTML."""
    text = visible(text if len(text) <= WIDTH else text[: WIDTH - 1] + "…").replace("\t", " ")
    shown = "".join(c if c.isalnum() or c == " " or not c.isascii() else f"&#{ord(c)};" for c in text)
    return f"<code>{shown}</code>"
