"""The desk: an issue.md and the collected posts beside it, looked at and changed by single edits that can be undone.

Every edit names the text that it was meant for by its hash: if the file holds another one meanwhile, nothing is written.
"""

import hashlib
import secrets
import threading
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from newsletter.config import Checks, Config
from newsletter.editing.compose import place_post
from newsletter.editing.issue_file import IssueFile, write_post
from newsletter.editing.rearrange import add_source, cut_post, drop_post, move_post, put_post, set_line
from newsletter.editing.themes import OffTheme, ThemeVerdict
from newsletter.errors import InputError, Mistake, NewsletterError
from newsletter.flows.draft import Beside, posts_beside, remember_offered
from newsletter.model import UNSORTED, Issue, IssuePost, Link, Section
from newsletter.rendering.content import site_name
from newsletter.text.characters import decode_text
from newsletter.text.markdown import escape_heading, plain_inline
from newsletter.text.words import cut_at_word
from newsletter.workspace.files import SETTINGS, Workspace, by_age, issue_path
from newsletter.workspace.last_text import keep_text
from newsletter.workspace.load import load_phrases, parse_issue, read_config

UNDO_LIMIT = 100


class Meanwhile(NewsletterError):
    """The file is no longer the one that the edit was meant for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit. `line` is the post's in the text with the hash `sha`; `key` is that of a collected post.

    move: the post of `line` into `section`, in front of the post of line `before`. drop: the post of `line` out.
    put: the collected post `key` into `section`, in front of `before` too.
    also: the address of the collected post `key` to the sources of the post of `line`.
    subject, preheader: to `value`; of the mail for readers of some sections if `section` names these, with + between.
    undo: the last edit of the desk, if the file is still as it left it.
    """

    do: Literal["move", "drop", "put", "also", "subject", "preheader", "undo"]
    sha: str
    line: int = 0
    section: str = ""
    before: int | None = None
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Done:
    """What an edit replaced: the text before it, the hash of the text after it, and what it did, for people."""

    before: bytes
    after: str
    told: str


