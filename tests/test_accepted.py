"""Findings known to be fine: kept in a file to be reviewed, chosen from those of the last scan."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from logscan.errors import InputError, OptionError
from logscan.findings.accepted import FILE, accept, accepted_ids, read, remember
from logscan.findings.finding import Finding, Line, id_of
from logscan.scan import Options, scan


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state of one's own, and a folder to work in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


Write = Callable[[str, Sequence[str]], str]


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


def test_what_is_in_the_file_already_is_no_error() -> None:
    """Also where the last scan did not find it any more."""
    remember([ONE])
    accept([ONE.id], "", FILE)
    remember([])
    assert accept([ONE.id[:8]], "again", FILE) == []
    with pytest.raises(OptionError):
        accept([OTHER.id], "", FILE)


def test_parts_are_accepted_with_the_whole() -> None:
    parts = tuple(map(id_of, ("a", "b")))
    remember([replace(ONE, parts=parts), OTHER])
    accept([ONE.id], "", FILE)
    assert accepted_ids(None) == {ONE.id, *parts}
    accept([OTHER.id], "", FILE)
    first, second = FILE.read_text().splitlines()
    assert json.loads(first)["parts"] == list(parts)
    assert "parts" not in second


def test_a_file_of_before_there_were_parts() -> None:
    FILE.write_text('{"id":"00","kind":"new","reason":"r","template":"t","note":"n","accepted":"2026-01-31"}\n')
    assert accepted_ids(None) == {"00"}


def test_a_finding_is_silent_where_all_of_its_parts_are() -> None:
    whole = replace(ONE, parts=("a", "b"))
    assert whole.accepted({"a", "b", "c"})
    assert whole.accepted({ONE.id})
    assert not whole.accepted({"a"})
    assert not ONE.accepted(set())


@pytest.mark.slow
def test_parts_are_what_each_kind_of_line_would_be_by_itself(place: Path, write: Write) -> None:
    calm = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(600)]
    lost = "2026-03-02 08:06:40 ERROR disk: cannot write to /var/lib/x, read-only file system"
    full = "2026-03-02 08:06:40 WARN queue: 17 orders are held back until there is room"
    good = write("good.log", calm)
    both = write("both.log", [*calm[:400], lost, full, *calm[400:]])
    one = write("one.log", [*calm[:400], lost, *calm[400:]])
    other = write("other.log", [*calm[:400], full, *calm[400:]])

    def found(path: str, accepted: frozenset[str] = frozenset()) -> list[Finding]:
        return scan([path], Options(baseline=(good,), accepted=accepted)).findings

    (whole,), (lost_alone,), (full_alone,) = found(both), found(one), found(other)
    assert set(whole.parts) == {lost_alone.id, full_alone.id}
    assert lost_alone.parts == ()
    assert found(both, frozenset({lost_alone.id, full_alone.id})) == []
    assert found(both, frozenset({lost_alone.id})) == [whole]
    remember([whole])
    accept([whole.id], "", FILE)
    assert [found(path, accepted_ids(None)) for path in (one, other, both)] == [[], [], []]


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
