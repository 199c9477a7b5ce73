"""What an editor should know of an issue that was rendered, before anybody checks it."""

from collections.abc import Iterator

from newsletter import links
from newsletter.checking.size import CLIP_BYTES, WARN_BYTES
from newsletter.config import Config
from newsletter.model import UNSORTED, Finding, Section
from newsletter.rendering.content import ShownIssue, count_words
from newsletter.rendering.email import Mail
from newsletter.workspace.files import issue_path


def find_warnings(shown: ShownIssue, mail: Mail, config: Config) -> tuple[Finding, ...]:
    """What an editor should know before sending and no error stops."""
    path = issue_path(shown.issue.slug)
    findings = []
    size = len(mail.html.encode())
    if size > WARN_BYTES:
        what = "Gmail will cut it" if size >= CLIP_BYTES else "near the 102,400 bytes at which Gmail cuts"
        findings.append(Finding(rule="H14", where=path, message=f"the mail has {size:,} bytes of HTML: {what}"))
    if not config.publication.postal_address:
        findings.append(
            Finding(
                rule="H32",
                where="newsletter.toml",
                message="publication.postal_address is empty; the law of most countries wants one in the mail",
            )
        )
    for name, part in (("issue.html.j2", mail.html), ("issue.txt.j2", mail.text)):
        if links.TOKEN_SLOT not in part:
            where = f"templates/email/{name}"
            findings.append(Finding(rule="H32", where=where, message="no unsubscribe_url in it; mail needs a way out"))
    if not shown.issue.preheader:
        findings.append(
            Finding(
                rule="H27",
                where=f"{path}:1",
                message="no preheader; inboxes will show the first words of the mail",
            )
        )
    known = {theme.slug for theme in config.themes} | {UNSORTED}
    for section in shown.issue.sections:
        if section.slug not in known:
            findings.append(
                Finding(
                    rule="section",
                    where=f"{path}:{section.line}",
                    message=f"{{#{section.slug}}} is no theme of the settings; its posts are in no theme's feed",
                )
            )
        if not section.posts:
            findings.append(_about_empty(section, f"{path}:{section.line}"))
        findings += [
            Finding(rule="source", where=f"{path}:{post.line}", message="no source line under this post")
            for post in section.posts
            if not post.sources
        ]
    return tuple(findings + list(_find_changes(shown, path)))


def _find_changes(shown: ShownIssue, path: str) -> Iterator[Finding]:
    """What is shown otherwise than it was written, because mail clients or filters would not bear it."""
    lines = [post.line for section in shown.issue.sections for post in section.posts]
    texts = [(shown.intro, 1)]
    sections = [section for section in shown.issue.sections if section.posts]
    for section, said in zip(shown.sections, sections, strict=True):
        texts.append((section.intro, said.line))
    texts += [(post.body, line) for post, line in zip(shown.posts, lines, strict=True)]
    for text, line in texts:
        yield from (Finding(rule="shown", where=f"{path}:{line}", message=note) for note in text.notes)


def _about_empty(section: Section, where: str) -> Finding:
    """A heading alone is missed by nobody; words below it were written to be read."""
    words = count_words(section.intro)
    if not words:
        return Finding(rule="section", where=where, message=f"{section.title}: no posts; left out of the mail")
    lost = "the word below it is" if words == 1 else f"the {words} words below it are"
    message = f"{section.title}: no posts, so {lost} left out of the mail; put a ### heading above, or move them"
    return Finding(rule="section", where=where, message=message, level="error")
