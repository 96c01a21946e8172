"""What a scan says at its end on stderr, and to its reports."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logscan.reports import Summary
    from logscan.scan import Result


def summary_of(result: "Result", findings: int, notes: "Sequence[str]") -> "Summary":
    """What was done, with what the reader should know beside `notes`."""
    from logscan.reports import Summary
    from logscan.reports.words import count

    over = f"{count(result.over, 'more finding')} beyond --budget" if result.over else None
    accepted = f"{count(result.accepted, 'accepted finding')} not shown" if result.accepted else None
    return Summary(
        lines=result.lines,
        records=result.records,
        windows=result.windows,
        findings=findings,
        seconds=result.seconds,
        errors=tuple(f"{problem.source}: {problem.message}" for problem in result.problems),
        notes=tuple(note for note in (over, accepted, *notes) if note),
        times=result.times,
    )


def say_what_was_read(result: "Result") -> None:
    """The format of each log, and how much there was."""
    from logscan.reports.visible import visible
    from logscan.reports.words import count

    for name, layout in result.layouts.items():
        typer.echo(f"{visible(name)}: {visible(layout)}", err=True)
    read = (count(result.lines, "line"), count(result.records, "record"), count(result.windows, "window"))
    typer.echo(f"{', '.join(read)}; judged by {result.detector}", err=True)


def say_what_was_found(summary: "Summary") -> None:
    """How much, and the notes."""
    from logscan.reports.visible import visible
    from logscan.reports.words import count

    found, lines = count(summary.findings, "finding"), count(summary.lines, "line")
    typer.echo(f"{found} in {lines}, {summary.seconds:.1f} s", err=True)
    for note in summary.notes:
        typer.echo(visible(note), err=True)
