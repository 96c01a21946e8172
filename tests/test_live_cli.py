"""`logscan scan --follow` as a process: pipes, signals, and what it says."""

import json
import os
import pty
import shutil
import signal
import subprocess
import time

import pytest
from live_process import (
    FULL,
    NORMAL,
    START,
    SYLLABLES,
    Followed,
    bash,
    ended,
    fault,
    full_pipe,
    line_of,
    live,
    pages,
    wait_for,
)
from test_cli import COMMAND, environment, run, shell

from logscan.live import state

__all__ = ["live"]  # a fixture


def test_a_finding_is_in_the_pipe_at_once_and_ctrl_c_ends_in_order(live: Followed) -> None:
    process = live.follow("--stats")
    live.write(fault())
    assert line_of(process.stdout) == f"app.log:1201:{fault()}\n"
    status, out, err = ended(process, signal.SIGINT)
    assert (status, out) == (130, "")
    layout, read, found = err.splitlines()
    assert layout.startswith("app.log: ")
    assert read.startswith("1 line, 1 record, ")
    assert found.startswith("1 finding in 1 line, ")


@pytest.mark.slow
def test_grep_and_head_behind_a_followed_log(live: Followed) -> None:
    """The first one sees each line at once, the second one ends it, quietly."""
    script = "logscan scan -f app.log --state live.state | grep --line-buffered ERROR | head -1; echo ${PIPESTATUS[@]}"
    pipe = bash(live, script)
    live.write(NORMAL[3], fault())
    assert line_of(pipe.stdout) == f"app.log:1202:{fault()}\n"
    for n in range(1, 8):  # grep writes again, and finds nobody once head is gone
        time.sleep(0.4)
        live.write(fault(n))
    assert ended(pipe) == (0, "0 141 0\n", "")


@pytest.mark.slow
def test_a_reader_that_left_is_noticed_although_nothing_is_found(live: Followed) -> None:
    pipe = bash(live, "logscan scan -f app.log --state live.state --json | head -1; echo ${PIPESTATUS[0]}")
    began = time.monotonic()
    status, out, err = ended(pipe)
    assert (status, err) == (0, "")
    begin, logscans = out.splitlines()
    assert json.loads(begin)["type"] == "begin"
    assert logscans == "0"
    assert time.monotonic() - began < 5


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("jq"), reason="no jq")
def test_jq_behind_a_followed_log(live: Followed) -> None:
    pipe = bash(live, "logscan scan -f app.log --state live.state --json | jq --unbuffered -r .kind//.type; true")
    live.write(fault())
    shown = line_of(pipe.stdout)
    while "new" not in shown.splitlines():
        shown += line_of(pipe.stdout)
    assert shown.splitlines() == ["begin", "new"]
    os.killpg(pipe.pid, signal.SIGINT)  # as Ctrl-C does
    pipe.communicate(timeout=START)


@pytest.mark.slow
def test_sigterm_is_an_ordinary_end(live: Followed) -> None:
    process = live.follow("--json")
    live.write(NORMAL[0], fault())
    begin, out = line_of(process.stdout), ""
    while "finding" not in begin + out:
        out += line_of(process.stdout)
    status, rest, err = ended(process, signal.SIGTERM)
    last = json.loads(rest.splitlines()[-1])
    assert (status, last["type"], last["lines"], last["findings"]) == (0, "summary", 2, 1)
    assert err.startswith("1 finding in 2 lines, ")


@pytest.mark.slow
def test_ctrl_c_ends_a_whole_pipeline_in_order(live: Followed) -> None:
    """The reader is gone before the summary is written."""
    command = f"(logscan scan -f app.log --state {live.state.name} --json --html page.html; echo $? > status) | cat"
    for wait in (0.0, 0.5, 1.0):
        live.path.write_text("".join(f"{line}\n" for line in NORMAL))
        pipe = bash(live, f"trap : INT; {command}")
        live.write(fault())
        while '"finding"' not in line_of(pipe.stdout):
            pass
        time.sleep(wait)
        (live.folder / "page.html").unlink(missing_ok=True)
        os.killpg(pipe.pid, signal.SIGINT)
        _, _, err = ended(pipe)
        assert err.startswith("1 finding in 1 line, ")
        assert len(err.splitlines()) == 1
        assert (live.folder / "status").read_text() == "130\n"
        assert SYLLABLES[0] in (live.folder / "page.html").read_text()
        live.state.unlink()


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_although_nobody_reads(live: Followed) -> None:
    """The reader stalls, the pipe is full: the first one cannot be heeded."""
    reading, writing = full_pipe()
    with open(reading, "rb"), open(writing, "wb") as pipe:
        process = live.follow(stdout=pipe)
        live.write(fault())
        wait_for(lambda: bool(state.load(live.state).data["findings"]))  # it prints next
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None
        status, _, err = ended(process, signal.SIGINT)
    assert status == 130
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_reader_that_stalls_gets_everything_when_it_goes_on(live: Followed) -> None:
    reading, writing = full_pipe()
    with open(reading, "rb") as reader:
        with open(writing, "wb") as pipe:
            process = live.follow(stdout=pipe)
        for n in range(4):
            live.write(fault(n), *pages(1200 + 50 * n, 1250 + 50 * n))
            time.sleep(0.6)
        assert process.poll() is None
        filled = b"\n" * FULL
        while filled:
            filled = filled[len(os.read(reading, len(filled))) :]
        lines = [reader.readline().decode() for _ in range(4)]
        assert lines == [f"app.log:{1201 + 51 * n}:{fault(n)}\n" for n in range(4)]
        wait_for(lambda: live.judged(204))
        status, _, err = ended(process, signal.SIGTERM)
    assert status == 0
    assert err.startswith("4 findings in 204 lines, ")


