"""Is it fit to send? One rule a function, one table; numbers are those of docs/checks.md. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, NamedTuple

from newsletter.checking import (
    clients,
    contrast,
    headers,
    images,
    links,
    placeholders,
    reading,
    size,
    small_screens,
    spam,
    structure,
    styles,
    words,
)
from newsletter.checking.caniemail import about_unknown
from newsletter.checking.page import Page, Problems
from newsletter.checking.words import IssueText
from newsletter.model import Finding

__all__ = ["HEAD_RULES", "PAGE_RULES", "WORD_RULES", "IssueText", "Page", "about_unknown", "check_draft", "check_page"]

Level = Literal["error", "warning"]


class Rule(NamedTuple):
    """A rule about a mail: what it looks at, and how bad it is."""

    check: Callable[[Page], Problems]
    level: Level


class WordRule(NamedTuple):
    """A rule about an issue's words."""

    check: Callable[[IssueText], Problems]
    level: Level


PAGE_RULES: dict[str, Rule] = {
    "H1": Rule(structure.doctype, "error"),
    "H2": Rule(structure.language, "error"),
    "H3": Rule(structure.charset, "error"),
    "H4": Rule(structure.viewport, "error"),
    "H5": Rule(structure.title, "error"),
    "H6": Rule(structure.metas, "warning"),
    "H7": Rule(structure.office, "warning"),
    "H8": Rule(structure.forbidden, "error"),
    "H9": Rule(structure.conditional_comments, "error"),
    "H10": Rule(structure.layout_tables, "error"),
    "H11": Rule(structure.nesting, "warning"),
    "H12": Rule(structure.explicit_tbody, "error"),
    "H13": Rule(structure.width, "warning"),
    "H14": Rule(size.clipping, "error"),
    "H15": Rule(size.style_size, "error"),
    "H16": Rule(size.nested_at_rules, "error"),
    "H17": Rule(size.style_comments, "warning"),
    "H18": Rule(size.embedded_data, "error"),
    "H19": Rule(styles.inline, "error"),
    "H20": Rule(styles.kept_important, "error"),
    "H21": Rule(styles.layout, "error"),
    "H22": Rule(styles.fonts, "warning"),
    "H23": Rule(styles.sizes, "error"),
    "H24": Rule(styles.padding, "warning"),
    "H25": Rule(styles.colours, "warning"),
    "H26": Rule(styles.backgrounds, "error"),
    "H27": Rule(links.preheader, "error"),
    "H28": Rule(links.hidden_how, "error"),
    "H29": Rule(links.addresses, "error"),
    "H30": Rule(links.link_words, "warning"),
    "H31": Rule(links.buttons, "error"),
    "H32": Rule(links.way_out, "error"),
    "H33": Rule(images.attributes, "error"),
    "H34": Rule(images.kinds, "error"),
    "H35": Rule(images.linked, "warning"),
    "H36": Rule(images.srcset, "error"),
    "H37": Rule(reading.headings, "error"),
    "H38": Rule(contrast.contrast, "error"),
    "H39": Rule(reading.read_aloud, "error"),
    "H40": Rule(reading.order, "warning"),
    "H41": Rule(reading.shouting, "warning"),
    "H42": Rule(styles.dark, "warning"),
    "H43": Rule(reading.right_to_left, "error"),
    "H44": Rule(small_screens.too_wide, "error"),
    "H45": Rule(small_screens.tap_targets, "warning"),
    "H46": Rule(reading.same_words, "error"),
    "client": Rule(clients.support, "warning"),
    "spam-capitals": Rule(spam.capitals, "warning"),
    "spam-marks": Rule(spam.marks, "warning"),
    "spam-gaps": Rule(spam.gaps, "warning"),
    "spam-reply": Rule(spam.answer, "error"),
    "spam-phrases": Rule(spam.phrases, "warning"),
    "spam-pictures": Rule(spam.pictures, "warning"),
    "spam-shortener": Rule(spam.shorteners, "warning"),
    "spam-redirect": Rule(spam.redirects, "warning"),
    "spam-link-text": Rule(spam.link_text, "error"),
    "spam-user": Rule(spam.user_names, "error"),
    "spam-ip": Rule(spam.numbers, "warning"),
    "spam-port": Rule(spam.ports, "warning"),
    "spam-lookalike": Rule(spam.lookalikes, "warning"),
    "header-once": Rule(headers.once, "error"),
    "header-lines": Rule(headers.lines, "error"),
    "header-characters": Rule(headers.characters, "error"),
    "header-from": Rule(headers.sender, "error"),
    "header-domain": Rule(headers.domain, "warning"),
    "header-subject": Rule(headers.subject, "warning"),
    "header-date": Rule(headers.date, "error"),
    "header-message-id": Rule(headers.message_id, "error"),
    "header-unsubscribe": Rule(headers.one_click, "error"),
    "header-list": Rule(headers.lists, "error"),
    "header-mime": Rule(headers.mime, "error"),
    "header-forbidden": Rule(headers.forbidden, "error"),
    "header-automatic": Rule(headers.automatic, "warning"),
    "slots": Rule(placeholders.slots, "error"),
}
# Of what stands above a mail: asked of every mail that has a head of its own.
HEAD_RULES = frozenset(
    """H5 H27 header-subject header-characters spam-capitals spam-marks spam-gaps spam-reply spam-phrases""".split()
)
WORD_RULES: dict[str, WordRule] = {
    "leftover": WordRule(words.leftovers, "warning"),
    "flag": WordRule(words.flagged, "warning"),
    "one-source": WordRule(words.one_source, "warning"),
    "repeated": WordRule(words.repeated, "warning"),
    "weekday": WordRule(words.weekdays, "warning"),
    "date": WordRule(words.contradictions, "warning"),
    "marks": WordRule(words.marks, "warning"),
    "off-theme": WordRule(words.off_theme, "warning"),
}


def check_page(
    page: Page, *, ignore: Mapping[str, str] | None = None, only: Collection[str] = PAGE_RULES
) -> Iterator[Finding]:
    """All that is wrong with a mail. `ignore`: rules that are left out, each with its reason. `only`: the rules to ask."""
    for name, rule in PAGE_RULES.items():
        if name in only and name not in (ignore or {}):
            for message, where, level in rule.check(page):
                yield Finding(rule=name, message=message, where=where, level=_level(level, rule.level))


def check_draft(draft: IssueText, *, ignore: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """All that is worth a look in an issue's words."""
    for name, rule in WORD_RULES.items():
        if name not in (ignore or {}):
            for message, where, level in rule.check(draft):
                yield Finding(rule=name, message=message, where=where, level=_level(level, rule.level))


def _level(own: str, usual: Level) -> Level:
    return "error" if own == "error" else "warning" if own == "warning" else usual
