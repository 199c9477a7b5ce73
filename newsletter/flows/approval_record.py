"""What an approval looked at, kept beside its hash so that a later change can be shown: text, templates, audience, settings."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, TemplateNotFound, meta

from newsletter import __version__
from newsletter.config import Config
from newsletter.flows.approval_scope import read_covered
from newsletter.flows.build import Rendered
from newsletter.text.characters import decode_text
from newsletter.text.diffs import diff_lines
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.templates import packaged_template, read_template

# Characters of all texts together: an approval is a file for git. What does not fit is kept as its hash.
TEXT_LIMIT = 400_000
# Where rendering begins; what these two include, extend and import is found in them.
_MAIL_TEMPLATES = ("email/issue.html.j2", "email/issue.txt.j2")
_VALUE_LIMIT = 200
Value = str | bool | tuple[str, ...]
# A part's name may come from an approval.json that was edited by hand, and goes into the subject of a letter.
_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A text by its hash, and its lines if they were kept. Those of a packaged template are not: the program has them."""

    sha256: str
    packaged: bool = False
    lines: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What was looked at. `templates` maps paths in the workspace; `text` is the mail as plain text.

    `audience` are the keys of the settings by which readers are chosen, `settings` all others that are covered.
    """

    program: str
    audience: Mapping[str, Value]
    settings: Mapping[str, Value]
    templates: Mapping[str, Kept]
    issue: Kept
    text: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One part that is not what was approved. `lines` show it: a unified diff, `name: old → new`, or a sentence."""

    part: str
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.part} ({', '.join(self.names)})" if self.names else self.part


def look_at_issue(workspace: Workspace, config: Config, rendered: Rendered) -> Approved:
    """An issue as it is now, as an approval keeps it."""
    path = issue_path(rendered.issue.slug)
    templates = dict(sorted(_read_templates(workspace, rendered.environment)))
    texts = {
        "issue": decode_text(workspace.read(path), path),
        **{name: text for name, (text, packaged) in templates.items() if not packaged},
        "text": rendered.mail.text,
    }
    kept = dict(_keep(texts))
    covered = list(read_covered(config, rendered.edition))
    return Approved(
        program=__version__,
        audience={one.name.removeprefix("editions."): _as_value(one.value) for one in covered if one.chooses_readers},
        settings={one.name: _as_value(one.value) for one in covered if not one.chooses_readers},
        templates={
            name: Kept(sha256=_hash(text), packaged=True) if packaged else kept[name]
            for name, (text, packaged) in templates.items()
        },
        issue=kept["issue"],
        text=kept["text"],
    )


def _keep(texts: Mapping[str, str]) -> Iterator[tuple[str, Kept]]:
    left = TEXT_LIMIT
    for name, text in texts.items():
        fits = len(text) <= left
        left -= len(text) if fits else 0
        yield name, Kept(sha256=_hash(text), lines=tuple(text.split("\n")) if fits else None)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read_templates(workspace: Workspace, environment: Environment) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Every template that has a part in the mail: its path, its text, and whether it is the packaged one."""
    waiting, seen = list(_MAIL_TEMPLATES), set(_MAIL_TEMPLATES)
    while waiting:
        name = waiting.pop()
        try:
            text = _source(environment, name)
        except TemplateNotFound:
            continue  # rendering did without it: `include … ignore missing`
        yield f"templates/{name}", (text, not workspace.exists(f"templates/{name}"))
        # None stands for a name that is computed; the mail's text shows what it brought.
        found = {one for one in meta.find_referenced_templates(environment.parse(text)) if one} - seen
        waiting += sorted(found)
        seen |= found
    phrases = read_template(workspace, "phrases.toml")
    if phrases:
        yield phrases[1], (phrases[0], not workspace.exists(phrases[1]))


def _source(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise TemplateNotFound(name)
    return environment.loader.get_source(environment, name)[0]


def _as_value(value: Any) -> Value:
    """A setting as JSON keeps it: simple values as they are, anything deeper as its text."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return value
    return str(value)


# --- what has changed ---------------------------------------------------------------------------------------------


