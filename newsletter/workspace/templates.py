"""The workspace's templates: which text wins, and how they are opened. Apart from `desk`, since few commands fill any."""

from collections.abc import Iterator
from contextlib import suppress

from jinja2 import Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket

from newsletter.errors import InputError
from newsletter.model import Finding
from newsletter.rendering.templates import make_environment
from newsletter.resources import resource
from newsletter.text.characters import decode_text
from newsletter.text.words import suggest
from newsletter.workspace.files import Workspace


def read_template(workspace: Workspace, name: str) -> tuple[str, str] | None:
    """A template's text and its path for messages: the workspace's own wins over the packaged one."""
    path = f"templates/{name}"
    if workspace.exists(path):
        return decode_text(workspace.read(path), path), path
    packed = packaged_template(path)
    return None if packed is None else (packed, path)


def packaged_template(path: str) -> str | None:
    """The program's own text of `templates/…`, whatever the workspace has."""
    packed = resource(path)
    return packed.read_text(encoding="utf-8") if packed.is_file() else None


def find_strange_templates(workspace: Workspace) -> Iterator[Finding]:
    """Files in the workspace's templates/ that nothing reads: a misspelt name would change nothing, silently."""
    packed = resource("templates")
    known = [path.relative_to(packed).as_posix() for path in packed.rglob("*.*")]
    for path in workspace.list_files("templates"):
        name = path.removeprefix("templates/")
        if name.endswith((".j2", ".css", ".toml")) and name not in known:
            text = f"no template has this name{suggest(name, known)}; it is read only if another one includes it"
            yield Finding(rule="template", where=path, message=text)


def open_templates(workspace: Workspace) -> Environment:
    """The workspace's templates, ready to be filled. Compiled ones are kept: compiling takes longer than filling."""
    return make_environment(lambda name: read_template(workspace, name), _open_memory(workspace))


class _Compiled(FileSystemBytecodeCache):
    """Compiled templates in files, as long as there is room for them: without it nothing is lost but time."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one, if that is possible."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _open_memory(workspace: Workspace) -> _Compiled | None:
    try:
        return _Compiled(str(workspace.memory("templates")))
    except InputError:
        return None  # a full disk, or a workspace that may only be read
