"""What the options of a scan do, and what its result says."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logscan.errors import InputError, ModelError, OptionError
from logscan.scan import Options, Result, scan

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`

FULL = "ERROR Store: disk full, cannot keep the picture"
DAMAGED = "WARN Loader: scene is damaged beyond repair"
LOST = "INFO Joiner: a tile came from nowhere"


@pytest.fixture
def good(write: Write, farm: Farm) -> Options:
    """A good day is the baseline."""
    return Options(baseline=(write("good.log", farm(1).lines),), log_format="log4j")


def said(result: Result) -> list[str]:
    """What was found: the text of each finding's first line, without its time."""
    return [finding.lines[0].text[24:] for finding in result.findings]


def but(options: Options, **other: Any) -> Options:
    return Options(**{**vars(options), **other})


def test_the_result_says_what_was_read(write: Write, farm: Farm, good: Options) -> None:
    log = farm(2).plus((600, FULL))
    path = write("app.log", log.lines)
    done: list[tuple[str, int]] = []
    result = scan([path], good, lambda doing, read, size: done.append((doing, read)))
    assert result.sources == (path,)
    assert result.lines == result.records == len(log.lines)
    assert result.windows == len({text.split("job-")[1][:7] for _, text in log.events if "job-" in text})
    assert result.layouts[path].startswith("log4j, session ")
    assert result.problems == []
    assert result.seconds > 0
    assert {doing for doing, _ in done} == {"learning", "scanning"}
    assert done[-1][1] == Path(path).stat().st_size


def test_the_lines_to_blame(write: Write, farm: Farm, good: Options) -> None:
    log = farm(2).plus((600, FULL))
    path = write("app.log", log.lines)
    (finding,) = scan([path], good).findings
    (line,) = finding.lines
    content = Path(path).read_bytes()
    assert content[line.offset :].startswith(line.text.encode())
    assert log.lines[line.line - 1] == line.text
    assert (finding.first_line, finding.last_line, finding.count) == (line.line, line.line, 1)
    assert line.time == datetime(2026, 1, 31, 6, 10)
    assert line.template == "disk full, cannot keep the picture"
    assert finding.source == line.source == path
    assert 0.5 < finding.score <= 1


def test_an_id_depends_on_what_was_found_alone(write: Write, farm: Farm, good: Options) -> None:
    def ids(name: str, log: Any) -> list[str]:
        return [finding.id for finding in scan([write(name, log.lines)], good).findings]

    (id_,) = ids("a.log", farm(2).plus((600, FULL)))
    other_day = farm(3).plus((100, FULL), (900, FULL))
    assert ids("other/b.log", type(other_day)(other_day.events, datetime(2026, 2, 7))) == [id_]
    assert ids("c.log", farm(2).plus((600, DAMAGED))) != [id_]
    assert len(id_) == 12
    assert int(id_, 16) >= 0


def test_ids_of_orders_values_and_silences_stay_too(write: Write, farm: Farm, good: Options) -> None:
    def ids(name: str, seed: int, at: float, job: str) -> set[tuple[str, str]]:
        steps = (f"INFO Queue: {job} taken from ann", f"INFO Store: {job} stored as /var/lib/farm/{job}.png")
        log = farm(seed).edited("INFO Monitor", "WARN Monitor").without("Monitor", at, at + 200)
        log = log.plus((at, steps[0]), (at + 1, steps[1]), (at + 2, f"INFO Queue: {job} done"))
        return {(finding.kind, finding.id) for finding in scan([write(name, log.lines)], good).findings}

    found = ids("a.log", 2, 300, "job-1234567")
    assert {kind for kind, _ in found} == {"order", "value", "silent"}
    assert ids("b.log", 3, 700, "job-7654321") == found


def test_accepted_findings_are_silent(write: Write, farm: Farm, good: Options) -> None:
    path = write("app.log", farm(2).plus((300, DAMAGED), (600, FULL)).lines)
    first, second = scan([path], good).findings
    result = scan([path], but(good, accepted=frozenset({first.id, "0" * 12})))
    assert [finding.id for finding in result.findings] == [second.id]
    assert result.accepted == 1


def test_a_budget_keeps_the_best_and_counts_the_rest(write: Write, farm: Farm, good: Options) -> None:
    path = write("app.log", farm(2).plus((300, LOST), (600, FULL), (900, DAMAGED)).lines)
    everything = scan([path], good)
    assert said(everything) == [FULL, DAMAGED, LOST]
    few = scan([path], but(good, budget=2))
    assert few.findings == everything.findings[:2]
    assert (few.over, everything.over) == (1, 0)
    assert scan([path], but(good, budget=0)).findings == []


