"""Findings over time, or over lines, as SVG: a lane a kind, a mark a finding. Across, it is as wide as the page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from logscan.findings.finding import Kind
from logscan.reports.words import count, span

LANE = 24  # pixels
TICKS = 6  # at most

EPOCH = datetime(1970, 1, 1)
MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = [s * unit for unit in (1, MINUTE) for s in (1, 2, 5, 10, 15, 30)]
STEPS += [HOUR * n for n in (1, 2, 3, 6, 12)] + [DAY * n for n in (1, 2, 7, 14, 30, 91, 182)]
STEPS += [365 * DAY * n for n in (1, 2, 5, 10, 100, 1000, 10_000)]

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Mark:
    """Where a finding lies."""

    anchor: str  # id of its place in the page
    kind: Kind
    score: float  # in [0, 1]
    first_line: int
    last_line: int
    first_seen: datetime | None
    last_seen: datetime | None
    label: str  # ready for HTML


def timeline(marks: Sequence[Mark], times: Span | None, lines: int) -> str:
    """The drawing and what it shows; times: of the whole log; lines: of all of it."""
    timed = [(mark, mark.first_seen, mark.last_seen or mark.first_seen) for mark in marks if mark.first_seen]
    if not timed:
        low, high = 1.0, max(1.0, float(lines), *(float(mark.last_line) for mark in marks))
        places = [(mark, float(mark.first_line), float(mark.last_line)) for mark in marks]
        said, ticks = f"Lines 1 to {high:,.0f}", _line_ticks(low, high)
    else:
        places = [(mark, seconds(first), seconds(last)) for mark, first, last in timed]
        ends = [end for _, *both in places for end in both] + [seconds(time) for time in times or ()]
        low, high = min(ends), max(ends)
        said, ticks = span(_time(low), _time(high)), _time_ticks(low, high)
        if len(timed) < len(marks):
            said += f"; {count(len(marks) - len(timed), 'finding')} without a time not drawn"
    lanes = list(dict.fromkeys(mark.kind for mark, _, _ in places))
    bottom = LANE * len(lanes)

    def x(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.3f}%" if high > low else "50%"

    parts = [f'<div class="plot"><svg role="group" aria-label="Timeline" height="{bottom + 22}">']
    for value, label in ticks:
        parts.append(f'<line x1="{x(value)}" x2="{x(value)}" y1="0" y2="{bottom + 4}"/>')
        parts.append(f'<text class="tick" x="{x(value)}" y="{bottom + 18}">{label}</text>')
    for n, kind in enumerate(lanes):
        y = LANE * n + LANE // 2
        parts.append(f'<line x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="lane k-{escape(kind)}" x="-12" y="{y + 4}">{escape(kind)}</text>')
    for mark, begin, end in sorted(places, key=lambda place: -place[0].score):  # small ones lie on top
        y = LANE * lanes.index(mark.kind) + LANE // 2
        parts.append(
            f'<a href="#{mark.anchor}" class="k-{escape(mark.kind)}" tabindex="-1"><title>{mark.label}</title>'
            f'<line x1="{x(begin)}" x2="{x(end)}" y1="{y}" y2="{y}"/>'
            f'<circle cx="{x(begin)}" cy="{y}" r="{2.5 + 5.5 * mark.score**2:.1f}"/></a>'
        )
    return "\n".join([*parts, f'</svg></div>\n<p class="dim">{said}. The larger a mark, the stranger the finding.</p>'])


def extent(marks: Iterable[Mark]) -> Span | None:
    """From the first to the last time of a finding, where there are any."""
    times = sorted((time for mark in marks for time in (mark.first_seen, mark.last_seen) if time), key=seconds)
    return (times[0], times[-1]) if times else None


def seconds(time: datetime) -> float:
    """Since 1970; a time without a zone is taken as it is, like one in UTC."""
    return ((time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time) - EPOCH).total_seconds()


def _time(value: float) -> datetime:
    return EPOCH + timedelta(seconds=value)


def _time_ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Round times, each with what tells it from its neighbours; the day where one begins."""
    step = next(step for step in STEPS if (high - low) / step <= TICKS)
    form = "%Y-%m" if step > 60 * DAY else "%b %d" if step >= DAY else "%H:%M" if step >= MINUTE else "%H:%M:%S"
    value = -(-low // step) * step
    while value <= high:
        time = _time(value)
        yield value, f"{time:%b %d}" if step < DAY and not value % DAY else f"{time:{form}}"
        value += step


def _line_ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Round line numbers."""
    step = next(s * 10**n for n in range(20) for s in (1, 2, 5) if (high - low) / (s * 10**n) <= TICKS)
    yield from ((float(value), f"{value:,}") for value in range(step, int(high) + 1, step))
