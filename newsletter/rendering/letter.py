"""A single mail to one person → its two bodies. Its words are ours: nothing of what was typed into a form is in it (T26)."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

from newsletter.model import Publication
from newsletter.phrases import Phrases
from newsletter.rendering.content import RTL_LANGUAGES
from newsletter.rendering.email import tidy_text
from newsletter.rendering.inline import inline_css
from newsletter.rendering.templates import render


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterText:
    """What a letter says. `button` is a label and the address behind it; `why` tells why they get it."""

    subject: str
    paragraphs: Sequence[str]
    button: tuple[str, str] | None
    why: str


@dataclass(frozen=True, slots=True)
class _MailHead:
    """What the frame of every mail asks of an issue."""

    subject: str
    preheader: str


def render_letter(
    text: LetterText, *, publication: Publication, environment: Environment, phrases: Phrases
) -> tuple[str, str]:
    """HTML and plain text."""
    direction = "rtl" if publication.language.partition("-")[0] in RTL_LANGUAGES else "ltr"
    values = {
        "publication": publication,
        "phrases": phrases,
        "issue": _MailHead(text.subject, text.paragraphs[0] if text.paragraphs else ""),
        "direction": direction,
        "start": "right" if direction == "rtl" else "left",
        "end": "left" if direction == "rtl" else "right",
        "paragraphs": text.paragraphs,
        "button": text.button,
        "why": text.why,
    }
    html = inline_css(render(environment, "email/letter.html.j2", values))
    return html, tidy_text(render(environment, "email/letter.txt.j2", values))
