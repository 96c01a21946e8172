"""The page of a scan, opened and clicked in a real Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest
from test_cli import run
from test_reports_html import EXAMPLES, HOSTILE, finding, line, page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page that the command wrote of the example log with a hostile line in it."""
    folder = tmp_path_factory.mktemp("page")
    log = (EXAMPLES / "shop.log").read_text().splitlines()
    log.insert(5000, f"2026-03-03 08:46:00,100 ERROR [exec-4] Web - {HOSTILE}".replace("\ud800", ""))
    (folder / "shop.log").write_text("\n".join(log))
    assert run(folder, "scan", "shop.log", "--html", "page.html").status == 0
    return (folder / "page.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless Chromium."""
    chromium = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed: on Debian, apt install chromium")
    from playwright.sync_api import sync_playwright

    args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


@pytest.fixture
def view(browser: "Browser", place: str) -> Iterator["Page"]:
    """The page, opened; in the end nothing has happened but what the test did."""
    view, happened = browser.new_page(viewport={"width": 1100, "height": 700}, color_scheme="light"), list[str]()

    def dismiss(dialog: "Dialog") -> None:
        happened.append(dialog.message)
        dialog.dismiss()

    view.on("dialog", dismiss)
    view.on("console", lambda message: happened.append(message.text))
    view.on("pageerror", lambda error: happened.append(str(error)))
    view.on("request", lambda request: happened.append(request.url))
    view.goto(place)
    yield view
    view.close()
    assert happened == [place]  # no word on the console, no dialog, no other request


def seen(view: "Page", name: str) -> list[str]:
    """What the findings that are shown have under this name, in their order."""
    texts: list[str] = view.locator("tbody:visible").evaluate_all(f"all => all.map(one => one.dataset.{name})")
    return texts


def numbers(view: "Page", name: str) -> list[float]:
    """The same as numbers."""
    return [float(text) for text in seen(view, name)]


def test_a_head_sorts(view: "Page") -> None:
    assert len(seen(view, "line")) > 5
    view.get_by_role("button", name="Line", exact=True).click()
    assert numbers(view, "line") == sorted(numbers(view, "line"))
    assert view.get_by_role("columnheader", name="Line", exact=True).get_attribute("aria-sort") == "ascending"
    view.keyboard.press("Enter")
    assert numbers(view, "line") == sorted(numbers(view, "line"), reverse=True)
    for name in ("Score", "Count"):
        view.get_by_role("button", name=name, exact=True).click()
        assert numbers(view, name.lower()) == sorted(numbers(view, name.lower()), reverse=True)
    view.get_by_role("button", name="Kind", exact=True).click()
    assert seen(view, "kind") == sorted(seen(view, "kind"))


def test_text_filters_and_a_finding_opens_by_keyboard(view: "Page") -> None:
    total = len(seen(view, "kind"))
    view.get_by_role("searchbox").fill("ONERROR=alert(2)")
    assert len(seen(view, "kind")) == view.locator("svg a:visible").count() == 1
    assert view.get_by_role("status").inner_text() == f"1 of {total} shown"
    assert view.locator(".detail:visible").count() == 0
    view.locator("tbody:visible button.open").focus()
    view.keyboard.press("Enter")
    hit = view.locator("pre b:visible")
    assert "</script><script>alert(1)</script><img src=x onerror=alert(2)>" in hit.inner_text()
    assert r"\u2028 nul\x00 \x1b[31mred\x1b[0m \u202etxt\u202c" in hit.inner_text()
    view.keyboard.press("Space")
    assert view.locator(".detail:visible").count() == 0
    view.get_by_role("searchbox").fill("nothing like it")
    assert seen(view, "kind") == []
    view.get_by_role("searchbox").fill("")
    assert len(seen(view, "kind")) == total


def test_kinds_filter_and_a_mark_leads_to_its_finding(view: "Page") -> None:
    total = len(seen(view, "kind"))
    view.get_by_role("button", name=re.compile("^burst")).click()
    assert seen(view, "kind") == ["burst"]
    view.get_by_role("button", name=re.compile("^rare")).click()
    assert set(seen(view, "kind")) == {"burst", "rare"}
    silent = view.locator("svg a.k-silent")
    assert not silent.is_visible()
    for kind in ("burst", "rare"):
        view.get_by_role("button", name=re.compile(f"^{kind}")).click()
    assert len(seen(view, "kind")) == total
    silent.locator("circle").click()
    opened = view.locator("tbody", has=view.locator(".detail:visible"))
    assert opened.evaluate_all("all => all.map(one => `#${one.id}`)") == [silent.get_attribute("href")]
    assert opened.locator("button.open").evaluate("one => one === document.activeElement")
    box = opened.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 700


def test_all_open_at_once_and_a_command_is_copied(view: "Page") -> None:
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.get_by_role("button", name="Open all").click()
    assert view.locator(".detail:visible").count() == len(seen(view, "kind"))
    view.get_by_role("button", name="Copy").first.click()
    view.get_by_role("button", name="Copied").wait_for()
    copied = view.evaluate("navigator.clipboard.readText()")
    assert copied == view.locator("dd code", has_text="logscan accept").first.inner_text()
    view.get_by_role("button", name="Open all").click()
    assert view.locator(".detail:visible").count() == 0


def test_light_and_dark_and_narrow(view: "Page") -> None:
    def light() -> bool:
        color = view.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        return sum(map(int, re.findall(r"\d+", color)[:3])) > 380

    assert light()
    view.get_by_role("radio", name="dark").check()
    assert not light()
    view.emulate_media(color_scheme="dark")
    view.get_by_role("radio", name="light").check()
    assert light()
    view.get_by_role("radio", name="auto").check()
    assert not light()
    view.get_by_role("button", name="Open all").click()
    for width in (400, 700, 1600):
        view.set_viewport_size({"width": width, "height": 800})
        assert view.evaluate("document.documentElement.scrollWidth") <= width


def test_markup_that_got_out_would_do_nothing(browser: "Browser", tmp_path: Path) -> None:
    bad = "<script>alert(1)</script><img src=none onerror=alert(2)><style>main { display: none }</style>"
    (tmp_path / "page.html").write_text(page(finding(line(1))).replace("<main>", f"<main>{bad}"), encoding="utf-8")
    view, said, asked = browser.new_page(), list[str](), list[str]()
    view.on("console", lambda message: said.append(message.text))
    view.on("dialog", lambda dialog: asked.append(dialog.message))
    view.goto((tmp_path / "page.html").as_uri())
    assert view.locator("main").is_visible()
    assert view.locator("tbody").is_visible()
    assert len([text for text in said if "Content Security Policy" in text]) >= 3
    assert asked == []
    view.close()


def test_without_scripts_all_is_there(browser: "Browser", place: str) -> None:
    view = browser.new_context(java_script_enabled=False).new_page()
    view.goto(place)
    assert view.locator("tbody").count() == view.locator(".detail:visible").count() > 5
    assert view.locator(".bar:visible").count() == 0
    view.context.close()
