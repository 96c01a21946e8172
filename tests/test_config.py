"""Options that are not typed: of files, of the environment, and which of them counts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from test_cli import run
from test_cli_terminal import COLOR, in_terminal
from typer.main import get_command

from logscan.cli import app
from logscan.cli.configured import files
from logscan.errors import OptionError

Parsed = dict[str, Any]
ROOT: Any = get_command(app)
LOG = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page {n} sent in {n % 7} ms" for n in range(300)]
LOG[200] = "2026-03-02 08:03:20 ERROR disk: cannot write to /var/lib/x, read-only file system"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, in which the user is; `home` in it is the user's."""
    for variable in [name for name in os.environ if name.startswith("LOGSCAN_") and name != "LOGSCAN_DATA"]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def of_user(folder: Path) -> Callable[[str], Path]:
    """Writes the user's file."""

    def write(text: str) -> Path:
        return toml(folder / "home" / ".config" / "logscan", text)

    return write


def toml(folder: Path, text: str) -> Path:
    """Writes a logscan.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logscan.toml").write_text(text, encoding="utf-8")
    return folder / "logscan.toml"


def parsed(*typed: str) -> Parsed:
    """What a command is called with."""
    parent = typer.Context(ROOT, info_name="logscan", **ROOT.context_settings)
    name, *args = typed
    params: Parsed = ROOT.commands[name].make_context(name, args, parent=parent).params
    return params


def test_later_ones_win(folder: Path, of_user: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed("scan")["budget"] == 20
    of_user("[scan]\nbudget = 1\ncontext = 1\nstats = true\nmin-score = 0.1")
    assert parsed("scan")["budget"] == 1
    toml(folder, "[scan]\nbudget = 2\ncontext = 2\nstats = false\n[train]\nseed = 2")
    monkeypatch.setenv("LOGSCAN_SCAN_BUDGET", "3")
    monkeypatch.setenv("LOGSCAN_DATA", "elsewhere")
    found = parsed("scan", "--context", "4")
    assert (found["budget"], found["context"], found["stats"], found["min_score"]) == (3, 4, False, 0.1)
    assert parsed("scan", "--budget", "5")["budget"] == 5
    assert parsed("train", "good")["seed"] == 2
    assert parsed("evaluate", "good")["seed"] == 0


def test_the_file_is_found_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    above, below = toml(folder, "[scan]\nbudget = 1"), folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert files() == [above]
    nearer = toml(folder / "a", "[scan]\ncontext = 2")
    assert files() == [nearer]
    assert (parsed("scan")["budget"], parsed("scan")["context"]) == (20, 2)


def test_the_user_s_file_lies_where_xdg_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml(folder / "xdg" / "logscan", "[scan]\nbudget = 1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "xdg"))
    assert files() == [file]
    monkeypatch.chdir(file.parent)
    assert files() == [file]  # once, though it is found on both ways
    monkeypatch.setenv("XDG_CONFIG_HOME", "xdg")  # to be ignored, as the standard says
    assert files() == [file]


def test_a_named_file_takes_the_place_of_both(
    folder: Path, of_user: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_user("[scan]\nbudget = 1")
    toml(folder, "no TOML at all")
    (folder / "other.toml").write_text("[scan]\ncontext = 3")
    found = parsed("scan", "-c", "other.toml")
    assert (found["budget"], found["context"]) == (20, 3)
    monkeypatch.setenv("LOGSCAN_CONFIG", "other.toml")
    assert parsed("scan")["context"] == 3
    assert parsed("scan", "--config", "/dev/null")["context"] == 0
    assert parsed("templates")["log_format"] is None
    monkeypatch.setenv("LOGSCAN_CONFIG", "")
    with pytest.raises(OptionError, match=r"logscan\.toml is no TOML"):
        parsed("scan")


def test_each_kind_of_value(folder: Path) -> None:
    toml(
        folder,
        """
        [scan]
        model = "models/good"
        accepted = "~/fine.jsonl"
        since = 2026-03-02T08:00:00
        until = "2026-03-03"
        window = 100
        mask = ["job [a-z]+", "x"]
        min_score = 1
        color = "never"
        progress = false
        [train]
        config = "run.toml"
        set = ["rl.episodes=0"]
        encoder = "google-bert/bert-base-uncased"
        log-format = "<time> <message>"
        """,
    )
    scan, train = parsed("scan"), parsed("train", "good")
    assert scan["model"] == folder / "models" / "good"
    assert scan["accepted"] == folder / "home" / "fine.jsonl"
    assert (scan["since"], scan["until"]) == ("2026-03-02 08:00:00", "2026-03-03")
    assert (scan["window"], scan["mask"], scan["min_score"]) == ("100", ["job [a-z]+", "x"], 1.0)
    assert (scan["color"], scan["progress"]) == ("never", False)
    assert (train["config"], train["settings"]) == (folder / "run.toml", ["rl.episodes=0"])
    assert (train["encoder"], train["log_format"]) == ("google-bert/bert-base-uncased", "<time> <message>")


def test_paths_are_those_from_the_file_s_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(folder, '[scan]\nbaseline = ["good.log", "/var/log/x", "-", "journal:nginx"]')
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert parsed("scan")["baseline"] == [str(folder / "good.log"), "/var/log/x", "-", "journal:nginx"]
    monkeypatch.setenv("LOGSCAN_SCAN_BASELINE", "a.log b.log")  # as if it were typed here
    assert parsed("scan")["baseline"] == ["a.log", "b.log"]


def test_what_is_said_later_silences_what_it_rules_out(
    folder: Path, of_user: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_user('[scan]\nmodel = "m"\nformat = "grep"\n[evaluate]\nseeds = "1,2"')
    assert parsed("scan", "--baseline", "good.log")["model"] is None
    assert (parsed("scan", "--json")["report"], parsed("evaluate", "x", "--seed", "3")["seeds"]) == (None, None)
    toml(folder, '[scan]\nsplit-at = "2026-03-02"\njson = true')
    found = parsed("scan", "--format", "pretty")
    assert (found["model"], found["split_at"], found["json"], found["report"]) == (None, "2026-03-02", False, "pretty")
    monkeypatch.setenv("LOGSCAN_SCAN_MODEL", "other")
    assert (parsed("scan")["model"], parsed("scan")["split_at"]) == (Path("other"), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[scan]\nbugdet = 1", "[scan] has no option bugdet: did you mean budget?"),
        ("[scan]\nconfig = 'x'", "[scan] has no option config: "),
        ("[scan]\nzzz = 1", "[scan] has no option zzz: there are model, "),
        ("[sacn]\nbudget = 1", "no command is called sacn: did you mean scan?"),
        ("budget = 1", "budget belongs below the name of a command, such as [scan]"),
        ("[scan]\nbudget = '5'", '[scan] budget should be a number, not "5"'),
        ("[scan]\nbudget = true", "[scan] budget should be a number, not true"),
        ("[scan]\ncontext = 1.5", "[scan] context should be a whole number, not 1.5"),
        ("[scan]\njson = 1", "[scan] json should be true or false, not 1"),
        ("[scan]\nmodel = 1", "[scan] model should be a text, not 1"),
        ("[scan]\nsession = {a = 1}", '[scan] session should be a text, not {"a": 1}'),
        ("[scan]\nmask = 'x'", '[scan] mask should be a list, such as ["x"], not "x"'),
        ("[scan]\nmask = [true]", "[scan] mask should be a text, not true"),
        ("[scan]\nmin-score = 2", "[scan] min-score is 2: "),
        ("[scan]\ncolor = 'red'", '[scan] color is "red": '),
        ("[train]\nepochs = 0", "[train] epochs is 0: "),  # of another command
        ("[scan", "is no TOML: "),
        ("[scan]\nmask = '\0'", "is no TOML: "),
    ],
)
def test_what_means_nothing_is_named_with_its_file(folder: Path, text: str, said: str) -> None:
    file = toml(folder, text)
    with pytest.raises(OptionError) as raised:
        parsed("scan")
    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LOGSCAN_SCAN_BUDGET", "many", 'LOGSCAN_SCAN_BUDGET is "many": '),
        ("LOGSCAN_SCAN_MIN_SCORE", "2", 'LOGSCAN_SCAN_MIN_SCORE is "2": '),
        ("LOGSCAN_SCAN_BUGDET", "1", "did you mean LOGSCAN_SCAN_BUDGET?"),
    ],
)
def test_a_variable_that_means_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(OptionError, match=re.escape(said)):
        parsed("scan")
    parsed("templates")  # is of another command


def test_variables_bear_the_long_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORMAT": "grep", "STATS": "1", "PROGRESS": "no", "COLOR": "always", "MODEL": ""}.items():
        monkeypatch.setenv(f"LOGSCAN_SCAN_{name}", value)
    found = parsed("scan")
    assert (found["report"], found["stats"], found["progress"]) == ("grep", True, False)
    assert (found["color"], found["model"]) == ("always", None)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for more, named in (({}, ("-c", "none.toml")), ({"LOGSCAN_CONFIG": "none.toml"}, ())):
        done = run(tmp_path, "scan", "app.log", *named, more=more)
        assert (done.status, done.out) == (2, "")
        assert done.err == "logscan: none.toml cannot be read: No such file or directory\n"


def test_help_needs_no_file(tmp_path: Path) -> None:
    toml(tmp_path, "[scan")
    assert run(tmp_path, "scan", "--help").status == 0
    assert run(tmp_path, "--version").status == 0
    done = run(tmp_path, "config")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)


@pytest.mark.slow
def test_a_scan_heeds_it(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("".join(f"{line}\n" for line in LOG))
    toml(tmp_path, "[scan]\nexit-code = true\nformat = 'json'")
    done = run(tmp_path, "scan", "app.log")
    assert done.status == 1
    assert json.loads(done.out.splitlines()[0])["type"] == "begin"
    done = run(tmp_path, "scan", "app.log", "--format", "grep", more={"LOGSCAN_SCAN_EXIT_CODE": "0"})
    assert (done.status, done.out) == (0, f"app.log:201:{LOG[200]}\n")


def test_without_home_or_folder(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os; os.rmdir(os.getcwd()); from logscan.cli import main; import sys; sys.argv[1:] = ['config']; main()"
    )
    ours = {name: value for name, value in os.environ.items() if name != "HOME" and not name.startswith("XDG_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1


def test_config_says_what_holds_and_why(tmp_path: Path) -> None:
    file = toml(tmp_path, "[scan]\nbudget = 5\nmask = ['a b']\n[train]\noutput = 'm'")
    more = {"LOGSCAN_SCAN_STATS": "yes"}
    done = run(tmp_path, "config", more=more)
    assert (done.status, done.err) == (0, f"read: {file}\n")
    assert done.out.splitlines() == [
        f'scan\tmask\t["a b"]\t{file}',
        f"scan\tbudget\t5\t{file}",
        "scan\tstats\ttrue\tLOGSCAN_SCAN_STATS",
        f"train\toutput\t{tmp_path / 'm'}\t{file}",
    ]
    rows = [json.loads(line) for line in run(tmp_path, "config", "--all", "--json", more=more).out.splitlines()]
    assert rows[0] == {"command": "scan", "option": "model", "value": None, "source": "default"}
    by_name = {(row["command"], row["option"]): (row["value"], row["source"]) for row in rows}
    assert by_name["scan", "budget"] == (5, str(file))
    assert by_name["scan", "stats"] == (True, "LOGSCAN_SCAN_STATS")
    assert by_name["scan", "color"] == ("auto", "default")
    assert by_name["train", "output"] == (str(tmp_path / "m"), str(file))
    assert {command for command, _ in by_name} <= set(ROOT.commands)


def test_config_on_a_terminal_is_a_table(tmp_path: Path) -> None:
    toml(tmp_path, "[scan]\nsession = '[red]x[/]'")
    status, shown = in_terminal(tmp_path, "config", more={"COLUMNS": "300"})
    assert status == 0
    head, row, read = COLOR.sub("", shown).splitlines()
    assert head.split() == ["command", "option", "value", "source"]
    assert row.split() == ["scan", "session", "[red]x[/]", str(tmp_path / "logscan.toml")]
    assert read.startswith("read: ")
