"""`logscan train`, `inspect` and `templates` as processes."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from test_cli import run
from test_cli_scan import LINES

GOOD = [line for line in LINES if " INFO " in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good/` with two logs without a fault, `app.log`, and a `model` of `good/`."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "good").mkdir()
    for name in ("one.log", "two.log"):
        (folder / "good" / name).write_text("".join(f"{line}\n" for line in GOOD))
    (folder / "app.log").write_text("".join(f"{line}\n" for line in LINES))
    done = run(folder, "train", "good")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"model: {2 * len(GOOD):,} records, 1 templates, 0 sessions\n"
    return folder


def test_a_model_finds_what_was_not_in_the_good_run(folder: Path) -> None:
    done = run(folder, "scan", "app.log", "--model", "model", "--json")
    begin, *findings, _ = map(json.loads, done.out.splitlines())
    assert begin["model"] == "model"
    assert {line["line"] for finding in findings for line in finding["lines"]} == {301, 450, 451}


def test_the_model_card(folder: Path) -> None:
    card = json.loads(run(folder, "inspect", "model", "--json").out)
    assert (card["corpus"], card["records"]) == ("good", 2 * len(GOOD))
    assert card["size"] == sum(file.stat().st_size for file in (folder / "model").iterdir())
    lines = run(folder, "inspect", "model").out.splitlines()
    assert lines[0] == "# A logscan model"
    assert f"- size: {card['size']:,} bytes" in lines
    assert f"- formats: {card['layouts'][0]['format']}" in lines


def test_a_card_of_somebody_else_is_not_trusted(folder: Path, tmp_path: Path) -> None:
    card = json.loads((folder / "model" / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, "corpus": "\x1b[2J"}))
    assert "- corpus: \\x1b[2J" in run(tmp_path, "inspect", ".").out.splitlines()
    (tmp_path / "model.json").write_text('{"detector"')
    done = run(tmp_path, "inspect", ".")
    assert (done.status, done.err) == (2, "logscan: model.json is damaged: train the model again\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.log"], "none.log holds nothing to learn from"),
        (["app.log", "--output", "good"], "good exists and is no model"),
        (["app.log", "--output", "app.log/model"], "app.log/model cannot be written"),
    ],
)
def test_what_cannot_be_trained(folder: Path, args: list[str], said: str) -> None:
    done = run(folder, "train", *args)
    assert (done.status, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_what_is_missing_is_said_and_the_rest_is_learnt(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "train", "none.log", "good", "-o", str(tmp_path / "m"))
    assert done.status == 2
    assert done.err == "logscan: none.log: cannot be read: No such file or directory\n"
    assert (tmp_path / "m" / "model.json").is_file()


def test_templates(folder: Path) -> None:
    done = run(folder, "templates", "app.log")
    assert (done.status, done.err) == (0, "")
    first, *others = done.out.splitlines()
    assert re.fullmatch(r" +597  2026-03-02 08:00:00  INFO +page <\*> sent in <\*>(?: ms)?", first)
    assert [line.split()[0] for line in others] == ["1", "1", "1"]
    assert [line.split()[3] for line in others] == ["ERROR", "WARN", "FATAL"]  # in the order of the log


@pytest.mark.slow
def test_templates_as_json(folder: Path) -> None:
    done = run(folder, "templates", "good", "app.log", "--json")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert Counter(row["count"] for row in rows) == {3 * 597: 1, 1: 3}
    assert (rows[0]["source"], rows[0]["line"]) == ("good/one.log", 1)
    assert (rows[1]["source"], rows[1]["line"], rows[1]["level"]) == ("app.log", 301, "ERROR")
    assert (rows[0]["first_seen"], rows[0]["last_seen"]) == ("2026-03-02T08:00:00Z", "2026-03-02T08:09:59Z")
    assert run(folder, "templates", "good", "app.log", "--json").out == done.out


def test_templates_of_what_cannot_be_read(folder: Path) -> None:
    done = run(folder, "templates", "none.log", "app.log")
    assert done.status == 2
    assert len(done.out.splitlines()) == 4
    assert done.err == "logscan: none.log: cannot be read: No such file or directory\n"
