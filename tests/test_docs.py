"""What is written for readers is what the program does: commands, options, fields, formats, the picture."""

import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
import typer

from logscan.cli import app
from logscan.corpora.corpus import BUILT_IN as LAYOUTS
from logscan.corpora.splits import PROTOCOLS
from logscan.detectors import registry
from logscan.findings.finding import Kind

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "examples" / "README.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = README + "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/**/*.md"))
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
EXAMPLES = re.findall(r"^ {4}.*?\b(logscan (?:\w|-h|--).*)$", MANUAL, flags=re.MULTILINE)


def options(command: str) -> set[str]:
    """All options of a command as they are typed, in short and long."""
    params = COMMANDS[command].params
    return {name for param in params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")}


def fields(value: object) -> set[str]:
    """The names of all fields in a JSON value."""
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if isinstance(value, dict):
        return set(value).union(*map(fields, value.values()))
    return set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert re.search(rf"^ {{4}}logscan {command}\b", README, flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_written_about(command: str) -> None:
    unsaid = [name for name in options(command) if not re.search(rf"(?<![\w-]){name}(?![\w-])", MANUAL)]
    assert not unsaid


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_uses_commands_and_options_that_there_are(example: str) -> None:
    words = shlex.split(re.split(r"\s[|>]\s|\s2>", example)[0], comments=True)
    assert words[1] in COMMANDS
    assert {word.split("=")[0] for word in words if re.match("-+[A-Za-z]", word)} <= options(words[1]) | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert all((page.parent / link).exists() for link in links)


def test_every_field_of_the_json_is_explained() -> None:
    command = ["scan", "examples/shop.log", "--baseline", "examples/good.log", "--json", "-C", "1"]
    output = subprocess.check_output([sys.executable, "-m", "logscan", *command], cwd=ROOT, stderr=subprocess.DEVNULL)
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    written = fields([json.loads(line) for line in output.splitlines()])
    assert written >= {"expected", "context"}
    assert [name for name in written if f"`{name}`" not in page] == []
    assert [kind for kind in get_args(Kind) if f"| `{kind}` |" not in page] == []


def test_every_field_of_an_evaluation_is_explained(tmp_path: Path) -> None:
    for name, last in (("normal", "closed"), ("abnormal", "lost")):
        (tmp_path / name).mkdir()
        steps = [f"2026-03-02 08:{n // 60:02}:{n % 60:02} INFO web: page sent" for n in range(1200)]
        steps[600] = f"2026-03-02 08:10:00 INFO web: {last}"
        (tmp_path / name / "app.log").write_text("".join(f"{line}\n" for line in steps))
    command = [sys.executable, "-m", "logscan", "evaluate", str(tmp_path), "--prevalence", "0.1", "--format", "json"]
    written = fields(json.loads(subprocess.check_output(command, cwd=ROOT)))
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert written >= {"sweeps", "at_prevalence", "mcc"}
    assert [name for name in written if f"`{name}`" not in page] == []


def test_layouts_protocols_and_detectors_are_described() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert [layout for layout in LAYOUTS if f"| {layout} |" not in page.replace("`", "")] == []
    assert [protocol for protocol in PROTOCOLS if f"| `{protocol}` |" not in page] == []
    assert [name for name in (registry.BASELINE, *registry.BUILT_IN) if f"| `{name}` |" not in README] == []


def test_the_page_of_formats_is_not_stale() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "formats.py"))
    assert (ROOT / "docs" / "formats.md").read_text(encoding="utf-8") == script["page"](), "run `make docs`"


def test_the_picture_shows_what_is_printed() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    drawn = (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
    assert said(drawn) == said(script["picture"](script["report"]())), "run `make docs`"


def said(svg: str) -> str:
    """The text of a picture, without the seconds that it took."""
    text = "".join(ElementTree.fromstring(svg).itertext())
    return re.sub(r"\d+\.\d\Ws\b", "", text[text.index("$") :])


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {re.split(r"[<>=\[]", text)[0] for group in groups for text in group}
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert wanted <= pinned
