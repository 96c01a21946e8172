"""The model bundle: written whole or not at all, read whole or refused, and never a line of a log in it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from logscan.errors import ModelError
from logscan.models.bundle import load, read_card, save, size_of
from logscan.scan import Options, scan
from logscan.train import train

Write = Callable[[str, Sequence[str]], str]
Farm = Callable[..., Any]  # `conftest.make_log`


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, farm: Farm) -> Path:
    """A model of a good day: not to be changed."""
    place = tmp_path_factory.mktemp("models")
    (place / "good.log").write_text("\n".join(farm(1).lines))
    model = train([str(place / "good.log")])
    save(place / "model", model.profile, model.card)
    return place / "model"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The same model, to be broken."""
    place = tmp_path / "model"
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_bundle_finds_what_the_log_it_was_learnt_from_would(folder: Path, write: Write, farm: Farm) -> None:
    bad = (
        farm(2)
        .edited("INFO Monitor", "WARN Monitor")
        .without("Monitor", 300, 500)
        .plus((600, "ERROR Store: disk full"))
    )
    path = write("app.log", bad.lines)
    by_model = scan([path], Options(model=folder))
    by_log = scan([path], Options(baseline=(str(folder.parent / "good.log"),)))
    assert {finding.kind for finding in by_model.findings} >= {"new", "value", "silent"}
    assert by_model.findings == by_log.findings
    assert by_model.layouts == by_log.layouts


def test_what_is_read_can_be_written_again(folder: Path, tmp_path: Path) -> None:
    bundle = load(folder)
    keys, profile, card = bundle.keys, bundle.profile, bundle.card
    save(tmp_path / "again", profile, card)
    again, first = contents(tmp_path / "again"), contents(folder)
    assert again["keys.json"] == first["keys.json"]
    assert again["profile.json"] == first["profile.json"]
    assert profile.keys is keys


def test_a_bundle_is_a_folder_to_be_read_and_shared(folder: Path) -> None:
    card = read_card(folder)
    assert card["version"] == 1
    assert card["corpus"] == "good.log"
    assert card["records"] > 1000
    assert card["sessions"] > 50
    assert sorted(contents(folder)) == ["README.md", "keys.json", "model.json", "profile.json"]
    assert size_of(folder) == sum(map(len, contents(folder).values()))
    assert "good.log" in (folder / "README.md").read_text()
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


words = st.text("ghjklmnpqrstvwxz", min_size=9, max_size=14)  # none that a bundle says of itself


@settings(deadline=None, max_examples=5, phases=[Phase.generate])
@given(st.lists(words, min_size=20, max_size=30, unique=True), st.integers(0, 1000))
def test_no_secret_gets_into_a_bundle(tmp_path_factory: pytest.TempPathFactory, secrets: list[str], seed: int) -> None:
    """Text that differs from line to line: free text, ids, addresses, paths, numbers, session names."""
    random, place = Random(seed), tmp_path_factory.mktemp("secret")
    numbers = [str(random.randrange(10**8, 10**9)) for _ in secrets]
    lines = []
    for n, (secret, number) in enumerate(zip(secrets, numbers, strict=True)):
        texts = (
            f"job-{number} taken from visitor {secret} at once",
            f"job-{number} mail to {secret}@example.org sent",
            f"job-{number} stored as /home/{secret}/{secret}.png",
            f"job-{number} asked https://example.org/{secret}?token={secret}{number}",
        )
        lines += [f"2026-01-31 06:00:{n:02},{at:03} INFO Queue: {text}" for at, text in enumerate(texts)]
    (place / "app.log").write_text("\n".join(lines))
    model = train([str(place / "app.log")])
    save(place / "model", model.profile, model.card)
    written = b"".join(contents(place / "model").values()).decode()
    assert [secret for secret in (*secrets, *numbers) if secret in written] == []
    assert not any(line in written for line in lines)


