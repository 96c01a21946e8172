"""Each kind of strangeness is found on a log that holds it, and not on the same log without it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from logscan.findings import Finding
from logscan.scan import Options, scan

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`

FULL = ("ERROR Store: disk full, cannot keep the picture", "INFO Store: 12 old pictures removed")
STEPS = (
    "Queue: job-1234567 taken from ann",
    "Loader: job-1234567 scene of 12 MB read",
    "Worker: job-1234567 tile 1 drawn",
    "Worker: job-1234567 tile 2 drawn",
    "Joiner: job-1234567 tiles put together",
    "Store: job-1234567 stored as /var/lib/farm/job-1234567.png",
    "Queue: job-1234567 done",
)


def job(*steps: int) -> list[tuple[float, str]]:
    return [(600 + at / 2, f"INFO {STEPS[step]}") for at, step in enumerate(steps)]


@pytest.fixture
def find(write: Write, farm: Farm) -> Callable[..., list[Finding]]:
    """The findings in a log, against one of another day or by itself."""

    def findings(log: Any, by_itself: bool = False, past: Any = None) -> list[Finding]:
        good = () if by_itself else (write("good.log", (past or farm(1)).lines),)
        return scan([write("app.log", log.lines)], Options(baseline=good, log_format="log4j")).findings

    return findings


def lines_of(log: Any, part: str) -> set[int]:
    return {n for n, line in enumerate(log.lines, 1) if part in line}


def touched(finding: Finding) -> set[int]:
    return {line.line for line in finding.lines}


@pytest.mark.parametrize("by_itself", [False, True])
@pytest.mark.parametrize("seed", [2, 3])
def test_nothing_is_found_where_nothing_is_wrong(find: Any, farm: Farm, seed: int, by_itself: bool) -> None:
    assert find(farm(seed), by_itself) == []


@pytest.mark.parametrize("by_itself", [False, True])
def test_new(find: Any, farm: Farm, by_itself: bool) -> None:
    bad = farm(2).plus((600, FULL[0]), (600.1, FULL[1]))
    (finding,) = find(bad, by_itself)
    assert finding.kind == ("rare" if by_itself else "new")
    assert touched(finding) == lines_of(bad, FULL[0]) | lines_of(bad, FULL[1])  # together: one cause
    assert finding.score > 0.9


@pytest.mark.parametrize("by_itself", [False, True])
def test_value(find: Any, farm: Farm, by_itself: bool) -> None:
    bad = farm(2).edited("INFO Monitor", "WARN Monitor")
    findings = find(bad, by_itself)
    assert all(touched(finding) == lines_of(bad, "WARN Monitor") for finding in findings)
    value = next(finding for finding in findings if finding.kind == "value")
    assert "level WARN" in value.reason


@pytest.mark.parametrize(
    "steps",
    [(0, 4, 2, 3, 1, 5, 6), (0, 1, 2, 3, 5, 4, 6), (0, 1, 2, 3, 5, 6), (0, 1, 2, 3, 4, 6), (1, 2, 3, 4, 5, 6)],
)
def test_order(find: Any, farm: Farm, steps: tuple[int, ...]) -> None:
    bad = farm(2).plus(*job(*steps))
    findings = find(bad)
    assert {finding.kind for finding in findings} == {"order"}
    assert set().union(*map(touched, findings)) <= lines_of(bad, "job-1234567")
    assert {finding.window for finding in findings} == {"session job-1234567"}
    assert find(farm(2).plus(*job(*range(7)))) == []


def test_order_says_what_was_expected(find: Any, farm: Farm) -> None:
    (finding,) = find(farm(2).plus(*job(0, 1, 2, 3, 5, 6)))
    (line,) = finding.lines
    assert "stored" in line.template
    assert "tiles put together" in " ".join(template for template, _ in line.expected)
    assert all(0 < p <= 1 for _, p in line.expected)


@pytest.mark.parametrize("steps", [(0, 1, 2, 3, 4, 4, 4, 4, 5, 6), (0, 1, 2, 3), (0, 1, 2, 3, 4)])
def test_count(find: Any, farm: Farm, steps: tuple[int, ...]) -> None:
    bad = farm(2).plus(*job(*steps))
    findings = find(bad)
    assert {finding.kind for finding in findings} == {"count"}
    assert set().union(*map(touched, findings)) <= lines_of(bad, "job-1234567")


def test_a_session_that_breaks_off_is_not_called_a_repetition(find: Any, farm: Farm) -> None:
    (finding,) = find(farm(2).plus(*job(0, 1, 2, 3, 4)))
    assert "repeated" not in finding.reason


def test_repetition_of_what_is_repeated_anyway_is_harmless(find: Any, farm: Farm) -> None:
    assert find(farm(2).plus(*job(0, 1, *[2] * 6, 4, 5, 6))) == []


@pytest.mark.parametrize("by_itself", [False, True])
def test_burst(find: Any, farm: Farm, by_itself: bool) -> None:
    extra = [(600 + n / 100, "INFO Account: user eve logged in with full rights") for n in range(300)]
    bad = farm(2).plus(*extra)
    (finding,) = find(bad, by_itself)
    assert finding.kind == "burst"
    assert touched(finding) <= lines_of(bad, "logged in with full rights")
    assert 300 <= finding.count <= 305
    assert find(farm(2).plus(*extra[::60]), by_itself) == []


@pytest.mark.parametrize("by_itself", [False, True])
@pytest.mark.parametrize(("start", "end"), [(600, 900), (950, float("inf"))])
def test_silent(find: Any, farm: Farm, by_itself: bool, start: float, end: float) -> None:
    bad = farm(2).without("Monitor", start, end)
    (finding,) = find(bad, by_itself)
    assert finding.kind == "silent"
    (line,) = finding.lines
    last = max(seconds for seconds, text in bad.events if "Monitor" in text and seconds <= start + 0.1)
    assert line.line == 1 + sum(seconds < last for seconds, _ in bad.events)
    assert find(farm(2).without("Monitor", 600, 612), by_itself) == []


def test_what_is_written_nearly_all_along_is_not_rare(find: Any, farm: Farm) -> None:
    bad = farm(2).without("Monitor", 600)
    for finding in find(bad, by_itself=True):
        assert touched(finding) <= lines_of(bad, "Monitor")


def test_rare_is_what_keeps_together_however_long_the_log(find: Any, farm: Farm) -> None:
    for seconds in (1200, 9000):
        bad = farm(2, seconds).plus(*((400 + n, f"WARN Fan: fan {n} turns slowly") for n in range(5)))
        (finding,) = find(bad, by_itself=True)
        assert (finding.kind, finding.count) == ("rare", 5)


def test_what_is_seldom_but_all_along_is_not_rare(find: Any, farm: Farm) -> None:
    log = farm(2).plus(*((50 + 110 * n, f"INFO Cleaner: {n} pictures removed") for n in range(10)))
    assert find(log, by_itself=True) == []


def test_a_new_user_in_ordinary_traffic_is_one_finding_at_most(find: Any, farm: Farm) -> None:
    ordinary = [
        (seconds, text.replace("user eve ", "user zoe ").replace("from eve", "from zoe"))
        for seconds, text in farm(2).events
    ]
    bad = type(farm(2))(tuple(ordinary))
    assert len(lines_of(bad, "zoe")) > 20
    findings = find(bad)
    assert len(findings) <= 1
    with_fault = find(bad.plus((600, FULL[0])))
    assert with_fault[0].kind == "new"
    assert "disk full" in with_fault[0].lines[0].text


@pytest.mark.parametrize("by_itself", [False, True])
def test_ten_thousand_lines_of_one_cause_are_one_finding(find: Any, farm: Farm, by_itself: bool) -> None:
    flood = [(600 + n / 1000, f"ERROR Store: disk full, cannot keep picture {n}") for n in range(10_000)]
    bad = farm(2).plus(*flood)
    (finding,) = [f for f in find(bad, by_itself) if touched(f) & lines_of(bad, "disk full")]
    assert finding.count == 10_000
    assert len(finding.lines) == 1_000
    assert finding.first_seen is not None is not finding.last_seen
    assert finding.first_seen.isoformat() == "2026-01-31T06:10:00"
    assert finding.last_seen.isoformat() == "2026-01-31T06:10:09.999000"


def test_two_causes_are_two_findings(find: Any, farm: Farm) -> None:
    bad = farm(2).plus((300, FULL[0]), (900, "ERROR Loader: scene is damaged beyond repair"))
    assert [finding.kind for finding in find(bad)] == ["new", "new"]


def test_a_new_exception_under_a_known_header(find: Any, farm: Farm, write: Write) -> None:
    def trace(at: float, error: str) -> tuple[float, str]:
        return at, f"ERROR Worker: drawing failed\nTraceback (most recent call last):\n  File 'x.py', line 7\n{error}"

    known = "TimeoutError: no answer from the loader"
    good = farm(1).plus(*(trace(at, known) for at in range(30, 1200, 90)))
    bad = farm(2).plus(*(trace(at, known) for at in range(30, 1200, 90)))
    options = Options(baseline=(write("good.log", good.lines),))
    assert scan([write("bad.log", bad.lines)], options).findings == []
    worse = bad.plus(trace(600, "KeyError: 'tile'"))
    result = scan([write("worse.log", worse.lines)], options)
    (finding,) = result.findings
    assert finding.kind == "new"
    assert finding.last_line - finding.first_line == 3
    assert finding.lines[0].last_line == finding.last_line
    assert result.records == len(worse.events)
    assert result.lines == len("\n".join(worse.lines).split("\n"))


def access(n: int, status: int, path: str = "/index.html") -> str:
    return (
        f'192.0.2.{n % 250} - - [31/Jan/2026:06:{n // 60 % 60:02}:{n % 60:02} +0000] "GET {path} HTTP/1.1" {status} 120'
    )


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_new_status_of_an_access_log(write: Write, by_itself: bool) -> None:
    lines = [access(n, (200, 200, 304, 200, 404)[n % 5]) for n in range(1500)]
    good = () if by_itself else (write("good.log", lines),)
    assert scan([write("access.log", lines)], Options(baseline=good)).findings == []
    findings = scan([write("bad.log", [*lines[:700], access(700, 500), *lines[701:]])], Options(baseline=good)).findings
    assert findings
    assert {line.line for finding in findings for line in finding.lines} == {701}
    assert "value" in {finding.kind for finding in findings}
    assert any("500" in finding.reason for finding in findings if finding.kind == "value")


def test_a_new_state_in_a_known_line_is_a_value(find: Any, farm: Farm) -> None:
    doors = [(at, f"INFO Door: gate is {('open', 'shut')[at // 7 % 2]} now") for at in range(0, 1200, 7)]
    bad = farm(2).plus(*doors, (600.5, "INFO Door: gate is jammed now"))
    good = farm(1).plus(*doors)
    (finding,) = find(bad, past=good)
    assert finding.kind == "value"
    assert finding.reason.startswith("jammed, where ")
    assert "open" in finding.reason
    assert "shut" in finding.reason
