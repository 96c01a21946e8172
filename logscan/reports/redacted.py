"""Any report, without secrets: the one place through which all that it is told goes."""

from collections.abc import Mapping

from logscan.findings.finding import Finding
from logscan.findings.redact import redact, redact_lines, redacted, redacted_texts
from logscan.reports import Begin, Context, Output, Report, Summary


class Redacted(Report):
    """The report of a door, told only what may be told; names of sources stay."""

    def __init__(self, output: Output, report: Report) -> None:
        super().__init__(output)
        self.report = report

    def begin(self, header: Begin) -> None:
        """As it is."""
        self.report.begin(header)

    def wants(self, finding: Finding) -> Mapping[str, set[int]]:
        """As it is."""
        return self.report.wants(finding)

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """The finding and what is around it, without secrets."""
        self.report.finding(redacted(finding, context), redacted_texts(finding, context))

    def end(self, summary: Summary) -> None:
        """The words on errors, too."""
        errors, notes = map(redact, summary.errors), map(redact, summary.notes)
        self.report.end(summary._replace(errors=tuple(errors), notes=tuple(notes)))


def reading(output: Output) -> Output:
    """The same output, of whose sources only lines without secrets are read again."""
    return output._replace(read=lambda source: redact_lines(output.read(source)))
