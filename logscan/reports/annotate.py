"""The whole log as it is, with a note under each line to blame, as compilers write them.

    2026-03-02 08:12:44,120 ERROR [exec-3] Invoice - order-48213 cannot be invoiced
        ^^^ new 0.97: a kind of line not seen before [3f9c0a1b2c3d]

Without the lines that begin with `MARK`, and without the colours, what is left is the log.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from logscan.findings.finding import Finding
from logscan.reports import Begin, Context, Output, Report, Summary
from logscan.reports.visible import visible

MARK = "    ^^^ "
BOLD, COLOR, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[0m"

Notes = dict[int, list[str]]  # line under which they stand -> notes


class Annotate(Report):
    """Prints nothing before the end: a finding may blame a line far above the one that gave it away."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.sources: tuple[str, ...] = ()
        self.notes: defaultdict[str, Notes] = defaultdict(lambda: defaultdict(list))

    def begin(self, header: Begin) -> None:
        """Remember what to print."""
        self.sources = header.sources

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """Keep its notes."""
        for source, line, note in notes(finding):
            self.notes[source][line].append(note)

    def end(self, summary: Summary) -> None:
        """Print every source, under a note of its name where there are several."""
        write = self.output.stream.write
        for source in self.sources:
            if len(self.sources) > 1:
                write(self.paint(MARK + visible(source)) + "\n")
            for text, is_note in annotated(self.output.read(source), self.notes[source]):
                write((self.paint(text) if is_note else visible(text)) + "\n")

    def paint(self, note: str) -> str:
        """A note in colour, where colour is wanted."""
        return f"{BOLD}{COLOR}{note}{PLAIN}" if self.output.color else note


def notes(finding: Finding) -> Iterator[tuple[str, int, str]]:
    """(source, line, note) for each line to blame, the last one of a record; only the first note says why."""
    first = f"{MARK}{finding.kind} {finding.score:.2f}: {visible(finding.reason)} [{finding.id}]"
    if not finding.lines:
        yield finding.source, finding.last_line, first
    for index, line in enumerate(finding.lines):
        again = f"{MARK}{finding.kind} {line.score:.2f} [{finding.id}]"
        yield line.source, line.last_line or line.line, again if index else first


def annotated(lines: Iterable[tuple[int, str]], notes: Notes) -> Iterator[tuple[str, bool]]:
    """(text, is it a note): lines as they come, each before its notes; notes beyond the end come last."""
    number = 0
    for number, text in lines:
        yield text, False
        for note in notes.get(number, ()):
            yield note, True
    for line in sorted(notes):
        if line > number:
            yield from ((note, True) for note in notes[line])
