"""`newsletter init`: a new workspace with samples."""

import os
from pathlib import Path

import click

from newsletter.cli.common import speaking
from newsletter.cli.ui import Ui
from newsletter.errors import Mistake, NothingToDo
from newsletter.resources import resource
from newsletter.workspace import write_whole

GITIGNORE = "/build/\n/newsletter.db*\n/.newsletter/\n"


@click.command("init")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@speaking
def command(ui: Ui, root: str | None, directory: Path) -> int:
    """Make a new workspace in DIR: settings, a sample week of posts, an example of a reader list.

    Nothing that is there is overwritten.

    Example: newsletter init ~/my-newsletter
    """
    written, kept = [], []
    for name, content in _samples().items():
        target = directory / name
        if target.exists():
            kept.append(name)
            continue
        write_whole(target, content)
        written.append(name)
    if not written:
        raise NothingToDo(Mistake(code="NL060", message=f"{directory} is a workspace already; nothing was changed"))
    for name in kept:
        ui.say(f"kept {directory / name}")
    ui.answer({"workspace": str(directory), "files": written}, [[str(directory / name)] for name in written])
    ui.say(f"Next: cd {directory} && newsletter build --open")
    return os.EX_OK


def _samples() -> dict[str, bytes]:
    samples = {name: resource(name).read_bytes() for name in ("newsletter.toml", "subscribers.csv.example")}
    for path in sorted(resource("posts").glob("*.*")):
        samples[f"posts/{path.name}"] = path.read_bytes()
    return samples | {".gitignore": GITIGNORE.encode()}
