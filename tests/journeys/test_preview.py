"""`newsletter preview` in a real browser: every tab, the reader picker, a save that is followed, a mistake that is shown."""

import http.client
import shutil
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page

from bench.preview import previewing
from newsletter.cli import run
from newsletter.flows.preview import Preview
from newsletter.web.preview_app import TABS
from newsletter.workspace.files import Workspace

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shutil.copy(ROOT / "newsletter.toml", tmp_path)
    shutil.copytree(ROOT / "issues", tmp_path / "issues")
    return Workspace(tmp_path)


def open_preview(browser: Browser, port: int) -> Page:
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator("html[data-version]").wait_for(state="attached")
    return page


def frame_of(page: Page) -> FrameLocator:
    return page.frame_locator("#frame")


def edit(workspace: Workspace, old: str, new: str) -> None:
    path = workspace.root / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_tab_shows_what_it_says(browser: Browser, workspace: Workspace) -> None:
    edit(workspace, "faster than anyone", "faster ![A map](https://example.org/map.png) than anyone")
    with previewing(workspace) as port:
        page = open_preview(browser, port)
        frame = frame_of(page)
        frame.get_by_text("Moscow and Baku drift apart").first.wait_for()
        assert page.locator("#subject").inner_text().startswith("Moscow and Baku drift apart; Wang Yi")
        assert "bytes" in page.locator("#bytes").inner_text()
        assert page.locator("#weights li").count() == 5
        words = {"text": "Moscow and Baku drift apart", "source": "<!DOCTYPE html>", "headers": "List-Unsubscribe: <https://",
                 "web": "Moscow and Baku drift apart", "feed": "<rss", "checks": "H"}  # fmt: skip
        for name in TABS:
            page.get_by_role("tab").and_(page.locator(f"#tab-{name}")).click()
            frame.get_by_text(words.get(name, "Moscow and Baku drift apart")).first.wait_for()
            assert page.locator(f"#tab-{name}").get_attribute("aria-selected") == "true"
        page.locator("#tab-phone").click()
        assert page.locator("#frame").bounding_box()["width"] == 375  # type: ignore[index]
        sheet = "document.querySelector('.sheet')"
        for tab, paper in (
            ("dark", "rgb(33, 31, 27)"),
            ("desktop", "rgb(253, 252, 249)"),
        ):  # as readers' clients show it
            page.locator(f"#tab-{tab}").click()
            # Waited for, since the frame holds the last tab's mail for a moment.
            page.frames[1].wait_for_function(f"{sheet} && getComputedStyle({sheet}).backgroundColor === '{paper}'")
        page.close()


def test_tabs_by_keyboard(browser: Browser, workspace: Workspace) -> None:
    with previewing(workspace) as port:
        page = open_preview(browser, port)
        page.locator("#tab-desktop").focus()
        for name in (*TABS[1:], TABS[0], TABS[1]):
            page.keyboard.press("ArrowRight")
            assert page.evaluate("document.activeElement.dataset.tab") == name
            assert page.locator("#view").get_attribute("data-tab") == name
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.dataset.tab") == TABS[0]
        page.close()


def test_as_readers_of_one_theme(browser: Browser, workspace: Workspace) -> None:
    with previewing(workspace) as port:
        page = open_preview(browser, port)
        frame = frame_of(page)
        page.get_by_label("EU–China").check()
        frame.locator("h3").get_by_text("Wang Yi in Brussels").wait_for()
        frame.get_by_text("Moscow and Baku drift apart", exact=True).first.wait_for(state="detached")
        page.close()


def test_a_save_is_followed_where_one_was_reading_and_a_mistake_keeps_the_last_good_page(
    browser: Browser, workspace: Workspace
) -> None:
    with previewing(workspace) as port:
        page = open_preview(browser, port)
        frame = frame_of(page)
        frame.get_by_text("Moscow and Baku drift apart").first.wait_for()
        page.frames[1].evaluate("window.scrollTo(0, 400)")
        edit(workspace, "### Moscow and Baku drift apart", "### Moscow and Bakou drift apart")
        frame.get_by_text("Moscow and Bakou drift apart").first.wait_for()
        page.wait_for_function("document.querySelector('#frame').contentWindow.scrollY === 400")
        edit(workspace, "edition: weekly", "edition: weakly")
        page.locator("#problems").get_by_text("weakly").first.wait_for()
        assert page.locator("#problems .here").inner_text().strip().endswith("edition: weakly")
        frame.get_by_text("Moscow and Bakou drift apart").first.wait_for()
        edit(workspace, "edition: weakly", "edition: weekly")
        page.locator("#problems").wait_for(state="hidden")
        workspace.write("templates/email/client.css", ".x { color: #112233 !important; }\n")
        page.wait_for_function("fetch('state.json').then((one) => one.json()).then((one) => one.warnings > 0)")
        page.close()


def test_the_checks_say_what_and_where(browser: Browser, workspace: Workspace) -> None:
    with previewing(workspace) as port:
        page = open_preview(browser, port)
        page.locator("#tab-checks").click()
        frame_of(page).get_by_text("The checks found nothing.").wait_for()
        edit(workspace, "faster than anyone", "faster <b>{#p-0123abcd}</b> than anyone")
        row = frame_of(page).get_by_role("row").filter(has_text="leftover")
        row.wait_for()
        assert [cell.inner_text() for cell in row.get_by_role("cell").all()] == [
            "error", "leftover", f"issues/{SLUG}/issue.md:11", "'{#p-0123abcd}' was left over",
        ]  # fmt: skip
        assert page.locator("#count").inner_text() == "(1)"
        page.close()


def test_the_weight_of_a_post_is_what_the_mail_loses_without_it(workspace: Workspace) -> None:
    preview = Preview(workspace, SLUG)
    preview.refresh()
    whole = preview.shown
    assert whole
    weights = dict(whole.weights)
    edit(
        workspace,
        "### Canberra looks both ways {#p-da0f6ad66378}",
        "### Canberra looks both ways {#p-da0f6ad66378}\n\n" + "word " * 400,
    )
    preview.refresh()
    assert preview.shown
    heavier = dict(preview.shown.weights)["Canberra looks both ways"] - weights["Canberra looks both ways"]
    assert heavier == len(preview.shown.html.encode()) - len(whole.html.encode())
    assert min(weights.values()) > 500


def test_what_is_shown_can_run_nothing(workspace: Workspace) -> None:
    with previewing(workspace) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for path in [f"/show/{tab}" for tab in TABS]:
            connection.request("GET", path)
            response = connection.getresponse()
            policy = response.getheader("Content-Security-Policy") or ""
            response.read()
            assert policy.startswith("sandbox allow-same-origin; default-src 'none'")
            assert "script" not in policy
        for path, status in (("/show/nonsense", 404), ("/newsletter.toml", 404), ("/preview.js", 200)):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost", 200)]
)
def test_a_strangers_name_for_this_machine_sees_nothing(workspace: Workspace, host: str, status: int) -> None:
    with previewing(workspace) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/state.json", headers={"Host": f"{host}:{port}"})
        assert connection.getresponse().status == status
        connection.close()


def test_a_contact_sheet(workspace: Workspace, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)
    assert run(["--quiet", "screenshot", SLUG]) == 0
    picture = (workspace.root / f"build/{SLUG}/sheet.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (2500, 1590)
    assert len(picture) > 100_000  # four mails are on it


def test_without_a_browser_it_says_what_to_do(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert run(["screenshot", SLUG]) == 1
    assert "apt-get install chromium" in capsys.readouterr().err
