"""One page that needs nothing else: a timeline of the findings, and a table to sort, filter and open.

    page.html, findings.html   the frame, and what is left out where nothing was found
    detail.py, finding.html    one finding
    timeline.py                the drawing
    palette.css, page.css      light and dark
    page.js                    sorts, filters and opens; without it, all findings are open

Text from a log is only ever text: it is made visible, cropped, escaped, and put into elements and quoted attributes.
Should some of it get out nevertheless, the page's policy lets nothing run or load but our own script and style.
"""

import heapq
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

import logscan
from logscan.errors import OptionError
from logscan.findings.finding import Finding
from logscan.reports import Begin, Context, Output, Report, Summary
from logscan.reports.context import around
from logscan.reports.file import write_whole
from logscan.reports.html.detail import BODY, definitions, mark_of, rows, shown
from logscan.reports.html.parts import named, part
from logscan.reports.html.timeline import Mark, extent, timeline
from logscan.reports.words import count, span

CONTEXT = 3  # lines around each line to blame, where --context says nothing
FINDINGS = 2000  # in a page: the strangest
ROOM = 10_000_000  # characters of all findings, beyond which each has LEAST
LEAST = 10_000
LISTED = 100  # sources, errors, notes
DOCTYPE = b"<!doctype html>"


class Html(Report):
    """Keeps what it was given, in bounded memory, and writes the page at the end: into a file, or to the stream."""

    def __init__(self, output: Output, file: Path | None = None) -> None:
        super().__init__(output)
        if file is not None:
            _check(file)
        self.file = file
        self.context = output.context or CONTEXT
        self.header = Begin((), "")
        self.number = 0  # findings so far
        self.room = ROOM
        self.kept: list[tuple[float, int, Mark, str]] = []  # a heap: score, -number, where it lies, its rows

    def begin(self, header: Begin) -> None:
        """Remember what is scanned."""
        self.header = header

    def wants(self, finding: Finding) -> Mapping[str, set[int]]:
        """The lines around each line to blame, and the rest of a record of several."""
        return around(finding.lines, self.context, BODY)

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """Keep it, unless there are many that are stranger."""
        self.number += 1
        mark = mark_of(finding, f"f{self.number}")
        room = max(LEAST, self.room)
        entry = (finding.score, -self.number, mark, rows(finding, mark, self.wants(finding), context or {}, room))
        heapq.heappush(self.kept, entry)
        self.room -= len(entry[-1])
        if len(self.kept) > FINDINGS:
            self.room += len(heapq.heappop(self.kept)[-1])

    def end(self, summary: Summary) -> None:
        """Write the page."""
        self.write(summary)

    def write(self, summary: Summary) -> None:
        """Write what there is so far; may be called again. Raises InputError where the file cannot be written."""
        page = self.page(summary)
        if self.file is None:
            self.output.stream.write(page)
        else:
            write_whole(self.file, page)

    def page(self, summary: Summary) -> str:
        """The whole page."""
        style, script = part("palette.css") + part("page.css"), part("page.js")
        sources = self.header.sources
        more = f" and {len(sources) - 1:,} more" if len(sources) > 1 else ""
        return Template(part("page.html")).substitute(
            policy=f"default-src 'none'; script-src {named(script)}; style-src {named(style)}; base-uri 'none'; "
            "form-action 'none'; require-trusted-types-for 'script'",
            title=f"logscan: {shown(sources[0])}{more}" if sources else "logscan",
            style=style,
            script=script,
            facts=definitions(self.facts(summary)),
            said=self.said(summary),
            main=self.main(summary),
            version=escape(logscan.__version__),
        )

    def facts(self, summary: Summary) -> list[tuple[str, str]]:
        """(name, value) of the head, ready for HTML."""
        sources = [shown(source) for source in self.header.sources[:LISTED]]
        if more := len(self.header.sources) - len(sources):
            sources.append(f"{more:,} more")
        times = summary.times or extent(mark for *_, mark, _ in self.kept)
        return [
            ("Sources", ", ".join(sources)),
            ("Detector", shown(self.header.detector)),
            ("Model", shown(self.header.model) if self.header.model else "none"),
            ("Lines", f"{summary.lines:,}"),
            ("Records", f"{summary.records:,}"),
            ("Windows", f"{summary.windows:,}"),
            ("Findings", f"{summary.findings:,}"),
            ("Time span", span(*times) if times else "no times"),
            ("Took", f"{summary.seconds:.1f} s"),
        ]

    def said(self, summary: Summary) -> str:
        """Errors, notes, and what the page leaves out."""
        said = [("error", error) for error in summary.errors] + [("note", note) for note in summary.notes]
        items = [f'<li class="{kind}">{shown(text)}</li>' for kind, text in said[:LISTED]]
        if len(said) > LISTED:
            items.append(f"<li>{len(said) - LISTED:,} more errors and notes</li>")
        if out := self.number - len(self.kept):
            items.append(f"<li>Left out: {count(out, 'finding')} of lower score than the {FINDINGS:,} here</li>")
        return "\n".join(['<ul class="said">', *items, "</ul>"]) if items else ""

    def main(self, summary: Summary) -> str:
        """Timeline and table, in the order in which the findings came."""
        kept = sorted(self.kept, key=lambda entry: -entry[1])
        if not kept:
            return "<p>Nothing found.</p>"
        marks = [mark for _, _, mark, _ in kept]
        kinds = {kind: sum(mark.kind == kind for mark in marks) for kind in dict.fromkeys(mark.kind for mark in marks)}
        return Template(part("findings.html")).substitute(
            timeline=timeline(marks, summary.times, summary.lines),
            kinds="\n".join(
                f'<button type="button" class="k-{kind}" value="{kind}" aria-pressed="false">{kind} {n:,}</button>'
                for kind, n in kinds.items()
            ),
            rows="\n".join(rows for *_, rows in kept),
        )


def _check(file: Path) -> None:
    """Before a long scan: is there a place for it, and is what it would replace a page? Raises OptionError."""
    if not file.resolve().parent.is_dir():
        raise OptionError(f"{file} cannot be written: there is no folder {file.parent}")
    if file.is_file() and os.access(file, os.R_OK):
        with file.open("rb") as there:
            if (begin := there.read(len(DOCTYPE))) and begin.lower() != DOCTYPE:
                raise OptionError(f"{file} is no HTML page, and stays as it is: give the page another name")