@dataclass(slots=True)
class Desk:
    """One issue on the desk. Any thread may ask; edits come one after another."""

    workspace: Workspace
    slug: str
    _done: deque[_Done] = field(default_factory=lambda: deque(maxlen=UNDO_LIMIT))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: object = None
    _beside: Beside | None = None

    def look(self) -> dict[str, Any]:
        """The issue, what lies beside it, and what can be undone. Raises InputError if the issue itself is broken."""
        data = self.workspace.read(issue_path(self.slug))
        file, config, sha = parse_issue(data, self.slug), read_config(self.workspace), hash_of(data)
        trouble, beside = "", None
        try:
            beside = self._look_beside(file, config)
            trouble = "\n".join(map(str, beside.mistakes))
        except NewsletterError as error:  # another file: this one can be worked on nevertheless
            trouble = str(error)
        return {
            "sha": sha,
            "subject": file.issue.subject,
            "preheader": file.issue.preheader,
            "heads": _tell_heads(file.issue),
            "sections": [_tell_section(section, file, beside, config.checks) for section in file.issue.sections],
            "themes": [{"slug": slug, "title": title} for slug, title in self._targets(config, file).items()],
            "beside": _tell_beside(beside, file, self._left_out()) if beside else [],
            "trouble": trouble,
            "undo": self._done[-1].told if self._done and self._done[-1].after == sha else "",
        }

    def explain(self, *, line: int = 0, key: str = "") -> dict[str, Any]:
        """Why a post got its theme, with its text in pieces. Raises KeyError for a post that is not there."""
        file = parse_issue(self.workspace.read(issue_path(self.slug)), self.slug)
        config = read_config(self.workspace)
        beside = self._look_beside(file, config)
        verdict = beside.placed[line] if line else _collected(beside)[key]
        return _tell_verdict(verdict, beside, {theme.slug: theme.title for theme in config.themes})

    def edit(self, edit: Edit) -> None:
        """Do it. Raises Meanwhile, InputError, KeyError for what is not there."""
        with self._lock:
            data = self.workspace.read(issue_path(self.slug))
            if hash_of(data) != edit.sha:
                raise _meanwhile(self.slug)
            if edit.do == "undo":
                self._undo(data)
                return
            file, config = parse_issue(data, self.slug), read_config(self.workspace)
            text, told = self._make(edit, file, config)
            new = _encode(text, data, self.slug)
            parse_issue(new, self.slug)  # an edit of ours must never leave a broken file
            if new != data:
                self._replace(data, new)
                self._done.append(_Done(data, hash_of(new), told))

    @property
    def version(self) -> str:
        """Changes with what the posts beside depend on; empty as long as nobody has looked, or the settings are broken."""
        if self._seen is None:
            return ""
        try:
            return hash_of(repr(self._stamps(read_config(self.workspace))).encode())[:16]
        except NewsletterError:  # the preview itself shows what is wrong with them
            return ""

    def _undo(self, data: bytes) -> None:
        """Put back the text before the last edit, if that edit was the last change of the file."""
        if not self._done or self._done[-1].after != hash_of(data):
            raise _meanwhile(self.slug)
        self._replace(data, self._done[-1].before)
        self._done.pop()

    def _make(self, edit: Edit, file: IssueFile, config: Config) -> tuple[str, str]:
        """The new text, and what was done to it."""
        if edit.do == "subject" or edit.do == "preheader":
            key = f"{edit.do}.{edit.section}" if edit.section else edit.do
            return set_line(file, key, edit.value), f"the {edit.do}"
        if edit.do == "put":
            return self._put(edit, file, config)
        post = next((post for post in file.issue.posts if post.line == edit.line), None)
        if post is None:
            raise KeyError(edit.line)
        title = plain_inline(post.title)
        if edit.do == "drop":
            block = cut_post(file, edit.line)
            self._leave_out(name_post(post, block), title, block)
            return drop_post(file, edit.line), f"“{title}” left out"
        if edit.do == "also":
            repeats = {one.post.key: one.post.url for one in self._look_beside(file, config).duplicates}
            url = repeats[edit.key] or ""
            return add_source(file, edit.line, Link(text=site_name(url), url=url)), f"a source of “{title}”"
        where = self._title(edit, config, file)
        return move_post(file, edit.line, edit.section, title=where, before=edit.before), f"“{title}” moved"

    def _put(self, edit: Edit, file: IssueFile, config: Config) -> tuple[str, str]:
        """A post that was left out comes back as the editor had it, any other one as it was collected."""
        where = self._title(edit, config, file)
        if kept := self._left_out().get(edit.key):
            block, title = kept["text"], kept["title"]
        else:
            verdict = _collected(self._look_beside(file, config))[edit.key]
            # First: if the issue cannot be written then, no harm is done.
            remember_offered(self.workspace, self.slug, verdict)
            block, title = write_post(place_post(verdict.post)).lstrip("\n"), verdict.post.title
        return put_post(file, block, edit.section, title=where, before=edit.before), f"“{title}” put in"

    def _title(self, edit: Edit, config: Config, file: IssueFile) -> str:
        return escape_heading(self._targets(config, file)[edit.section])

    def _targets(self, config: Config, file: IssueFile) -> dict[str, str]:
        """Where posts may go: the issue's own sections, the edition's themes, and unsorted last."""
        own = {section.slug: plain_inline(section.title) for section in file.issue.sections}
        themes = {theme.slug: theme.title for theme in config.themes}
        more = {slug: themes[slug] for slug in config.edition(file.issue.edition).themes}
        targets = more | own
        targets[UNSORTED] = targets.pop(UNSORTED, str(load_phrases(self.workspace, config)["unsorted"]))
        return targets

    def _left_out(self) -> dict[str, dict[str, str]]:
        """The posts that were left out here, by name: title, and text as it stood."""
        found = self.workspace.read_state(f"desk/{self.slug}/left-out")
        return {name: post for name, post in found.items() if isinstance(post, dict) and {"title", "text"} <= set(post)}

    def _leave_out(self, name: str, title: str, text: str) -> None:
        known: dict[str, object] = {**self._left_out(), name: {"title": title, "text": text}}
        self.workspace.write_state(f"desk/{self.slug}/left-out", known)

    def _replace(self, old: bytes, new: bytes) -> None:
        folder = self.workspace.memory(f"desk/{self.slug}")
        keep = folder / f"{hash_of(old)[:12]}-{secrets.token_hex(4)}.md"
        done = False
        try:
            done = self.workspace.replace(issue_path(self.slug), old, new, self.workspace.relative(keep))
        finally:
            if not done:
                keep.unlink(missing_ok=True)
        if not done:
            raise _meanwhile(self.slug)
        keep_text(self.workspace, self.slug, new)
        for path in by_age(folder.glob("*.md"))[:-UNDO_LIMIT]:
            path.unlink(missing_ok=True)

    def _look_beside(self, file: IssueFile, config: Config) -> Beside:
        seen = (file.text, self._stamps(config))
        if self._beside is None or seen != self._seen:
            self._beside, self._seen = None, seen
            self._beside = posts_beside(self.workspace, config, file.issue)
        return self._beside

    def _stamps(self, config: Config) -> object:
        """Times and sizes of what the posts beside depend on, so that they are read anew only after a change."""
        folders = ("posts", "issues", *(source.path for source in config.sources if source.path))
        names = [SETTINGS, *(name for folder in dict.fromkeys(folders) for name in self.workspace.list_files(folder))]
        return tuple((name, self.workspace.stamp(name)) for name in names)


def hash_of(data: bytes) -> str:
    """By this an edit names the text that it is meant for."""
    return hashlib.sha256(data).hexdigest()


