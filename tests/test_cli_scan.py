"""`logscan scan` as a process: what it prints of good logs and of bad ones."""

import base64
import gzip
import json
import os
import re
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from test_cli import Ran, run, shell

from logscan.cli.scan import scan as cli_scan
from logscan.reports.annotate import MARK
from logscan.scan import Options

COLOR = re.compile(r"\x1b\[[0-9;]*m")
FLAGGED = (301, 450, 451)  # lines of LINES that do not belong
LINES = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(600)]
LINES[300] = "2026-03-02 08:05:00 ERROR disk: cannot write to /var/lib/x, read-only file system"
LINES[449] = "2026-03-02 08:07:29 WARN mail: relay 192.0.2.7 refused the letter"
LINES[450] = "2026-03-02 08:07:30 FATAL mail: giving up"
EVIL = "2026-03-02 08:05:00 ERROR web: \x1b]0;title\x07 \x1b[2J\x9b31m caf\u00e9 \u202etxt nul\x00 end"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `app.log`."""
    folder = tmp_path_factory.mktemp("scan")
    (folder / "app.log").write_text("".join(f"{line}\n" for line in LINES))
    return folder


def values(done: Ran) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """`begin`, the findings and `summary` of JSON Lines."""
    begin, *findings, summary = [json.loads(line) for line in done.out.splitlines()]
    assert (begin["type"], summary["type"]) == ("begin", "summary")
    assert all(finding["type"] == "finding" for finding in findings)
    return begin, findings, summary


def test_a_pipe_gets_each_flagged_line_once(folder: Path) -> None:
    done = run(folder, "scan", "app.log")
    found = dict(line.removeprefix("app.log:").split(":", 1) for line in done.out.splitlines())
    assert set(map(str, FLAGGED)) <= set(found)
    assert all(LINES[int(number) - 1] == text for number, text in found.items())
    assert len(found) == len(done.out.splitlines())


@pytest.mark.slow
def test_a_line_that_several_findings_blame_is_printed_once(data: Path) -> None:
    """There are some in this log."""
    log = "web/apache_access.log"
    lines = run(data, "scan", log).out.splitlines()
    _, findings, _ = values(run(data, "scan", log, "--json"))
    blamed = {f"{log}:{line['line']}:{line['text']}" for finding in findings for line in finding["lines"]}
    assert len(lines) == len(blamed)
    assert set(lines) == blamed


def test_json_lines(folder: Path) -> None:
    begin, findings, summary = values(run(folder, "scan", "app.log", "none.log", "--json"))
    assert begin == {
        "type": "begin",
        "version": 1,
        "sources": ["app.log"],
        "detector": "baseline",
        "model": None,
    }
    assert (summary["lines"], summary["records"], summary["findings"]) == (600, 600, len(findings))
    assert summary["errors"] == ["none.log: cannot be read: No such file or directory"]
    assert {"windows", "seconds", "notes"} <= set(summary)
    blamed = [line for finding in findings for line in finding["lines"]]
    assert set(FLAGGED) <= {line["line"] for line in blamed}
    content = (folder / "app.log").read_text()
    for line in blamed:
        assert line["text"] == LINES[line["line"] - 1]
        assert content[line["offset"] :].startswith(line["text"])
        assert {"score", "key", "template", "expected"} <= set(line)
    for finding in findings:
        assert re.fullmatch("[0-9a-f]{12}", finding["id"])
        assert re.fullmatch(r"2026-03-02T08:\d\d:\d\d(\.\d+)?Z", finding["time"])
        assert finding["source"] == "app.log"
        assert 0 <= finding["score"] <= 1
        assert finding["first_line"] <= finding["last_line"]
        assert finding["count"] == len(finding["lines"])
        assert {"window", "kind", "reason"} <= set(finding)


def test_annotate_without_its_notes_is_the_log(folder: Path) -> None:
    out = run(folder, "scan", "app.log", "--format", "annotate", "--color", "always").out
    lines = [COLOR.sub("", line) for line in out.splitlines()]
    assert COLOR.search(out)
    assert [line for line in lines if not line.startswith(MARK)] == LINES
    assert all(lines[lines.index(LINES[number - 1]) + 1].startswith(MARK) for number in FLAGGED)


@pytest.mark.parametrize(
    ("args", "set_by_user", "colored"),
    [
        (["--color", "always"], {"NO_COLOR": "1", "TERM": "dumb"}, True),
        (["--format", "pretty"], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
    ],
)
def test_colours(folder: Path, args: list[str], set_by_user: dict[str, str], colored: bool) -> None:
    out = run(folder, "scan", "app.log", *args, more=set_by_user).out
    assert ("\x1b" in out) is colored
    assert LINES[300] in COLOR.sub("", out)


@pytest.mark.slow
def test_a_pipe_is_read_with_and_without_a_name(folder: Path) -> None:
    content = (folder / "app.log").read_bytes()
    expected = run(folder, "scan", "app.log", "-C", "1").out
    for args in ([], ["-"]):
        done = run(folder, "scan", *args, "-C", "1", stdin=content)
        assert done.out == re.sub("^app.log", "-", expected, flags=re.MULTILINE)
    assert f"app.log-300-{LINES[299]}\napp.log:301:{LINES[300]}\napp.log-302-{LINES[301]}\n" in expected


@pytest.mark.parametrize(
    ("args", "flagged"),
    [
        (["--since", "2026-03-02 08:06"], {450, 451}),
        (["--split-at", "2026-03-02T09:06:00+01:00"], {450, 451}),
        (["--since", "2026-03-02 08:04", "--until", "Mar 2 2026 8:06"], {301}),
    ],
)
def test_only_a_part_is_judged(folder: Path, args: list[str], flagged: set[int]) -> None:
    out = run(folder, "scan", "app.log", *args).out
    assert {int(line.split(":")[1]) for line in out.splitlines()} == flagged


def test_what_is_beyond_the_budget_is_counted(folder: Path) -> None:
    done = run(folder, "scan", "app.log", "--budget", "0")
    assert done.out == ""
    assert re.fullmatch(r"\d more findings? beyond --budget", done.err.splitlines()[-1])


@pytest.mark.slow
def test_a_folder_with_bad_files_is_scanned_all_the_same(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    content = (folder / "app.log").read_bytes()
    for name, data in {
        "app.log": content,
        "crlf.log": content.replace(b"\n", b"\r\n"),
        "deep/utf16.log": content.decode().encode("utf-16"),
        "empty.log": b"",
        "one.log": b"nothing but this line",
        "binary.dat": bytes(range(256)) * 40,
        "timeless.log": re.sub(rb"(?m)^2026\S+ \S+ ", b"", content),
        "backwards.log": b"\n".join(reversed(content.splitlines())),
        "whole.log.gz": gzip.compress(content),
    }.items():
        (tmp_path / "logs" / name).write_bytes(data)
    done = run(tmp_path, "scan", "logs")
    assert done.status == 0
    assert "logscan: logs/empty.log: is empty" in done.err.splitlines()
    flagged = {line[: line.index(":", line.index(":") + 1)] for line in done.out.splitlines()}
    for name in ("app.log", "crlf.log", "deep/utf16.log", "timeless.log", "whole.log.gz"):
        assert {f"logs/{name}:{number}" for number in FLAGGED} <= flagged
    assert f"logs/backwards.log:{600 - 300}" in flagged
    assert f"logs/crlf.log:301:{LINES[300]}" in done.out.splitlines()


def test_named_files_that_cannot_be_read_make_it_an_error(folder: Path, tmp_path: Path) -> None:
    content = (folder / "app.log").read_bytes()
    (tmp_path / "app.log").write_bytes(content)
    (tmp_path / "broken.gz").write_bytes(gzip.compress(content)[:-300])
    (tmp_path / "empty.log").touch()
    names = ["empty.log", "broken.gz", "app.log", "nowhere*.log"]
    done = run(tmp_path, "scan", *names, "--json")
    assert done.status == 2
    begin, findings, summary = values(done)
    assert begin["sources"] == ["empty.log", "broken.gz", "app.log"]
    assert {finding["source"] for finding in findings} == {"broken.gz", "app.log"}
    errors = summary["errors"]
    assert len(errors) == 3
    for name, error in zip(("nowhere*.log", "empty.log", "broken.gz"), errors, strict=True):
        assert error.startswith(f"{name}: ")
        assert done.err.count(f"logscan: {error}\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.log").touch(0)
    done = run(tmp_path, "scan", "secret.log", str(folder / "app.log"))
    assert done.status == 2
    assert "logscan: secret.log: cannot be read: Permission denied" in done.err
    assert LINES[300] in done.out


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log that holds a line meant for the terminal, and one that is not UTF-8."""
    folder = tmp_path_factory.mktemp("evil")
    lines = [line.encode() for line in LINES]
    lines[300] = EVIL.encode()
    lines[449] = b"2026-03-02 08:07:29 ERROR mail: \xff\xfe from caf\xe9"
    (folder / "app.log").write_bytes(b"\n".join(lines) + b"\n")
    return folder


