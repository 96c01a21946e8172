"""Options of `scan --follow`: where to begin, counters, reports, colour."""

import select
import shutil
import signal
import socket
import urllib.request
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from live_process import NORMAL, START, SYLLABLES, Followed, ended, fault, line_of, live, pages, wait_for
from test_cli import run

from logscan.cli.follow import Following
from logscan.errors import OptionError
from logscan.scan import Options

__all__ = ["live"]  # a fixture

MORNING = datetime(2026, 3, 2)


@pytest.mark.slow
def test_tail_and_from_start_say_where_to_begin(live: Followed) -> None:
    shutil.copy(live.path, live.folder / "good.log")
    live.write(fault(0), *pages(1200, 1210), fault(1), *pages(1210, 1220))
    for where, found in ((("--tail", "15"), [1]), (("--from-start",), [0, 1]), (("--tail", "0"), []), ((), [])):
        process = live.follow("--baseline", "good.log", *where)
        shown = ""
        while shown.count("\n") < len(found):
            shown += line_of(process.stdout)
        status, out, _ = ended(process, signal.SIGTERM)
        assert (status, shown + out) == (0, "".join(f"app.log:{1201 + 11 * n}:{fault(n)}\n" for n in found))
        live.state.unlink()


@pytest.mark.parametrize(
    ("follow", "changes", "options", "report", "said"),
    [
        (True, {}, {"since": MORNING}, "grep", "--since"),
        (True, {}, {"until": MORNING}, "grep", "--until"),
        (True, {}, {"split_at": MORNING}, "grep", "--split-at"),
        (True, {"tail": 3, "from_start": True}, {"baseline": ("good.log",)}, "grep", "leave out one"),
        (True, {"from_start": True}, {}, "grep", "add --model or --baseline"),
        (True, {}, {}, "annotate", "annotate"),
        (False, {"tail": 0}, {}, "grep", "--tail is for"),
        (False, {"from_start": True}, {}, "grep", "--from-start is for"),
        (False, {"state": Path("x")}, {}, "grep", "--state is for"),
        (False, {"metrics": ":9105"}, {}, "grep", "--metrics is for"),
    ],
)
def test_options_that_do_not_go_together(
    follow: bool, changes: dict[str, Any], options: dict[str, Any], report: str, said: str
) -> None:
    following = replace(Following(None, False, None, None), **changes)
    with pytest.raises(OptionError, match=said):
        following.check(follow, Options(**options), report)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--format", "annotate"), "annotate"),
        (("--metrics", "there"), "HOST:PORT"),
        (("--metrics", "nowhere/x.prom"), "nowhere/x.prom"),
        (("--html", "nowhere/x.html"), "nowhere/x.html"),
        (("--state", "nowhere/x"), "nowhere/x"),
    ],
)
def test_what_cannot_be_is_one_clear_line(live: Followed, args: tuple[str, ...], said: str) -> None:
    done = run(live.folder, "scan", "app.log", "-f", *args)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("logscan: ")
    assert said in line
    assert not (live.folder / "nowhere").exists()


@pytest.mark.slow
def test_counters_in_a_file_and_at_a_port(live: Followed) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for target in ("x.prom", f":{port}"):

        def counted(holds: str, target: str = target) -> bool:
            if target == "x.prom":
                return holds in (live.folder / target).read_text()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=START) as answer:
                return holds in answer.read().decode()

        process = live.follow("--metrics", target)
        assert counted("logscan_lines_total 0.0")
        live.write(fault(), NORMAL[0])
        wait_for(partial(counted, "logscan_lines_total 2.0"))
        assert counted('logscan_findings_total{kind="new"} 1.0')
        assert ended(process, signal.SIGTERM)[0] == 0
        live.state.unlink()
        live.path.write_text("".join(f"{line}\n" for line in NORMAL))
    assert "logscan_lines_total 2.0" in (live.folder / "x.prom").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("report", ["grep", "pretty", "json", "github"])
def test_reports_that_tell_at_once(live: Followed, report: str) -> None:
    process = live.follow("--format", report, "--redact", "--html", "page.html")
    live.write(f"{fault()} from ann@example.org")
    shown = ""
    while SYLLABLES[0] not in shown:
        shown += line_of(process.stdout)
    status, out, err = ended(process, signal.SIGINT)
    assert status == 130
    assert "ann@" not in shown + out + err
    assert "<redacted email>" in shown.replace("&lt;", "<")
    page = (live.folder / "page.html").read_text()
    assert SYLLABLES[0] in page
    assert "ann@" not in page


@pytest.mark.slow
@pytest.mark.parametrize(("report", "head"), [("junit", '<?xml version="1.0"'), ("html", "<!doctype html>")])
def test_reports_that_tell_in_the_end(live: Followed, report: str, head: str) -> None:
    process = live.follow("--format", report)
    live.write(fault())
    wait_for(lambda: live.judged(1))
    assert process.stdout
    assert not select.select([process.stdout], [], [], 0)[0]
    status, out, err = ended(process, signal.SIGTERM)
    assert status == 0
    assert out.startswith(head)
    assert SYLLABLES[0] in out
    assert err.startswith("1 finding in 1 line, ")


@pytest.mark.slow
def test_colour_where_it_is_asked_for(live: Followed) -> None:
    for choice, colour in (("always", True), ("never", False), ("auto", False)):
        process = live.follow("--color", choice)
        live.write(fault())
        shown = line_of(process.stdout)
        ended(process, signal.SIGTERM)
        assert ("\x1b[" in shown) is colour
        live.state.unlink()
        live.path.write_text("".join(f"{line}\n" for line in NORMAL))
