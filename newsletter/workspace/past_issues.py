"""The other issues of the workspace, as far as they can be read: one that is broken must not stop the one that is made."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from newsletter.errors import InputError
from newsletter.model import Finding, Issue
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import Placed, load_issue, load_offered

_POST_ID = re.compile(rb"\{#p-([0-9a-z-]+)\}")


@dataclass(frozen=True, slots=True)
class Drafted:
    """An issue as it stands, and what the program had put into it."""

    issue: Issue
    offered: Placed


@dataclass(frozen=True, slots=True)
class PastIssues:
    """Issues with what was put into them. `keys`: of all posts in them, those of issues that cannot be read among them."""

    drafted: tuple[Drafted, ...] = ()
    keys: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()

    @property
    def older(self) -> frozenset[str]:
        """The keys of posts that were reported as too old for one of the issues."""
        return frozenset(key for one in self.drafted for key in one.offered.older)

    @property
    def sources(self) -> dict[str, str]:
        """The source of each post, by key, as far as it is known."""
        return {key: source for one in self.drafted for key, source in one.offered.sources.items()}


def _load(workspace: Workspace, slug: str) -> Issue:
    return load_issue(workspace, slug).issue


def read_issues(
    workspace: Workspace, slugs: Iterable[str], load: Callable[[Workspace, str], Issue] = _load
) -> tuple[dict[str, Issue], tuple[Finding, ...]]:
    """Issues by name. What is wrong with one that is left out is a finding."""
    issues: dict[str, Issue] = {}
    findings = []
    for slug in slugs:
        try:
            issues[slug] = load(workspace, slug)
        except InputError as error:
            findings.append(_left_out(slug, error))
    return issues, tuple(findings)


def read_past_issues(workspace: Workspace, slugs: Iterable[str]) -> PastIssues:
    """Issues with what was put into them.

    Of an issue.md that cannot be read, the ids of its posts are found nevertheless: what was sent with it is not taken for new.
    """
    slugs = tuple(slugs)
    issues, findings = read_issues(workspace, slugs)
    drafted, keys, more = [], set[str](), list(findings)
    for slug in slugs:
        offered = Placed()
        try:
            offered = load_offered(workspace, slug)
        except InputError as error:
            more.append(_left_out(slug, error))
        keys |= offered.posts.keys()
        if slug in issues:
            keys |= {post.key for post in issues[slug].posts if post.key}
            drafted.append(Drafted(issues[slug], offered))
        else:
            keys |= _find_keys(workspace, slug)
    return PastIssues(tuple(drafted), frozenset(keys), tuple(more))


def _find_keys(workspace: Workspace, slug: str) -> set[str]:
    try:
        return {key.decode() for key in _POST_ID.findall(workspace.read(issue_path(slug)))}
    except InputError:
        return set()


def _left_out(slug: str, error: InputError) -> Finding:
    return Finding(rule="issue", where="", message=f"{error.mistakes[0]}; the issue {slug} is left out here")
