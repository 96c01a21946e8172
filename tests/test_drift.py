"""Drift: a model that meets much that is new says so once, and a fault is none."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from logscan.detectors.drift import BLOCK, BLOCKS, FEWEST, Drift, way_out
from logscan.detectors.profile import Profile
from logscan.models.bundle import save
from logscan.records import Chunk, Reader
from logscan.scan import Options, learn, scan
from logscan.sources import open_streams
from logscan.templates.keys import Keys
from logscan.train import train, update

Write = Callable[[str, Sequence[str]], str]
KINDS = (
    "part {} read",
    "{} sheets were cut",
    "opened door {} for a guest",
    "{} % of the oil is left",
    "lift at floor {}",
)
NEW = (
    "furnace {} reached the melting point of tin",
    "moulds: {} cast, none broken",
    "belt of saw {} had to be tightened by hand after the break",
    "{} holes drilled where the plan has less",
    "a glue pot was refilled {} times",
    "crane waits until truck {} has left the yard through the gate",
)


def lines(n: int, new: float, kinds: Sequence[str] = NEW, seed: int = 1) -> list[str]:
    """A share of new kinds among those that are known."""
    rng = np.random.default_rng(seed)
    texts = [str(rng.choice(kinds if rng.random() < new else KINDS)) for _ in range(n)]
    return [
        f"2026-01-31 06:{i // 600 % 60:02}:{i // 10 % 60:02},000 INFO Hall: {text.format(i)}"
        for i, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Of 2,000 records of five kinds."""
    path = tmp_path_factory.mktemp("drift") / "good.log"
    path.write_text("\n".join(lines(2_000, 0)))
    return learn(open_streams([str(path)], print), Reader(Keys(), print))


def chunk(keys: Sequence[int]) -> Chunk:
    """Records with these keys; the rest of a chunk plays no part."""
    return Chunk(pl.DataFrame({"key": pl.Series(keys, dtype=pl.Int32)}), pl.DataFrame(), 0)


@dataclass(frozen=True)
class Stream:
    """Keys of records, a share of them of new kinds."""

    known: int
    kinds: int = 40
    seed: int = 0

    def keys(self, n: int, share: float) -> list[int]:
        rng = np.random.default_rng(self.seed)
        new = self.known + rng.integers(self.kinds, size=n)
        return list(map(int, np.where(rng.random(n) < share, new, rng.integers(self.known, size=n))))


def test_it_is_said_once_with_the_command(profile: Profile) -> None:
    drift = Drift(profile, "model", way_out("model", "baseline", ["app.log"]))
    keys = Stream(profile.keys.known).keys(BLOCK * BLOCKS * 2, 0.12)
    words = [word for at in range(0, len(keys), 100) if (word := drift.add(chunk(keys[at : at + 100])))]
    assert words == [
        f"12 % of the last {FEWEST * BLOCK:,} records are of kinds that model has never seen: "
        "learn them with logscan train --update model app.log"
    ]


def test_chunks_of_any_size_are_the_same(profile: Profile) -> None:
    keys = Stream(profile.keys.known).keys(BLOCK * FEWEST, 0.2)
    whole, parts = (Drift(profile, "m", "") for _ in range(2))
    word = whole.add(chunk(keys))
    assert word
    assert [parts.add(chunk(keys[at : at + 7])) for at in range(0, len(keys), 7)][-1] == word


@pytest.mark.parametrize(("share", "kinds"), [(0.0, 1), (0.02, 40), (0.9, 1)])
def test_what_is_no_drift(profile: Profile, share: float, kinds: int) -> None:
    """Little that is new; and a storm that says one thing, however long."""
    drift = Drift(profile, "m", "")
    assert drift.add(chunk(Stream(profile.keys.known, kinds).keys(BLOCK * BLOCKS, share))) is None


def test_a_fault_that_passes_is_none(profile: Profile) -> None:
    drift, known = Drift(profile, "m", ""), Stream(profile.keys.known)
    keys = [*known.keys(BLOCK * 12, 0), *known.keys(BLOCK * 5, 0.8), *known.keys(BLOCK * 12, 0)]
    assert drift.add(chunk(keys)) is None


