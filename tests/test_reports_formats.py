"""What each report writes about real findings."""

import base64
import io
import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.findings.finding import Finding, Line
from logscan.reports import BUILT_IN, Begin, Context, Output, Summary, open_report
from logscan.reports.annotate import MARK
from logscan.reports.visible import visible

NOON = datetime(2026, 1, 2, 12)
COLOR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def line(number: int, text: str, source: str = "app.log") -> Line:
    return Line(source, number, 10 * number, 0.98765, 7, "took <*> ms", text, time=NOON)


def finding(*lines: Line, count: int | None = None) -> Finding:
    return Finding(
        kind="new",
        reason="a kind of line not seen before",
        score=0.987654,
        source="app.log",
        first_line=min((line.line for line in lines), default=3),
        last_line=max((line.line for line in lines), default=3),
        count=len(lines) if count is None else count,
        lines=lines,
        signature="took",
    )


def report(name: str, *findings: Finding, near: Context | None = None, **options: object) -> str:
    stream = io.StringIO()
    writer = open_report(name, Output(stream, **options))  # type: ignore[arg-type]
    writer.begin(Begin(("app.log",), "rates"))
    for each in findings:
        writer.finding(each, near)
    writer.end(Summary(100, 90, 5, len(findings), 0.25, ("gone.log: not found",), ("one note",)))
    return stream.getvalue()


def numbered(n: int) -> Mapping[str, Mapping[int, str]]:
    return {"app.log": {number: f"line {number}" for number in range(1, n + 1)}}


# grep


def test_grep_is_path_line_text_and_nothing_else() -> None:
    flagged = finding(line(3, "one: \x1b[2Jtwo"), line(9, "nine", "other.log"))
    assert report("grep", flagged) == "app.log:3:one: \\x1b[2Jtwo\nother.log:9:nine\n"


def test_grep_context_is_as_grep_writes_it() -> None:
    written = report("grep", finding(line(2, "two"), line(6, "six")), near=numbered(9), context=1)
    assert written.splitlines() == [
        "app.log-1-line 1",
        "app.log:2:two",
        "app.log-3-line 3",
        "--",
        "app.log-5-line 5",
        "app.log:6:six",
        "app.log-7-line 7",
    ]


def test_grep_separates_findings_that_do_not_touch() -> None:
    written = report("grep", finding(line(2, "two")), finding(line(4, "four")), finding(line(9, "nine")))
    assert written.count("--") == 0
    far = report("grep", finding(line(2, "b")), finding(line(9, "i")), near=numbered(9), context=1)
    assert far.count("--\n") == 1


def test_grep_context_holds_the_rest_of_a_record() -> None:
    trace = replace(line(2, "two"), last_line=4)
    written = report("grep", finding(trace), near=numbered(9), context=1)
    assert [row[7:9] for row in written.splitlines()] == ["-1", ":2", "-3", "-4", "-5"]


def test_grep_in_colour_is_the_same_text() -> None:
    flagged = finding(line(3, "three"))
    assert COLOR.sub("", report("grep", flagged, color=True)) == report("grep", flagged)


# JSON Lines


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(row) for row in text.splitlines()]


def test_json_lines() -> None:
    expected = (("sent <*>", 0.71234),)
    flagged = finding(replace(line(3, "took 9 ms"), expected=expected), count=5)
    flagged = replace(flagged, window="session blk_42", first_seen=NOON, last_seen=NOON + timedelta(seconds=1))
    begin, found, summary = objects(report("json", flagged))
    assert begin == {
        "type": "begin",
        "version": 1,
        "sources": ["app.log"],
        "detector": "rates",
        "model": None,
    }
    assert found == {
        "type": "finding",
        "id": flagged.id,
        "source": "app.log",
        "first_line": 3,
        "last_line": 3,
        "time": "2026-01-02T12:00:00Z",
        "window": "session blk_42",
        "score": 0.9877,
        "kind": "new",
        "reason": "a kind of line not seen before",
        "count": 5,
        "first_seen": "2026-01-02T12:00:00Z",
        "last_seen": "2026-01-02T12:00:01Z",
        "nearest": None,
        "more": 4,
        "lines": [
            {
                "line": 3,
                "offset": 30,
                "score": 0.9877,
                "time": "2026-01-02T12:00:00Z",
                "key": 7,
                "template": "took <*> ms",
                "text": "took 9 ms",
                "expected": [{"template": "sent <*>", "p": 0.7123}],
            }
        ],
    }
    assert summary == {
        "type": "summary",
        "lines": 100,
        "records": 90,
        "windows": 5,
        "findings": 1,
        "seconds": 0.25,
        "errors": ["gone.log: not found"],
        "notes": ["one note"],
    }