def _meanwhile(slug: str) -> Meanwhile:
    message = "was changed meanwhile; it is shown as it is now, and nothing was written over it"
    return Meanwhile(Mistake(code="NL103", file=issue_path(slug), message=message, help="do it again if it still fits"))


def _collected(beside: Beside) -> dict[str, ThemeVerdict]:
    """The posts that could come in, by key."""
    repeats = [beside.sorter.sort(one.post) for one in beside.duplicates]
    return {verdict.post.key: verdict for verdict in (*beside.fresh, *beside.older, *beside.dropped, *repeats)}


def name_post(post: IssuePost, text: str) -> str:
    """What the desk calls a post: its key, or for one written by hand a hash of what is written."""
    return post.key or f"text-{hash_of(text.strip().encode())[:16]}"


def _encode(text: str, old: bytes, slug: str) -> bytes:
    """The text in the bytes of the file that it was read from. Raises InputError for a file that is not UTF-8."""
    mark = BOM_UTF8 if old.startswith(BOM_UTF8) else b""
    if mark + decode_text(old, "").encode() != old:
        message = "is not UTF-8, and the desk writes nothing else; save it as UTF-8"
        raise InputError(Mistake(code="NL020", file=issue_path(slug), message=message))
    return mark + text.encode()


def _tell_heads(issue: Issue) -> dict[str, dict[str, str]]:
    """What is written for readers of some sections, by these sections."""
    slugs = [section.slug for section in issue.sections]
    return {
        "+".join(slug for slug in slugs if slug in chosen): {"subject": head.subject, "preheader": head.preheader}
        for chosen, head in issue.heads.items()
    }


def _tell_section(section: Section, file: IssueFile, beside: Beside | None, checks: Checks) -> dict[str, Any]:
    posts = [_tell_post(post, section.slug, file, beside, checks) for post in section.posts]
    return {"slug": section.slug, "title": plain_inline(section.title), "line": section.line, "posts": posts}


def _tell_post(post: IssuePost, section: str, file: IssueFile, beside: Beside | None, checks: Checks) -> dict[str, Any]:
    """A post of the issue. Without what lies beside it nothing is known of what its words say."""
    theme, off = section, tuple[OffTheme, ...]()
    if beside:
        theme = beside.placed[post.line].theme or UNSORTED
        if not checks.leaves_out("off-theme", post.key):
            off = beside.sorter.find_off_theme(post.body, section)
    return {
        "id": name_post(post, cut_post(file, post.line)),
        "line": post.line,
        "title": plain_inline(post.title),
        "theme": theme,
        "moved": theme != section,
        "off": [cut_at_word(plain_inline(one.text), 90) for one in off],
    }


def _tell_beside(beside: Beside, file: IssueFile, left_out: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    lines = {post.key: post.line for post in file.issue.posts if post.key}
    there = {name_post(post, cut_post(file, post.line)) for post in file.issue.posts}
    urls = {link.url for post in file.issue.posts for link in post.sources}

    def tell(verdict: ThemeVerdict, kind: str, note: str = "", line: int = 0) -> dict[str, Any]:
        post = verdict.post
        title = left_out.get(post.key, {}).get("title", post.title)
        named = {"key": post.key, "title": title, "kind": kind, "theme": verdict.theme or UNSORTED}
        return named | {"note": note, "line": line, "site": site_name(post.url) if post.url else "", "why": True}

    found = [tell(one, "new") for one in beside.fresh] + [tell(one, "dropped") for one in beside.dropped]
    found += [tell(one, "older", "older than the edition takes by itself (max_age_days)") for one in beside.older]
    for one in beside.duplicates:
        note = f"{one.reason} as “{one.title}” ({one.where})"
        line = lines.get(one.key or "", 0) if one.post.url else 0
        if one.post.url not in urls:  # else it is among the sources already
            found.append(tell(beside.sorter.sort(one.post), "repeats", note, line))
    known = {post["key"] for post in found}
    for name, post in left_out.items():
        if name not in known:
            own = {"key": name, "title": post["title"], "kind": "dropped", "theme": UNSORTED}
            found.append(own | {"note": "", "line": 0, "site": "", "why": False})
    return [post for post in found if post["key"] not in there]


def _tell_verdict(verdict: ThemeVerdict, beside: Beside, titles: Mapping[str, str]) -> dict[str, Any]:
    post = verdict.post
    mark: Callable[[str], tuple[tuple[str, tuple[str, ...]], ...]] = beside.sorter.mark
    return {
        "title": post.title,
        "theme": verdict.theme or UNSORTED,
        "by": verdict.by,
        "margin": round(verdict.margin, 2),
        "scores": [
            {
                "theme": score.theme,
                "title": titles.get(score.theme, score.theme),
                "points": score.points,
                "learned": score.learned,
                "note": score.note,
                "words": [f"{match.word} ({match.zone} {match.points:g})" for match in score.matches],
            }
            for score in verdict.scores
            if score.matches or score.points
        ],
        "text": [*mark(post.title), ("\n\n", ()), *mark(post.body)],
    }