def test_where_much_that_is_new_was_to_be_expected(profile: Profile, tmp_path: Path) -> None:
    """A past of a great many kinds written once: the next ones are no news."""
    path = tmp_path / "varied.log"
    names = [f"{a}{b}{c}" for a in "bdfg" for b in "aeiou" for c in "klmnpr"]
    path.write_text("\n".join([*lines(600, 0), *(f"{name}ed {name} beside {name}ing" for name in names)]))
    varied = learn(open_streams([str(path)], print), Reader(Keys(), print))
    assert varied.singletons() > 50
    keys = Stream(varied.keys.known).keys(BLOCK * BLOCKS, 0.2)
    assert Drift(varied, "m", "").add(chunk(keys)) is None


def test_a_state_goes_on(profile: Profile) -> None:
    keys = Stream(profile.keys.known).keys(BLOCK * FEWEST, 0.2)
    whole, first = (Drift(profile, "m", "out") for _ in range(2))
    word = whole.add(chunk(keys))
    for at in range(0, len(keys), 333):
        said = first.add(chunk(keys[at : at + 333]))
        kept = json.loads(json.dumps(first.to_json()))
        first = Drift(profile, "m", "out")
        first.restore(kept)
    assert said == word
    assert first.add(chunk(keys)) is None
    assert len(json.dumps(first.to_json())) < 10_000


@pytest.mark.parametrize("broken", [{}, {"said": False, "blocks": [1], "rest": []}])
def test_a_state_that_is_none(profile: Profile, broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Drift(profile, "m", "").restore(broken)


def test_the_way_out_is_a_command() -> None:
    said = way_out("my model", "baseline", ["a b.log", "c.log"])
    assert shlex.split(said)[3:] == ["logscan", "train", "--update", "my model", "a b.log", "c.log"]
    assert way_out("m", "baseline", ["-"]).endswith("--update m LOG...")
    assert way_out("m", "logllama", ["a.log"]).endswith("logscan train OLD a.log --detector logllama")


def test_a_scan_says_it_until_the_model_has_learnt(write: Write, tmp_path: Path) -> None:
    good, app = write("good.log", lines(2_000, 0)), write("app.log", lines(4_000, 0.3, seed=2))
    place = tmp_path / "model"
    model = train([good])
    save(place, model.profile, model.card)
    (note,) = scan([app], Options(model=place)).notes
    assert note.endswith(f"never seen: learn them with logscan train --update {place} {app}")
    assert scan([app], Options(baseline=(good,))).notes == []
    assert scan([good], Options(model=place)).notes == []
    model = update(place, [app])
    save(place, model.profile, model.card)
    assert scan([app], Options(model=place)).notes == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hdfs/HDFS.log", "web/apache_access.log", "thunderbird/Thunderbird.log"])
def test_a_half_of_a_real_log_does_not_drift_from_the_other(data: Path, tmp_path: Path, name: str) -> None:
    whole = (data / name).read_bytes().splitlines(keepends=True)
    for part, of in (("first.log", whole[: len(whole) // 2]), ("second.log", whole[len(whole) // 2 :])):
        (tmp_path / part).write_bytes(b"".join(of))
    model = train([str(tmp_path / "first.log")])
    save(tmp_path / "model", model.profile, model.card)
    notes = scan([str(tmp_path / "second.log")], Options(model=tmp_path / "model")).notes
    assert not any("never seen" in note for note in notes)


@pytest.mark.slow
@pytest.mark.parametrize("system", ["redis", "sshd"])
def test_faults_of_real_servers_are_no_drift(data: Path, tmp_path: Path, system: str) -> None:
    model = train([str(data / "servers" / system / "train.log")])
    save(tmp_path / "model", model.profile, model.card)
    notes = scan([str(data / "servers" / system / "test.log")], Options(model=tmp_path / "model")).notes
    assert not any("never seen" in note for note in notes)
