"""The profile of normal logs: counts, values and places, in bounded memory and without a line of the log."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from logscan.detectors.profile import Profile
from logscan.detectors.stretches import STRETCHES
from logscan.records import Reader
from logscan.scan import learn
from logscan.sources import open_streams
from logscan.templates.keys import Keys

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`


def learnt(*paths: str, own: bool = False) -> Profile:
    reader = Reader(Keys(), lambda problem: None, log_format="log4j")
    return learn(open_streams(paths, reader.on_problem), reader, own=own)


def key_of(profile: Profile, part: str) -> int:
    (key,) = [key for key in range(profile.keys.known) if part in profile.keys.template(key)]
    return key


def lines(*texts: str) -> list[str]:
    return [f"2026-01-31 06:{n // 60 % 60:02}:{n % 60:02},000 {text}" for n, text in enumerate(texts)]


def test_every_record_is_counted_by_its_key(write: Write, farm: Farm) -> None:
    log = farm(1)
    profile = learnt(write("good.log", log.lines))
    assert profile.records == profile.counts.sum() == len(log.events)
    parts = [
        "in use",
        "taken",
        "scene",
        "drawn",
        "together",
        "stored",
        "done",
        "full rights",
        "guest rights",
        "mistyped",
    ]
    counted = Counter(part for _, text in log.events for part in parts if part in text)
    assert {part: profile.counts[key_of(profile, part)] for part in parts} == counted
    assert profile.sessions is not None
    assert profile.sessions.sessions_ == counted["taken"]


def test_several_logs_are_learnt_together(write: Write, farm: Farm) -> None:
    one, other = write("one.log", farm(1).lines), write("other.log", farm(2).lines)
    assert learnt(one, other).records == learnt(one).records + learnt(other).records


def test_values_of_slots_with_few_are_kept_and_of_many_are_not(write: Write) -> None:
    texts = [f"{'WARN' if n % 9 == 0 else 'INFO'} Pump{n % 40:02}: pressure is {n} bar" for n in range(180)]
    profile = learnt(write("good.log", lines(*texts)))
    slots = {name: values for (_, name), values in profile.slots.items()}
    assert slots["level"] == {"WARN": 20, "INFO": 160}
    assert "component" not in slots or len(slots["component"]) == 1  # forty names, or one of a shape


def test_json_keeps_the_whole_profile(write: Write, farm: Farm) -> None:
    profile = learnt(write("good.log", farm(1).lines))
    data = json.loads(json.dumps(profile.to_json()))
    read = Profile.from_json(data, Keys.from_json(json.loads(json.dumps(profile.keys.to_json()))))
    assert read.to_json() == profile.to_json()
    assert read.singletons() == profile.singletons()


@pytest.mark.parametrize("broken", [{}, {"records": "many"}, {"records": 1, "counts": ["x"]}])
def test_json_that_is_none(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Profile.from_json(broken, Keys())


def test_few_sessions_teach_nothing_about_sessions(write: Write, farm: Farm) -> None:
    assert learnt(write("good.log", farm(1, 120).lines)).sessions is None


@pytest.mark.parametrize("n", [100, 1000, 5000])
def test_local_is_what_keeps_together(write: Write, n: int) -> None:
    """However long the log: its stretches grow with it."""
    texts = ["INFO Clock: tick"] * n
    at = np.linspace(0, n - 1, 24).astype(int)  # from end to end
    for number, where in enumerate(at):
        texts[where] = f"INFO Clock: {'swept' if number % 2 else 'wound'} by hand"
    texts[n // 2 + 3 : n // 2 + 6] = ["WARN Clock: cog slips"] * 3
    profile = learnt(write("clock.log", lines(*texts)), own=True)
    local = {profile.keys.template(int(key)) for key in profile.local()}
    assert "cog slips" in local
    assert "tick" not in local
    if n >= 1000:
        assert local == {"cog slips"}


def test_singletons(write: Write) -> None:
    profile = learnt(write("a.log", lines(*["INFO A: often"] * 30, "INFO A: one thing", "WARN B: some other event")))
    assert profile.singletons() == 2


def test_stretches_double_block_by_block(write: Write) -> None:
    """The places of keys are the same whether a log is learnt from one file or from many."""
    texts = [f"INFO A: {'tick' if n % 7 else 'tock'} {n}" for n in range(STRETCHES * 40)]
    texts[1000:1003] = ["WARN B: odd"] * 3
    whole = learnt(write("whole.log", lines(*texts)), own=True)
    parts = [write(f"part{n}.txt", lines(*texts)[n : n + 999]) for n in range(0, len(texts), 999)]
    assert learnt(*parts, own=True).local().tolist() == whole.local().tolist()
    assert [whole.keys.template(int(key)) for key in whole.local()] == ["odd"]


def test_a_key_that_only_the_last_stretch_lacks_is_not_local(write: Write) -> None:
    texts = [f"INFO A: {'tick' if n % 7 else 'tock'} {n}" for n in range(2560)]
    profile = learnt(write("clock.log", lines(*texts, *["WARN B: odd"] * 3)), own=True)
    assert [profile.keys.template(int(key)) for key in profile.local()] == ["odd"]
