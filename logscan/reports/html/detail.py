"""One finding as two rows of the table: what it is, and what belongs to it."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from string import Template

from logscan.findings.finding import MAX_LINES, Finding, Line
from logscan.reports import Context
from logscan.reports.html.parts import part
from logscan.reports.html.timeline import Mark, seconds
from logscan.reports.visible import visible
from logscan.reports.words import changes, count, share, span

BODY = 100  # lines of one record shown with context
EXPECTED = 3  # alternatives a line
CROP = 2000  # characters of a line
CROP_REASON = 500

FINDING = Template(part("finding.html"))


def shown(text: str, most: int = CROP) -> str:
    """Text from a log, ready for HTML: visible, cropped, escaped."""
    more = f" … {len(text) - most:,} more characters" if len(text) > most else ""
    return escape(visible(text[:most])) + more


def mark_of(finding: Finding, anchor: str) -> Mark:
    """Its place in the timeline."""
    label = f"{escape(finding.kind)} {finding.score:.2f}: {shown(finding.reason, CROP_REASON)}"
    lines = finding.first_line, finding.last_line
    return Mark(anchor, finding.kind, finding.score, *lines, finding.first_seen, finding.last_seen, label)


def rows(finding: Finding, mark: Mark, near: Mapping[str, set[int]], context: Context, room: int) -> str:
    """Both rows; near: the lines around, a source; room: characters of HTML that its lines may take."""
    first = finding.first_seen
    return FINDING.substitute(
        anchor=mark.anchor,
        kind=escape(finding.kind),
        score=f"{finding.score:.6f}",
        rounded=f"{finding.score:.2f}",
        reason=shown(finding.reason, CROP_REASON),
        sample=_sample(finding),
        source=shown(finding.source),
        line=finding.first_line,
        seconds=seconds(first) if first else "",
        time=f"{first:%Y-%m-%d %H:%M:%S}" if first else "",
        count=finding.count,
        id=finding.id,
        facts=definitions(_facts(finding)),
        excerpt=_excerpt(finding, near, context, room),
    )


def _sample(finding: Finding) -> str:
    """The template of the first line to blame, where the reason does not hold it."""
    template = finding.lines[0].template if finding.lines else ""
    return f"<code>{shown(template, CROP_REASON)}</code>" if template and template not in finding.reason else ""


def definitions(facts: Iterable[tuple[str, str]]) -> str:
    """The items of a list of (name, value), values ready for HTML."""
    return "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)


def _facts(finding: Finding) -> Iterator[tuple[str, str]]:
    """(name, value), ready for HTML."""
    to = f" to {finding.last_line}" if finding.last_line > finding.first_line else ""
    yield "Where", f"{shown(finding.source)}:{finding.first_line}{to}"
    if finding.first_seen:
        yield "When", span(finding.first_seen, finding.last_seen)
    if finding.window:
        yield "Window", shown(finding.window)
    yield "To blame", count(finding.count, "line")
    if finding.nearest and finding.lines:
        yield "Nearest known template", _difference(finding.nearest, finding.lines[0].template)


def _difference(known: str, found: str) -> str:
    """The known template with what differs: deleted what only it has, inserted what only the new one has."""
    words = []
    for same, gone, come in changes(known[:CROP], found[:CROP]):
        words += [escape(same)] if same else []
        words += [f"<del>{escape(gone)}</del>"] if gone else []
        words += [f"<ins>{escape(come)}</ins>"] if come else []
    return f"<code>{' '.join(words)}</code>"


def _excerpt(finding: Finding, near: Mapping[str, set[int]], context: Context, room: int) -> str:
    """The lines to blame among the lines around them, and how many are left out."""
    blamed = {(line.source, line.line): line for line in finding.lines[:MAX_LINES]}
    around = {(source, n): texts[n] for source, texts in context.items() for n in near.get(source, ()) if n in texts}
    parts, told = [], 0
    source, last = finding.source, None
    for place in sorted(blamed.keys() | around.keys()):
        part = _blamed(blamed[place]) if place in blamed else _row("span", place[1], shown(around[place]))
        room -= len(part)
        if room < 0 and told:
            break
        if place[0] != source:
            parts.append(_row("span", "", f"in {shown(place[0])}"))
        elif last is not None and last != place[1] - 1:
            parts.append(_row("span", "⋯", ""))
        parts.append(part)
        (source, last), told = place, told + (place in blamed)
    out = finding.count - told
    left = f'\n<p class="dim">{count(out, "more line")} to blame, left out here</p>' if out > 0 else ""
    lines = "\n".join(parts)
    return f'<pre tabindex="0" aria-label="Lines">{lines}</pre>{left}' if parts else left


def _blamed(line: Line) -> str:
    """A line to blame, and what was expected in its place."""
    told = [_row("b", line.line, shown(line.text))]
    for template, probability in line.expected[:EXPECTED]:
        told.append(_row("em", share(probability), f"expected: {shown(template, CROP_REASON)}"))
    return "\n".join(told)


def _row(tag: str, gutter: object, text: str) -> str:
    return f"<{tag}><i>{escape(str(gutter))}</i>{text}</{tag}>"
