"""The page of `newsletter preview` under axe-core: an editor may use a screen reader, a phone, the dark."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from bench.preview import previewing
from newsletter.workspace.files import Workspace
from tests.axe import violations

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shutil.copy(ROOT / "newsletter.toml", tmp_path)
    shutil.copytree(ROOT / "issues", tmp_path / "issues")
    return Workspace(tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_preview(browser: Browser, workspace: Workspace, scheme: Any) -> None:
    found = []
    with previewing(workspace) as port:
        for width in (1280, 375):
            # axe is a script, and the page allows none but its own.
            context = browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
            )
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("html[data-version]").wait_for(state="attached")
            found += [f"{width}: {one}" for one in violations(page)]
            page.get_by_role("button", name="Desk").click()
            page.locator("#desk li").first.press("Enter")
            page.get_by_role("dialog").wait_for()
            found += [f"{width}, why: {one}" for one in violations(page)]
            page.keyboard.press("Escape")
            found += [f"{width}, desk: {one}" for one in violations(page)]
            context.close()
    assert found == []