def test_no_finding_below_the_least_score(write: Write, farm: Farm, good: Options) -> None:
    path = write("app.log", farm(2).plus((300, LOST), (600, FULL)).lines)
    full, lost = scan([path], good).findings
    assert full.score > lost.score
    result = scan([path], but(good, min_score=(full.score + lost.score) / 2))
    assert said(result) == [FULL]
    assert result.over == 0
    assert scan([path], but(good, min_score=1.0)).findings == []


def test_what_came_before_a_time_is_the_baseline(write: Write, farm: Farm) -> None:
    log = farm(2).plus((300, FULL), (900, FULL), (901, DAMAGED))
    path = write("app.log", log.lines)
    split = log.begin + timedelta(seconds=600)
    result = scan([path], Options(split_at=split))
    assert [text for text in said(result) if "job-" not in text] == [DAMAGED]
    assert result.records == sum(seconds >= 600 for seconds, _ in log.events)
    with pytest.raises(InputError, match="no record before"):
        scan([path], Options(split_at=log.begin - timedelta(days=1)))


def test_only_records_of_a_time_are_judged(write: Write, farm: Farm, good: Options) -> None:
    log = farm(2).plus((300, DAMAGED), (600, FULL), (900, LOST))
    path = write("app.log", log.lines)
    begin = log.begin
    since = scan([path], but(good, since=begin + timedelta(seconds=600)))
    assert {text for text in said(since) if "job-" not in text} == {FULL, LOST}
    until = scan([path], but(good, until=begin + timedelta(seconds=600)))
    assert {text for text in said(until) if "job-" not in text} == {DAMAGED}
    assert since.records + until.records == len(log.events)
    both = scan([path], but(good, since=begin + timedelta(seconds=500), until=begin + timedelta(seconds=700)))
    assert [text for text in said(both) if "job-" not in text] == [FULL]


def test_sessions_cut_by_a_border_of_time_are_not_strange(write: Write, farm: Farm, good: Options) -> None:
    log = farm(2)
    path = write("app.log", log.lines)
    middle = log.begin + timedelta(seconds=601)
    assert scan([path], but(good, since=middle)).findings == []
    assert scan([path], but(good, until=middle)).findings == []


def test_sessions_cut_by_the_ends_of_a_file_are_not_strange(write: Write, farm: Farm, good: Options) -> None:
    lines = farm(2).lines
    assert scan([write("app.log", lines[301:-301])], good).findings == []


@pytest.mark.parametrize("window", ["10", "5s", "session", "auto"])
def test_windows_of_every_kind(write: Write, window: str) -> None:
    """A cycle of five steps, ten seconds in all, that goes wrong once."""
    begin = datetime(2026, 1, 31, 6)
    steps = ["valve opened", "pump started", "tank filled", "pump stopped", "valve closed"]
    times = [begin + timedelta(seconds=n) for n in range(5 * 400)]
    lines = [f"{time:%Y-%m-%d %H:%M:%S},000 INFO Plant: {steps[n % 5]}" for n, time in enumerate(times)]
    bad = lines[:1000]
    bad[501], bad[503] = bad[501][:23] + bad[503][23:], bad[503][:23] + bad[501][23:]
    good = write("good.log", lines)
    assert scan([write("same.log", lines[:1000])], Options(baseline=(good,), window=window)).findings == []
    result = scan([write("bad.log", bad)], Options(baseline=(good,), window=window))
    assert result.windows == {"10": 100, "5s": 200}.get(window, 0)
    assert all(finding.kind == "order" for finding in result.findings)
    assert bool(result.findings) == (window in ("10", "5s"))
    assert {line.line for finding in result.findings for line in finding.lines} <= set(range(502, 506))


def test_each_of_several_files_is_judged_by_itself(write: Write, farm: Farm) -> None:
    one, other = farm(2).plus((600, FULL)), farm(3).plus(*((at, FULL) for at in range(5, 1200, 20)), (700, DAMAGED))
    paths = [write("one.log", one.lines), write("other.log", other.lines)]
    result = scan(paths)
    assert {(Path(f.source).name, f.lines[0].text[24:]) for f in result.findings} == {
        ("one.log", FULL),
        ("other.log", DAMAGED),
    }
    assert result.records == len(one.events) + len(other.events)
    assert sorted(result.layouts) == sorted(paths)
    alone = [finding for path in paths for finding in scan([path]).findings]
    assert {(finding.id, finding.score) for finding in alone} == {(f.id, f.score) for f in result.findings}