def find_changes(then: Approved, now: Approved) -> list[Change]:
    """What differs between an approved issue and the same issue as it is now; the mail's text if nothing explains it."""
    changes = [
        *_compare_texts("issue.md", then.issue, now.issue),
        *_compare_templates(then, now),
        *_compare_values("audience", then.audience, now.audience),
        *_compare_values("settings", then.settings, now.settings),
    ]
    changes = changes or [*_compare_names("audience", then, now), *_compare_names("settings", then, now)]
    return changes or list(_compare_mails(then, now))


def _compare_texts(part: str, then: Kept, now: Kept) -> Iterator[Change]:
    if then.sha256 == now.sha256:
        return
    if then.lines is None or now.lines is None:
        yield Change(part=part, lines=("it has changed; how it was is not kept",))
        return
    lines = tuple(diff_lines(then.lines, now.lines))
    # Only an approval.json that was edited by hand says two things of one text.
    yield Change(part=part, lines=lines or ("approval.json holds other words than those that were approved",))


def _compare_templates(then: Approved, now: Approved) -> Iterator[Change]:
    for name in sorted(then.templates.keys() | now.templates.keys()):
        old, new = then.templates.get(name), now.templates.get(name)
        part = _printable(name)
        if old is None or new is None:
            yield Change(part=part, lines=("it is not used any more" if old else "it was not used then",))
        elif old.sha256 == new.sha256:
            continue
        elif old.packaged and new.packaged:
            why = f"the packaged template {name.removeprefix('templates/')} has changed"
            yield Change(part=part, lines=(f"{why} ({_write_programs(then, now)})",))
        else:
            yield from _compare_texts(part, _with_lines(name, old), _with_lines(name, new))


def _with_lines(name: str, kept: Kept) -> Kept:
    """A packaged template with its lines, if the program still brings the one that was used."""
    text = packaged_template(name) if kept.packaged else None
    if text is None or _hash(text) != kept.sha256:
        return kept
    return Kept(sha256=kept.sha256, packaged=True, lines=tuple(text.split("\n")))


def _compare_values(part: str, then: Mapping[str, Value], now: Mapping[str, Value]) -> Iterator[Change]:
    # A key that an older version did not keep is not known to have changed.
    names = tuple(name for name in now if name in then and _write(then[name]) != _write(now[name]))
    if names:
        lines = tuple(
            f"{name}: {_write_value(_write(then[name]))} → {_write_value(_write(now[name]))}" for name in names
        )
        yield Change(part=part, names=names, lines=lines)


def _compare_names(part: str, then: Approved, now: Approved) -> Iterator[Change]:
    """Keys of only one of the two, which explain a change if nothing else does: an item of the settings came or went."""
    old, new = (getattr(one, part) for one in (then, now))
    gone, come = (
        tuple(name for name in one if name not in other and name.count(".") > 1)
        for one, other in ((old, new), (new, old))
    )
    if gone or come:
        lines = [f"{_printable(name)}: {_write_value(_write(old[name]))} → it is gone" for name in gone]
        lines += [f"{name}: it was not there → {_write_value(_write(new[name]))}" for name in come]
        yield Change(part=part, names=tuple(map(_printable, (*gone, *come))), lines=tuple(lines))


def _printable(name: str) -> str:
    return "".join(filter(str.isprintable, name))[:_NAME_LIMIT]


def _write(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ", ".join(value)


def _write_value(value: str) -> str:
    shown = "".join(filter(str.isprintable, value.replace("\n", "\\n")))
    return f"{shown[:_VALUE_LIMIT]}…" if len(shown) > _VALUE_LIMIT else shown or '""'


def _compare_mails(then: Approved, now: Approved) -> Iterator[Change]:
    """Neither text nor templates nor settings: then it is the program, a library, or somebody's hand in approval.json."""
    texts = list(_compare_texts("the mail's text", then.text, now.text))
    if texts:
        yield texts[0]
        return
    why = "its HTML or its headers differ; text, templates and settings are those that were approved"
    if then.program == now.program:
        why += " (another version of a library, a template that another one names, or a hand in approval.json)"
    else:
        why += f" ({_write_programs(then, now)})"
    yield Change(part="the mail", lines=(why,))


def _write_programs(then: Approved, now: Approved) -> str:
    return f"newsletter {then.program} then, {now.program} now"


def as_document(changes: Sequence[Change]) -> list[dict[str, object]]:
    """Changes as JSON: each with its part and its lines, whole."""
    return [{"part": one.part, "names": list(one.names), "diff": "\n".join(one.lines)} for one in changes]
