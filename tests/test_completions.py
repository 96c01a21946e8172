"""Completion scripts, in real shells where these are installed, and as they lie in the repository."""

import os
import pty
import runpy
import select
import shlex
import shutil
import signal
import subprocess
import tomllib
from pathlib import Path
from time import monotonic

import pytest
from test_cli import environment, run

from logscan.detectors import registry
from logscan.reports import BUILT_IN as REPORTS
from logscan.shell import SCRIPTS, script
from logscan.shell.declared import Program, Value, program

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "completions"
CHECKS = (
    ("bash", "-n", "logscan.bash"),
    ("shellcheck", "logscan.bash"),
    ("zsh", "-n", "_logscan"),
    ("fish", "--no-execute", "logscan.fish"),
)
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"source {FOLDER}/logscan.bash\n"),
    "zsh": (["zsh", "-f", "-i"], f"fpath=({FOLDER} $fpath); autoload -U compinit; compinit -u -D\n"),
}
CASES = {
    "": {"scan", "train", "man"},
    "sc": {"scan"},
    "--ver": {"--version"},
    "scan --min": {"--min-score"},
    "scan --no-": {"--no-progress"},
    "scan --format ": set(REPORTS),
    "scan -C 2 --color a": {"auto", "always"},
    "scan x.log --window s": {"session"},
    "train --detector pc": {"pca"},
    "train --preset ": {"paper", "small"},
    "evaluate --protocol logl": {"logllama", "logllm"},
    "evaluate --detector counts,rap": {"counts,rapid"},
    "man comp": {"completions"},
    "completions ": {"bash", "zsh", "fish"},
    "scan ap": {"app.log"},
    "scan --accepted ap": {"app.log"},
}


@pytest.fixture(scope="module")
def declared() -> Program:
    """What the scripts are written from."""
    return program()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a log and a model."""
    (tmp_path / "app.log").touch()
    (tmp_path / "my model").mkdir()
    return tmp_path


def needed(name: str) -> None:
    """Skips where it is not installed."""
    if not shutil.which(name):
        pytest.skip(f"no {name} here")


def of_bash(folder: Path, typed: str) -> set[str]:
    """What the function of bash offers behind `logscan `; the last word is the one to be completed."""
    words = ["logscan", *typed.split(" ")]
    line = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _logscan"
    return said(folder, ["bash", "-c", f"source {FOLDER}/logscan.bash; {line}; printf '%s\\n' \"${{COMPREPLY[@]}}\""])


def of_fish(folder: Path, typed: str) -> set[str]:
    """What fish offers, without descriptions."""
    line = f"source {FOLDER}/logscan.fish; complete -C {shlex.quote(f'logscan {typed}')}"
    return {offer.partition("\t")[0] for offer in said(folder, ["fish", "--no-config", "-c", line])}


def said(folder: Path, command: list[str]) -> set[str]:
    """The lines that a program writes, none of them on stderr."""
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return set(done.stdout.splitlines()) - {""}


@pytest.mark.parametrize("check", CHECKS, ids=" ".join)
def test_a_script_is_clean(check: tuple[str, ...]) -> None:
    needed(check[0])
    done = subprocess.run(check, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("typed", "offered"), CASES.items())
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_words_are_completed(folder: Path, shell: str, typed: str, offered: set[str]) -> None:
    needed(shell)
    found = (of_bash if shell == "bash" else of_fish)(folder, typed)
    assert found >= offered
    if typed:
        assert found == offered


def test_bash_takes_what_stands_behind_an_equals_sign(folder: Path) -> None:
    needed("bash")
    assert of_bash(folder, "scan --color = n") == {"never"}
    assert of_bash(folder, "scan --color =") == {"auto", "always", "never"}
    assert of_bash(folder, "scan --since ") == set()
    assert of_bash(folder, "scan --model ") == {"my model"}
    assert of_bash(folder, "nothing ") == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_in_a_terminal(folder: Path, shell: str) -> None:
    """Each line ends in tabs; what it then holds, or what is listed below it."""
    needed(shell)
    command, setup = SHELLS[shell]
    with_tabs = {
        "logscan sca\t": "logscan scan",
        "logscan scan --min-s\t": "--min-score",
        "logscan scan --color=ne\t": "--color=never",
        "logscan scan --model my\t": "my\\ model/",
        "logscan scan ap\t": "app.log",
        "logscan evaluate --detector pca,logll\t\t": "logllm",
        "logscan man conf\t": "man config",
    }
    terminal = Terminal(folder, command)
    try:
        terminal.write(f"{setup}PS1=ready'> '\n")
        terminal.read_until("ready> ")
        for typed, shown in with_tabs.items():
            terminal.write(f"\x15{typed}")  # in place of the line before
            terminal.read_until(shown)
    finally:
        terminal.close()


class Terminal:
    """A shell in a terminal."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.process, self.end = pty.fork()
        if not self.process:
            os.chdir(folder)
            os.execvpe(command[0], command, environment(folder, {"TERM": "dumb", "COLUMNS": "120", "PS1": "> "}))

    def write(self, text: str) -> None:
        """Type."""
        os.write(self.end, text.encode())

    def read_until(self, wanted: str) -> None:
        """Fails where it is not shown in time."""
        shown, end = "", monotonic() + 120
        while wanted not in shown:
            assert select.select([self.end], [], [], max(end - monotonic(), 0))[0], f"{wanted!r} not in {shown!r}"
            shown += os.read(self.end, 1 << 16).decode(errors="replace")

    def close(self) -> None:
        """Of all the same."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.end)


def test_all_that_is_declared_is_in_each_script(declared: Program) -> None:
    for shell in SCRIPTS:
        text = script(shell)
        for command in (declared.root, *declared.commands):
            assert command.name in text
            for name in {name for option in command.options for name in (*option.names, *option.off)}:
                assert (name if shell != "fish" else f" -{'l' if name[1] == '-' else 's'} {name.strip('-')} ") in text
        assert all(name in text for name in registry.BUILT_IN)
        assert "[/" not in text
        assert "python" not in text.replace("python python-basic", "")  # starts none


def test_what_has_a_name_has_choices(declared: Program) -> None:
    taken = {
        (command.name, option.names[-1]): option.value
        for command in declared.commands
        for option in command.options
        if option.value
    }
    for (command, name), value in taken.items():
        if value.metavar in ("NAME", "NAMES", "WHEN"):
            assert value.choices, f"{name} of {command}: add it to `logscan.shell.declared._named`"
    assert taken["scan", "--model"] == Value("DIR", place="folder")
    assert taken["evaluate", "--detector"].listed


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_command_prints_what_lies_in_the_repository(tmp_path: Path, shell: str) -> None:
    done = run(tmp_path, "completions", shell)
    assert (done.status, done.err) == (0, "")
    assert done.out == (FOLDER / SCRIPTS[shell]).read_text(encoding="utf-8")


def test_a_wheel_brings_all_of_them() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    patterns = [pattern for patterns in tools["setuptools"]["data-files"].values() for pattern in patterns]
    brought = {path for pattern in patterns for path in ROOT.glob(pattern)}
    assert brought == {*FOLDER.iterdir(), *(ROOT / "man").iterdir()}


def test_no_file_is_stale() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "shell.py"))["files"]()
    there = {f"{path.parent.name}/{path.name}" for name in ("completions", "man") for path in (ROOT / name).iterdir()}
    assert there == set(written), "run `make docs`"
    assert [name for name, text in written.items() if (ROOT / name).read_text() != text] == [], "run `make docs`"
