"""Reports: findings -> a terminal, grep lines, JSON Lines, the annotated log, a page, what a build server shows.

The contract, in full::

    begin(header)               once, before anything else
    wants(finding)              lines beside the finding's own that the report would show, a source
    finding(finding, context)   once a finding, in the order to be shown; context holds texts of wanted lines
    end(summary)                once; never called where the scan was broken off

A report writes to `output.stream` and leaves flushing and `BrokenPipeError` to its caller. Text that came
from a log goes through `visible` before it is written, unless the format itself escapes it.

To add a report, begin with a copy of `grep.py`, the smallest one, and give it a line in `BUILT_IN`; in
another distribution, an entry point of the group `logscan.reports` does the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TextIO, cast

from logscan.errors import OptionError

if TYPE_CHECKING:  # the names of the reports are needed by `--help`, the findings are not
    from datetime import datetime

    from logscan.findings.finding import Finding

GROUP = "logscan.reports"

BUILT_IN = {
    "pretty": "logscan.reports.pretty:Pretty",
    "grep": "logscan.reports.grep:Grep",
    "json": "logscan.reports.jsonl:JsonLines",
    "annotate": "logscan.reports.annotate:Annotate",
    "html": "logscan.reports.html:Html",
    "junit": "logscan.reports.junit:JUnit",
    "github": "logscan.reports.github:GitHub",
}

Context = Mapping[str, Mapping[int, str]]
"""Source -> line (1-based) -> text; may lack lines that were not read again, and hold more than wanted."""


class Begin(NamedTuple):
    """What is about to be scanned, and with what."""

    sources: tuple[str, ...]
    detector: str
    model: str | None = None  #: the bundle's folder; None: learnt from the input or a baseline


class Summary(NamedTuple):
    """What was done."""

    lines: int
    records: int
    windows: int
    findings: int
    seconds: float
    errors: tuple[str, ...] = ()  #: also said on stderr when they happened
    notes: tuple[str, ...] = ()  #: what the reader should know, such as bounds that were reached
    times: "tuple[datetime, datetime] | None" = None  #: of the first and the last record judged; None: no times


def _unread(source: str) -> Iterable[tuple[int, str]]:
    raise OptionError(f"{source} cannot be read twice: write it to a file to have all its lines printed")


class Output(NamedTuple):
    """Where a report goes, and what may be done there."""

    stream: TextIO
    color: bool = False
    links: bool = False  #: hyperlinks as well
    width: int | None = None  #: columns; log text beyond is cropped; None: never
    context: int = 0  #: lines around each line to blame
    read: Callable[[str], Iterable[tuple[int, str]]] = _unread  #: all (line, text) of a source, once more


class Report(ABC):
    """Only `finding` must be written; the rest does nothing unless it is."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def begin(self, header: Begin) -> None:  # noqa: B027
        """Say what is scanned."""

    def wants(self, finding: "Finding") -> Mapping[str, set[int]]:
        """The lines to hand to `finding` as context, a source."""
        return {}

    @abstractmethod
    def finding(self, finding: "Finding", context: Context | None = None) -> None:
        """Report one finding."""

    def end(self, summary: Summary) -> None:  # noqa: B027
        """Say what was done."""


def names() -> list[str]:
    """All reports there are, built-in ones first."""
    return list(_doors())


def open_report(name: str, output: Output, redact: bool = False) -> Report:
    """The report of this name; with `redact` it is told no secrets. Raises OptionError for a name that is not known."""
    doors = _doors(foreign=name not in BUILT_IN)
    if name not in doors:
        raise OptionError(f"no report is called {name!r}; there are {', '.join(doors)}")
    return opened(doors[name], output, redact)


def opened(make: Callable[[Output], Report], output: Output, redact: bool) -> Report:
    """The report that is made for an output; with `redact` it is told no secrets."""
    if not redact:
        return make(output)
    from logscan.reports.redacted import Redacted, reading

    return Redacted(output, make(reading(output)))


def _doors(foreign: bool = True) -> dict[str, Callable[[Output], Report]]:
    """Name -> what loads the report's module when it is called. A built-in name cannot be taken over.

    foreign: also those of other distributions, all of whose metadata is read for that
    """
    from importlib.metadata import EntryPoint, entry_points

    def door(point: EntryPoint) -> Callable[[Output], Report]:
        return lambda output: cast(Report, point.load()(output))

    own = [EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()]
    points = {point.name: point for point in [*own, *(entry_points(group=GROUP) if foreign else ()), *own]}
    return {name: door(point) for name, point in points.items()}