def test_rotated_files_are_one_log(write: Write, farm: Farm) -> None:
    lines = farm(2).plus((300, FULL), (900, FULL)).lines
    write("app.log.1", lines[: len(lines) // 2])
    path = write("app.log", lines[len(lines) // 2 :])
    result = scan([str(Path(path).parent)])
    (finding,) = result.findings
    assert finding.count == 2
    assert [Path(line.source).name for line in finding.lines] == ["app.log.1", "app.log"]
    assert [line.text[24:] for line in finding.lines] == [FULL, FULL]


def test_the_past_of_a_log_begins_with_its_rotated_siblings(write: Write, farm: Farm) -> None:
    past, now = farm(3).plus(*((at, FULL) for at in range(5, 1200, 80))), farm(2).plus((600, FULL))
    path = write("app.log", now.lines)
    assert len(scan([path]).findings) == 1
    write("app.log.1", past.lines)
    assert scan([path]).findings == []
    assert scan([path]).records == len(now.events)


def test_masks_hide_what_varies(write: Write, farm: Farm, good: Options) -> None:
    words = ("north", "south", "east", "west")
    log = farm(2).plus(*((100 + 10 * n, f"INFO Crane: crane turned {word}") for n, word in enumerate(words)))
    path = write("app.log", log.lines)
    assert (
        scan([path], good).findings[0].lines[0].template
        != scan([path], but(good, masks=("(?:nor|sou)th|east|west",))).findings[0].lines[0].template
    )


def test_the_same_scan_gives_the_same_result(write: Write, farm: Farm, good: Options) -> None:
    path = write("app.log", farm(2).plus((300, DAMAGED), (600, FULL)).without("Monitor", 700, 900).lines)
    assert scan([path], good).findings == scan([path], good).findings
    assert scan([path]).findings == scan([path]).findings


def test_what_cannot_be_read_is_said_once_and_the_rest_is_scanned(write: Write, farm: Farm, good: Options) -> None:
    path = write("app.log", farm(2).plus((600, FULL)).lines)
    told: list[str] = []
    paths = [path, path + ".missing", write("empty.log", [])]
    result = scan(paths, good, on_problem=lambda problem: told.append(problem.source))
    assert said(result) == [FULL]
    assert told == [problem.source for problem in result.problems] == paths[1:]
    assert all(problem.fatal for problem in result.problems)


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        (Options(window="soon"), OptionError, "--window"),
        (Options(session="("), OptionError, "--session"),
        (Options(masks=("(",)), OptionError, "mask"),
        (Options(log_format="log5j"), OptionError, "log4j"),
        (Options(baseline=("/nowhere/good.log",)), InputError, "nothing to learn from"),
        (Options(model=Path("/nowhere/model")), ModelError, "no model"),
    ],
)
def test_options_that_mean_nothing(write: Write, options: Options, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        scan([write("app.log", ["2026-01-31 06:00:00,000 INFO Queue: a line"])], options)


def test_an_empty_baseline_teaches_nothing(write: Write, farm: Farm) -> None:
    path = write("app.log", farm(2, 60).lines)
    with pytest.raises(InputError, match="learn"):
        scan([path], Options(baseline=(write("empty.log", []),)))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["x"],
        ["\x00\x1b[31m\x07"],
        ["a line without a time"] * 300,
        [f"{n} {n}" for n in range(300)],
        ["2026-01-31 06:00:00,000 INFO Queue: the same"] * 300,
        ["\ttab", "   indented"] * 30,
        [f"2026-01-{31 - n % 30:02} 06:00:00,000 INFO Queue: backwards" for n in range(300)],
    ],
)
def test_odd_logs_do_no_harm(write: Write, good: Options, lines: list[str]) -> None:
    path = write("odd.log", lines)
    for options in (Options(window="60s"), but(good, log_format=None, window="10")):
        result = scan([path], options)
        assert result.lines == len(lines)
        assert all(0 <= finding.score <= 1 for finding in result.findings)


def test_bytes_that_are_no_text_are_scanned(tmp_path: Path, farm: Farm, good: Options) -> None:
    lines = [line.encode() for line in farm(2).plus((600, FULL + " \\xff")).lines]
    path = tmp_path / "app.log"
    path.write_bytes(b"\n".join(line.replace(b"\\xff", b"\xff") for line in lines))
    (finding,) = scan([str(path)], good).findings
    assert finding.lines[0].text.endswith("\\xff")
    assert finding.lines[0].raw is not None
    assert finding.lines[0].raw.endswith(b"\xff")
