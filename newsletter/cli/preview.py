"""`newsletter preview`: an issue in the browser as every kind of reader will see it, kept up to date."""

import signal
import sys
from types import FrameType

import click

from newsletter.cli.common import Here, complete_issues, in_workspace, normalise
from newsletter.errors import Mistake, NothingToDo

FIRST_PORT, TRIES = 8000, 20


@click.command("preview")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen there (default: 8000, or the next free one).")
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@in_workspace
def command(here: Here, issue: str | None, port: int | None, open_it: bool) -> int:
    """Show an issue in the browser: desktop, phone, dark, text, headers, checks. Save a file and the page follows.

    Example: newsletter preview --open
    """
    slugs = here.workspace.issue_slugs()
    if not slugs:
        raise NothingToDo(Mistake(code="NL031", message="there is no issue yet", help="newsletter draft"))
    slug = normalise(issue) if issue else slugs[-1]
    from newsletter.build import render_issue
    from newsletter.desk import read_template, template_cache
    from newsletter.preview import Preview
    from newsletter.rendering.templates import make_environment
    from newsletter.web.preview_app import make_preview_app
    from newsletter.web.server import CannotListen, WebServer

    if slug not in slugs:
        render_issue(here.workspace, here.config, slug)  # tells which there are
    preview = Preview(here.workspace, slug)
    preview.refresh()

    def read(name: str) -> str:
        found = read_template(here.workspace, name)
        return found[0] if found else ""

    environment = make_environment(lambda name: read_template(here.workspace, name), template_cache(here.workspace))
    app = make_preview_app(preview, read, environment)

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