def test_json_caps_the_lines() -> None:
    found = objects(report("json", finding(*(line(n, "x") for n in range(1, 1201)))))[1]
    assert isinstance(found["lines"], list)
    assert (len(found["lines"]), found["more"], found["count"]) == (1000, 200, 1200)


def test_json_of_bytes_other_sources_and_records_of_several_lines() -> None:
    odd = replace(line(3, r"caf\xe9", "b\udcff.log"), raw=b"caf\xe9", last_line=5)
    lines = objects(report("json", finding(line(2, "x"), odd)))[1]["lines"]
    assert isinstance(lines, list)
    assert not {"bytes", "source", "last_line"} & lines[0].keys()
    assert base64.b64decode(lines[1]["bytes"]) == b"caf\xe9"
    assert (lines[1]["source"], lines[1]["last_line"]) == (r"b\udcff.log", 5)


def test_json_times_are_in_utc() -> None:
    there = NOON.replace(tzinfo=timezone(timedelta(hours=2)))
    times = [objects(report("json", replace(finding(), first_seen=t)))[1]["time"] for t in (there, NOON)]
    assert times == ["2026-01-02T10:00:00Z", "2026-01-02T12:00:00Z"]
    assert datetime.fromisoformat(str(times[0])) == there.astimezone(UTC)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_gives_the_text_back_and_sends_no_control_character(text: str) -> None:
    written = report("json", finding(line(1, text)))
    assert visible(written.replace("\n", "")) == written.replace("\n", "")
    lines = objects(written)[1]["lines"]
    assert isinstance(lines, list)
    assert lines[0]["text"] == text


def test_json_context_is_given_where_asked() -> None:
    assert "context" not in objects(report("json", finding(line(2, "two")), near=numbered(9)))[1]
    found = objects(report("json", finding(line(2, "two")), near=numbered(9), context=1))[1]
    assert found["context"] == [{"source": "app.log", "line": n, "text": f"line {n}"} for n in (1, 3)]


# annotate


@given(
    st.lists(st.text(), max_size=20).filter(lambda rows: not any(row.startswith(MARK) for row in rows)),
    st.lists(st.integers(1, 25), max_size=8),
    st.booleans(),
)
def test_annotate_without_colours_and_notes_is_the_log(rows: list[str], blamed: list[int], color: bool) -> None:
    findings = [finding(line(number, "")) for number in blamed]
    log = list(enumerate(rows, 1))
    written = COLOR.sub("", report("annotate", *findings, color=color, read=lambda source: iter(log)))
    printed = written.split("\n")[:-1]
    assert [row for row in printed if not row.startswith(MARK)] == [visible(row) for row in rows]
    assert len(printed) == len(rows) + len(blamed)


def test_annotate_says_why_once_and_under_the_end_of_a_record() -> None:
    flagged = finding(replace(line(1, "a"), last_line=2), line(3, "c"))
    log = [(1, "a"), (2, "\tat b"), (3, "c"), (4, "d")]
    written = report("annotate", flagged, read=lambda source: log)
    first = f"{MARK}new 0.99: a kind of line not seen before [{flagged.id}]"
    assert written.splitlines() == ["a", "\tat b", first, "c", f"{MARK}new 0.99 [{flagged.id}]", "d"]


def test_annotate_notes_a_finding_without_lines() -> None:
    written = report("annotate", finding(), read=lambda source: [(3, "c"), (4, "d")])
    assert [row[:3] for row in written.splitlines()] == ["c", "   ", "d"]


# pretty


