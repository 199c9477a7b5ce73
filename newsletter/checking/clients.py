"""What a mail uses that the mail clients named by the editor do not support. What is said comes from caniemail's tests."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from newsletter.checking.caniemail import find_platforms, name_platforms, read_table
from newsletter.checking.caniemail_notes import DROPS_THE_BLOCK, concerns
from newsletter.checking.features import FeatureUse, find_uses, style_uses
from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, text_of

_RULE = re.compile(r"\{([^{}]*)\}")
_NOUGHT = ("margin", "padding", "border")


@dataclass(slots=True)
class _Told:
    """What is known so far of a feature: where it was seen first, where it fails, and where in part and how."""

    where: str
    fails: set[str] = field(default_factory=set)
    partly: dict[str, list[str]] = field(default_factory=dict)


def support(page: Page) -> Problems:
    """client: one problem a feature. Silent on what is not known, and on notes about what the mail does not do."""
    platforms = find_platforms(page.clients)
    if not platforms:
        return
    told: dict[str, _Told] = {}
    for use in _uses(page):
        _add(told, use, platforms)
    for slug, one in told.items():
        yield Problem(_message(read_table().features[slug].title, one), one.where)


def _uses(page: Page) -> Iterator[FeatureUse]:
    for element in page.all():
        yield from find_uses(element)
    yield from _kept_uses(page)


def _add(told: dict[str, _Told], use: FeatureUse, platforms: Sequence[str]) -> None:
    feature = read_table().features[use.slug]
    if not any(feature.support[one] in "na" for one in platforms):
        return
    fails = {one for one in platforms if feature.support[one] == "n" and use.element is not None}
    partly = {
        one: notes
        for one in platforms
        if feature.support[one] == "a" and (notes := _notes(use, feature.notes.get(one, ()))) is not None
    }
    if (fails or partly) and _matters(use):
        entry = told.setdefault(use.slug, _Told("<style>" if use.element is None else name_of(use.element)))
        entry.fails |= fails
        for one, notes in partly.items():
            known = entry.partly.setdefault(one, [])
            known.extend(note for note in notes if note not in known)


def _notes(use: FeatureUse, notes: Sequence[str]) -> list[str] | None:
    """The notes that speak of this use; none at all: nobody says what part it is, so it is told without."""
    kept = use.element is None
    speaking = [note for note in notes if (not kept or DROPS_THE_BLOCK.search(note)) and concerns(note, use)]
    return speaking or (None if notes or kept else [])


def _matters(use: FeatureUse) -> bool:
    """Whether anybody would see that it fails."""
    element = use.element
    if element is None:
        return True
    if use.slug in ("html-bdi", "html-dir"):
        return _turns(element)
    if use.slug == "html-target":
        return use.value != "_blank"  # most clients open a new window anyway
    if use.name.startswith(_NOUGHT) and not use.value.strip("0 pxem%;"):
        return False
    return not _is_asked_for(use) and (use.name == "display" or not is_hidden(element))


def _is_asked_for(use: FeatureUse) -> bool:
    """Other rules want it, for the clients that know it: H2 of the wrapper, H31 of buttons, H33 of pictures."""
    tag, name = use.element.tag, use.name
    if tag == "html" or use.element.get("role") == "article":
        return name in ("lang", "role", "aria-label")
    if tag == "img":
        return name in ("display", "max-width", "height", "border")
    return bool(tag == "a" and (name.startswith("padding") or use.value == "inline-block"))


def _turns(element: Any) -> bool:
    """Whether a direction is set that differs from the one around, or words that run from right to left are held."""
    around = next((one.get("dir") for one in element.iterancestors() if one.get("dir")), "ltr")
    return (element.get("dir") or around) != around or any(
        unicodedata.bidirectional(character) in ("R", "AL") for character in text_of(element)
    )


def _kept_uses(page: Page) -> Iterator[FeatureUse]:
    """What kept styles use: the mail is right without them, but not if a client drops the whole block for one value."""
    known = read_table().features
    for body in _RULE.findall("".join(page.styles)):
        for declaration in body.split(";"):
            name, _, value = declaration.partition(":")
            yield from (use for use in style_uses(None, name.strip().lower(), value.strip()) if use.slug in known)


def _message(title: str, told: _Told) -> str:
    groups: dict[tuple[str, ...], list[str]] = {}
    for platform, notes in told.partly.items():
        if platform not in told.fails:
            groups.setdefault(tuple(notes), []).append(platform)
    parts = [f"not in {name_platforms(told.fails)}"] if told.fails else []
    parts += [
        f"partly in {name_platforms(platforms)}{':' if notes else ''} {' '.join(notes)}".strip()
        for notes, platforms in groups.items()
    ]
    return f"{title}: {'; '.join(parts)}"
