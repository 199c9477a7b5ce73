"""`newsletter screenshot`: an issue on one picture, as four kinds of readers see it, by an installed Chromium."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from newsletter.cli.common import Context, chosen_issue, complete_issues, in_workspace
from newsletter.errors import Mistake, NewsletterError
from newsletter.workspace.whole_files import write_whole

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONGEST_S = 60


@click.command("screenshot")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="The picture (default: build/ISSUE/sheet.png)."
)
@in_workspace
def command(here: Context, issue: str | None, output: Path | None) -> int:
    """Make a contact sheet of an issue: desktop, phone, dark, images off.

    Example: newsletter screenshot 2025-07-07-weekly
    """
    from newsletter.flows.build import render_issue
    from newsletter.flows.preview import SHEET_HEIGHT, SHEET_WIDTH, Preview, contact_sheet

    slug = chosen_issue(here, issue)
    render_issue(here.workspace, here.config, slug)  # tells what is wrong with it
    preview = Preview(here.workspace, slug)
    preview.refresh()
    if preview.shown is None:  # it was changed in this very moment
        raise NewsletterError(preview.errors[0].mistake)
    target = output or here.workspace.path(f"build/{slug}/sheet.png")
    with tempfile.TemporaryDirectory(prefix="newsletter-sheet-") as folder:
        page = Path(folder) / "sheet.html"
        picture = Path(folder) / "sheet.png"
        page.write_text(contact_sheet(preview.shown), encoding="utf-8")
        _take(page, picture, (SHEET_WIDTH, SHEET_HEIGHT + 90), Path(folder))
        write_whole(target, picture.read_bytes())
    here.ui.answer({"issue": slug, "path": str(target)}, [(target,)])
    return 0


def _take(page: Path, target: Path, size: tuple[int, int], folder: Path) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise NewsletterError(
            Mistake(
                code="NL101", message="no Chromium on this machine", help="Debian and Ubuntu: apt-get install chromium"
            )
        )
    # Our own page, with frames that may run nothing; as root Chromium starts without its sandbox only.
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=5000",
        f"--user-data-dir={folder}/profile",
    ]
    command = [browser, *options, f"--window-size={size[0]},{size[1]}", f"--screenshot={target}", page.as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)  # noqa: S603 - no shell, our own words
    except subprocess.TimeoutExpired:
        done = None
    if done is None or not target.is_file():
        raise NewsletterError(Mistake(code="NL101", message=f"{browser} made no picture within {LONGEST_S} s"))
