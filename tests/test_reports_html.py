"""The page of a scan: text stays text, and it is whole and bounded. What it does in a browser has a file of its own."""

import io
import os
import re
import threading
from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cli import run, shell

from logscan.errors import InputError, OptionError
from logscan.findings.finding import Finding, Line
from logscan.reports import Begin, Context, Output, Summary
from logscan.reports.file import write_whole
from logscan.reports.html import FINDINGS, LEAST, ROOM, Html
from logscan.reports.html.detail import CROP, shown
from logscan.reports.visible import visible

EXAMPLES = Path(__file__).parents[1] / "examples"
NOON = datetime(2026, 3, 2, 12)
VOID = {"meta", "input"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> </pre></td></table><style>*{display:none}</style> "
    "\" onclick='alert(3)' ' & &lt; $script ${title} \u2028 nul\x00 \x1b[31mred\x1b[0m \u202etxt\u202c \ud800 <!-- ]]>"
)


class Reader(HTMLParser):
    """What a page consists of; complains of elements that are not closed in turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}  # by the innermost element
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element, with its attributes."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.setdefault(tag, [])
        if tag not in VOID:
            self.open.append(tag)
            self.texts[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One of the drawing, without an end."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """The end of the innermost one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text of the innermost one."""
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def line(number: int, text: str = "took 9 ms", **more: Any) -> Line:
    return Line("app.log", number, 0, 0.9, 7, more.pop("template", "took <*> ms"), text, **more)


def finding(*lines: Line, **more: Any) -> Finding:
    first, last = min(line.line for line in lines), max(line.line for line in lines)
    values: dict[str, Any] = {"kind": "new", "reason": "a line not seen before", "score": 0.9, "source": "app.log"}
    values |= {"first_line": first, "last_line": last, "count": len(lines), "signature": "took"}
    return Finding(**{**values, "lines": lines, **more})


def page(*findings: Finding, near: Context | None = None, context: int = 0, **summary: Any) -> str:
    stream = io.StringIO()
    report = Html(Output(stream, context=context))
    report.begin(Begin(("app.log",), "baseline"))
    for each in findings:
        report.finding(each, near)
    report.end(Summary(100, 90, 5, len(findings), 0.25)._replace(**summary))
    return stream.getvalue()


# text stays text


def test_hostile_text_is_shown_and_does_nothing() -> None:
    said = line(3, HOSTILE, template=HOSTILE, expected=((HOSTILE, 0.7),))
    bad = finding(said, reason=HOSTILE, source=HOSTILE, window=HOSTILE, nearest=f"{HOSTILE} more")
    text = page(bad, near={"app.log": {2: HOSTILE}}, errors=(HOSTILE,), notes=(HOSTILE,))
    harmless, reader = Reader(page(finding(said))), Reader(text)
    assert len(reader.all("script")) == len(reader.all("style")) == 1
    assert {name for name, _ in reader.elements} - {name for name, _ in harmless.elements} <= {"ul", "li", "del", "ins"}
    names = {name for _, attributes in reader.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "style", "srcset", "action"}
    assert all(re.fullmatch(r"#f\d+", a["href"]) for _, a in reader.elements if "href" in a)
    assert reader.texts["b"] == [visible(HOSTILE)]
    assert reader.texts["li"] == [visible(HOSTILE)] * 2
    assert reader.texts["em"] == [f"expected: {visible(HOSTILE)}"]
    assert visible(HOSTILE) in reader.texts["span"]
    (body,) = reader.all("tbody")
    assert body["data-source"] == visible(HOSTILE)
    text.encode()  # no half of a surrogate pair


@given(st.text())
def test_any_text_is_read_back_as_it_is_made_visible(text: str) -> None:
    reader = Reader(f'<p title="{shown(text)}">{shown(text)}</p>')
    assert (reader.texts["p"], reader.all("p")) == ([visible(text)], [{"title": visible(text)}])


def test_nothing_may_run_or_load_but_the_script_and_the_style() -> None:
    reader = Reader(page(finding(line(1))))
    (policy,) = [meta["content"] for meta in reader.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name in ("script", "style"):
        digest = sha256("".join(reader.texts[name]).encode()).digest()
        assert rules[f"{name}-src"] == f"'sha256-{b64encode(digest).decode()}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "http" not in re.sub("http-equiv", "", "".join(reader.texts["script"] + reader.texts["style"]))


# what it holds


def test_the_head_says_what_was_scanned() -> None:
    times = NOON, NOON + timedelta(hours=2)
    reader = Reader(page(errors=("gone.log: not found",), notes=("one note",), lines=12345, times=times))
    said = dict(zip(reader.texts["dt"], reader.texts["dd"], strict=True))
    assert said == {
        "Sources": "app.log",
        "Detector": "baseline",
        "Model": "none",
        "Lines": "12,345",
        "Records": "90",
        "Windows": "5",
        "Findings": "0",
        "Time span": "2026-03-02 12:00:00 to 14:00:00",
        "Took": "0.2 s",
    }
    assert reader.texts["li"] == ["gone.log: not found", "one note"]
    assert "Nothing found." in reader.texts["p"]


def test_a_finding_has_its_lines_in_context_and_what_was_expected() -> None:
    told = line(5, "five", expected=(("sent <*>", 0.71), ("closed", 0.004)), last_line=6)
    near = {"app.log": {n: f"line {n}" for n in range(1, 30)}, "other.log": {1: "not wanted"}}
    found = finding(told, line(14, "fourteen"), count=5, nearest="took <*> s")
    text = page(found, near=near)
    reader = Reader(text)
    numbers = [n for n in reader.texts["i"] if n.isdigit()]
    assert numbers == [str(n) for n in (*range(2, 10), *range(11, 18))]  # the record of two lines, three around
    assert reader.texts["em"] == ["expected: sent <*>", "expected: closed"]
    assert "71%" in reader.texts["i"]
    assert (reader.texts["del"], reader.texts["ins"]) == (["s"], ["ms"])
    assert f"logscan accept {found.id}" in reader.texts["code"]
    assert "3 more lines to blame, left out here" in reader.texts["p"]
    assert len(re.findall("<i>", page(found, near=near, context=1))) < len(re.findall("<i>", text))


def test_lines_of_another_source_say_so() -> None:
    reader = Reader(page(finding(line(5), replace(line(1), source="b.log"))))
    assert "in b.log" in reader.texts["span"]


def test_a_page_is_bounded_and_says_what_it_lacks() -> None:
    many = [finding(line(n), score=n / 3000) for n in range(1, FINDINGS + 101)]
    text = page(*many)
    assert [int(n) for n in re.findall(r'data-line="(\d+)"', text)] == [*range(101, FINDINGS + 101)]
    assert "<li>Left out: 100 findings of lower score than the 2,000 here</li>" in text

    wide = finding(*(line(n, '"' * 3 * CROP) for n in range(1, 1001)), count=1200)
    text = page(wide, wide, wide)
    assert len(text) < ROOM + 3 * LEAST + 6 * CROP
    assert "4,000 more characters" in text
    full, *short = re.findall(r"([\d,]+) more lines? to blame, left out here", text)
    assert int(full.replace(",", "")) < 500
    assert short == ["1,200", "1,200"] or all(int(n.replace(",", "")) > 1190 for n in short)


def test_the_room_of_what_is_dropped_is_used_again() -> None:
    report = Html(Output(io.StringIO()))
    for n in range(FINDINGS * 2):
        report.finding(finding(line(1), score=n / 10_000))
    assert report.room == ROOM - sum(len(rows) for *_, rows in report.kept)


# the drawing


def circles(text: str) -> list[float]:
    return [float(circle["cx"].rstrip("%")) for circle in Reader(text).all("circle")]


def test_marks_lie_where_their_time_is() -> None:
    found = [finding(line(n), first_seen=NOON + timedelta(minutes=m)) for n, m in ((9, 0), (2, 30), (5, 60))]
    assert circles(page(*found)) == [0, 50, 100]
    assert circles(page(*found, times=(NOON - timedelta(hours=1), NOON + timedelta(hours=1)))) == [50, 75, 100]
    assert Reader(page(*found)).texts["text"] == [*(f"12:{n:02}" for n in range(0, 60, 10)), "13:00", "new"]
    half_past = datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=5)))
    there = replace(found[1], first_seen=half_past)
    assert circles(page(found[0], there, found[2])) == [0, 50, 100]


def test_marks_without_times_lie_where_their_line_is() -> None:
    found = [finding(line(n), score=score) for n, score in ((1, 0.9), (51, 0.8), (101, 0.7))]
    text = page(*found, lines=101)
    assert circles(text) == [0, 50, 100]
    assert Reader(text).texts["text"] == ["20", "40", "60", "80", "100", "new"]
    timed = page(*found, finding(line(7), first_seen=NOON))
    assert circles(timed) == [50]
    assert "3 findings without a time not drawn" in timed


@given(st.datetimes(), st.datetimes(), st.integers(1, 10**12))
def test_there_are_a_few_ticks_whatever_the_span(one: datetime, other: datetime, last: int) -> None:
    first, second = sorted((one, other))
    timed = Reader(page(finding(line(1), first_seen=first, last_seen=second)))
    by_line = Reader(page(finding(line(1), line(last))))
    for reader in (timed, by_line):
        ticks = [text for text in reader.all("text") if text["class"] == "tick"]
        assert len(ticks) <= 7
        assert all(0 <= float(tick["x"].rstrip("%")) <= 100 for tick in ticks)


# the file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place, link = tmp_path / "real.html", tmp_path / "link.html"
    place.write_text("old")
    place.chmod(0o600)
    link.symlink_to(place)
    with place.open() as reader:
        write_whole(link, "new")
        assert reader.read() == "old"
    assert link.is_symlink()
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("new", 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "real.html"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "page")
    reader.join()
    assert got == ["page"]
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no folder"):
        Html(Output(io.StringIO()), tmp_path / "none" / "page.html")
    report = Html(Output(io.StringIO()), tmp_path)
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        report.end(Summary(0, 0, 0, 0, 0.0))
    full = Html(Output(io.StringIO()), Path("/dev/full"))
    with pytest.raises(InputError, match="/dev/full cannot be written: No space left on device"):
        full.end(Summary(0, 0, 0, 0, 0.0))


def test_a_log_is_never_replaced_by_a_page(tmp_path: Path) -> None:
    """As `--html *.log` would have it."""
    log = tmp_path / "app.log"
    log.write_text("2026-03-02 08:00:00 INFO web: page sent\n")
    with pytest.raises(OptionError, match="is no HTML page"):
        Html(Output(io.StringIO()), log)
    for text in ("", page()):
        log.write_text(text)
        Html(Output(io.StringIO()), log).end(Summary(1, 1, 1, 0, 0.1))
        assert "Nothing found." in log.read_text()


def test_the_page_can_be_written_in_between(tmp_path: Path) -> None:
    stream, place = io.StringIO(), tmp_path / "page.html"
    report = Html(Output(stream), place)
    report.begin(Begin(("app.log",), "baseline"))
    for n in (1, 2):
        report.finding(finding(line(n)))
        report.write(Summary(n, n, 1, n, 0.1))
        assert len(Reader(place.read_text()).all("tbody")) == n
    assert stream.getvalue() == ""


@pytest.mark.slow
def test_the_command_writes_it_beside_its_report_even_if_nobody_reads_that(tmp_path: Path) -> None:
    (tmp_path / "shop.log").symlink_to(EXAMPLES / "shop.log")
    alone = run(tmp_path, "scan", "shop.log", "--format", "pretty")
    beside = run(tmp_path, "scan", "shop.log", "--format", "pretty", "--html", "page.html")
    assert (beside.status, re.sub(r"[\d.]+ s\n", "", beside.out)) == (0, re.sub(r"[\d.]+ s\n", "", alone.out))
    ids = set(re.findall(r"\[(\w{12})\]", alone.out))
    assert set(re.findall(r"logscan accept (\w+)", (tmp_path / "page.html").read_text())) == ids
    left = shell(tmp_path, "logscan scan shop.log --html left.html 2>&1 | true")
    assert (left.status, left.out) == (0, "")
    assert (tmp_path / "left.html").read_text().endswith("</html>\n")
    lost = run(tmp_path, "scan", "shop.log", "--html", "/dev/full")
    assert (lost.status, lost.err.count("\n")) == (2, 1)
    assert "/dev/full cannot be written" in lost.err
    assert lost.out


@pytest.mark.slow
def test_what_was_followed_is_a_page_in_the_end(tmp_path: Path) -> None:
    follow = f"logscan scan - --follow --baseline {EXAMPLES / 'good.log'} --html page.html"
    done = shell(tmp_path, f"cat {EXAMPLES / 'shop.log'} | {follow}")
    assert done.status == 0
    blamed = set(re.findall(r"^-:(\d+):", done.out, flags=re.MULTILINE))
    assert blamed == set(re.findall(r"<b><i>(\d+)</i>", (tmp_path / "page.html").read_text()))
    assert len(blamed) > 5
