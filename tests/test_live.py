"""Logs that are followed: what is found while they are written, when, and how often."""

import os
import random
import re
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from followed import following, quick, write

from logscan.findings import Finding
from logscan.live import clock, judges, tell
from logscan.live.state import load
from logscan.live.watch import Begin, Watch
from logscan.models.bundle import save
from logscan.scan import Options, scan
from logscan.train import Options as TrainOptions
from logscan.train import train, update

EXAMPLES = Path(__file__).parents[1] / "examples"
SHOP = (EXAMPLES / "shop.log").read_text().splitlines(keepends=True)

Told = set[tuple[str, str]]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the good day of the shop."""
    folder = tmp_path_factory.mktemp("model") / "model"
    learnt = train([str(EXAMPLES / "good.log")])
    save(folder, learnt.profile, learnt.card)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


def options(model: Path | None = None, **more: object) -> Options:
    return Options(model=model, budget=1e6, **more)  # type: ignore[arg-type]


def kinds_and_keys(findings: Sequence[Finding]) -> Told:
    """What was found, whatever stands together: batch joins kinds of line that were written at one time, since it
    knows the whole; live tells each when it comes. So the ids of findings of several kinds of line are not the same."""
    return {(finding.kind, line.template) for finding in findings for line in finding.lines}


def in_pieces(lines: Sequence[str], chance: random.Random, most: int) -> Iterator[bytes]:
    """Cut anywhere, within lines too."""
    data, at = "".join(lines).encode(), 0
    while at < len(data):
        end = at + chance.randint(1, most)
        yield data[at:end]
        at = end


@pytest.fixture(scope="module")
def batch(model: Path) -> list[Finding]:
    return scan([str(EXAMPLES / "shop.log")], options(model)).findings


# The same as of a complete log


@pytest.mark.parametrize("most", [200_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_pieces_hold_what_the_whole_holds(model: Path, batch: list[Finding], log: Path, most: int) -> None:
    with following(log, options=options(model)) as live:
        lines = 0
        for piece in in_pieces(SHOP, random.Random(most), most):
            lines += write(log, piece)
            live.until(lambda: live.watch.result.lines >= lines - 30)  # noqa: B023, it is called here
        live.read(len(SHOP))
        live.look()
    assert kinds_and_keys(live.findings) == kinds_and_keys(batch)
    alone = {finding.id for finding in batch if len({line.template for line in finding.lines}) == 1}
    assert alone <= {finding.id for finding in live.findings}
    assert len({finding.id for finding in live.findings}) == len(live.findings)
    assert live.problems == []
    assert live.watch.notes == ()
    assert live.watch.result.times == scan([str(log)], options(model)).times


def test_a_state_kept_between_any_pieces_changes_nothing(
    model: Path, batch: list[Finding], log: Path, tmp_path: Path
) -> None:
    findings: list[Finding] = []
    state, lines = tmp_path / "state", 0
    for piece in in_pieces(SHOP, random.Random(3), 90_000):
        with following(log, options=options(model), state=state) as live:
            lines += write(log, piece)
            live.until(lambda: live.watch.result.lines >= lines - 30)  # noqa: B023, it is called here
        findings += live.findings
    with following(log, options=options(model), state=state) as live:
        live.read(len(SHOP))
        live.look()
    findings += live.findings
    assert kinds_and_keys(findings) == kinds_and_keys(batch)
    assert len({finding.id for finding in findings}) == len(findings)
    assert live.watch.found.total() == len(findings)


# Early words


def sessions_of(path: Path) -> list[list[str]]:
    """The lines of each order in the example."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines(keepends=True):
        if match := re.search(r"order-\d+", line):
            found.setdefault(match[0], []).append(line)
    return list(found.values())


