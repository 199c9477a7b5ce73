"""The headers of a mail as they go out (RFC 5322, 2369, 2919, 8058), read by other eyes than those that wrote them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from newsletter.checking.page import Page, Problem, Problems
from newsletter.text.characters import DIRECTION_MARKS
from newsletter.text.encoded_words import decode_words
from newsletter.text.mailbox import is_address, split_mailbox
from newsletter.text.subjects import is_seen

LINE_OCTETS = 998  # RFC 5322 2.1.1, without CRLF
SUBJECT_COLUMNS = 78
_WORD_LIMIT = 75  # RFC 2047 2
_REQUIRED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
# Others write these on the way, they show readers to each other, or they say what is not true of a first mail.
_FORBIDDEN = frozenset(
    """
    return-path received bcc cc errors-to x-priority importance disposition-notification-to return-receipt-to
    in-reply-to references
    """.split()
)
_LISTS = ("List-Help", "List-Owner", "List-Subscribe", "List-Archive")
_ADDRESS = re.compile(r"<(?:https?://|mailto:)[^<>\s]+>(?:, *<(?:https?://|mailto:)[^<>\s]+>)*\Z")
_LIST_ID = re.compile(r'(?:"(?:[^"\\]|\\.)*" *|[^"<>]*)<[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+>\Z')
_MESSAGE_ID = re.compile(r"<[\w.!#$%&'*+/=?^`{|}~-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>\Z", re.ASCII)
_ZONE = re.compile(r"[+-]\d{4}\Z")
_BOUNDARY = re.compile(r"multipart/[a-z]+;.*\bboundary=\"[^\"]{1,70}\"", re.IGNORECASE)
# They show letters in another order than they stand in, with which a sender may hide what a word says.
_OVERRIDES = re.compile("[\u202d\u202e]")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# These providers tell others to refuse mail in their name that they did not send.
_FREEMAIL = frozenset(
    """
    gmail.com googlemail.com yahoo.com ymail.com aol.com outlook.com hotmail.com live.com msn.com icloud.com me.com
    gmx.de gmx.net web.de mail.ru yandex.ru proton.me protonmail.com
    """.split()
)


def read_headers(page: Page) -> list[tuple[str, str]]:
    """Names and values, unfolded; none for a page without headers."""
    unfolded = re.sub(r"\r\n(?=[ \t])", "", page.headers.decode("ascii", "replace"))
    pairs = (line.partition(":") for line in unfolded.split("\r\n") if line)
    return [(name, value.strip(" \t")) for name, _, value in pairs]


def _value(page: Page, name: str) -> str | None:
    """The first header of that name."""
    return next((value for one, value in read_headers(page) if one.lower() == name.lower()), None)


def _values(page: Page, *names: str) -> Iterator[tuple[str, str]]:
    return ((name, value) for name in names if (value := _value(page, name)) is not None)


def once(page: Page) -> Problems:
    """header-once"""
    counts = Counter(name.lower() for name, _ in read_headers(page))
    for name in _REQUIRED if counts else ():
        if not counts[name.lower()]:
            yield Problem(f"no {name}")
    for lower, count in counts.items():
        if count > 1:
            yield Problem(f"{lower} stands {count} times")


def lines(page: Page) -> Problems:
    """header-lines"""
    for line in page.headers.split(b"\r\n") if page.headers else ():
        name = line.partition(b":")[0].decode("ascii", "replace")[:40]
        if len(line) > LINE_OCTETS:
            yield Problem(f"a line of {len(line)} octets; {LINE_OCTETS} is the limit", name)
        if b"\r" in line or b"\n" in line or (line[:1] in (b" ", b"\t") and not line.strip()):
            yield Problem("a line that does not end as lines of a mail do", name)
        if line[:1] not in (b" ", b"\t") and not re.match(rb"[!-9;-~]+:", line):
            yield Problem("a line without a name and a colon", name)
        for word in re.findall(rb"=\?\S+?\?=", line):
            if len(word) > _WORD_LIMIT:
                yield Problem(f"an encoded word of {len(word)} characters; {_WORD_LIMIT} is the limit", name)


def characters(page: Page) -> Problems:
    """header-characters"""
    for name, value in read_headers(page):
        for character in value + decode_words(value):
            if unicodedata.category(character) in ("Cc", "Zl", "Zp") and character != "\t":
                yield Problem(f"holds a control character (U+{ord(character):04X})", name)
                break
    if not page.headers.isascii():
        yield Problem("a byte that is not ASCII: relays change or refuse it")


def sender(page: Page) -> Problems:
    """header-from"""
    for _, value in _values(page, "From"):
        phrase, address = split_mailbox(value)
        if not is_address(address):
            yield Problem(f"From: {address[:60]!r} is not one address")
        if "@" in phrase or "@" in decode_words(phrase):
            yield Problem("From: an @ in the name looks like another sender")


def domain(page: Page) -> Problems:
    """header-domain"""
    own = urlsplit(page.url).hostname or ""
    for _, value in _values(page, "From"):
        used = split_mailbox(value)[1].rpartition("@")[2].lower()
        if used in _FREEMAIL:
            yield Problem(f"From: {used} has others refuse mail in its name; send from a domain of your own")
        elif own not in _LOOPBACK and _owned(used) != _owned(own):
            yield Problem(f"From is at {used}, the links lead to {own}: filters like to see one domain")


def _owned(host: str) -> str:
    """Two parts of a host, three below the likes of co.uk: mostly what one owner has."""
    labels = host.lower().split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3 if deep else -2 :])


def subject(page: Page) -> Problems:
    """header-subject"""
    from wcwidth import wcswidth

    for _, value in _values(page, "Subject"):
        shown = decode_words(value)
        if not any(map(is_seen, shown)):
            yield Problem("the subject is empty, or nothing in it can be seen", level="error")
        elif turned := _OVERRIDES.search(page.subject):
            yield Problem(
                f"U+{ord(turned[0]):04X} in the subject turns letters around; write it without", level="error"
            )
        elif shown != _written(page.subject):
            yield Problem(f"the subject reads {shown[:60]!r} when it is decoded", level="error")
        elif (width := wcswidth(shown)) > SUBJECT_COLUMNS:
            yield Problem(f"the subject is {width} columns wide; inboxes show {SUBJECT_COLUMNS} at most")


def _written(text: str) -> str:
    """What a subject says: in one form, without the marks that turn direction, and without blanks at its ends."""
    clean = unicodedata.normalize("NFC", text)
    return "".join(one for one in clean if one not in DIRECTION_MARKS).strip()


def date(page: Page) -> Problems:
    """header-date"""
    for _, value in _values(page, "Date"):
        try:
            parsedate_to_datetime(value)
        except ValueError:
            yield Problem(f"{value[:60]!r} is no date")
            continue
        if not _ZONE.search(value):
            yield Problem("the zone is not a number such as +0200")


def message_id(page: Page) -> Problems:
    """header-message-id"""
    used = split_mailbox(_value(page, "From") or "")[1].rpartition("@")[2].lower()
    for _, value in _values(page, "Message-ID"):
        match = _MESSAGE_ID.match(value)
        if not match:
            yield Problem(f"{value[:80]!r} is no <left@right>")
        elif match[1].lower() != used:
            yield Problem(f"the Message-ID is of {match[1]}, the sender of {used}")


def one_click(page: Page) -> Problems:
    """header-unsubscribe"""
    if not page.headers:
        return
    value = _value(page, "List-Unsubscribe")
    if value is None:
        yield Problem("no List-Unsubscribe: Gmail and Yahoo want one in every newsletter")
        return
    address = urlsplit(page.unsubscribe)
    if not value.startswith(f"<{page.unsubscribe}>") or not _ADDRESS.match(value):
        yield Problem("List-Unsubscribe does not begin with the address that the mail's own link has")
    elif address.scheme != "https" and address.hostname not in _LOOPBACK:
        yield Problem("List-Unsubscribe needs an https address (RFC 8058); publication.url begins with http")
    if re.search(rb"(?im)^list-unsubscribe:.*\r\n[ \t]", page.headers):
        yield Problem("List-Unsubscribe is folded; some clients then find no address in it")
    if _value(page, "List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
        yield Problem("List-Unsubscribe-Post must be List-Unsubscribe=One-Click, and nothing else (RFC 8058)")


def lists(page: Page) -> Problems:
    """header-list"""
    name = _value(page, "List-Id")
    if page.headers and (name is None or len(name) > 255 or not _LIST_ID.match(name)):
        yield Problem("no List-Id of the form Name <list.domain> (RFC 2919)")
    for one, value in _values(page, *_LISTS):
        if not _ADDRESS.match(value):
            yield Problem(f"{one} is no <address> (RFC 2369)")
    for _, value in _values(page, "List-Post"):
        if value != "NO" and not _ADDRESS.match(value):
            yield Problem("List-Post is neither NO nor an <address> (RFC 2369)")


def mime(page: Page) -> Problems:
    """header-mime"""
    for _, value in _values(page, "MIME-Version"):
        if value != "1.0":
            yield Problem(f"MIME-Version is {value[:20]!r}; there is only 1.0")
    for _, value in _values(page, "Content-Type"):
        if not _BOUNDARY.match(value):
            yield Problem("Content-Type is no multipart/… with a boundary of at most 70 characters in quotes")


def forbidden(page: Page) -> Problems:
    """header-forbidden"""
    for name, _ in read_headers(page):
        if name.lower() in _FORBIDDEN:
            yield Problem("stands in no mail that a newsletter sends", name)


def automatic(page: Page) -> Problems:
    """header-automatic"""
    if page.headers and _value(page, "Auto-Submitted") in (None, "no"):
        yield Problem("no Auto-Submitted: vacation replies come back for each reader (RFC 3834)")
