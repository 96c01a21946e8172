"""`logscan scan`."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from logscan.reports import Report
    from logscan.scan import Result
    from logscan.sources import Problem

EPILOG = """Examples:

  logscan scan app.log                        what does not belong in this file

  logscan scan app.log --baseline good.log    what differs from a good run

  journalctl -o short-iso | logscan scan -    read standard input

  logscan scan /var/log --json | jq -c 'select(.type=="finding")'

Exit status: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted."""


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


def scan(
    paths: Annotated[
        list[str] | None, Argument(metavar="[PATH]...", help="Files, folders, globs; `-` or a pipe: standard input.")
    ] = None,
    model: Annotated[Path | None, Option(help="A model that `logscan train` wrote.", metavar="DIR")] = None,
    baseline: Annotated[
        list[str] | None, Option(help="A known-good log to learn from now; may be repeated.", metavar="PATH")
    ] = None,
    split_at: Annotated[
        str | None, Option(help="What was written before is the baseline.", metavar="TIME")
    ] = None,
    since: Annotated[str | None, Option(help="Judge only what was written at TIME or after.", metavar="TIME")] = None,
    until: Annotated[str | None, Option(help="Judge only what was written before TIME.", metavar="TIME")] = None,
    log_format: Annotated[
        str | None, Option(help="A format's name, or a pattern such as `<time> <level> <message>`.", metavar="NAME")
    ] = None,
    session: Annotated[
        str | None, Option(help="What identifies a session; one group marks the id.", metavar="REGEX")
    ] = None,
    window: Annotated[str, Option(help="auto, session, a time such as 60s, or a number of records.")] = "auto",
    mask: Annotated[
        list[str] | None, Option(help="Text that varies, in addition to what is masked anyway.", metavar="REGEX")
    ] = None,
    budget: Annotated[float, Option(help="Findings per 10,000 lines, and at least so many.", min=0)] = 20,
    min_score: Annotated[float, Option(help="Findings below this score are not shown.", min=0, max=1)] = 0.5,
    accepted: Annotated[
        Path | None, Option(help="Findings known to be fine; see `logscan accept`.", metavar="FILE")
    ] = None,
    context: Annotated[int, Option("--context", "-C", help="Lines of context.", min=0, metavar="N")] = 0,
    report: Annotated[
        str | None,
        Option("--format", help="pretty, grep, json or annotate; by default pretty on a terminal, grep in a pipe."),
    ] = None,
    json: Annotated[bool, Option("--json", help="The same as --format json.")] = False,
    color: Annotated[Color, Option(help="When to colour.")] = Color.auto,
    exit_code: Annotated[bool, Option("--exit-code", help="Exit with 1 if there are findings.")] = False,
    stats: Annotated[bool, Option("--stats", help="Say on stderr what was read, and as what format.")] = False,
    progress: Annotated[bool | None, Option(help="A progress bar; by default on a terminal.")] = None,
) -> None:
    """Find what does not belong in logs. No model, labels or configuration needed."""
    from logscan.cli.progress import shown_progress
    from logscan.cli.times import parse_time
    from logscan.errors import OptionError
    from logscan.findings.accepted import accepted_ids, remember
    from logscan.reports import open_report
    from logscan.reports.terminal import output_to
    from logscan.scan import Options
    from logscan.scan import scan as run

    if not paths:
        if sys.stdin.isatty():
            raise OptionError("name a file or folder, or pipe a log into `logscan scan -`; see `logscan scan --help`")
        paths = ["-"]
    if model is not None and (baseline or split_at):
        raise OptionError("--model says what is normal: leave out --baseline and --split-at")
    if baseline and split_at:
        raise OptionError("--baseline and --split-at both say what is normal: leave out one of them")
    options = Options(
        baseline=tuple(baseline or ()),
        model=model,
        split_at=parse_time(split_at, "--split-at"),
        since=parse_time(since, "--since"),
        until=parse_time(until, "--until"),
        log_format=log_format,
        session=session,
        window=window,
        masks=tuple(mask or ()),
        budget=budget,
        min_score=min_score,
        accepted=accepted_ids(accepted),
    )
    name = "json" if json else report or ("pretty" if sys.stdout.isatty() else "grep")
    opened = open_report(name, output_to(sys.stdout, _lines, color=color.value, context=context))
    with shown_progress(progress) as advance:
        result = run(paths, options, advance, say)
    remember(result.findings)
    _report(opened, result, model)
    _conclude(result, stats, shown=name == "pretty" and sys.stdout.isatty())
    if any(problem.fatal for problem in result.problems):
        raise typer.Exit(2)
    if exit_code and result.findings:
        raise typer.Exit(1)


def say(problem: "Problem") -> None:
    from logscan.reports.visible import visible

    typer.echo(f"logscan: {visible(problem.source)}: {visible(problem.message)}", err=True)


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """All lines of a source, once more."""
    from logscan.sources import read_again

    return read_again(source)


def _report(report: "Report", result: "Result", model: Path | None) -> None:
    """Print the result."""
    from logscan.reports import Begin, Summary
    from logscan.sources import fetch

    report.begin(Begin(result.sources, "baseline", str(model) if model else None))
    wanted: dict[str, set[int]] = {}
    for finding in result.findings:
        for source, lines in report.wants(finding).items():
            wanted.setdefault(source, set()).update(lines)
    context = {source: fetch(source, lines) for source, lines in wanted.items()}
    for finding in result.findings:
        report.finding(finding, context)
    report.end(
        Summary(
            lines=result.lines,
            records=result.records,
            windows=result.windows,
            findings=len(result.findings),
            seconds=result.seconds,
            errors=tuple(f"{problem.source}: {problem.message}" for problem in result.problems),
            notes=tuple(result.notes),
        )
    )


def _conclude(result: "Result", stats: bool, shown: bool) -> None:
    """The summary on stderr. `shown`: the report has said it on the same terminal."""
    if stats:
        for name, layout in result.layouts.items():
            typer.echo(f"{name}: {layout}", err=True)
    if not shown:
        many = "finding" if len(result.findings) == 1 else "findings"
        typer.echo(
            f"{len(result.findings):,} {many} in {result.lines:,} lines, {result.seconds:.1f} s"
            + (f"; {result.over:,} more beyond --budget" if result.over else "")
            + (f"; {result.accepted:,} accepted" if result.accepted else ""),
            err=True,
        )
        for note in result.notes:
            typer.echo(f"note: {note}", err=True)
