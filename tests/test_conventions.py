"""What people know from grep, lnav, hl and ripgrep holds in a terminal and in a pipe."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_process import NORMAL, START, fault, wait_for
from test_cli import COMMAND, environment, run, shell
from test_cli_scan import EVIL
from test_cli_terminal import COLOR, in_terminal

pytestmark = pytest.mark.slow  # most start processes

LONG = f"2026-03-02 08:10:01 ERROR disk: {'very ' * 4000}long"
LINK = re.compile(r"\x1b\]8;[^;]*;(\S+?)\x1b\\")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `app.log`, one line of which is very long, and one meant for the terminal."""
    folder = tmp_path_factory.mktemp("conventions")
    lines = [*NORMAL[:600], EVIL, LONG, *NORMAL[600:]]
    (folder / "app.log").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_a_pipe_gets_whole_lines_however_narrow_the_terminal_is(folder: Path) -> None:
    done = run(folder, "scan", "app.log", more={"COLUMNS": "20"})
    assert f"app.log:602:{LONG}" in done.out.splitlines()
    pretty = run(folder, "scan", "app.log", "--format", "pretty", more={"COLUMNS": "20"})
    assert LONG.partition("ERROR")[2] in pretty.out


def test_a_terminal_gets_lines_that_fit(folder: Path) -> None:
    status, shown = in_terminal(folder, "scan", "app.log", "--no-progress", more={"COLUMNS": "60"})
    rows = [row for row in COLOR.sub("", shown).splitlines() if re.match(r" +60[12]: ", row)]
    assert status == 0
    assert len(rows) == 2
    assert all(len(row) <= 60 for row in rows)


