"""The desk: an issue.md and the collected posts beside it, looked at and changed by single edits that can be undone.

Every edit names the text that it was meant for by its hash: if the file holds another one meanwhile, nothing is written.
"""

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from newsletter.config import Config
from newsletter.desk import load_phrases, read_config
from newsletter.draft import Beside, posts_beside, remember_offered
from newsletter.editing.compose import place_post
from newsletter.editing.issue_file import IssueFile, insert_posts, read_issue
from newsletter.editing.rearrange import add_source, drop_post, move_post, set_line
from newsletter.editing.themes import Verdict
from newsletter.errors import Mistake, NewsletterError
from newsletter.model import UNSORTED, Link, Post, Section
from newsletter.rendering.content import site_name
from newsletter.text.characters import decode_text
from newsletter.text.markdown import escape_heading, plain_inline
from newsletter.text.words import cut_at_word
from newsletter.workspace import SETTINGS, Workspace, issue_path

UNDO_LIMIT = 100


class Meanwhile(NewsletterError):
    """The file is no longer the one that the edit was meant for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit. `line` is the post's in the text with the hash `sha`; `key` is that of a collected post.

    move: the post of `line` into `section`, in front of the post of line `before`. drop: the post of `line` out.
    put: the collected post `key` into `section`, in front of `before` too.
    also: the address of the collected post `key` to the sources of the post of `line`.
    subject, preheader: to `value`. undo: the last edit of the desk, if the file is still as it left it.
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
        """The issue, what lies beside it, and what can be undone. Raises InputError if a file is broken."""
        data = self.workspace.read(issue_path(self.slug))
        file, config, beside = self._read(data)
        sha = hash_of(data)
        return {
            "sha": sha,
            "subject": file.issue.subject,
            "preheader": file.issue.preheader,
            "sections": [_tell_section(section, beside) for section in file.issue.sections],
            "themes": [{"slug": slug, "title": title} for slug, title in self._targets(config, file).items()],
            "beside": _tell_beside(beside, file),
            "undo": self._done[-1].told if self._done and self._done[-1].after == sha else "",
        }

    def explain(self, *, line: int = 0, key: str = "") -> dict[str, Any]:
        """Why a post got its theme, with its text in pieces. Raises KeyError for a post that is not there."""
        data = self.workspace.read(issue_path(self.slug))
        _, config, beside = self._read(data)
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
            file, config, beside = self._read(data)
            text, told = self._make(edit, file, config, beside)
            read_issue(text, issue_path(self.slug))  # an edit of ours must never leave a broken file
            if text != file.text:
                self._write(data, text.encode(), told)
            if edit.do == "put":
                remember_offered(self.workspace, self.slug, _collected(beside)[edit.key])

    def _undo(self, data: bytes) -> None:
        """Put back the text before the last edit, if that edit was the last change of the file."""
        if not self._done or self._done[-1].after != hash_of(data):
            raise _meanwhile(self.slug)
        self._replace(data, self._done[-1].before)
        self._done.pop()

    def _make(self, edit: Edit, file: IssueFile, config: Config, beside: Beside) -> tuple[str, str]:
        """The new text, and what was done to it."""
        if edit.do == "subject" or edit.do == "preheader":
            return set_line(file, edit.do, edit.value), f"the {edit.do}"
        if edit.do == "put":
            post = _collected(beside)[edit.key].post
            section = Section(slug=edit.section, title=self._title(edit, config, file), posts=(place_post(post),))
            text = insert_posts(file, [section])
            if edit.before is not None:  # it stands at the end of its section now; all lines above are as they were
                grown = read_issue(text, issue_path(self.slug))
                line = next(one.line for one in grown.issue.posts if one.key == post.key)
                text = move_post(grown, line, edit.section, before=edit.before)
            return text, f"“{post.title}” put in"
        title = plain_inline(next((post.title for post in file.issue.posts if post.line == edit.line), ""))
        if edit.do == "drop":
            return drop_post(file, edit.line), f"“{title}” left out"
        if edit.do == "also":
            url = next(one.post.url or "" for one in beside.duplicates if one.post.key == edit.key)
            return add_source(file, edit.line, Link(text=site_name(url), url=url)), f"a source of “{title}”"
        where = self._title(edit, config, file)
        return move_post(file, edit.line, edit.section, title=where, before=edit.before), f"“{title}” moved"

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

    def _write(self, old: bytes, new: bytes, told: str) -> None:
        self._replace(old, new)
        self._done.append(_Done(old, hash_of(new), told))

    def _replace(self, old: bytes, new: bytes) -> None:
        folder = self.workspace.memory(f"desk/{self.slug}")
        keep = folder / f"{hash_of(old)[:12]}-{secrets.token_hex(4)}.md"
        if not self.workspace.replace(issue_path(self.slug), old, new, self.workspace.relative(keep)):
            keep.unlink(missing_ok=True)
            raise _meanwhile(self.slug)
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-UNDO_LIMIT]:
            path.unlink(missing_ok=True)

    def _read(self, data: bytes) -> tuple[IssueFile, Config, Beside]:
        path = issue_path(self.slug)
        file = read_issue(decode_text(data, path), path)
        config = read_config(self.workspace)
        seen = (data, self._stamps())
        if self._beside is None or seen != self._seen:
            self._beside, self._seen = posts_beside(self.workspace, config, file.issue), seen
        return file, config, self._beside

    def _stamps(self) -> object:
        """Times and sizes of what the posts beside depend on, so that they are read anew only after a change."""
        folders = ("posts", "issues", *(source.path for source in read_config(self.workspace).sources if source.path))
        names = [SETTINGS, *(name for folder in dict.fromkeys(folders) for name in self.workspace.list_files(folder))]
        return tuple((name, self.workspace.stamp(name)) for name in names)


def hash_of(data: bytes) -> str:
    """By this an edit names the text that it is meant for."""
    return hashlib.sha256(data).hexdigest()


def _meanwhile(slug: str) -> Meanwhile:
    message = "was changed meanwhile; it is shown as it is now, and nothing was written over it"
    return Meanwhile(Mistake(code="NL103", file=issue_path(slug), message=message, help="do it again if it still fits"))


def _collected(beside: Beside) -> dict[str, Verdict]:
    """The posts that could come in, by key."""
    repeats = [beside.sorter.sort(one.post) for one in beside.duplicates]
    return {verdict.post.key: verdict for verdict in (*beside.fresh, *beside.dropped, *repeats)}


def _tell_section(section: Section, beside: Beside) -> dict[str, Any]:
    posts = []
    for post in section.posts:
        verdict = beside.placed[post.line]
        posts.append(
            {
                "line": post.line,
                "key": post.key,
                "title": plain_inline(post.title),
                "theme": verdict.theme or UNSORTED,
                "moved": (verdict.theme or UNSORTED) != section.slug,
                "off": [cut_at_word(plain_inline(off.text), 90) for off in beside.sorter.find_off_theme(verdict)],
            }
        )
    return {"slug": section.slug, "title": plain_inline(section.title), "line": section.line, "posts": posts}


def _tell_beside(beside: Beside, file: IssueFile) -> list[dict[str, Any]]:
    lines = {post.key: post.line for post in file.issue.posts if post.key}
    urls = {link.url for post in file.issue.posts for link in post.sources}

    def tell(post: Post, kind: str, theme: str | None, note: str = "", line: int = 0) -> dict[str, Any]:
        named = {"key": post.key, "title": post.title, "kind": kind, "theme": theme or UNSORTED}
        return named | {"note": note, "line": line, "site": site_name(post.url) if post.url else ""}

    found = [tell(one.post, "new", one.theme) for one in beside.fresh]
    found += [tell(one.post, "dropped", one.theme) for one in beside.dropped]
    for one in beside.duplicates:
        if one.post.url in urls:
            continue  # it is among the sources already
        note = f"{one.reason} as “{one.title}” ({one.where})"
        theme = beside.sorter.sort(one.post).theme
        found.append(tell(one.post, "repeats", theme, note, lines.get(one.key or "", 0) if one.post.url else 0))
    return found


def _tell_verdict(verdict: Verdict, beside: Beside, titles: Mapping[str, str]) -> dict[str, Any]:
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
