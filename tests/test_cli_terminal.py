"""The command in a terminal: laid out, coloured, with a bar where it takes time, and not waiting for keys."""

import os
import pty
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from test_cli import COMMAND, NONE, environment
from test_cli_scan import EVIL, LINES

COLOR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def in_terminal(folder: Path, *args: str, slow: str = "", more: Mapping[str, str] = NONE) -> tuple[int, str]:
    """Exit status, and what a terminal of 80 columns got; `slow` is a standard input that takes a second."""
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *args],
        cwd=folder,
        env=environment(folder, {"COLUMNS": "80", **more}),
        stdin=subprocess.PIPE if slow else inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    if slow and process.stdin:
        process.stdin.write(slow.encode())  # more than a pipe holds: it has begun to read
        time.sleep(1.1)
        process.stdin.close()
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 1 << 16)
        except OSError:  # nobody is left at the other end
            break
    os.close(terminal)
    return process.wait(timeout=600), shown.decode().replace("\r\n", "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `app.log`, in which a line is meant for the terminal."""
    folder = tmp_path_factory.mktemp("terminal")
    lines = [*LINES[:449], EVIL, *LINES[449:]]
    (folder / "app.log").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_findings_are_laid_out_and_coloured(folder: Path) -> None:
    status, shown = in_terminal(folder, "scan", "app.log", "--no-progress")  # which a slow machine would show
    plain = COLOR.sub("", shown)
    assert status == 0
    assert COLOR.search(shown)
    assert re.search(r"^ +301: 2026-03-02 08:05:00 ERROR disk: cannot write to", plain, re.MULTILINE)
    assert re.search(r"^\d findings in 601 lines, \d+\.\d s$", plain, re.MULTILINE)
    assert plain.count(" findings in ") == 1  # not on stderr as well
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", plain)


def test_a_terminal_without_colours(folder: Path) -> None:
    status, shown = in_terminal(folder, "scan", "app.log", more={"TERM": "dumb"})
    assert status == 0
    assert "\x1b" not in shown
    assert re.search(r"^\d findings in 601 lines", shown, re.MULTILINE)


@pytest.mark.slow
def test_a_bar_is_shown_where_it_takes_more_than_a_second(folder: Path) -> None:
    log = "".join(f"{line}\n" for line in LINES * 10)
    for args, bar in ((["scan"], True), (["scan", "--no-progress"], False)):
        status, shown = in_terminal(folder, *args, slow=log)
        assert status == 0
        assert ("learning" in shown) is bar
        assert " lines, " in shown


def test_nobody_is_kept_waiting_for_a_keyboard(folder: Path) -> None:
    status, shown = in_terminal(folder, "scan")
    assert status == 2
    assert shown.startswith("logscan: name a file or folder")