@pytest.mark.parametrize(
    ("args", "more", "coloured"),
    [
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": ""}, True),  # set, and empty: as if it were not
        ((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_and_links_in_a_terminal(
    folder: Path, args: tuple[str, ...], more: dict[str, str], coloured: bool
) -> None:
    _, shown = in_terminal(folder, "scan", "app.log", "--no-progress", *args, more=more)
    assert bool(COLOR.search(shown)) is coloured
    links = LINK.findall(shown)
    assert bool(links) is coloured
    assert all(link.startswith("file://") and str(folder / "app.log") in link for link in links)


@pytest.mark.parametrize(
    ("args", "more", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "0"}, False),
        (("--color", "always"), {}, True),
        (("--color", "always", "--format", "pretty"), {}, True),
        (("--json", "--color", "always"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_in_a_pipe_and_never_links(
    folder: Path, args: tuple[str, ...], more: dict[str, str], coloured: bool
) -> None:
    done = run(folder, "scan", "app.log", *args, more=more)
    assert bool(COLOR.search(done.out)) is coloured
    assert not LINK.search(done.out)
    assert "\x1b" not in done.err


def test_without_its_colours_a_line_is_the_line(folder: Path) -> None:
    plain, coloured = run(folder, "scan", "app.log"), run(folder, "scan", "app.log", "--color", "always")
    assert COLOR.sub("", coloured.out) == plain.out


def test_only_results_are_on_stdout(folder: Path) -> None:
    """A bar, a summary, notes and problems are not, in a terminal that gets stderr alone."""
    done = shell(folder, "logscan scan app.log none.log --stats 2>err.txt; cat err.txt >&2")
    assert all(line.startswith("app.log:") for line in done.out.splitlines())
    assert {"logscan: none.log: cannot be read: No such file or directory"} <= set(done.err.splitlines())


@pytest.mark.parametrize("how", ["< app.log", "- < app.log", "< <(cat app.log)", "/dev/stdin < app.log"])
def test_ways_to_read_a_pipe(folder: Path, how: str) -> None:
    done = shell(folder, f"logscan scan {how}")
    assert done.status == 0
    name = "/dev/stdin" if "/dev" in how else "-"
    assert f"{name}:602:{LONG}" in done.out.splitlines()


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_packed_files_and_pipes(folder: Path, tmp_path: Path, kind: str) -> None:
    content = (folder / "app.log").read_bytes()
    pack = {"gz": "gzip -c", "xz": "xz -c", "bz2": "bzip2 -c", "zst": "zstd -qc"}[kind].split()
    if not shutil.which(pack[0]):
        pytest.skip(f"no {pack[0]}")
    packed = subprocess.run(pack, input=content, capture_output=True, check=True).stdout
    (tmp_path / f"app.log.{kind}").write_bytes(packed)
    assert f"app.log.{kind}:602:{LONG}" in run(tmp_path, "scan", f"app.log.{kind}").out.splitlines()
    assert f"-:602:{LONG}" in run(tmp_path, "scan", stdin=packed).out.splitlines()


def test_two_dashes_end_the_options_and_many_paths_are_read(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "app.log", tmp_path / "--json")
    for n in range(30):
        (tmp_path / f"{n}.log").write_text("".join(f"{line}\n" for line in NORMAL[:3]))
    done = shell(tmp_path, "logscan scan -- --json *.log")
    assert done.status == 0
    assert f"--json:602:{LONG}" in done.out.splitlines()
    assert re.search(rf"in {1202 + 90:,} lines", done.err)


class Tmux:
    """A terminal of 70 columns with a shell in it, by a server of its own, which listens at `socket`."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.socket = socket
        self.env = {**environment(folder), "PS1": "$ ", "LC_ALL": "C.UTF-8"}
        self(
            "-f", "/dev/null", "new-session", "-d", "-x", "70", "-y", "30", "-c", str(folder), "bash --norc --noprofile"
        )

    def __call__(self, *args: str) -> str:
        command = ["tmux", "-S", str(self.socket), *args]
        done = subprocess.run(command, env=self.env, capture_output=True, timeout=START, check=False)
        assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr.decode()}"
        return done.stdout.decode()

    def type(self, line: str) -> None:
        """A line, and the key at its end."""
        self("send-keys", "-l", line)
        self("send-keys", "Enter")

    def shown(self) -> list[str]:
        """The lines on the screen, and above it."""
        return self("capture-pane", "-p", "-S", "-200").rstrip().splitlines()

    def wait_for(self, text: str) -> list[str]:
        """Until a line holds the text; gives the lines that are shown then."""
        shown: list[str] = []

        def there() -> bool:
            shown[:] = self.shown()
            return any(re.search(text, line) for line in shown)

        wait_for(there)
        return shown

    def cursor(self) -> bool:
        """Whether it can be seen."""
        return self("display-message", "-p", "#{cursor_flag}").strip() == "1"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    if not shutil.which("tmux"):
        pytest.skip("no tmux")
    (tmp_path / "app.log").write_text("".join(f"{line}\n" for line in NORMAL))
    with tempfile.TemporaryDirectory() as short:  # the path of a socket has 100 characters
        tmux = Tmux(tmp_path, Path(short) / "tmux")
        try:
            tmux.type(f'logscan() {{ {shlex.join(COMMAND)} "$@"; }}; clear')
            yield tmux
        finally:
            tmux("kill-server")


def add(folder: Path, *lines: str) -> None:
    with (folder / "app.log").open("a") as out:
        out.write("".join(f"{line}\n" for line in lines))


def test_a_followed_log_in_a_terminal(terminal: Tmux, tmp_path: Path) -> None:
    """A status line below the findings, Ctrl-Z and fg, Ctrl-C, and the shell is as it was."""
    terminal.type("logscan scan -f app.log")
    terminal.wait_for(r"^\S+ 0 lines \(0/s\) of 1 logs, 0 findings")
    wait_for(terminal.cursor)  # hidden for a moment while a status begins
    add(tmp_path, fault())
    terminal.wait_for("1201: 2026-03-02 08:20:00 ERROR disk")
    shown = terminal.wait_for(r"^\S+ 1 lines .* 1 findings, the last \d+ s ago")
    assert sum("findings" in line for line in shown) == 1
    wait_for(terminal.cursor)
    terminal("send-keys", "C-z")
    terminal.wait_for(r"Stopped")
    assert terminal.cursor()
    add(tmp_path, fault(1))
    time.sleep(1)
    assert not any("1202:" in line for line in terminal.shown())
    terminal.type("fg")
    terminal.wait_for("1202: 2026-03-02 08:20:10 ERROR disk")
    terminal("send-keys", "C-c")
    terminal.wait_for(r"^2 findings in 2 lines, ")
    terminal.type("echo status $?")
    terminal.wait_for("^status 130$")
    shown = terminal.shown()
    assert terminal.cursor()
    assert not any("Traceback" in line for line in shown)
    assert sum("/s)" in line for line in shown) <= 1  # where it was stopped


def test_a_status_line_never_runs_into_what_a_pipe_prints(terminal: Tmux, tmp_path: Path) -> None:
    terminal.type("logscan scan -f app.log --state s | cat")
    wait_for((tmp_path / "s").exists)
    add(tmp_path, fault())
    terminal.wait_for("^app.log:1201:")
    time.sleep(1.5)
    terminal("send-keys", "C-c")
    terminal.wait_for("1 finding in 1 line, ")  # behind ^C
    assert not any("/s)" in line for line in terminal.shown())


def test_the_width_is_that_of_the_terminal(terminal: Tmux, tmp_path: Path) -> None:
    add(tmp_path, LONG)
    terminal.type("logscan scan app.log; tput cols")
    terminal.wait_for("^70$")
    rows = terminal.shown()
    assert sum("very very" in row for row in rows) == 1  # cropped, not wrapped
    assert all(len(row) <= 70 for row in rows)


def test_a_bar_while_a_followed_log_is_learnt(tmp_path: Path) -> None:
    """The baseline comes slowly."""
    (tmp_path / "app.log").write_text("".join(f"{line}\n" for line in NORMAL))
    os.mkfifo(tmp_path / "good.log")
    process = subprocess.Popen(
        ["bash", "-c", "exec 3>good.log; for n in $(seq 4); do cat app.log >&3; sleep 0.6; done"], cwd=tmp_path
    )
    status, shown = in_terminal(tmp_path, "scan", "-f", "-", "--baseline", "good.log", slow="\n".join(NORMAL[:2]))
    process.wait(timeout=START)
    assert status == 0
    assert "learning" in shown
