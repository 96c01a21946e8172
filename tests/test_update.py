"""Learning on: a model of one log that takes in another is like one of both."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from logscan.detectors.rates import NEVER, Peaks, Rates, widened
from logscan.errors import InputError, ModelError, OptionError
from logscan.findings.finding import Finding
from logscan.models.bundle import load, read_card, save
from logscan.scan import Options, scan
from logscan.train import Model, train, update

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`
NIGHT = timedelta(days=1)


def later(farm: Farm, seed: int, days: int = 1, faulty: bool = False) -> list[str]:
    """Another day, on which the farm has a new release: other lines, in and out of jobs, and another login."""
    log = farm(seed)
    log = type(log)(log.events, log.begin + days * NIGHT)
    for seconds, text in log.events:
        if "scene of" in text:
            log = log.plus(
                (seconds + 0.1, f"INFO Cache: {text.split()[2]} found {seconds:.0f} textures of it warm, none cold")
            )
    log = log.plus(
        *(
            (at, f"INFO Broker: peer {at % 7} answers again after its restart, queue taken over")
            for at in range(3, 1200, 11)
        )
    )
    log = log.plus(
        *(
            (at, f"INFO Account: user ann logged in with {'night' if at % 3 else 'full'} rights")
            for at in range(9, 1100, 15)
        )
    )
    if faulty:
        log = log.plus(*((700 + n / 50, "WARN Account: user eve mistyped the password") for n in range(90)))
        log = log.plus((600, "ERROR Store: disk full")).edited("INFO Monitor", "WARN Monitor")
        log = log.without("Monitor", 300, 500)
    return list(log.lines)


def saved(place: Path, model: Model) -> Path:
    save(place, model.profile, model.card)
    return place


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory, farm: Farm) -> Path:
    """a.log, b.log and c.log are good days, bad.log is one with faults; the models `a` of one and `ab`, `abc` of all at
    once, and `a+b`, `a+b+c` that learnt on. None of it is to be changed."""
    place = tmp_path_factory.mktemp("update")
    days = {"a": farm(1).lines, "b": later(farm, 2), "c": later(farm, 3, 2), "bad": later(farm, 4, 3, faulty=True)}
    for name, lines in days.items():
        (place / f"{name}.log").write_text("\n".join(lines) + "\n")
    for name in ("a", "ab", "abc"):
        saved(place / name, train([str(place / f"{day}.log") for day in name]))
    saved(place / "a+b", update(place / "a", [str(place / "b.log")]))
    saved(place / "a+b+c", update(place / "a+b", [str(place / "c.log")]))
    saved(place / "a+bc", update(place / "a", [str(place / "b.log"), str(place / "c.log")]))
    return place


def found(logs: Path, log: str, model: str) -> list[Finding]:
    return scan([str(logs / f"{log}.log")], Options(model=logs / model)).findings


@pytest.mark.slow
def test_what_was_learnt_is_normal(logs: Path) -> None:
    assert "new" in {finding.kind for finding in found(logs, "b", "a")}
    assert [found(logs, log, "a+b") for log in "ab"] == [[], []]
    assert [found(logs, log, "a+b+c") for log in "abc"] == [[], [], []]


def test_faults_are_found_as_if_all_had_been_learnt_at_once(logs: Path) -> None:
    """And beats that stop, which learning at once loses: the night between the logs is then a pause like others."""
    on, once = ({finding.id: finding.kind for finding in found(logs, "bad", model)} for model in ("a+b", "ab"))
    assert on.items() >= once.items()
    assert {on[id] for id in on.keys() - once.keys()} == {"silent"}
    assert {finding.kind for finding in found(logs, "bad", "a+b")} >= {"new", "value", "burst", "silent"}


def counted(logs: Path, model: str) -> Counter[str]:
    profile = load(logs / model).profile
    counts: Counter[str] = Counter()
    for key in np.flatnonzero(profile.counts):
        counts[profile.keys.template(int(key))] += int(profile.counts[key])
    return counts


def test_counts_add_up(logs: Path) -> None:
    """However often it is updated."""
    assert counted(logs, "a+b") == counted(logs, "ab")
    assert counted(logs, "a+b+c") == counted(logs, "a+bc") == counted(logs, "abc")
    on, once = load(logs / "a+b+c").profile, load(logs / "abc").profile
    assert on.records == on.counts.sum() == once.records
    assert on.sessions is not None
    assert once.sessions is not None
    assert on.sessions.sessions_ == once.sessions.sessions_
    assert sorted(on.sessions.vector_counts_) == sorted(once.sessions.vector_counts_)
    assert sorted(on.sessions.steps_.counts) == sorted(once.sessions.steps_.counts)
    named = [{(p.keys.templates.template(t), slot): v for (t, slot), v in p.slots.items()} for p in (on, once)]
    assert named[0] == named[1]


def test_keys_keep_their_numbers(logs: Path) -> None:
    before, after = load(logs / "a").keys, load(logs / "a+b").keys
    assert after.known > before.known
    assert [after.template(key) for key in range(before.known)] == [before.template(key) for key in range(before.known)]
    assert after.hashes()[: before.known] == before.hashes()
    stages = load(logs / "a+b+c").keys.templates.stages
    assert stages[0] == before.templates.known
    assert stages[1] == after.templates.known


def test_what_was_read_can_be_written_again(logs: Path, tmp_path: Path) -> None:
    bundle = load(logs / "a+b+c")
    save(tmp_path / "again", bundle.profile, bundle.card)
    for name in ("keys.json", "profile.json"):
        assert (tmp_path / "again" / name).read_bytes() == (logs / "a+b+c" / name).read_bytes()


def test_thresholds_never_get_lower(logs: Path) -> None:
    before, after = load(logs / "a").profile.sessions, load(logs / "a+b").profile.sessions
    assert before is not None
    assert after is not None
    assert after.threshold_ >= before.threshold_
    assert after.order_threshold_ >= before.order_threshold_
    assert after.span_ >= before.span_


def test_the_card_tells_the_story(logs: Path) -> None:
    first, card = read_card(logs / "a"), read_card(logs / "a+b+c")
    assert card["corpus"] == "a.log"
    assert card["created"] == first["created"]
    assert [entry["corpus"] for entry in card["updates"]] == ["b.log", "c.log"]
    assert card["records"] == first["records"] + sum(entry["records"] for entry in card["updates"])
    assert card["updates"][-1]["updated"] == card["updated"]
    assert card["fingerprint"] == card["updates"][-1]["fingerprint"] != first["fingerprint"]


def test_names_that_become_many_are_one_family(write: Write, tmp_path: Path) -> None:
    """Two names are two kinds of line; with more of them they are names, also those known before."""

    def lines(day: int, *names: str) -> list[str]:
        begin = datetime(2026, 1, day, 6)
        texts = [f"{what} of queue {name} by timer" for n in range(30) for name in names for what in ("flush", "audit")]
        return [f"{begin + timedelta(seconds=n)} INFO Worker: {text}" for n, text in enumerate(texts)]

    few, many = (
        write("few.log", lines(1, "mail", "sms")),
        write("many.log", lines(2, "mail", "fax", "push", "pager", "web", "bulk")),
    )
    before = saved(tmp_path / "model", train([few]))
    keys = load(before).keys
    after = load(saved(tmp_path / "after", update(before, [many])))
    assert [after.keys.template(key) for key in range(keys.known)] == [keys.template(key) for key in range(keys.known)]
    assert after.profile.counts.sum() == after.profile.records
    for path in (few, many, write("other.log", lines(3, "mail", "sms", "web"))):
        assert scan([path], Options(model=tmp_path / "after")).findings == []


def test_a_labelled_log_teaches_what_is_normal(write: Write, tmp_path: Path) -> None:
    text = "{} 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.363779 R02-M1 RAS KERNEL INFO {}"
    good = write("good.log", [text.format("-", f"cache parity of word {n} corrected") for n in range(200)])
    more = [text.format("-", f"link {n} trained at once") for n in range(100)]
    more[50:50] = [text.format("KERNPANIC", "kernel panic on node 7, rebooting")] * 3
    place = saved(tmp_path / "model", train([good]))
    model = update(place, [write("more.log", more)])
    templates = [model.profile.keys.template(key) for key in range(model.profile.keys.known)]
    assert any("trained at once" in template for template in templates)
    assert not any("panic" in template for template in templates)
    assert model.profile.records == 260  # of the first log four fifths were learnt


def test_what_cannot_learn_on(logs: Path, write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to learn"):
        update(logs / "a", [write("empty.log", [])])
    with pytest.raises(ModelError, match="no model"):
        update(tmp_path / "none", [str(logs / "b.log")])
    place = saved(tmp_path / "newer", train([str(logs / "a.log")]))
    (place / "model.json").write_text(json.dumps({**read_card(place), "version": 2}))
    with pytest.raises(ModelError, match="newer"):
        update(place, [str(logs / "b.log")])
    model = train([str(logs / "a.log")], _counts())
    save(tmp_path / "counts", model.profile, model.card, model.detector)
    with pytest.raises(OptionError, match="counts cannot learn on: `logscan train OLD NEW --detector counts`"):
        update(tmp_path / "counts", [str(logs / "b.log")])


def _counts() -> Any:
    from logscan.train import Options as TrainOptions

    return TrainOptions(detector="counts")


def rates(width: int, burst: list[int], silence: list[int]) -> Rates:
    return Rates(width, np.array(burst), np.array(silence))


def test_rates_are_the_larger_of_both() -> None:
    past = rates(10, [30, 80, NEVER, 44], [50, 50, 0, 50])
    new = rates(40, [60, 90, 70, NEVER, 33], [60, 0, 0, 0, 90])
    peaks, pauses = np.array([9, 30, 50, 0, 2]), np.array([20, 60, 10, 0, 20])
    known = np.array([True, True, True, True, False])
    both = widened(past, np.arange(4), known, new, peaks, pauses)
    assert both.width == 10
    assert both.burst.tolist() == [36, 90, 70, 44, 30]
    # the longer; a beat that the new log broke; none; one that the new log lacks; one that is new
    assert both.silence.tolist() == [60, 0, 0, 50, 90]
    assert widened(rates(10, [NEVER], [0]), np.arange(1), known[:1], new, peaks, pauses) is new


def test_peaks_do_not_depend_on_chunks() -> None:
    keys, times = np.array([0, 0, 1, 0, 1, 1, 1, 0]), np.array([1, 5, 8, 12, 13, 14, 19, 31])
    whole, parts = Peaks(10), Peaks(10)
    whole.add(keys, times)
    for at in range(len(keys)):
        parts.add(keys[at : at + 1], times[at : at + 1])
    assert whole.most[:2].tolist() == parts.most[:2].tolist() == [2, 3]
    assert whole.join(np.array([0, 0], np.int32), 1).tolist() == [5]


def command(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "logscan", "train", *args, "--no-progress"]
    return subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)


def copy(logs: Path, place: Path) -> Path:
    place.mkdir()
    for path in (logs / "a").iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


@pytest.mark.slow
def test_the_command(logs: Path, tmp_path: Path) -> None:
    copy(logs, tmp_path / "model")
    log = str(logs / "b.log")
    done = command(tmp_path, "--update", "model", log, "-o", "other")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("other: ")
    assert "updates" not in read_card(tmp_path / "model")
    assert command(tmp_path, "--update", "model", log).stdout.startswith("model: ")
    assert (tmp_path / "model" / "profile.json").read_bytes() == (tmp_path / "other" / "profile.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "other"]
    done = command(tmp_path, "--update", "model", log, "--mask", "x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "leave out --mask" in done.stderr


WRITE_OVER_AND_OVER = """
import sys
from pathlib import Path
from logscan.models.bundle import load, save
folder = Path(sys.argv[1])
bundle = load(folder)
print("begun", flush=True)
while True:
    save(folder, bundle.profile, bundle.card)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.03, 0.07, 0.11])
def test_a_killed_update_leaves_a_model(logs: Path, tmp_path: Path, seconds: float) -> None:
    """There is one at each moment, and one that is whole."""
    place = copy(logs, tmp_path / "model")
    with subprocess.Popen([sys.executable, "-c", WRITE_OVER_AND_OVER, str(place)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert place.is_dir()
        os.kill(process.pid, signal.SIGKILL)
    assert load(place).profile.to_json() == load(logs / "a").profile.to_json()
