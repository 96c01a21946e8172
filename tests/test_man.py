"""Manual pages: whole, readable by `man` and by mandoc, the same on every day."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_cli import run, shell

from logscan import __version__
from logscan.shell.declared import Command, program
from logscan.shell.manual import literal, pages

FOLDER = Path(__file__).parents[1] / "man"
NAMES = sorted(path.name for path in FOLDER.iterdir())
COMMANDS = {f"logscan-{command.name}.1": command for command in program().commands}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"]
SECTIONS += ["EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"]


def needed(name: str) -> None:
    """Skips where it is not installed."""
    if not shutil.which(name):
        pytest.skip(f"no {name} here")


def shown(page: str) -> str:
    """A page as a terminal of 300 columns has it, without bold and underlined letters."""
    needed("mandoc")
    command = ["mandoc", "-Tutf8", "-O", "width=300"]
    text = subprocess.run(command, input=page, capture_output=True, text=True, check=True).stdout
    return re.sub(".\b", "", text)


def test_there_is_a_page_a_command() -> None:
    assert sorted([*COMMANDS, "logscan.1"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_man_has_nothing_to_say_against_it(name: str) -> None:
    needed("man")
    command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(FOLDER / name)]
    env = {**os.environ, "MANWIDTH": "80"}  # it goes by COLUMNS else, and in a narrow one no line can be justified
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if "unrecognized option" in done.stderr or "invalid option" in done.stderr or "illegal option" in done.stderr:
        pytest.skip("this man is not that of man-db")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_mandoc_misses_only_the_date(name: str) -> None:
    needed("mandoc")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", name], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if 'missing date, using ""' not in line]
    assert said == []


@pytest.mark.parametrize("name", NAMES)
def test_its_sections_are_in_the_usual_order(name: str) -> None:
    headings = re.findall(r"^\.SH (.*)", (FOLDER / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [heading for heading in headings if heading != "COMMANDS"] == SECTIONS


@pytest.mark.parametrize(("name", "command"), COMMANDS.items(), ids=COMMANDS)
def test_it_has_all_that_is_declared(name: str, command: Command) -> None:
    text = shown(pages()[name])
    for option in command.options:
        value = f" {option.value.metavar}" if option.value else ""
        names = ", ".join((*option.names, *option.off)) + value
        assert re.search(rf"^ {{5,8}}{re.escape(names)}(\s|$)", text, flags=re.MULTILINE)
        assert option.panel is None or re.search(rf"^ +{option.panel}$", text, flags=re.MULTILINE)
        assert " ".join(option.help.replace("`", "").split()) in " ".join(text.split())
    assert len(command.examples) >= 2
    lines = [line.strip() for line in text.splitlines()]
    assert [example for example in command.examples if example not in lines] == []
    assert ("--exit-code was given" in text) is (command.name == "scan")
    assert f"LOGSCAN_{command.name.upper()}_OPTION" in text
    assert "[/" not in text


def test_the_page_of_logscan_leads_to_all_others() -> None:
    text = shown(pages()["logscan.1"])
    assert [name for name in COMMANDS if f"{name.removesuffix('.1')}(1)" not in text] == []
    assert "--version" in text


def test_it_bears_the_version_and_no_day() -> None:
    for page in pages().values():
        title = next(line for line in page.splitlines() if line.startswith(".TH"))
        assert title.endswith(f' 1 "" "logscan {__version__}" "logscan manual"')
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", page)


def test_text_is_no_markup_of_the_page() -> None:
    hostile = (".SH it's", "'br", "\\fBa\\n", "a^b~c`d`")
    head = '.TH X 1 "" "" ""\n.SH NAME\nx \\- y\n.SH DESCRIPTION\n'
    text = shown(head + "\n.br\n".join(literal(line) for line in hostile))
    assert [line for line in hostile if f" {line}\n" not in text] == []


def test_the_command_prints_a_page(tmp_path: Path) -> None:
    assert run(tmp_path, "man").out == (FOLDER / "logscan.1").read_text(encoding="utf-8")
    assert run(tmp_path, "man", "scan").out == (FOLDER / "logscan-scan.1").read_text(encoding="utf-8")
    done = run(tmp_path, "man", "scna")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("logscan: no command is called 'scna'; there are scan,")


def test_man_reads_it_from_a_pipe(tmp_path: Path) -> None:
    needed("man")
    done = shell(tmp_path, "logscan man | man -l -")
    if done.status:
        pytest.skip(f"this man reads no pipe: {done.err}")
    assert "which lines do not belong" in " ".join(done.out.split())
