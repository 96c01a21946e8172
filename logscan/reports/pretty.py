"""Findings for a person at a terminal, one block each.

    1  NEW  0.97  a kind of line not seen before
       app.log:1042  order-48213  3 lines  2026-03-02 08:12:44 to 08:12:51  [3f9c0a1b2c3d]
        1041- the line before, with --context
        1042: the line to blame
       nearest   a known template with the words that [-differ-]{+differed+}
       expected   71%  the template that was most likely here

Rich gives the styles only; it lays out nothing, so that text is never wrapped. Log text is cropped on a
terminal, and nowhere else.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from logscan.findings.finding import Finding, Kind, Line
from logscan.reports import Context, Output, Report, Summary
from logscan.reports.context import around
from logscan.reports.highlight import highlight
from logscan.reports.visible import visible
from logscan.reports.words import changes, count, share, span

SHOWN = 3  # lines to blame in a block
BODY = 5  # further lines of a record of several
EXPECTED = 3  # alternatives

BADGES: Mapping[Kind, str] = {
    "new": "reverse red",
    "rare": "reverse yellow",
    "value": "reverse magenta",
    "order": "reverse blue",
    "count": "reverse cyan",
    "burst": "reverse yellow",
    "silent": "reverse",
    "window": "reverse blue",
}


class Pretty(Report):
    """Ranks the findings in the order in which they come."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.rank = 0
        self.console = Console()  # knows styles by name; writes nothing

    def wants(self, finding: Finding) -> Mapping[str, set[int]]:
        """The lines around those that are shown, and the body of a record of several lines."""
        return around(finding.lines[:SHOWN], self.output.context, BODY)

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """One block, with an empty line before all but the first."""
        self.rank += 1
        if self.rank > 1:
            self.output.stream.write("\n")
        self.write(self.title(finding))
        self.write(self.place(finding))
        for text in self.samples(finding, context or {}):
            self.write(text, crop=True)
        for text in self.known(finding):
            self.write(text, crop=True)

    def end(self, summary: Summary) -> None:
        """One line, and the notes."""
        found = count(summary.findings, "finding") if summary.findings else "nothing found"
        tail = f"{found} in {count(summary.lines, 'line')}, {summary.seconds:.1f} s"
        if self.rank:
            self.output.stream.write("\n")
        self.write(Text.assemble((tail, "bold")))
        for note in summary.notes:
            self.write(Text.assemble((visible(note), "dim")))

    def title(self, finding: Finding) -> Text:
        """Rank, kind, score, reason."""
        badge = f" {finding.kind.upper()} " if self.output.color else finding.kind.upper()
        return Text.assemble(
            (f"{self.rank:>3}  ", "dim"),
            (badge, BADGES.get(finding.kind, "reverse")),
            (f"  {finding.score:.2f}  ", "bold"),
            (visible(finding.reason), "bold"),
        )

    def place(self, finding: Finding) -> Text:
        """Where, in which window, how often, when, and the id that `accept` takes."""
        where = f"{visible(finding.source)}:{finding.first_line}"
        place = Text.assemble("     ", (where, self.link(finding.source)))
        for part in (
            finding.window,
            count(finding.count, "line"),
            span(finding.first_seen, finding.last_seen),
        ):
            if part:
                place.append("  " + visible(part))
        return place.append(f"  [{finding.id}]", "dim")

    def link(self, source: str) -> Style:
        """Leads to the file, where there is one and the terminal takes links."""
        there = self.output.links and Path(source).exists()
        return Style(color="cyan", link=Path(source).resolve().as_uri() if there else None)

    def samples(self, finding: Finding, context: Context) -> Iterator[Text]:
        """The first lines to blame among their context, and how many more there are."""
        shown = finding.lines[:SHOWN]
        near = self.wants(finding)
        blamed = {(line.source, line.line): line.text for line in finding.lines}
        rows = {(line.source, line.line): line.text for line in shown}
        for source, numbers in near.items():
            texts = context.get(source, {})
            rows |= {(source, number): texts[number] for number in numbers if number in texts}
        order = sorted(rows) if near else list(rows)
        digits = max((len(str(number)) for _, number in order), default=0)
        source = finding.source
        for index, row in enumerate(order):
            if row[0] != source:
                source = row[0]
                yield Text.assemble((f"     in {visible(source)}", "cyan"))
            elif index and self.output.context and order[index - 1] != (source, row[1] - 1):
                yield Text.assemble(("     --", "dim"))
            yield self.sample(rows[row], row[1], digits, row in blamed)
        unread = sum(_unshown(line, rows) for line in shown)
        if unread:
            yield Text.assemble((f"     … and {count(unread, 'further line')} of the record", "dim"))
        more = finding.count - len(blamed.keys() & rows.keys())
        if more > 0:
            yield Text.assemble((f"     … and {more:,} more", "dim"))

    def sample(self, text: str, number: int, digits: int, blamed: bool) -> Text:
        """One line of the log: `12: text`, or dim `12- text` for context, as grep writes them."""
        if self.output.width:
            text = text[: 4 * self.output.width]  # spares the work on what is cropped anyway
        gutter = f"     {number:>{digits}}{':' if blamed else '-'} "
        if not blamed:
            return Text.assemble((gutter + visible(text), "dim"))
        line = highlight(text) if self.output.color else Text(visible(text))
        return Text.assemble((gutter, "bold"), line)

    def known(self, finding: Finding) -> Iterator[Text]:
        """What it resembles, and what was expected in its place."""
        if finding.nearest and finding.lines:
            yield Text.assemble(("     nearest   ", "dim"), difference(finding.nearest, finding.lines[0].template))
        told = [line for line in finding.lines if line.expected]
        if told:
            worst = max(told, key=lambda line: line.score)
            for index, (template, probability) in enumerate(worst.expected[:EXPECTED]):
                label = "" if index else "expected"
                yield Text.assemble((f"     {label:<8}  ", "dim"), f"{share(probability):>4}  ", visible(template))

    def write(self, text: Text, *, crop: bool = False) -> None:
        """To the stream, coloured or plain, cropped to the terminal where asked."""
        if crop and self.output.width:
            text.expand_tabs(8)
            text.truncate(self.output.width, overflow="ellipsis")
        painted = "".join(
            segment.style.render(segment.text, color_system=ColorSystem.STANDARD) if segment.style else segment.text
            for segment in text.render(self.console)
        )
        self.output.stream.write((painted if self.output.color else text.plain) + "\n")


def difference(known: str, found: str) -> Text:
    """The known template with what differs marked word by word: `[-only there-]{+only here+}`."""
    words: list[Text] = []
    for same, gone, come in changes(known, found):
        if same:
            words.append(Text(same))
        else:
            marks = (f"[-{gone}-]" if gone else "", "red"), (f"{{+{come}+}}" if come else "", "green")
            words.append(Text.assemble(*marks))
    return Text(" ").join(words)


def _unshown(line: Line, rows: Mapping[tuple[str, int], str]) -> int:
    """How many further lines of a record of several are not shown."""
    last = line.last_line or line.line
    return last - line.line - sum(source == line.source and line.line < n <= last for source, n in rows)
