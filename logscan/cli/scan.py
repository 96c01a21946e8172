"""`logscan scan`."""

import gc
import os
import sys
from enum import StrEnum
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from logscan.cli.configured import ConfigFile
from logscan.cli.inputs import READ, LogFormat, Masks, Paths, Problems, Session, Window, named_or_piped
from logscan.cli.profile import begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logscan.findings.finding import Finding
    from logscan.reports import Report, Summary
    from logscan.scan import Result

EPILOG = """Examples
  logscan scan app.log                       # what does not belong in it
  logscan scan app.log --baseline good.log   # what differs from a good run
  journalctl -o short-iso | logscan scan     # a log from a pipe
  logscan scan /var/log -C 2 --format pretty | less
  logscan scan app.log --json | jq -c 'select(.type=="finding")'

Exit status: 0 ran, 1 findings with --exit-code, 2 any error, 130 interrupted."""

SHORT = 1 << 18  # bytes of files that are read in no time
NORMAL, SHOWN, LIVE = "What is normal", "What is shown", "While the log is written"  # panels of the help


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


def scan(
    paths: Paths = None,
    *,
    model: Annotated[
        Path | None, Option(help="A model that `logscan train` wrote.", metavar="DIR", rich_help_panel=NORMAL)
    ] = None,
    baseline: Annotated[
        list[str] | None,
        Option(
            help="A known-good log to learn from now; may be repeated.",
            metavar="PATH",
            rich_help_panel=NORMAL,
        ),
    ] = None,
    split_at: Annotated[
        str | None,
        Option(help="What was written before is the baseline.", metavar="TIME", rich_help_panel=NORMAL),
    ] = None,
    accepted: Annotated[
        Path | None,
        Option(
            help="Findings known to be fine, by default logscan-accepted.jsonl; see `logscan accept`.",
            metavar="FILE",
            rich_help_panel=NORMAL,
        ),
    ] = None,
    since: Annotated[
        str | None,
        Option(help="Judge only what was written at TIME or after.", metavar="TIME", rich_help_panel=READ),
    ] = None,
    until: Annotated[
        str | None,
        Option(help="Judge only what was written before TIME.", metavar="TIME", rich_help_panel=READ),
    ] = None,
    log_format: LogFormat = None,
    session: Session = None,
    window: Window = "auto",
    mask: Masks = None,
    budget: Annotated[
        float,
        Option(help="Findings per 10,000 lines, and at least so many.", min=0, metavar="N", rich_help_panel=SHOWN),
    ] = 20,
    min_score: Annotated[
        float,
        Option(help="Findings below are not shown.", min=0, max=1, metavar="SCORE", rich_help_panel=SHOWN),
    ] = 0.5,
    context: Annotated[
        int,
        Option(
            "--context",
            "-C",
            help="Lines around each flagged line; in HTML, 0 is 3.",
            min=0,
            metavar="N",
            rich_help_panel=SHOWN,
        ),
    ] = 0,
    report: Annotated[
        str | None,
        Option(
            "--format",
            help="pretty (on a terminal), grep (in a pipe), json, annotate, html, junit or github.",
            metavar="NAME",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    json: Annotated[bool, Option("--json", help="The same as --format json.", rich_help_panel=SHOWN)] = False,
    html: Annotated[
        Path | None,
        Option(help="Write a page of the findings as well.", metavar="FILE", rich_help_panel=SHOWN),
    ] = None,
    redact: Annotated[
        bool,
        Option("--redact", help="Show no keys, tokens, passwords, e-mail or card numbers.", rich_help_panel=SHOWN),
    ] = False,
    color: Annotated[Color, Option(help="auto, always or never.", metavar="WHEN", rich_help_panel=SHOWN)] = Color.auto,
    exit_code: Annotated[
        bool, Option("--exit-code", help="Exit with 1 if there are findings.", rich_help_panel=SHOWN)
    ] = False,
    stats: Annotated[
        bool,
        Option("--stats", help="Say on stderr what was read, and as what format.", rich_help_panel=SHOWN),
    ] = False,
    profile: Annotated[  # begins where arguments are parsed
        bool,
        Option("--profile", help="Say on stderr where the time went.", callback=begin, rich_help_panel=SHOWN),
    ] = False,
    follow: Annotated[
        bool,
        Option(
            "--follow", "-f", help="Go on with what is written from now on, until interrupted.", rich_help_panel=LIVE
        ),
    ] = False,
    tail: Annotated[
        int | None,
        Option(help="Begin so many lines before the end.", min=0, metavar="N", rich_help_panel=LIVE),
    ] = None,
    from_start: Annotated[
        bool, Option("--from-start", help="Begin with the first line.", rich_help_panel=LIVE)
    ] = False,
    state: Annotated[
        Path | None,
        Option(help="Where to go on from after any end, and to keep that.", metavar="FILE", rich_help_panel=LIVE),
    ] = None,
    metrics: Annotated[
        str | None,
        Option(
            help="Counters for Prometheus: a file that ends in .prom, or HOST:PORT.",
            metavar="TARGET",
            rich_help_panel=LIVE,
        ),
    ] = None,
    progress: Annotated[bool, Option(help="A bar on a terminal, after a second.", show_default=False)] = True,
    config_file: ConfigFile = None,  # heeded where arguments are parsed
) -> None:
    """Find what does not belong in logs. No model, labels or configuration needed."""
    from logscan.cli.ending import say_what_was_found, say_what_was_read, summary_of

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the others spin from the import of numpy on, for nothing
    if follow or _short([*(paths or ()), *(baseline or ())]):
        # small blocks gain nothing by more threads, which the service that writes the log may want
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from logscan.cli.follow import Following, run_live
    from logscan.cli.progress import shown_progress
    from logscan.cli.times import parse_time
    from logscan.errors import OptionError
    from logscan.findings.accepted import accepted_ids, remember
    from logscan.reports import open_report, opened
    from logscan.reports.terminal import output_to
    from logscan.scan import Options
    from logscan.scan import scan as run
    from logscan.sources import read_again

    gc.freeze()  # what is imported stays: no garbage is looked for in it
    paths = named_or_piped(paths, "scan")
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
    following = Following(tail, from_start, state, metrics)
    name = "json" if json else report or ("pretty" if sys.stdout.isatty() else "grep")
    following.check(follow, options, name)
    output = output_to(sys.stdout, read_again, color=color.value, context=context)
    reports = [open_report(name, output, redact)]
    if html is not None:
        from logscan.reports.html import Html

        reports.append(opened(lambda output: Html(output, html), output, redact))
    problems = Problems(redact)
    signalled = 0
    if follow:
        result, summary, signalled = run_live(paths, options, following, reports, problems, progress)
    else:
        with shown_progress(progress) as advance:
            result = run(paths, options, advance, problems.say)
        remember(_without_secrets(result.findings) if redact else result.findings)
        summary = summary_of(result, len(result.findings), result.notes)
        _report(reports, result, summary, model)
    if stats:
        say_what_was_read(result)
    if name != "pretty" or not sys.stdout.isatty():  # the operator has read it there
        say_what_was_found(summary)
    if signalled == SIGINT:
        raise typer.Exit(130)
    if not signalled:
        problems.exit_if_fatal()
    if exit_code and summary.findings:
        raise typer.Exit(1)


def _short(paths: "Sequence[str]") -> bool:
    """Whether all of this is files, small, and not the newest of several such as app.log and app.log.1."""
    from glob import escape, iglob

    alone = paths and all(os.path.isfile(path) and len(list(iglob(escape(path) + "*"))) == 1 for path in paths)
    return bool(alone) and sum(map(os.path.getsize, paths)) < SHORT


def _without_secrets(findings: "Sequence[Finding]") -> "list[Finding]":
    from logscan.findings.redact import redacted

    return [redacted(finding) for finding in findings]


def _report(reports: "Sequence[Report]", result: "Result", summary: "Summary", model: Path | None) -> None:
    """Print the result, and write it; a pipe that is closed does not keep the page from being written."""
    from contextlib import ExitStack

    from logscan.reports import Begin
    from logscan.sources import fetch

    header = Begin(result.sources, result.detector, str(model) if model else None)
    wanted: dict[str, set[int]] = {}
    for report in reports:
        for finding in result.findings:
            for source, lines in report.wants(finding).items():
                wanted.setdefault(source, set()).update(lines)
    context = {source: fetch(source, lines) for source, lines in wanted.items()}

    def show(report: "Report") -> None:
        report.begin(header)
        for finding in result.findings:
            report.finding(finding, context)
        report.end(summary)
        report.output.stream.flush()  # before the words on stderr

    with ExitStack() as stack:
        for report in reversed(reports):
            stack.callback(show, report)