@pytest.mark.parametrize("how", ["--format=grep", "--format=pretty", "--json", "templates"])
def test_nothing_in_a_log_reaches_the_terminal_raw(evil: Path, how: str) -> None:
    args = ["templates", "app.log"] if how == "templates" else ["scan", "app.log", how]
    done = run(evil, *args)
    assert done.status == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.out + done.err)
    assert "title" in done.out
    assert "caf\u00e9" in done.out


def test_bytes_that_are_not_utf8_are_kept(evil: Path) -> None:
    _, findings, _ = values(run(evil, "scan", "app.log", "--json"))
    lines = {line["line"]: line for finding in findings for line in finding["lines"]}
    assert lines[301]["text"] == EVIL
    assert "bytes" not in lines[301]
    assert lines[450]["text"].endswith("ERROR mail: \\xff\\xfe from caf\\xe9")
    assert base64.b64decode(lines[450]["bytes"]).endswith(b"ERROR mail: \xff\xfe from caf\xe9")


@pytest.mark.slow
def test_a_name_that_is_not_utf8(folder: Path, tmp_path: Path) -> None:
    name = b"caf\xe9\x1b[2J.log"
    os.symlink(folder / "app.log", os.fsencode(tmp_path) + b"/" + name)
    for args in ("scan --json", "templates --json"):
        done = shell(tmp_path, f"logscan {args} *.log")
        assert done.status == 0
        assert "\x1b" not in done.out + done.err
        assert "caf\\" in done.out


def test_the_defaults_are_those_of_the_library() -> None:
    """The command states them once more, since its help must not load the library."""
    command = {name: parameter.default for name, parameter in signature(cli_scan).parameters.items()}
    library = Options()
    assert (command["budget"], command["min_score"], command["window"]) == (
        library.budget,
        library.min_score,
        library.window,
    )
