"""Every kind of mail that goes out, by name: what judges of HTML look at."""

from dataclasses import replace
from pathlib import Path

from jinja2 import Environment

from newsletter.flows.build import render_issue
from newsletter.model import Issue, Publication
from newsletter.phrases import Phrases, read_phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.email import Mail, render_mail
from newsletter.rendering.letter import LetterText, render_letter
from newsletter.resources import resource
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.rendering.issues import EDITION, PUBLICATION, make_issue

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"
LETTERS = ("confirm", "already", "link")


def every_mail(environment: Environment) -> dict[str, str]:
    """Issues and letters as HTML: the sample, one with everything, right to left, without a preheader, of one theme."""
    workspace = Workspace(ROOT)
    rendered = render_issue(workspace, read_config(workspace), SLUG)
    sample = rendered.mail
    arabic = replace(PUBLICATION, language="ar", title="حدود", postal_address="1 شارع المثال، برلين")
    mails = {
        "mail/sample": sample.html,
        "mail/one-theme-of-the-sample": rendered.bodies(["caucasus"])[0],
        "mail/everything": _mail(environment, make_issue(), PUBLICATION).html,
        "mail/arabic": _mail(environment, make_issue(), arabic).html,
        "mail/no-preheader": _mail(environment, make_issue(preheader="", intro=""), PUBLICATION).html,
        "mail/one-theme": _mail(environment, make_issue(sections=make_issue().sections[1:]), PUBLICATION).html,
    }
    for publication in (PUBLICATION, arabic):
        for kind in LETTERS:
            mails[f"letter/{kind}-{publication.language}"] = _letter(environment, kind, publication)
    plain = LetterText(
        subject="No button & <more>", paragraphs=("One line\nand another.", "Two."), button=None, why="Why."
    )
    words = {"publication": PUBLICATION, "environment": environment, "phrases": read_words("en")}
    return mails | {"letter/no-button": render_letter(plain, **words)[0]}  # type: ignore[arg-type]


def read_words(language: str) -> Phrases:
    """The program's own words in a language."""
    return read_phrases([resource("templates/phrases.toml").read_text(encoding="utf-8")], "phrases.toml", language)


def _mail(environment: Environment, issue: Issue, publication: Publication) -> Mail:
    shown = show_issue(issue, publication.language)
    return render_mail(
        shown,
        publication=publication,
        edition=EDITION,
        environment=environment,
        phrases=read_words(publication.language),
    )


def _letter(environment: Environment, kind: str, publication: Publication) -> str:
    phrases = read_words(publication.language)

    def say(key: str) -> str:
        return str(phrases[key]).format(title=publication.title)

    text = LetterText(
        subject=say(f"letter_{kind}"),
        paragraphs=(say(f"letter_{kind}_text"),),
        button=(say("confirm" if kind == "confirm" else "preferences"), f"{publication.url}/confirm/abc_-123"),
        why=say("letter_why"),
    )
    return render_letter(text, publication=publication, environment=environment, phrases=phrases)[0]