def test_pretty_block() -> None:
    lines = [replace(line(n, f"took {n} ms"), expected=(("sent <*>", 0.71), ("gone", 0.001))) for n in range(1, 6)]
    flagged = replace(finding(*lines, count=10_000), nearest="took <*> seconds", window="blk_42")
    flagged = replace(flagged, first_seen=NOON, last_seen=NOON + timedelta(seconds=5))
    assert report("pretty", flagged).splitlines() == [
        "  1  NEW  0.99  a kind of line not seen before",
        f"     app.log:1  blk_42  10,000 lines  2026-01-02 12:00:00 to 12:00:05  [{flagged.id}]",
        "     1: took 1 ms",
        "     2: took 2 ms",
        "     3: took 3 ms",
        "     … and 9,997 more",
        "     nearest   took <*> [-seconds-]{+ms+}",
        "     expected   71%  sent <*>",
        "                <1%  gone",
        "",
        "1 finding in 100 lines, 0.2 s",
        "one note",
    ]


def test_pretty_context_and_the_body_of_a_record() -> None:
    trace = replace(line(3, "boom"), last_line=20)
    flagged = finding(trace, line(30, "thirty"))
    rows = report("pretty", flagged, near=numbered(40), context=1).splitlines()[2:-3]
    numbers = [row.split()[0] for row in rows]
    assert numbers == ["2-", "3:", "4-", "5-", "6-", "7-", "8-", "--", "21-", "--", "29-", "30:", "31-", "…"]
    assert rows[-1] == "     … and 12 further lines of the record"


def test_pretty_crops_log_text_on_a_terminal_and_nowhere_else() -> None:
    flagged = finding(line(3, "\t中文 " + "x" * 500))
    wide = report("pretty", flagged, width=40).splitlines()[2]
    assert wide.endswith("x…")
    assert len(wide) == 38  # two of its characters are two columns wide
    assert "x" * 500 in report("pretty", flagged)
    assert "\t中文" in report("pretty", flagged)


def test_pretty_colours_change_no_text_and_are_base_colours(tmp_path: Path) -> None:
    flagged = finding(line(3, "2026-01-02 12:00:00 WARN [red]10.0.0.1[/red] took 9 ms \x1b[31m"))
    coloured = report("pretty", flagged, color=True, near=numbered(5), context=1)
    plain = report("pretty", flagged, near=numbered(5), context=1)
    assert COLOR.sub("", coloured).replace(" NEW ", "NEW") == plain
    codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", coloured) for code in codes.split(";")}
    assert codes <= {"0", "1", "2", "7", "31", "32", "33", "34", "35", "36"}


def test_pretty_links_to_files_that_exist(tmp_path: Path) -> None:
    there = tmp_path / "a b.log"
    there.write_text("x\n")
    flagged = replace(finding(line(1, "x", str(there))), source=str(there))
    target = there.resolve().as_uri()
    assert target in report("pretty", flagged, color=True, links=True)
    assert "\x1b]8" not in report("pretty", flagged, color=True)
    assert "\x1b]8" not in report("pretty", replace(flagged, source="-"), color=True, links=True)


# all of them


@pytest.mark.parametrize("name", ["pretty", "grep", "annotate"])
@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x9b2J", "\u202e", "\r", "\x00", "\n"])
def test_nothing_hidden_reaches_the_output(name: str, hidden: str) -> None:
    bad = f"a{hidden}b"
    expected = ((bad, 0.5),)
    rows = replace(line(1, bad, bad), template=bad, expected=expected), line(2, bad)
    flagged = replace(finding(*rows), reason=bad, window=bad, source=bad, nearest=bad + bad)
    context = {bad: {2: bad}, "app.log": {1: bad}}
    written = report(name, flagged, near=context, context=1, read=lambda source: [(1, bad)])
    assert hidden not in written.replace("\n", "")
    assert hidden != "\n" or "a\nb" not in written


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_closed_pipe_is_the_callers_business(name: str) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    writer = open_report(name, Output(Closed(), read=lambda source: [(1, "x")]))
    with pytest.raises(BrokenPipeError):  # noqa: PT012 - which of the three writes depends on the report
        writer.begin(Begin(("app.log",), "rates"))
        writer.finding(finding(line(1, "x")))
        writer.end(Summary(0, 0, 0, 0, 0.0))


@pytest.mark.parametrize("name", ["grep", "json"])
def test_ten_thousand_findings_take_less_than_a_second(name: str) -> None:
    findings = [finding(line(n, f"line {n} took {n} ms in all")) for n in range(1, 10_001)]
    start = time.process_time()
    report(name, *findings)
    assert time.process_time() - start < 1
