"""`newsletter themes`: what the editor's sorting has taught, how often it is right, and themes that could be added."""

from typing import Any

import click

from newsletter.cli.common import Context, in_workspace, shared_options
from newsletter.cli.ui import printable
from newsletter.editing.clusters import Proposal
from newsletter.flows.theme_report import Judged, ThemeReport, report_themes
from newsletter.model import Post
from newsletter.text.words import count_of
from newsletter.workspace.load import read_sources

SHOWN_DIFFERENCES = 20
SHOWN_PROPOSALS = 5
# Below this, one post more or less moves the shares by several per cent.
FEW = 30


@click.group("themes")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """How well posts are sorted, and which themes are missing.

    Example: newsletter themes report
    """
    above = ctx.obj or {}
    ctx.obj = {**above, **{name: value for name, value in options.items() if value}}


@command.command("report")
@in_workspace
def report(here: Context) -> int:
    """Count what past issues teach, how often rules and learning are right, and propose themes for unsorted posts.

    Every post is judged as if it had not been learned itself. Nothing is changed.

    Example: newsletter themes report --json
    """
    batch = read_sources(here.workspace, here.config)
    here.ui.tell_mistakes(batch.mistakes)
    told = report_themes(here.workspace, here.config, batch.posts)
    here.ui.warn(told.findings)
    here.ui.answer(describe(told), [[line] for line in [*_tell(told), *_tell_proposals(told.proposals)]])
    return 0


def describe(told: ThemeReport) -> dict[str, object]:
    """A report as JSON."""
    return {
        "posts": len(told.judged),
        "moves": told.moves,
        "learning": told.learning,
        "unsorted": told.unsorted,
        "accuracy": {
            "rules": _share(told.right_by_rules, told),
            "learned": _share(told.right_by_learning, told) if told.learning else None,
        },
        "themes": [_count(place, told) for place in told.places],
        "differ": [_describe_judged(one) for one in _differing(told)],
        "proposals": [_describe_proposal(one) for one in told.proposals],
        "warnings": [str(finding) for finding in told.findings],
    }


def _share(right: int, told: ThemeReport) -> float | None:
    return round(right / len(told.judged), 3) if told.judged else None


def _count(place: str, told: ThemeReport) -> dict[str, object]:
    here = [one for one in told.judged if one.lesson.theme == place]
    return {
        "theme": place,
        "posts": len(here),
        "moves": sum(one.lesson.moved for one in here),
        "rules": sum(one.rules == place for one in here),
        "learned": sum(one.learned == place for one in here) if told.learning else None,
    }


def _differing(told: ThemeReport) -> list[Judged]:
    """Posts that the rules put elsewhere than learning does, and those that clear rules keep where they were moved from."""
    return [one for one in told.judged if one.rules != one.learned or (one.clear and one.rules != one.lesson.theme)]


def _describe_judged(one: Judged) -> dict[str, object]:
    place = {"theme": one.lesson.theme, "rules": one.rules, "learned": one.learned, "clear": one.clear}
    return _describe_post(one.lesson.post) | place


def _describe_post(post: Post) -> dict[str, object]:
    return {"key": post.key, "title": post.title, "where": f"{post.origin}:{post.line}"}


def _describe_proposal(one: Proposal) -> dict[str, object]:
    return {
        "slug": one.slug,
        "title": one.title,
        "words": list(one.words),
        "posts": [_describe_post(post) for post in one.posts],
        "toml": one.toml,
    }


# --- for people ---------------------------------------------------------------------------------------------------


def _tell(told: ThemeReport) -> list[str]:
    count = len(told.judged)
    lines = [f"{count_of(count, 'post')} in issues, {count_of(told.moves, 'move')} by hand"]
    if not count:
        return [*lines, "Nothing to learn from yet: draft an issue, and move its posts where they belong."]
    lines.append(f"right by the rules alone:     {told.right_by_rules} of {count} ({told.right_by_rules / count:.0%})")
    if told.learning:
        right = told.right_by_learning
        lines.append(
            f"right with what was learned:  {right} of {count} ({right / count:.0%}), each post left out in turn"
        )
    elif told.moves:
        lines.append("Nothing is learned: [sorting] learned is 0.")
    else:
        lines.append("No post was moved to another section, so the rules decide alone.")
    if count < FEW:
        lines.append(f"So few posts say little; below {FEW} these shares are hardly more than chance.")
    lines += [
        "",
        f"{'theme':24} {'posts':>6} {'moves':>6} {'rules':>6}" + (f" {'learned':>8}" if told.learning else ""),
    ]
    for place in told.places:
        row = _count(place, told)
        learned = f" {row['learned']:>8}" if told.learning else ""
        lines.append(f"{place:24} {row['posts']:>6} {row['moves']:>6} {row['rules']:>6}{learned}")
    return [*lines, *_tell_differences(_differing(told))]


def _tell_differences(differ: list[Judged]) -> list[str]:
    if not differ:
        return []
    lines = ["", "Where rules, learning and you do not agree:"]
    for one in differ[:SHOWN_DIFFERENCES]:
        post = one.lesson.post
        lines.append(f"  {printable(post.title)}  {post.origin}:{post.line}")
        kept = "; the rules are too clear to be outweighed: a `not` word would help" if one.clear else ""
        lines.append(f"    stands under {one.lesson.theme}; rules {one.rules}, with learning {one.learned}{kept}")
    if len(differ) > SHOWN_DIFFERENCES:
        lines.append(f"  and {len(differ) - SHOWN_DIFFERENCES} more; --json lists them all")
    return lines


def _tell_proposals(proposals: tuple[Proposal, ...]) -> list[str]:
    if not proposals:
        return ["", "No new theme to propose: no three unsorted posts share words that tell them from the others."]
    lines = []
    for one in proposals[:SHOWN_PROPOSALS]:
        lines += ["", f"{len(one.posts)} unsorted posts that could be a theme:"]
        lines += [f"  {printable(post.title)}  {post.origin}:{post.line}" for post in one.posts]
        lines += ["", *one.toml.rstrip().split("\n")]
    if len(proposals) > SHOWN_PROPOSALS:
        lines += ["", f"and {len(proposals) - SHOWN_PROPOSALS} more; --json lists them all"]
    return [*lines, "", "Put what fits into newsletter.toml, and its slug into the themes of an edition."]
