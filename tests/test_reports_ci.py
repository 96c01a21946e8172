"""What build servers read: JUnit XML, and the workflow commands of GitHub Actions."""

import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.errors import OptionError
from logscan.findings.finding import Finding, Line
from logscan.reports import Begin, Output, Summary, open_report

ATTRIBUTES = {  # what the schema of Jenkins' plug-in lets stand there; `file` and `line` are those of pytest and GitLab
    "testsuites": {"name", "tests", "failures", "errors", "time", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "classname", "time", "status", "assertions", "file", "line"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
}
CHILDREN = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure", "error"}}
COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:]*)(?:,\w+=[^,:]*)*)::(.*)")


def line(number: int, text: str, source: str = "app.log") -> Line:
    return Line(source, number, 0, 0.9, 7, "", text)


def finding(*lines: Line, score: float = 0.95, reason: str = "never seen", source: str = "app.log") -> Finding:
    first, last = lines[0].line, lines[-1].line
    return Finding("new", reason, score, source, first, last, len(lines), lines, reason)


def report(name: str, *findings: Finding, sources: tuple[str, ...] = ("app.log",), errors: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    writer = open_report(name, Output(stream))
    writer.begin(Begin(sources, "baseline"))
    for each in findings:
        writer.finding(each)
    writer.end(Summary(100, 90, 5, len(findings), 0.25, errors))
    return stream.getvalue()


def document(text: str) -> ElementTree.Element:
    """The parsed document, held against the schema."""
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.keys()) <= ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    for element in [root, *root]:
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[count]) == len(list(element.iter(tag)))
    for case in root.iter("testcase"):
        assert {"name", "classname", "time"} <= set(case.keys())
        assert len(case) <= 1
    return root


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if these tests did not run in GitHub Actions."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def test_junit_has_a_suite_a_source_and_a_failed_case_a_finding() -> None:
    found = finding(line(3, "three <&>"), line(4, "four"))
    root = document(report("junit", found, sources=("app.log", "web.log")))
    app, web = root
    assert [suite.attrib["name"] for suite in root] == ["app.log", "web.log"]
    (case,) = app
    assert (case.attrib["classname"], case.attrib["file"], case.attrib["line"]) == ("app.log", "app.log", "3")
    assert case.attrib["name"] == f"new [{found.id}] never seen"
    assert case[0].tag == "failure"
    assert case[0].attrib == {"message": "never seen", "type": "new"}
    assert case[0].text == "score 0.95\napp.log:3: three <&>\napp.log:4: four"
    assert [len(case) for case in web] == [0]


def test_junit_of_a_clean_scan_is_one_case_that_passed() -> None:
    root = document(report("junit"))
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("1", "0", "0")


def test_junit_tells_what_could_not_be_read() -> None:
    root = document(report("junit", sources=(), errors=("gone.log: cannot be read",)))
    assert (root.attrib["tests"], root.attrib["errors"]) == ("1", "1")


def test_junit_counts_the_lines_that_it_does_not_show() -> None:
    root = document(report("junit", finding(*(line(n, "x") for n in range(1, 31)))))
    failure = next(root.iter("failure"))
    assert (failure.text or "").endswith("\n... and 10 more")


@given(st.text(), st.text(min_size=1))
def test_junit_is_valid_whatever_the_text(text: str, source: str) -> None:
    found = replace(finding(line(1, text), reason=text), source=source)
    root = document(report("junit", found, sources=(source,), errors=(text,)))
    if text.isprintable() and text.isascii():
        assert root[0][0][0].text == f"score 0.95\napp.log:1: {text}"


def test_junit_makes_control_characters_visible() -> None:
    failure = next(document(report("junit", finding(line(1, "a\x1b[2J\x00\ufffe\x85b")))).iter("failure"))
    assert (failure.text or "").endswith(r"a\x1b[2J\x00\ufffe\x85b")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """(level, properties, message) of each workflow command, read as the runner does."""
    read = []
    for row in text.splitlines():
        if matched := COMMAND.fullmatch(row):
            level, properties, message = matched.groups()
            pairs = [pair.split("=", 1) for pair in properties.split(",")]
            read.append((level, {name: plain(value) for name, value in pairs}, plain(message)))
    return read


def plain(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_github_annotates_the_lines() -> None:
    found = finding(line(12, "100% of disk: full, again"), line(14, "b"), source="logs/a:b,c.log")
    assert commands(report("github", found)) == [
        (
            "error",
            {"file": "logs/a:b,c.log", "line": "12", "endLine": "14", "title": f"new 0.95 [{found.id}]"},
            "never seen\n12: 100% of disk: full, again\n14: b",
        )
    ]


def test_github_tells_levels_by_score() -> None:
    found = [finding(line(1, "x"), score=score) for score in (0.95, 0.8, 0.5)]
    assert [level for level, _, _ in commands(report("github", *found))] == ["error", "warning", "notice"]


def test_github_shows_no_more_than_github_does() -> None:
    found = [finding(line(n, "x"), score=score) for n in range(1, 14) for score in (0.95, 0.5)]
    told = report("github", *found)
    assert [level for level, _, _ in commands(told)].count("error") == 10
    assert len(commands(told)) == 20
    assert told.endswith("6 more, of which GitHub would show no annotation\n")


@given(st.text(), st.text(min_size=1))
def test_github_takes_no_command_from_a_log(text: str, source: str) -> None:
    told = report("github", finding(line(1, f"{text}\n::error::x\r::stop-commands::y"), reason=text, source=source))
    assert len(commands(told)) == len(told.splitlines()) == 1


def test_github_paths_begin_at_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    found = [finding(line(1, "x"), source=source) for source in (f"{tmp_path}/build/a.log", "/var/log/b.log", "-")]
    files = [properties.get("file") for _, properties, _ in commands(report("github", *found))]
    assert files == ["build/a.log", "/var/log/b.log", None]


def test_github_writes_a_table_into_the_summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    found = [finding(line(1, "a|b <img src=x> `c` *d* @user"))] * 300
    report("github", *found, errors=("gone.log: not found",))
    before, head, _, *rows = place.read_text().splitlines()
    assert (before, head) == ("before", "### logscan: 300 findings in 100 lines, of which 200 stand here")
    table = [row for row in rows if row.startswith("|")]
    assert len(table) == 202
    assert {row.count("|") for row in table} == {7}
    assert not re.search(r"<img|`|\*|@", table[-1])
    assert place.stat().st_size < 2**20


def test_github_says_when_the_summary_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    with pytest.raises(OptionError, match="GITHUB_STEP_SUMMARY cannot be written"):
        report("github")
