"""JUnit XML, which build servers show as tests: a suite a source, a failed case a finding.

A source without findings is one case that passed; what could not be read is a case with an error, in a suite of its
own. The document is written at the end, for its head says how many there are.
"""

import re
from xml.etree import ElementTree

from logscan.findings.finding import Finding
from logscan.reports import Begin, Context, Output, Report, Summary
from logscan.reports.visible import visible

SHOWN = 20  # lines to blame in a case
FORBIDDEN = re.compile("[\ufffe\uffff]")  # by XML, beyond what is made visible anyway
ERRORS = "logscan"  # the suite of what could not be read


class JUnit(Report):
    """Prints nothing before the end."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.cases: dict[str, list[ElementTree.Element]] = {}  # by source

    def begin(self, header: Begin) -> None:
        """A suite for each source."""
        self.cases = {source: [] for source in header.sources}

    def finding(self, finding: Finding, context: Context | None = None) -> None:
        """A case that failed."""
        case = _case(finding.source, f"{finding.kind} [{finding.id}] {finding.reason}")
        case.set("file", _text(finding.source))
        case.set("line", str(finding.first_line))
        failure = ElementTree.SubElement(case, "failure", message=_text(finding.reason), type=finding.kind)
        rows = [f"{line.source}:{line.line}: {line.text}" for line in finding.lines[:SHOWN]]
        if finding.count > len(rows):
            rows.append(f"... and {finding.count - len(rows):,} more")
        failure.text = "\n".join([f"score {finding.score:.2f}", *map(_text, rows)])
        self.cases.setdefault(finding.source, []).append(case)

    def end(self, summary: Summary) -> None:
        """The whole document."""
        suites = ElementTree.Element("testsuites", name="logscan")
        for source, cases in self.cases.items():
            suites.append(_suite(source, cases or [_case(source, "nothing that does not belong")]))
        if summary.errors:
            suites.append(_suite(ERRORS, [_error(message) for message in summary.errors]))
        _count(suites)
        suites.set("time", f"{summary.seconds:.3f}")
        ElementTree.indent(suites)
        head = '<?xml version="1.0" encoding="UTF-8"?>'
        self.output.stream.write(f"{head}\n{ElementTree.tostring(suites, encoding='unicode')}\n")


def _suite(name: str, cases: list[ElementTree.Element]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(name))
    suite.extend(cases)
    _count(suite)
    suite.set("skipped", "0")
    suite.set("time", "0")  # a scan is timed as a whole
    return suite


def _case(source: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_text(source), name=_text(name), time="0")


def _error(message: str) -> ElementTree.Element:
    case = _case(ERRORS, message)
    ElementTree.SubElement(case, "error", message=_text(message), type="input")
    return case


def _count(element: ElementTree.Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def _text(text: str) -> str:
    return FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
