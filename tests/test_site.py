"""The site: it is built from what there is, nothing in it leads nowhere, and it fetches nothing."""

import importlib.util
import re
import runpy
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPHINX = (
    importlib.util.find_spec("sphinx") and importlib.util.find_spec("furo") and importlib.util.find_spec("myst_parser")
)
CONSOLE = runpy.run_path(str(ROOT / "docs" / "console.py"))
FETCHING = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


class Fetched(HTMLParser):
    """What a page loads without being asked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == FETCHING.get(tag) and value]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` does."""
    if not SPHINX:
        pytest.skip("needs the extra: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--fail-on-warning",
        "--keep-going",
        "-q",
        "-c",
        "docs",
        ".",
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "docs" / "index.html").read_text(encoding="utf-8")
    links = {
        (site / "docs" / link).resolve() for link in re.findall(r'class="reference internal" href="([^"#]+)"', start)
    }
    pages = [page for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if page.name != "index.md"]
    assert [page for page in pages if (site / page.relative_to(ROOT)).with_suffix(".html").resolve() not in links] == []


@pytest.mark.slow
def test_nothing_is_fetched(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = Fetched(page.read_text(encoding="utf-8")).found
        assert [url for url in fetched if re.match(r"(\w+:)?//", url)] == [], page
        local = [url.partition("?")[0] for url in fetched if not url.startswith(("data:", "#"))]
        assert [url for url in local if not (page.parent / url).exists()] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(\s*[\"']?|@import\s+[\"'])(\w+:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_the_reference_says_what_docstrings_say(site: Path) -> None:
    page = (site / "docs" / "reference" / "python.html").read_text(encoding="utf-8")
    for name in ("scan.scan", "live.watch.Watch", "findings.finding.Finding.score", "detectors.registry.Saved.load"):
        assert f'id="logscan.{name}"' in page


@pytest.mark.parametrize("name", ["commands", "detectors"])
def test_the_reference_is_not_stale(name: str) -> None:
    script = runpy.run_path(str(ROOT / "docs" / f"{name}.py"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), "run `make docs`"


@pytest.mark.slow
@pytest.mark.parametrize("page", CONSOLE["PAGES"])
def test_what_a_page_shows_is_what_commands_print(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    if re.search(r"\bjq\b", "".join(CONSOLE["BLOCK"].findall(text))) and not shutil.which("jq"):
        pytest.skip("needs jq")
    assert CONSOLE["written"](page) == text, "run `make docs`"


def test_every_page_that_shows_commands_is_run() -> None:
    pages = {
        str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md") if "```console" in page.read_text()
    }
    assert pages == set(CONSOLE["PAGES"])


def test_the_alerts_are_of_counters_that_there_are() -> None:
    from logscan.reports.prometheus import METRICS

    told = {f"logscan_{meaning.name}" + ("" if meaning.gauge else "_total") for meaning in METRICS.values()}
    page = (ROOT / "docs" / "how-to" / "prometheus.md").read_text(encoding="utf-8")
    assert set(re.findall(r"logscan_\w+", page)) <= told
