"""H27 to H32: the preheader, the links, and the way out."""

import re
from urllib.parse import parse_qsl, urlsplit

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, style_of, text_of, words_of_its_size

SHORTEST, LONGEST = 40, 130
_FILLER = str.maketrans("", "", "\u034f\u200c\xa0\u200b\ufeff")
_TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|mc_[ce]id|igshid|msclkid|yclid|_hsenc|_hsmi)\Z")
_ODD = re.compile("[\\[\\] \x80-\U0010ffff]")
# RFC 3986 3.2.2: brackets stand around the number of a host, and nowhere else.
_ADDRESS_OF_HOST = re.compile(r"//\[[0-9A-Fa-f:.]+\]")
_EMPTY_WORDS = frozenset(("click here", "here", "read more", "more", "link", "this", "hier", "mehr", "ici", "aquí"))


def preheader(page: Page) -> Problems:
    """H27"""
    hidden = [one for one in page.body.iter("div", "span", "td") if style_of(one).get("display") == "none"]
    texts = [text for one in hidden if (text := _without_filler(text_of(one)))]
    if not page.preheader:
        yield Problem("no preheader; inboxes show the first words of the mail", level="warning")
        return
    if len(texts) != 1 or texts[0] != _without_filler(page.preheader):
        yield Problem("the hidden text at the top is not the issue's preheader")
    if not SHORTEST <= len(page.preheader) <= LONGEST:
        yield Problem(
            f"the preheader has {len(page.preheader)} characters; {SHORTEST} to {LONGEST} are shown", level="warning"
        )
    headings = {text_of(one).casefold() for one in page.all("h1")}
    if page.preheader.casefold() in headings | {page.subject.casefold()}:
        yield Problem("the preheader says what the subject says")


def _without_filler(text: str) -> str:
    """The words of a preheader. Some languages use what fills it up between letters too, as Persian does U+200C."""
    return " ".join(text.translate(_FILLER).split())


def hidden_how(page: Page) -> Problems:
    """H28"""
    for element in page.all():
        size = style_of(element).get("font-size", "")
        # What stands in it with a size of its own, and blanks that fill a preheader, are not what is meant.
        if re.fullmatch(r"[01](?:\.\d+)?px|0", size) and re.search(r"[^\W_]", words_of_its_size(element)):
            yield Problem(
                "text of 1 px counts as hidden words to spam filters; display:none and mso-hide:all", name_of(element)
            )


def addresses(page: Page) -> Problems:
    """H29"""
    own = urlsplit(page.url).hostname
    for link in page.all("a"):
        if link.get("href") is None and (link.get("name") or link.get("id")):
            continue  # a place to jump to
        href = link.get("href") or ""
        parts = urlsplit(href)
        if parts.scheme in ("mailto", "tel"):
            continue
        if parts.scheme not in ("http", "https") or not parts.hostname:
            yield Problem(f"{href[:80]!r} leads nowhere from a mail", name_of(link))
            continue
        if parts.scheme == "http" and parts.hostname != own:
            yield Problem("an http address; most sites have https", name_of(link), "warning")
        if _ODD.search(_ADDRESS_OF_HOST.sub("//", href)):
            yield Problem("an address with a blank, a bracket or a letter beyond ASCII", name_of(link))
        for name, _ in parse_qsl(parts.query):
            if _TRACKING.match(name):
                yield Problem(f"{name}= follows readers; leave it out", name_of(link))


def link_words(page: Page) -> Problems:
    """H30"""
    for link in page.all("a"):
        words = text_of(link).strip(" .…»→").casefold()
        if words in _EMPTY_WORDS:
            yield Problem(f"{words!r} says nothing of where it leads", name_of(link))
        elif not words and link.find(".//img") is None:
            yield Problem("a link without words", name_of(link))


def buttons(page: Page) -> Problems:
    """H31"""
    for cell in page.all("td"):
        link = cell.find("./a")
        if (
            cell.get("bgcolor")
            and link is not None
            and text_of(cell) == text_of(link)
            and link.find(".//img") is not None
        ):
            yield Problem("a button that is a picture: it is empty where pictures are off", name_of(link))


def way_out(page: Page) -> Problems:
    """H32"""
    for name, part in (("HTML", page.html), ("text", page.text)):
        if page.unsubscribe not in part:
            yield Problem(f"no unsubscribe link in the {name} part")
    shown = " ".join(text_of(page.body).split())
    plain = " ".join(page.text.split())
    if not page.postal_address:
        yield Problem("no postal address in the settings; the law of most countries wants one in the mail")
    elif any(" ".join(page.postal_address.split()) not in part for part in (shown, plain)):
        yield Problem("the postal address is not in both parts")
    if page.reason and any(" ".join(page.reason.split()) not in part for part in (shown, plain)):
        yield Problem("why they get it is not said in both parts")
    visible = [link for link in page.all("a") if page.unsubscribe in (link.get("href") or "") and not is_hidden(link)]
    if not visible:
        yield Problem("the unsubscribe link cannot be seen")
