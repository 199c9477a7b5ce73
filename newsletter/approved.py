"""What an approval looked at, kept beside its hash so that a later change can be shown: text, templates, audience, settings."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from jinja2 import Environment, TemplateNotFound, meta

from newsletter import __version__
from newsletter.build import Rendered
from newsletter.config import Config
from newsletter.templates import packaged_template, read_template
from newsletter.text.characters import decode_text
from newsletter.text.diffs import diff_lines
from newsletter.workspace import Workspace, issue_path

# Characters of all texts together: an approval is a file for git. What does not fit is kept as its hash.
TEXT_LIMIT = 400_000
# Where rendering begins; what these two include, extend and import is found in them.
_MAIL_TEMPLATES = ("email/issue.html.j2", "email/issue.txt.j2")
# Fields of [publication] that no reader's mail shows (all others are kept): where reviews go, what the feeds hold.
NOT_MAILED = ("editor", "feed")
_VALUE_LIMIT = 200
# A part's name may come from an approval.json that was edited by hand, and goes into the subject of a letter.
_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The rule by which readers are chosen, and when it reaches them: by the publication's time or by their own."""

    edition: str
    themes: tuple[str, ...]
    local_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A text by its hash, and its lines if they were kept. Those of a packaged template are not: the program has them."""

    sha256: str
    packaged: bool = False
    lines: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What was looked at. `templates` maps paths in the workspace; `text` is the mail as plain text."""

    program: str
    audience: Audience
    settings: Mapping[str, str]
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


def choose_audience(rendered: Rendered) -> Audience:
    """Whom an issue goes to as the settings are now."""
    edition = rendered.edition
    return Audience(edition=edition.slug, themes=edition.themes, local_time=edition.local_time)


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
    return Approved(
        program=__version__,
        audience=choose_audience(rendered),
        settings=_read_settings(config, rendered),
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


def _read_settings(config: Config, rendered: Rendered) -> dict[str, str]:
    """The settings that a mail shows. They are no secrets: every reader has them."""
    publication = config.publication
    names = [item.name for item in fields(publication) if item.name not in NOT_MAILED]
    return {
        **{f"publication.{name}": str(getattr(publication, name)) for name in names},
        "editions.title": rendered.edition.title,
        "editions.schedule": rendered.edition.schedule,
        "smtp.feedback_id": config.smtp.feedback_id,
    }


# --- what has changed ---------------------------------------------------------------------------------------------


def find_changes(then: Approved, now: Approved) -> list[Change]:
    """What differs between an approved issue and the same issue as it is now; the mail's text if nothing explains it."""
    changes = [
        *_compare_texts("issue.md", then.issue, now.issue),
        *_compare_templates(then, now),
        *_compare_values("audience", _as_words(then.audience), _as_words(now.audience)),
        *_compare_values("settings", then.settings, now.settings),
    ]
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
        part = "".join(filter(str.isprintable, name))[:_NAME_LIMIT]
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


def _as_words(audience: Audience) -> dict[str, str]:
    return {
        "edition": audience.edition,
        "themes": ", ".join(audience.themes),
        "local_time": str(audience.local_time).lower(),
    }


def _compare_values(part: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    # A key that an older version did not keep is not known to have changed.
    names = tuple(name for name in now if name in then and then[name] != now[name])
    if names:
        lines = tuple(f"{name}: {_write_value(then[name])} → {_write_value(now[name])}" for name in names)
        yield Change(part=part, names=names, lines=lines)


def _write_value(value: str) -> str:
    shown = value.replace("\n", "\\n")
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
