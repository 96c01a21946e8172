"""`path:line:text`, as grep -n writes it: one flagged line a line, for pipes and editors.

With context, `path-line-text` for the lines around and `--` between groups that do not touch.
"""

from collections.abc import Mapping

from logscan.findings.finding import Finding
from logscan.reports import Context, Output, Report
from logscan.reports.context import around
from logscan.reports.visible import visible

BODY = 100  # lines of one record shown with context

PATH, NUMBER, MARK, PLAIN = "\x1b[35m", "\x1b[32m", "\x1b[36m", "\x1b[0m"  # the colours of GNU grep


class Grep(Report):
    """Nothing but lines, in the order of the findings."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.last: tuple[str, int] | None = None  # what was written last
        self.written: set[tuple[str, int]] = set()  # a line that several findings blame is written once

    def wants(self, finding: Finding) -> Mapping[str, set[int]]:
        """With context, the lines around each line to blame."""
        return around(finding.lines, self.output.context, BODY) if self.output.context else {}

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """The lines to blame; with context, in the order of their files."""
        blamed = [line for line in finding.lines if (line.source, line.line) not in self.written]
        self.written.update((line.source, line.line) for line in blamed)
        rows = [(line.source, line.line, ":", line.text) for line in blamed]
        if self.output.context:
            near = around(blamed, self.output.context, BODY)
            rows += [
                (source, number, "-", text)
                for source, texts in (context or {}).items()
                for number, text in texts.items()
                if number in near.get(source, ())
            ]
            rows.sort()
        self.output.stream.write("".join(self.row(*row) for row in rows))

    def row(self, source: str, number: int, mark: str, text: str) -> str:
        """One line of output, after a `--` where it begins another group."""
        touches = self.last is None or self.last == (source, number - 1)
        group = "" if touches or not self.output.context else self.paint(MARK, "--") + "\n"
        self.last = source, number
        mark = self.paint(MARK, mark)
        path, count = self.paint(PATH, visible(source)), self.paint(NUMBER, str(number))
        return f"{group}{path}{mark}{count}{mark}{visible(text)}\n"

    def paint(self, color: str, text: str) -> str:
        """The text in this colour, where colour is wanted."""
        return f"{color}{text}{PLAIN}" if self.output.color else text
