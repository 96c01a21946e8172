"""Findings known to be fine: kept in a file to be reviewed, chosen from those of the last scan."""

from pathlib import Path

import pytest

from logscan.errors import InputError, OptionError
from logscan.findings.accepted import FILE, accept, accepted_ids, read, remember
from logscan.findings.finding import Finding, Line


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state of one's own, and a folder to work in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def finding(signature: str) -> Finding:
    line = Line("app.log", 7, 0, 0.9, 0, f"template of {signature}", "a line of the log")
    return Finding("new", f"reason of {signature}", 0.9, "app.log", 7, 7, 1, (line,), signature)


ONE, OTHER = finding("one"), finding("other")


def test_an_accepted_finding_is_in_the_file_once() -> None:
    remember([ONE, OTHER])
    (entry,) = accept([ONE.id[:6].upper()], "planned", FILE)
    assert (entry.id, entry.kind, entry.note) == (ONE.id, "new", "planned")
    assert (entry.reason, entry.template) == (ONE.reason, ONE.lines[0].template)
    assert accept([ONE.id], "again", FILE) == []
    assert [entry.id for entry in accept([ONE.id, OTHER.id, OTHER.id], "", FILE)] == [OTHER.id]
    assert [entry.id for entry in read(FILE)] == [ONE.id, OTHER.id]
    assert accepted_ids(None) == {ONE.id, OTHER.id}


def test_the_file_is_lines_to_be_edited(place: Path) -> None:
    remember([ONE, OTHER])
    file = place / "mine.jsonl"
    accept([ONE.id, OTHER.id], "", file)
    first, second = file.read_text().splitlines()
    file.write_text(f"\n{second}\n\n")
    assert accepted_ids(file) == {OTHER.id}
    assert "a line of the log" not in first


def test_no_line_of_the_log_is_remembered(place: Path) -> None:
    remember([ONE])
    kept = [path.read_text() for path in (place / "state").rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert "a line of the log" not in kept[0]


@pytest.mark.parametrize("ids", [["0" * 12], [""], ["zz"]])
def test_an_id_that_the_last_scan_did_not_give(ids: list[str]) -> None:
    remember([ONE, OTHER])
    with pytest.raises(OptionError, match=r"last scan|beginning of several"):
        accept([ONE.id, *ids], "", FILE)
    assert not FILE.exists()


def test_a_mistyped_id_is_met_with_the_nearest() -> None:
    remember([ONE])
    mistyped = ONE.id[:-1] + ("0" if ONE.id[-1] != "0" else "1")
    with pytest.raises(OptionError, match=f"did you mean {ONE.id}"):
        accept([mistyped], "", FILE)


def test_only_the_last_scan_counts() -> None:
    remember([ONE])
    remember([OTHER])
    with pytest.raises(OptionError):
        accept([ONE.id], "", FILE)


def test_nothing_accepted_yet() -> None:
    assert accepted_ids(None) == frozenset()
    with pytest.raises(OptionError):
        accept(["abc"], "", FILE)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"id": "x"}', '{"id": "x", "kind": "", "reason": "", "template": "", "y": 1}']
)
def test_a_broken_file_is_named_with_its_line(text: str) -> None:
    FILE.write_text(f"\n{text}\n")
    with pytest.raises(InputError, match=f"{FILE}:2"):
        accepted_ids(None)


def test_a_file_that_is_named_must_exist(place: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        accepted_ids(place / "none.jsonl")


def test_without_a_place_to_write_a_scan_goes_on(place: Path) -> None:
    (place / "state").write_text("a file where the folder should be")
    remember([ONE])
    assert sorted(path.name for path in place.iterdir()) == ["state", "work"]
