"""`logscan scan --follow`: print findings while logs are written."""

import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logscan.errors import OptionError

if TYPE_CHECKING:
    from logscan.cli.inputs import Problems
    from logscan.findings.finding import Finding
    from logscan.live.watch import Begin, Watch
    from logscan.reports import Report
    from logscan.scan import Options


@dataclass(frozen=True)
class Ended:
    """How it ended. findings: how many were given; interrupted: by Ctrl-C, not by the end of the logs or SIGTERM."""

    findings: int
    interrupted: bool


def check(
    follow: bool,
    tail: int | None,
    from_start: bool,
    state: Path | None,
    model: Path | None,
    baseline: list[str] | None,
    by_time: bool,
) -> "Begin | None":
    """Where to begin, None where nothing is followed. Raises OptionError where options do not go together."""
    if not follow:
        name = next(
            (
                name
                for name, given in (("tail", tail is not None), ("from-start", from_start), ("state", state))
                if given
            ),
            None,
        )
        if name is not None:
            raise OptionError(f"--{name} is for a log that is followed: add --follow")
        return None
    if by_time:
        raise OptionError("--follow goes on from now: leave out --since, --until and --split-at")
    if tail is not None and from_start:
        raise OptionError("--tail and --from-start both say where to begin: leave out one of them")
    if from_start and model is None and not baseline:
        raise OptionError("--from-start leaves nothing to learn from: add --model or --baseline, or leave it out")
    from logscan.live.watch import Begin

    return Begin(None if from_start else tail or 0, state)


def run_live(
    paths: list[str],
    options: "Options",
    begin: "Begin",
    reports: "Sequence[Report]",
    problems: "Problems",
    progress: bool,
) -> Ended:
    """Follow the logs until they end or a signal says so; the reports are flushed after each finding."""
    from logscan.cli.progress import shown_progress, shown_status
    from logscan.findings.accepted import remember
    from logscan.findings.redact import redacted
    from logscan.live.watch import Watch
    from logscan.reports import Begin as Header
    from logscan.reports import Summary

    with shown_status(progress) as status:

        def look(watch: "Watch") -> None:
            if _nobody_reads(sys.stdout):
                raise BrokenPipeError
            status.show(lambda: _status(watch))

        with shown_progress(progress) as advance:
            watch = Watch(paths, options, begin, advance, problems.say, look)
        with stopping(watch.stop) as stopped:
            header = Header(watch.result.sources, watch.result.detector, str(options.model) if options.model else None)
            for report in reports:
                report.begin(header)
                report.output.stream.flush()
            given: list[Finding] = []
            for finding in watch.findings():
                status.clear()
                for report in reports:
                    report.finding(finding, watch.context(report.wants(finding)))
                    report.output.stream.flush()
                given = [redacted(finding) if problems.redact else finding, *given][:1000]
                remember(reversed(given))
    result = watch.result
    summary = Summary(
        lines=result.lines,
        records=result.records,
        windows=result.windows,
        findings=sum(watch.found.values()),
        seconds=watch.seconds,
        errors=tuple(f"{problem.source}: {problem.message}" for problem in result.problems),
        notes=watch.notes,
    )
    for report in reports:
        report.end(summary)
        report.output.stream.flush()
    return Ended(len(given), signal.SIGINT in stopped)


@contextmanager
def stopping(stop: Callable[[], None]) -> Any:
    """Ctrl-C and SIGTERM end in order; a second Ctrl-C ends at once. Gives the set of signals that came."""
    came: set[int] = set()

    def ended(number: int, frame: object) -> None:
        came.add(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nobody_reads(stream: Any) -> bool:
    """Whether the reader of a pipe has left: a pipe that is written seldom would not show it."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _status(watch: "Watch") -> str:
    result = watch.result
    rate = result.lines / max(watch.seconds, 1e-9)
    return f"{result.lines:,} lines, {rate:,.0f}/s  {len(result.sources)} logs  {sum(watch.found.values())} findings"