@pytest.mark.slow
def test_a_suspended_process_goes_on_where_it_stood(live: Followed) -> None:
    process = live.follow("--json")
    line_of(process.stdout)
    live.write(*pages(1200, 1300))
    time.sleep(0.5)
    for n in range(2):
        process.send_signal(signal.SIGSTOP)  # SIGTSTP does nothing where no shell controls jobs
        os.waitpid(process.pid, os.WUNTRACED)
        live.write(*pages(1300 + 100 * n, 1400 + 100 * n), fault(n))
        time.sleep(7)
        process.send_signal(signal.SIGCONT)
        assert json.loads(line_of(process.stdout))["lines"][0]["text"] == fault(n)
    status, out, err = ended(process, signal.SIGTERM)
    assert (status, len(out.splitlines())) == (0, 1)  # no beat was missed
    assert err.startswith("2 findings in 302 lines, ")


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_it_and_a_restart_goes_on(live: Followed) -> None:
    child, terminal = pty.fork()
    if not child:
        os.chdir(live.folder)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what runs the tests may ignore it
        command = [*COMMAND, "scan", "app.log", "-f", "--state", "live.state"]
        os.execve(command[0], command, environment(live.folder))
    wait_for(live.state.exists)
    live.write(fault())
    shown = b""
    while SYLLABLES[0].encode() not in shown:
        shown += os.read(terminal, 1 << 16)
    wait_for(lambda: live.judged(1))  # else it is told again
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGHUP
    live.write(fault(1))
    process = live.follow()
    assert line_of(process.stdout) == f"app.log:1202:{fault(1)}\n"
    status, out, err = ended(process, signal.SIGTERM)
    assert (status, out) == (0, "")
    assert err.startswith("2 findings in 2 lines, ")


def test_a_pipe_that_ends_is_the_end(live: Followed) -> None:
    live.write(fault())
    done = shell(live.folder, "(head -1200 app.log; sleep 0.8; tail -1 app.log) | logscan scan -f --json")
    assert done.status == 0
    first, last = done.err.splitlines()
    assert first.startswith("logscan: standard input: holds too little to know what is normal: the first 1,000 records")
    assert last.startswith("1 finding in 1,201 lines, ")
    begin, finding, summary = [json.loads(line) for line in done.out.splitlines()]
    assert (begin["sources"], finding["source"], finding["lines"][0]["line"]) == (["-"], "-", 1201)
    assert summary["lines"] == 1201


@pytest.mark.slow
def test_a_pipe_that_goes_on_is_judged_as_it_comes(live: Followed) -> None:
    shutil.copy(live.path, live.folder / "good.log")
    process = subprocess.Popen(
        [*COMMAND, "scan", "-f", "-", "--baseline", "good.log", "--json"],
        cwd=live.folder,
        env=environment(live.folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    live.started.append(process)
    line_of(process.stdout)
    assert process.stdin
    for n in range(3):
        process.stdin.write(f"{NORMAL[n]}\n{fault(n)}\n".encode())
        process.stdin.flush()
        assert json.loads(line_of(process.stdout))["lines"][0]["line"] == 2 * n + 2
    status, out, _ = ended(process)
    assert (status, json.loads(out)["lines"]) == (0, 6)


def test_a_source_that_is_not_there_for_good_is_an_error(live: Followed) -> None:
    """One that ends, as a client does; a file may still appear."""
    done = run(live.folder, "scan", "-f", "docker:nothing", more={"PATH": str(live.folder)})
    assert (done.status, done.out) == (2, "")
    assert "logscan: docker:nothing: cannot be read: " in done.err


@pytest.mark.slow
def test_a_file_that_appears_later(live: Followed) -> None:
    shutil.copy(live.path, live.folder / "good.log")
    process = live.follow("later.log", "--baseline", "good.log")
    (live.folder / "later.log").write_text(f"{NORMAL[0]}\n{fault()}\n")
    assert line_of(process.stdout) == f"later.log:2:{fault()}\n"
    status, _, err = ended(process, signal.SIGTERM)
    assert (status, err.splitlines()[0]) == (
        0,
        "logscan: later.log: cannot be read: No such file or directory; waiting for it",
    )