def test_a_newer_model_replaces_an_older_one(copy: Path) -> None:
    bundle = load(copy)
    profile, card = bundle.profile, bundle.card
    save(copy, profile, {**card, "corpus": "another"})
    assert read_card(copy)["corpus"] == "another"
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_a_folder_that_is_no_model_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    bundle = load(folder)
    profile, card = bundle.profile, bundle.card
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear reader")
    with pytest.raises(ModelError, match="no model"):
        save(mine, profile, card)
    assert contents(mine) == {"letter.txt": b"dear reader"}
    with pytest.raises(ModelError, match="no model"):
        save(mine / "letter.txt", profile, card)
    (tmp_path / "empty").mkdir()
    save(tmp_path / "empty", profile, card)
    save(tmp_path / "not" / "yet" / "there", profile, card)
    assert load(tmp_path / "empty").profile.records == load(tmp_path / "not" / "yet" / "there").profile.records


WRITE_ANEW = """
import resource, signal, sys
from pathlib import Path
from logscan.models.bundle import load, save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
bundle = load(folder)
profile, card = bundle.profile, bundle.card
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
save(folder, profile, {**card, "corpus": "another"})
"""


@pytest.mark.parametrize("limit", [0, 500, 1000])
def test_a_full_disk_leaves_the_old_model(copy: Path, limit: int) -> None:
    """A limit on the size of files fails a write as a full disk does."""
    assert limit < (copy / "profile.json").stat().st_size
    before = contents(copy)
    run = subprocess.run(
        [sys.executable, "-c", WRITE_ANEW, str(copy), str(limit)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "OSError" in run.stderr
    assert contents(copy) == before
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_leaves_the_old_model(copy: Path) -> None:
    before = contents(copy)
    copy.parent.chmod(0o555)
    try:
        with pytest.raises(OSError, match="Permission"):
            save(copy, load(copy).profile, {})
    finally:
        copy.parent.chmod(0o755)
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["model.json", "keys.json", "profile.json"])
@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_bundle_is_refused(copy: Path, name: str, share: float) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match=name):
        load(copy)


@pytest.mark.parametrize("name", ["keys.json", "profile.json"])
def test_a_bundle_without_a_part_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load(copy)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("keys.json", {}),
        ("keys.json", {"templates": {"masks": [], "templates": [["a"]]}, "keys": [[7, None, None]]}),
        ("keys.json", {"templates": {"masks": [], "templates": [["a"]]}, "keys": [0]}),
        ("keys.json", {"templates": {"masks": ["("], "templates": []}, "keys": []}),
        ("profile.json", {}),
        ("profile.json", {"records": -1, "counts": [], "slots": 7, "rates": {}, "sessions": None}),
        ("profile.json", {"records": "x"}),
    ],
)
def test_a_bundle_with_foreign_parts_is_refused(copy: Path, name: str, changed: object) -> None:
    (copy / name).write_text(json.dumps(changed))
    with pytest.raises(ModelError):
        load(copy)


@pytest.mark.parametrize("changed", [{"counts": [1]}, {"rates": {"width": 0, "burst": [1], "silence": []}}])
def test_a_bundle_whose_parts_do_not_belong_together_is_refused(
    copy: Path, write: Write, farm: Farm, changed: dict[str, Any]
) -> None:
    data = json.loads((copy / "profile.json").read_text())
    (copy / "profile.json").write_text(json.dumps({**data, **changed}))
    path = write("app.log", farm(2, 100).lines)
    with pytest.raises(ModelError):
        scan([path], Options(model=copy))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"version": 2}, "newer"),
        ({"version": "1"}, "not written by logscan"),
        ({"version": None}, "not written by logscan"),
        ({"detector": "unheard-of"}, "other detectors"),
        ({"layouts": [{"format": "no-such-format"}]}, "layouts"),
        ({"layouts": None}, "layouts"),
    ],
)
def test_a_newer_or_foreign_bundle_is_refused(
    copy: Path, write: Write, farm: Farm, changed: dict[str, Any], complaint: str
) -> None:
    card = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps({**card, **changed}))
    path = write("app.log", farm(2, 60).lines)
    with pytest.raises(ModelError, match=complaint):
        scan([path], Options(model=copy))


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        load(tmp_path)
    with pytest.raises(ModelError, match="no model"):
        load(tmp_path / "nowhere")
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(ModelError, match="damaged"):
        load(tmp_path)
