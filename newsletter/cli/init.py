"""`newsletter init`: a new workspace with samples."""

import os
import shlex
from pathlib import Path

import click

from newsletter.cli.common import speaking
from newsletter.cli.ui import Ui, program
from newsletter.errors import Mistake, NothingToDo
from newsletter.resources import resource
from newsletter.workspace.files import SETTINGS
from newsletter.workspace.whole_files import write_whole

# The database, its backups and lists of readers hold addresses, the others open something: nothing for a repository that
# others read.
GITIGNORE = """/build/
/.newsletter/
/newsletter.db*
/newsletter.key
/*.csv
/*.backup
*.password
*.secret
*.token
*.pem
"""


@click.command("init")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--templates", is_flag=True, help="Copy the mail's and the pages' templates too, to change them.")
@speaking
def command(ui: Ui, root: str | None, directory: Path, templates: bool) -> int:
    """Make a new workspace in DIR: settings, a sample week of posts, an example of a reader list.

    Nothing that is there is overwritten. In a workspace that stands, --templates adds the templates and nothing else.

    Example: newsletter init ~/my-newsletter
    """
    stands = (directory / SETTINGS).exists()
    wanted = {} if stands else _samples()
    wanted |= _templates() if templates else {}
    written = []
    for name, content in wanted.items():
        target = directory / name
        if target.exists():
            ui.say(f"kept {target}")
        else:
            write_whole(target, content)
            written.append(name)
    if not written:
        raise NothingToDo(Mistake(code="NL060", message=f"{directory} is a workspace already; nothing was changed"))
    ui.answer({"workspace": str(directory), "files": written}, [[str(directory / name)] for name in written])
    ui.say(f"Next: cd {shlex.quote(str(directory))} && {program()} build --open")
    return os.EX_OK


def _templates() -> dict[str, bytes]:
    folder = resource("templates")
    files = sorted(path for path in folder.rglob("*.*") if path.suffix in (".j2", ".css", ".toml"))
    return {f"templates/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


def _samples() -> dict[str, bytes]:
    samples = {name: resource(name).read_bytes() for name in ("newsletter.toml", "subscribers.csv.example")}
    for path in sorted(resource("posts").glob("*.*")):
        samples[f"posts/{path.name}"] = path.read_bytes()
    return samples | {".gitignore": GITIGNORE.encode()}
