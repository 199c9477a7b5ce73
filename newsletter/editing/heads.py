"""The head of a mail that holds some sections of an issue only: made from these, or as the editor wrote it. Pure."""

from collections.abc import Collection, Iterable, Mapping

from newsletter.editing.compose import join_subjects, propose_preheader, subject_of
from newsletter.model import Edition, Head, Issue


def make_head(issue: Issue, chosen: Collection[str], *, edition: Edition, phrases: Mapping[str, str]) -> Head:
    """The head of the mail for readers of these sections. Nothing in it speaks of a section that is not in the mail.

    What is written for just these sections is taken; else each section says the subject that is written for it alone, or
    its first post. An issue without a preheader has none for its parts either.
    """
    sections = tuple(section for section in issue.sections if section.slug in chosen and section.posts)
    written = issue.heads.get(frozenset(section.slug for section in sections), Head())
    own = (issue.heads.get(frozenset((section.slug,)), Head()).subject or subject_of(section) for section in sections)
    preheader = propose_preheader(sections, edition, phrases) if issue.preheader else ""
    return Head(
        subject=written.subject or join_subjects(own) or edition.title,
        preheader=written.preheader or preheader,
    )


def list_heads(issue: Issue, slugs: Iterable[str]) -> list[frozenset[str]]:
    """The choices of sections whose heads an editor should see: each of these sections alone, and what is written for more."""
    known = {section.slug for section in issue.sections if section.posts}
    alone = [frozenset((slug,)) for slug in slugs if slug in known]
    return list(dict.fromkeys([*alone, *(chosen for chosen in issue.heads if chosen <= known)]))
