"""`newsletter explain`: the words and scores behind every verdict."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from newsletter.cli.common import Context, complete_issues, in_workspace
from newsletter.cli.ui import paint, printable
from newsletter.editing.compose import read_back
from newsletter.editing.themes import OffTheme, Sorter, ThemeVerdict, sort_posts
from newsletter.errors import InputError, Mistake, UsageError
from newsletter.flows.learn import learn_from_issues
from newsletter.model import UNSORTED, Post
from newsletter.sources import SourceFile
from newsletter.sources.post_files import read_file
from newsletter.text.words import suggest
from newsletter.workspace.files import issue_path, split_issue_slug
from newsletter.workspace.load import load_issue, read_sources

SHOWN_WORDS = 8


@dataclass(frozen=True, slots=True)
class _Explained:
    verdict: ThemeVerdict
    off_theme: tuple[OffTheme, ...]


@click.command("explain")
@click.argument("post", metavar="POST|FILE|ISSUE", shell_complete=complete_issues)
@in_workspace
def command(here: Context, post: str) -> int:
    """Say why each post got its theme: the words, where they stand, the points, and how clearly it won.

    POST is a key or a part of a title; FILE a paste or a post; ISSUE the name of an issue. Bullets and paragraphs that
    speak of another theme than their post's are pointed at.

    Example: newsletter explain posts/2025-07-05-collected.txt
    """
    posts = _find_posts(here, post)
    learned = learn_from_issues(here.workspace, here.config)
    sorter = Sorter(here.config.themes, here.config.sources, here.config.sorting, learned)
    verdicts = sort_posts(posts, sorter)
    explained = [_Explained(one, sorter.find_off_theme(one.post.body, one.theme)) for one in verdicts]
    document = {"posts": [_describe(one) for one in explained]}
    # The same text in a pipe as on a terminal: the words are what was asked for; --json has them for programs.
    here.ui.answer(document, [[line] for one in explained for line in [*_tell(one), ""]])
    return 0


def _find_posts(here: Context, wanted: str) -> tuple[Post, ...]:
    slug = next((part for part in reversed(wanted.split("/")) if split_issue_slug(part)), None)
    if slug and here.workspace.exists(issue_path(slug)) and (wanted == slug or wanted.endswith("issue.md")):
        issue = load_issue(here.workspace, slug).issue
        known = {theme.slug for theme in here.config.themes}
        return tuple(
            read_back(post, issue_path(slug), section.slug if section.slug in known else UNSORTED)
            for section in issue.sections
            for post in section.posts
        )
    path = Path(wanted)
    if path.is_file():
        file = SourceFile(here.workspace.relative(path), path.read_bytes())
        posts, findings = read_file(here.config.sources[0], file, here.config.zone) if here.config.sources else ((), ())
        if not posts:
            raise InputError(
                Mistake(
                    code="NL024",
                    file=file.path,
                    message="holds no post",
                    help="; ".join(map(str, findings)) or None,
                )
            )
        return posts
    return _search(here, wanted)


def _search(here: Context, wanted: str) -> tuple[Post, ...]:
    batch = read_sources(here.workspace, here.config)
    here.ui.tell_mistakes(batch.mistakes)
    posts = batch.posts
    needle = wanted.removeprefix("p-").casefold()
    found = [post for post in posts if post.key.startswith(needle)] or [
        post for post in posts if needle in post.title.casefold()
    ]
    if not found:
        near = suggest(wanted, [post.title for post in posts])
        raise UsageError(
            Mistake(
                code="NL032",
                message=f"no post or file {wanted!r}{near or '; name a key, a part of a title, or a file'}",
            )
        )
    return tuple(found)


def _show_key(post: Post) -> str:
    """A post written by hand has none."""
    return "-" if ":" in post.key else post.key


def _describe(one: _Explained) -> dict[str, object]:
    verdict = one.verdict
    return {
        "key": _show_key(verdict.post),
        "title": verdict.post.title,
        "where": f"{verdict.post.origin}:{verdict.post.line}",
        "theme": verdict.theme or UNSORTED,
        "by": verdict.by,
        "margin": round(verdict.margin, 3),
        "scores": {score.theme: score.points for score in verdict.scores},
        "learned": {score.theme: score.learned for score in verdict.scores if score.learned},
        "matches": [asdict(match) | {"theme": score.theme} for score in verdict.scores for match in score.matches],
        "notes": {score.theme: score.note for score in verdict.scores if score.note},
        "off_theme": [asdict(off) for off in one.off_theme],
    }


def _tell(one: _Explained) -> list[str]:
    verdict = one.verdict
    lines = [
        paint(printable(verdict.post.title), "bold", sys.stdout)
        + f"  [{_show_key(verdict.post)}]  {verdict.post.origin}:{verdict.post.line}"
    ]
    lines.append(f"  → {paint(verdict.theme or UNSORTED, 'green', sys.stdout)}: {_reason(verdict)}")
    for score in verdict.scores:
        if not score.matches and not score.learned:
            continue
        words = [
            f"{match.word}{f' ×{match.count}' if match.count > 1 else ''} ({match.zone} {match.points:g})"
            for match in score.matches
        ]
        shown = words[:SHOWN_WORDS]
        shown += [f"and {len(words) - SHOWN_WORDS} more"] if len(words) > SHOWN_WORDS else []
        shown += [f"learned {score.learned:+.1f}"] if score.learned else []
        note = f" [{score.note}]" if score.note else ""
        lines.append(f"  {score.theme:20} {score.points:6.1f}  {', '.join(shown)}{note}")
    for off in one.off_theme:
        excerpt = printable(" ".join(off.text.split())[:60])
        named = f"{', '.join(off.words)} ({', '.join(off.themes)})"
        lines.append(
            paint(
                f"  off theme: “{excerpt}…” names {named} and nothing of {verdict.theme}",
                "yellow",
                sys.stdout,
            )
        )
    return lines


def _reason(verdict: ThemeVerdict) -> str:
    if verdict.by == "editor":
        return "as the editor says"
    if verdict.by == "words":
        return f"leads by {verdict.margin:.0%}"
    if verdict.by == "learned":
        if verdict.scores[0].theme == UNSORTED:
            return "like posts that stand under unsorted"
        leads = f"leads by {verdict.margin:.0%}"
        return f"{leads} with what was learned" if verdict.theme else f"with what was learned no clear winner ({leads})"
    return (
        "no theme has words enough"
        if not verdict.scores or not verdict.scores[0].points
        else f"no clear winner (leads by {verdict.margin:.0%})"
    )
