"""`logscan accept` as a process: what was accepted once stays silent."""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from test_cli import run
from test_cli_scan import LINES


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder whose `app.log` was scanned, and the ids that were found."""
    folder = tmp_path_factory.mktemp("accept")
    (folder / "app.log").write_text("".join(f"{line}\n" for line in LINES))
    out = run(folder, "scan", "app.log", "--json").out
    findings = [value for value in map(json.loads, out.splitlines()) if value["type"] == "finding"]
    return folder, [finding["id"] for finding in findings]


@pytest.fixture
def scanned(once: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    """The same in a folder of the test's own."""
    shutil.copytree(once[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, once[1]


@pytest.mark.slow
def test_an_accepted_finding_is_silent(scanned: tuple[Path, list[str]]) -> None:
    folder, ids = scanned
    first, *others = ids
    done = run(folder, "accept", first[:6], "--note", "planned")
    assert done.status == 0
    assert done.out.startswith(f"{first} ")
    assert done.err == "1 accepted in logscan-accepted.jsonl\n"
    (line,) = (folder / "logscan-accepted.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["id"], entry["note"], entry["accepted"]) == (first, "planned", date.today().isoformat())
    assert entry["reason"]
    assert entry["template"]

    again = run(folder, "scan", "app.log", "--json")
    assert first not in again.out
    assert all(other in again.out for other in others)
    assert "1 accepted finding not shown" in again.err.splitlines()
    assert first in run(folder, "scan", "app.log", "--json", "--accepted", os.devnull).out
    assert run(folder, "accept", first).err == "nothing new for logscan-accepted.jsonl\n"


def test_an_id_that_was_not_found(scanned: tuple[Path, list[str]]) -> None:
    folder, ids = scanned
    mistyped = ids[0][:5] + ("0" if ids[0][5] != "0" else "1")
    done = run(folder, "accept", mistyped)
    assert (done.status, done.out) == (2, "")
    assert f"did you mean {ids[0]}?" in done.err
    assert done.err.count("\n") == 1
    assert not (folder / "logscan-accepted.jsonl").exists()


@pytest.mark.slow
def test_the_last_scan_is_kept_where_the_user_wants_state(scanned: tuple[Path, list[str]]) -> None:
    folder, ids = scanned
    assert (folder / "home" / ".local" / "state" / "logscan" / "findings.jsonl").is_file()
    elsewhere = {"XDG_STATE_HOME": str(folder / "state")}
    done = run(folder, "accept", ids[0], more=elsewhere)
    assert (done.status, done.err) == (
        2,
        "logscan: the last scan had no findings: run `logscan scan` first\n",
    )
    run(folder, "scan", "app.log", more=elsewhere)
    assert (folder / "state" / "logscan" / "findings.jsonl").is_file()
    assert run(folder, "accept", ids[0], more=elsewhere).status == 0


def test_files_that_were_edited_or_cannot_be_written(scanned: tuple[Path, list[str]]) -> None:
    folder, ids = scanned
    file = folder / "reviewed.jsonl"
    file.write_text('{"id":"00","kind":"new","reason":"r","template":"t"}')  # an editor left out the line feed
    assert run(folder, "accept", ids[0], "--file", file.name).status == 0
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == ["00", ids[0]]
    done = run(folder, "accept", ids[0], "--file", "none/accepted.jsonl")
    assert (done.status, done.err) == (
        2,
        "logscan: none/accepted.jsonl cannot be written: No such file or directory\n",
    )
    file.write_text("an accepted finding\n")
    done = run(folder, "scan", "app.log", "--accepted", file.name)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("logscan: reviewed.jsonl:1 ")
