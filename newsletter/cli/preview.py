"""`newsletter preview`: an issue in the browser as every kind of reader will see it, kept up to date."""

import signal
import sys
from types import FrameType

import click

from newsletter.cli.common import Context, chosen_issue, complete_issues, in_workspace

FIRST_PORT, TRIES = 8000, 20


@click.command("preview")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen there (default: 8000, or the next free one).")
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@in_workspace
def command(here: Context, issue: str | None, port: int | None, open_it: bool) -> int:
    """Show an issue in the browser: desktop, phone, dark, text, headers, checks. Save a file and the page follows.

    Example: newsletter preview --open
    """
    slug = chosen_issue(here, issue)
    from newsletter.flows.build import render_issue
    from newsletter.flows.preview import Preview
    from newsletter.web.preview_app import make_preview_app
    from newsletter.web.server import CannotListen, WebServer

    if slug not in here.workspace.issue_slugs():
        render_issue(here.workspace, here.config, slug)  # tells which there are
    preview = Preview(here.workspace, slug)
    preview.refresh()

    app = make_preview_app(preview)

    def started(port: int) -> None:
        url = f"http://127.0.0.1:{port}/"
        here.ui.answer({"url": url}, [(url,)])
        sys.stdout.flush()
        here.ui.say("Ctrl-C ends it")
        if open_it:
            click.launch(url)

    ports = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + TRIES)
    for number in ports:
        server = WebServer(app, "127.0.0.1", number)

        def stop(signal_number: int, frame: FrameType | None, server: WebServer = server) -> None:
            server.stop(at_once=True)

        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, stop)
        try:
            server.run(started)
            return 0
        except CannotListen:
            if number == ports[-1]:
                raise
    return 0
