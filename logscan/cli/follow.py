"""`logscan scan --follow`: print findings while logs are written."""

import gc
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, TextIO

from logscan.errors import OptionError

if TYPE_CHECKING:
    from logscan.cli.inputs import Problems
    from logscan.findings.finding import Finding
    from logscan.live.watch import Watch
    from logscan.reports import Report, Summary
    from logscan.scan import Options, Result

RECENT = 1_000  # findings that `accept` can name


@dataclass(frozen=True)
class Following:
    """The options that mean something with --follow alone."""

    tail: int | None
    from_start: bool
    state: Path | None
    metrics: str | None

    def check(self, follow: bool, options: "Options", report: str) -> None:
        """Raises OptionError where options do not go together."""
        given = [name for name, value in asdict(self).items() if value is not None and value is not False]
        if given and not follow:
            raise OptionError(f"--{given[0].replace('_', '-')} is for a log that is followed: add --follow")
        if follow and (options.since or options.until or options.split_at):
            raise OptionError("--follow goes on from now: leave out --since, --until and --split-at")
        if follow and report == "annotate":
            raise OptionError("--format annotate prints a whole log, and one that is followed has no end: name another")
        if self.tail is not None and self.from_start:
            raise OptionError("--tail and --from-start both say where to begin: leave out one of them")
        if self.from_start and options.model is None and not options.baseline:
            raise OptionError("--from-start leaves nothing to learn from: add --model or --baseline")


def run_live(
    paths: list[str],
    options: "Options",
    following: Following,
    reports: "Sequence[Report]",
    problems: "Problems",
    progress: bool,
) -> "tuple[Result, Summary, int]":
    """Follow the logs until they end or a signal says so; the reports are flushed after each finding.

    Gives what was done, and the signal that ended it, 0 for none.
    """
    from logscan.cli import drop_unwritten
    from logscan.cli.progress import shown_progress, shown_status
    from logscan.findings.accepted import remember
    from logscan.findings.redact import redacted
    from logscan.live.watch import Begin, Watch
    from logscan.reports import Begin as Header

    told: deque[Finding] = deque(maxlen=RECENT)
    with shown_status(progress) as status, counting(following.metrics) as count:

        def look(watch: Watch) -> None:
            if _nobody_reads(sys.stdout):
                raise BrokenPipeError
            count(watch)
            remember(told)
            status.show(lambda: _status(watch))

        begin = Begin(None if following.from_start else following.tail or 0, following.state)
        with shown_progress(progress) as advance:
            watch = Watch(paths, options, begin, advance, problems.say, look)
        gc.freeze()  # what was loaded stays: to look through it again would hold up findings for 20 ms
        header = Header(watch.result.sources, watch.result.detector, str(options.model) if options.model else None)
        gone = False  # who read the output
        try:
            with stopping(watch.stop) as stopped:
                for report in reports:
                    report.begin(header)
                    report.output.stream.flush()
                for finding in watch.findings():
                    status.clear()
                    for report in reports:
                        report.finding(finding, watch.context(report.wants(finding)))
                        report.output.stream.flush()
                    told.append(redacted(finding) if problems.redact else finding)
        except BrokenPipeError:
            gone = True
    remember(told)
    summary = _summary(watch)
    for report in reports[gone:]:
        try:
            report.end(summary)
            report.output.stream.flush()
        except BrokenPipeError:  # what else is written is finished
            gone = True
    if gone and not stopped:
        raise BrokenPipeError
    if gone:  # Ctrl-C ends all of a pipeline
        drop_unwritten()
    return watch.result, summary, min(stopped, default=0)


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[set[int]]:
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


@contextmanager
def counting(target: str | None) -> Iterator[Callable[["Watch"], None]]:
    """What tells Prometheus the counters of a watch, if it is to be told. Raises OptionError."""
    if target is None:
        yield lambda watch: None
        return
    from logscan.reports.prometheus import Metrics

    with closing(Metrics(target)) as metrics:

        def count(watch: "Watch") -> None:
            result = watch.result
            metrics.update(
                {
                    "lines": result.lines,
                    "bytes": watch.bytes,
                    "records": result.records,
                    "windows": result.windows,
                    "findings": watch.found,
                    "errors": len(result.problems),
                    "sources": len(result.sources),
                    **{name: when for name, when in watch.last.items() if when},
                }
            )

        yield count


def _summary(watch: "Watch") -> "Summary":
    from logscan.cli.ending import summary_of

    return summary_of(watch.result, sum(watch.found.values()), watch.notes)._replace(seconds=watch.seconds)


def _nobody_reads(stream: TextIO) -> bool:
    """Whether the reader of a pipe has left: a pipe that is seldom written would not show it."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _status(watch: "Watch") -> str:
    lines, logs, found = watch.result.lines, len(watch.result.sources), sum(watch.found.values())
    since = "" if not watch.last["last_finding"] else f", the last {time() - watch.last['last_finding']:,.0f} s ago"
    return f"{lines:,} lines ({lines / max(watch.seconds, 1e-9):,.0f}/s) of {logs} logs, {found:,} findings{since}"