def test_a_step_that_nothing_can_excuse_is_told_with_its_line(model: Path, log: Path) -> None:
    strange = next(lines for lines in sessions_of(EXAMPLES / "shop.log") if SHOP[3519] in lines)
    at = strange.index(SHOP[3519])
    with following(log, options=options(model)) as live:
        write(log, "".join(strange[:at]))
        live.read(at)
        live.look()
        assert live.findings == []
        write(log, strange[at])
        live.read(at + 1)
        live.look()
        (finding,) = live.findings
        assert finding.kind == "order"
        assert [line.text for line in finding.lines] == [strange[at].rstrip("\n")]
        assert finding.window == "session order-50426"
        assert live.watch.result.windows == 0
        write(log, "".join(strange[at + 1 :]))
        live.read(len(strange))
        live.until(lambda: live.watch.result.windows == 1)  # by its learnt end
        live.look()
        assert live.findings == [finding]


def test_it_is_not_told_again_when_the_session_closes_after_hours(
    model: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = next(lines for lines in sessions_of(EXAMPLES / "shop.log") if SHOP[3519] in lines)
    at = strange.index(SHOP[3519])
    with following(log, options=options(model)) as live:
        write(log, "".join(strange[: at + 1]))
        live.until(lambda: len(live.findings) == 1)
        monkeypatch.setattr(tell, "QUIET", 0.001)  # it may be told again at once
        live.look()
        write(log, "".join(strange[at + 1 :]))
        live.until(lambda: live.watch.result.windows == 1)
        live.look()
        assert len(live.findings) == 1


def test_a_session_without_its_end_is_told_when_it_closes(
    model: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = max(sessions_of(EXAMPLES / "good.log"), key=len)
    with following(log, options=options(model)) as live:
        live.watch._normal.profile.pause = 30_000_000
        write(log, "".join(lines[:2]))
        live.read(2)
        live.look()
        assert live.findings == []
        later(monkeypatch, 1000)
        live.until(lambda: bool(live.findings))
        (finding,) = live.findings
        assert finding.kind == "count"
        assert "end of the session" in finding.reason


# What does not come


def beats(seconds: int, without: range = range(0), begin: datetime = datetime(2026, 3, 3, 8)) -> list[str]:
    """A beat each second, and other lines."""
    lines = []
    for second in range(seconds):
        stamp = (begin + timedelta(seconds=second)).isoformat(" ")
        if second not in without:
            lines.append(f"{stamp} INFO pump: {second} strokes done\n")
        lines.append(f"{stamp} INFO web: page {second * 7} was sent to client {second % 17}\n")
    return lines


@pytest.fixture(scope="module")
def beating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beating")
    (folder / "good.log").write_text("".join(beats(900)))
    learnt = train([str(folder / "good.log")])
    save(folder / "model", learnt.profile, learnt.card)
    return folder / "model"


def silence(findings: Sequence[Finding]) -> list[str]:
    return [line.text for finding in findings if finding.kind == "silent" for line in finding.lines]


def later(monkeypatch: pytest.MonkeyPatch, hurry: float) -> None:
    """The clock of the watch goes faster from here on, or slower."""
    from time import monotonic

    began = monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: began + (monotonic() - began) * hurry)


def test_silence_is_told_while_nothing_is_written(beating: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 0.2)  # a busy machine may take more than the five seconds of a silence
    with following(log, options=options(beating)) as live:
        lines = beats(30)
        write(log, "".join(lines))
        live.read(len(lines))
        live.look(3)
        assert live.findings == []
        later(monkeypatch, 100)
        live.until(lambda: len(silence(live.findings)) == 2)  # both kinds of line keep a beat
        live.look(5)
        assert len(silence(live.findings)) == 2
        assert sorted(silence(live.findings)) == sorted(line.rstrip("\n") for line in lines[-2:])
        assert live.watch.result.over == 0


def test_silence_of_one_log_while_another_is_written(
    beating: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.log"
    other.touch()
    from time import monotonic

    ahead = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: 0.2 * monotonic() + ahead[0])
    with following(log, other, options=options(beating)) as live:
        n = write(log, "".join(beats(30)))
        lines = beats(2_000)
        for at in range(0, len(lines), 4):  # two seconds of it, of the five of a silence
            ahead[0] += 2
            n += write(other, "".join(lines[at : at + 4]))
            live.read(n)
            if silence(live.findings):
                break
        assert {finding.source for finding in live.findings if finding.kind == "silent"} == {str(log)}


def test_a_silence_that_is_fine_or_beyond_the_budget_counts_once(
    beating: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 100)
    with following(log, options=Options(model=beating, budget=1)) as live:
        n = write(log, "".join(beats(30)) + "2026-03-03 08:00:30 INFO pump: broke with a loud bang\n")
        live.read(n)
        live.until(lambda: live.watch.result.over > 0)
        live.look(6)
        assert (len(live.findings), live.watch.result.over) == (1, 1)
    with following(log, options=options(beating)) as live:
        write(log, "".join(beats(30, begin=datetime(2026, 3, 3, 9))))
        live.until(lambda: bool(live.findings))
        told = live.findings[0]
        assert told.kind == "silent"
    with following(log, options=options(beating, accepted=frozenset([told.id]))) as live:
        write(log, "".join(beats(30, begin=datetime(2026, 3, 3, 10))))
        live.until(lambda: live.watch.result.accepted > 0)
        live.look(6)
        assert live.watch.result.accepted == 1
        assert live.findings == []


def test_a_burst_is_told_when_it_begins(beating: Path, log: Path) -> None:
    with following(log, options=options(beating)) as live:
        n = write(log, "".join(beats(30)))
        live.read(n)
        stamp = "2026-03-03 08:00:40 INFO web: page {} was sent to client {}\n"
        for at in range(5):
            n += write(log, "".join(stamp.format(at * 1000 + page, page % 17) for page in range(40)))
            live.read(n)
        bursts = [finding for finding in live.findings if finding.kind == "burst"]
        assert len(bursts) == 1


# Several logs


def test_a_log_that_appears_later_and_two_at_once(model: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    one.touch()
    with following(str(tmp_path / "*.log"), options=options(model)) as live:
        n = write(one, "".join(SHOP[:100]))
        live.read(n)
        n += write(two, "".join(SHOP[2700:2900]))
        n += write(one, "".join(SHOP[100:200]))
        live.read(n)
        live.until(lambda: bool(live.findings))
        assert live.watch.result.sources == (str(one), str(two))
        (finding,) = [finding for finding in live.findings if finding.kind == "value"]
        assert finding.source == str(two)
        assert finding.lines[0].text == SHOP[2799].rstrip("\n")
        assert finding.lines[0].line == 100


def test_the_same_fault_in_two_logs_is_told_once(model: Path, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "ab"]
    for path in logs:
        path.touch()
    with following(*logs, options=options(model)) as live:
        n = 0
        for path in logs:
            n += write(path, "".join(SHOP[2790:2810]))
            live.read(n)
        live.look()
        assert [finding.kind for finding in live.findings] == ["value"]


# Windows that are no sessions


def test_windows_by_count_close_when_they_are_full(model: Path, log: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for at in range(0, 90, 30):
        with following(log, options=options(model, window="20"), state=state) as live:
            write(log, "".join(SHOP[at : at + 30]))
            live.read(at + 30)
            live.look()
    assert live.watch.result.windows == 4


def test_windows_by_time_close_when_the_log_has_gone_on(model: Path, log: Path) -> None:
    with following(log, options=options(model, window="60s")) as live:
        write(log, "".join(SHOP[:2000]))
        live.read(2000)
        live.look(3)
        times = scan([str(log)], options(model, window="60s"))
        assert live.watch.result.windows >= times.windows - 2
        assert live.watch._judges
        assert len(live.watch._judges.of[str(log)].open) < 2000


# What is told, and how often


def new_line(word: str, second: int = 0) -> str:
    return f"2026-03-03 09:00:{second:02},000 ERROR [exec-1] Kiln - {word} {word} {word} burst\n"


def test_it_is_told_again_after_quiet_and_not_before(model: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(judges, "time", lambda: now[0])
    with following(log, options=options(model)) as live:
        n = write(log, "".join(SHOP[:100]))
        for at, told in ((0, 1), (3_000, 1), (6_000, 1), (9_700, 2), (9_800, 2)):
            now[0] = 1_000_000.0 + at
            n += write(log, new_line("clay"))
            live.read(n)
            live.look(1)
            assert len(live.findings) == told
        assert len({finding.id for finding in live.findings}) == 1


def test_the_budget_is_a_bucket(model: Path, log: Path) -> None:
    words = ["clay", "glaze", "kaolin", "slip", "grog", "bisque"]
    with following(log, options=Options(model=model, budget=2)) as live:
        n = write(log, "".join(SHOP[:10]) + "".join(new_line(f"{word}") for word in words))
        live.read(n)
        live.look(1)
        assert len(live.findings) == 2
        assert live.watch.result.over == 4
        n += write(log, new_line(words[-1]) * 3)
        live.read(n)
        live.look(1)
        assert len(live.findings) == 2
        assert live.watch.result.over == 4  # the same again


def test_accepted_findings_are_silent_and_counted_once(model: Path, log: Path) -> None:
    with following(log, options=options(model)) as live:
        n = write(log, "".join(SHOP[:10]) + new_line("clay"))
        live.read(n)
        live.look(1)
        (finding,) = live.findings
    with following(log, options=options(model, accepted=frozenset([finding.id]))) as live:
        for times in range(1, 4):
            write(log, new_line("clay"))
            live.read(times)
        live.look(1)
        assert live.findings == []
        assert live.watch.result.accepted == 1


def test_the_bound_of_open_windows_is_noted(model: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "MAX_OPEN", 20)
    with following(log, options=options(model)) as live:
        write(log, "".join(SHOP[:2000]))
        live.read(2000)
        live.look(1)
        assert any("closed early" in note for note in live.watch.notes)
        assert live.watch._judges
        assert len(live.watch._judges.of[str(log)].open) <= 20


# What is normal


def test_the_first_records_are_learnt_where_there_is_nothing_else(log: Path, tmp_path: Path) -> None:
    good = (EXAMPLES / "good.log").read_text().splitlines(keepends=True)
    state = tmp_path / "state"
    with following(log, options=options(), state=state) as live:
        assert "the first 1,000 records are learnt" in live.problems[0].message
        n = write(log, "".join(good[:600]) + new_line("clay"))
        live.read(n)
        assert not state.exists()
        n += write(log, "".join(good[600:1200]))
        live.read(n)
        n += write(log, new_line("clay") + new_line("glaze"))
        live.read(n)
        live.until(lambda: len(live.findings) == 1)
        assert "glaze" in live.findings[0].lines[0].text
    with following(log, options=options(), state=state) as live:
        n += write(log, new_line("clay") + new_line("glaze") + new_line("slip"))
        live.read(n)
        live.until(lambda: len(live.findings) == 1)
        assert "slip" in live.findings[0].lines[0].text


def test_what_is_in_the_log_already_is_normal(log: Path) -> None:
    write(log, (EXAMPLES / "good.log").read_text())
    with following(log, options=options()) as live:
        assert live.problems == []
        write(log, "".join(SHOP[2780:2820]))
        live.read(40)
        live.until(lambda: bool(live.findings))
        assert [finding.kind for finding in live.findings] == ["value"]


def test_a_baseline(log: Path) -> None:
    with following(log, options=options(baseline=(str(EXAMPLES / "good.log"),))) as live:
        write(log, "".join(SHOP[2780:2820]))
        live.read(40)
        live.until(lambda: bool(live.findings))
        assert [finding.kind for finding in live.findings] == ["value"]


def test_drift_is_said_once_and_not_again_by_the_next_process(beating: Path, log: Path, tmp_path: Path) -> None:
    state, n = tmp_path / "state", 0
    words = ("furnace {} is hot", "cast no. {} had not one hole in it", "belt of saw {} tightened by hand", "{} kegs")
    said: list[str] = []
    for part in range(3):
        with following(log, options=options(beating), state=state) as live:
            text = [
                f"2026-03-03 08:{at % 6000 // 100:02}:{at % 60:02} INFO forge: {words[at % 4].format(at)}\n"
                for at in range(part * 3000, part * 3000 + 3000)
            ]
            n += write(log, "".join(text))
            live.read(n)
            said += [problem.message for problem in live.problems]
    assert len(said) == 1
    assert "train --update" in said[0]


def test_a_model_that_learnt_on_goes_with_the_state_of_the_older_one(model: Path, log: Path, tmp_path: Path) -> None:
    own, state = tmp_path / "model", tmp_path / "state"
    learnt = train([str(EXAMPLES / "good.log")])
    save(own, learnt.profile, learnt.card)
    with following(log, options=options(own), state=state) as live:
        n = write(log, "".join(SHOP[:40]) + new_line("clay") + new_line("glaze"))
        live.read(n)
        live.until(lambda: len(live.findings) == 2)
    (tmp_path / "more.log").write_text("".join(SHOP[:40]) + new_line("clay") * 3)
    learnt = update(own, [str(tmp_path / "more.log")])
    save(own, learnt.profile, learnt.card)
    with following(log, options=options(own), state=state) as live:
        n += write(log, "".join(SHOP[40:400]) + new_line("clay") + new_line("slip"))
        live.read(n)
        live.until(lambda: bool(live.findings))
        live.look()
        (new,) = [finding for finding in live.findings if finding.kind == "new"]
        assert new.lines[0].text == new_line("slip").rstrip("\n")
        assert live.watch.result.lines == n
        assert any("another model" in problem.message for problem in live.problems)


def test_a_format_and_a_session_of_the_users_own_go_on_with_the_state(log: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.log"
    steps = ("lifted", "turned", "lowered")

    def job(number: int, said: Sequence[str] = steps) -> str:
        stamp = (datetime(2026, 3, 3, 8) + timedelta(seconds=number)).isoformat(" ")
        return "".join(f"{stamp} | INFO | box #{number} was {step}\n" for step in said)

    good.write_text("".join(job(number) for number in range(200)))
    own = options(baseline=(str(good),), log_format="<time> | <level> | <message>", session=r"box #(\d+)")
    state = tmp_path / "state"
    with following(log, options=own, state=state) as live:
        n = write(log, job(300) + job(301, ["lifted"]))
        live.read(n)
        live.look(1)
        assert live.findings == []
    with following(log, options=own, state=state) as live:
        n += write(log, job(301, ["lowered"]))
        live.read(n)
        live.until(lambda: len(live.findings) == 1)
        (finding,) = live.findings
        assert finding.kind == "order"
        assert finding.window == "session 301"


# The texts of lines


def test_context_before_the_place_where_following_began(model: Path, log: Path) -> None:
    write(log, "".join(SHOP[:100]))
    with following(log, options=options(model)) as live:
        n = write(log, new_line("clay"))
        live.read(n)
        live.until(lambda: bool(live.findings))
        line = live.findings[0].lines[0].line
        assert line == 101
        context = live.watch.context({str(log): {99, 100, 101}})
        assert context[str(log)][101] == new_line("clay").rstrip("\n")


def test_the_state_holds_the_last_line_of_a_quiet_log_too(model: Path, log: Path, tmp_path: Path) -> None:
    """It is held for others of its record when the state is written as soon as lines come."""
    path, n = tmp_path / "state", 0
    with following(log, options=options(model), state=path) as live:
        for line in SHOP[:3]:
            live.look(10)
            n += write(log, line)
            live.until(lambda: load(path).data["counted"][0] == n)  # noqa: B023, it is called here


def test_findings_that_were_not_taken_are_given_again(model: Path, log: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with following(log, options=options(model), state=state) as live:
        live.read(0)
    write(log, "".join(SHOP[:20]) + new_line("clay") + new_line("glaze"))
    begun = Watch([str(log)], options(model), Begin(0, state))
    findings = begun.findings()
    first = next(findings)
    assert isinstance(findings, Generator)
    findings.close()  # as if it ended while the first was printed
    with following(log, options=options(model), state=state) as live:
        live.until(lambda: len(live.findings) == 2)
        live.look(2)
    assert live.findings[0] == first
    assert len(live.findings) == 2
    with following(log, options=options(model), state=state) as live:
        live.look(2)
    assert live.findings == []


# Networks, and detectors of whole windows


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LogLLaMA of the shop, and one where event counts have a say."""
    pytest.importorskip("torch", reason="needs logscan[train]")
    folder = tmp_path_factory.mktemp("networks")
    small: dict[str, Any] = {"layers": 1, "heads": 2, "hidden": 16, "head_dim": 8, "intermediate": 32}
    small |= {"epochs": 60, "learning_rate": 0.02, "batch": 16}
    for combine in ("nothing", "counts"):
        settings = {
            "lm": small,
            "rl": {"episodes": 0},
            "combine": combine,
            "folds": 0,
            "improbable": 0.01,
            "improbable_counts": 0.01,
        }
        learnt = train([str(EXAMPLES / "good.log")], TrainOptions(detector="logllama", settings=settings))
        save(folder / combine, learnt.profile, learnt.card, learnt.detector)
    return folder


def swapped() -> list[str]:
    """An order that is completed before it is paid, and the rest of it."""
    lines = max(sessions_of(EXAMPLES / "good.log"), key=len)
    return [lines[0], lines[1], lines[-3], *lines[3:]]


@pytest.mark.slow
def test_a_network_tells_early(network: Path, log: Path) -> None:
    lines = swapped()
    with following(log, options=options(network / "nothing")) as live:
        write(log, "".join(lines[:3]))
        live.read(3)
        live.until(lambda: bool(live.findings))
        assert live.findings[0].lines[0].text == lines[2].rstrip("\n")
        assert live.watch.result.windows == 0


@pytest.mark.slow
def test_where_counts_have_a_say_it_is_told_when_the_session_closes(
    network: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = swapped()
    with following(log, options=options(network / "counts")) as live:
        live.watch._normal.profile.pause = 30_000_000
        write(log, "".join(lines[:3]))
        live.read(3)
        live.look(3)
        assert live.findings == []
        later(monkeypatch, 1000)
        live.until(lambda: bool(live.findings))
        assert live.findings[0].window == "session order-32787"
        live.look()
        assert live.watch.result.windows == 1


@pytest.fixture(scope="module")
def by_counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that judges windows of twenty lines as wholes."""
    folder = tmp_path_factory.mktemp("counts")
    learnt = train([str(EXAMPLES / "good.log")], TrainOptions(detector="counts", window="20"))
    save(folder / "model", learnt.profile, learnt.card, learnt.detector)
    return folder / "model"


def test_windows_that_are_judged_as_wholes_are_told_close_by_close(by_counts: Path, log: Path, tmp_path: Path) -> None:
    state, lines, findings = tmp_path / "state", SHOP[5400:5480], []
    for at in range(0, len(lines), 30):
        with following(log, options=options(by_counts), state=state) as live:
            write(log, "".join(lines[at : at + 30]))
            live.read(min(at + 30, len(lines)))
            live.look()
            assert live.watch.result.windows == live.watch.result.lines // 20
        findings += live.findings
    whole = scan([str(log)], options(by_counts))
    assert {f.lines[0].line for f in findings if f.kind == "window"} >= {
        f.lines[0].line for f in whole.findings if f.kind == "window"
    }
    assert any(finding.kind == "window" for finding in findings)
    assert "counts" in live.watch.result.detector


# Rotation


def test_findings_over_a_rotation_have_their_own_lines(model: Path, log: Path) -> None:
    with following(log, options=options(model)) as live:
        n = write(log, "".join(SHOP[:50]) + new_line("clay"))
        live.read(n)
        os.rename(log, log.with_name("app.log.1"))
        n += write(log, "".join(SHOP[50:60]) + new_line("glaze"))
        live.read(n)
        live.until(lambda: len(live.findings) == 2)
        texts = [(finding.source, finding.lines[0].line, finding.lines[0].text) for finding in live.findings]
    assert texts == [
        (str(log), 51, new_line("clay").rstrip("\n")),
        (str(log), 11, new_line("glaze").rstrip("\n")),
    ]


def test_a_kind_of_line_that_becomes_more_general_is_told_once(model: Path, log: Path, tmp_path: Path) -> None:
    state, n, ids = tmp_path / "state", 0, []
    for names in (["ann"], ["bob", "cleo"], ["dan", "eve", "finn", "gus"]):
        with following(log, options=options(model), state=state) as live:
            text = [
                f"2026-03-03 09:00:00,000 ERROR [exec-1] Kiln - pot of {name} fell from the upper shelf\n"
                for name in names
            ]
            n += write(log, "".join(text))
            live.read(n)
            live.look()
        ids += [finding.id for finding in live.findings]
    assert len(ids) == len(set(ids))
    assert len(ids) <= 5
