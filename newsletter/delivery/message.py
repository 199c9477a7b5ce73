"""The bytes of a mail: headers and MIME, written strictly. The standard library's writer is unsafe here (message §8).

What cannot stand in a header is refused, never repaired; everything on the wire is ASCII with CRLF.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from newsletter import links
from newsletter.errors import InputError, Mistake
from newsletter.text.characters import DIRECTION_MARKS
from newsletter.text.encoded_words import decode_words
from newsletter.text.mailbox import split_mailbox

SUBJECT_LIMIT = 200
LINE_LIMIT = 998  # RFC 5322 2.1.1, without CRLF
_FOLD_AT = 76
_QP_LINE = 76  # RFC 2045 6.7
_LONG_LINE = re.compile(rf"^[^\r\n]{{{_QP_LINE + 1},}}", re.MULTILINE)
_FROM_LINE = re.compile(r"^From ([^\r\n]*)", re.MULTILINE)
_ENCODED_WORD_LIMIT = 75  # RFC 2047 2
SLOT = re.compile(f"({re.escape(links.SLOT_PREFIX)}[A-Z]+__)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+\Z")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_PLAIN_ASCII = re.compile(r"[\x20-\x7e]*\Z")


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it goes on the wire: `value` is ASCII and folded already."""

    name: str
    value: str


class HeaderError(InputError):
    """A value that must not stand in a header."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(Mistake(code="NL070", message=f"{name}: {why}"))


def check_value(name: str, value: str) -> str:
    """The value, if it is fit for a header (M2).

    Attack: a feed title `=?utf-8?q?a=0aBcc:_evil@x?=` becomes a real Bcc line once something decodes it (X1), so
    control characters are looked for after decoding too.
    """
    for text in (value, decode_words(value)):
        for character in text:
            code = ord(character)
            if code < 0x20 or 0x7F <= code <= 0x9F or code in (0x2028, 0x2029) or 0xD800 <= code <= 0xDFFF:
                raise HeaderError(name, f"holds a character that must not stand in a header (U+{code:04X})")
    return value


def text_header(name: str, value: str) -> Header:
    """Free text (Subject): NFC, direction marks out, encoded-words where it is not ASCII, folded at spaces."""
    clean = unicodedata.normalize("NFC", value)
    clean = "".join(character for character in clean if character not in DIRECTION_MARKS)
    check_value(name, clean)
    if len(clean) > SUBJECT_LIMIT:
        raise HeaderError(name, f"is longer than {SUBJECT_LIMIT} characters")
    if _PLAIN_ASCII.match(clean) and "=?" not in clean:
        return Header(name, _fold(name, clean))
    return Header(name, "\r\n ".join(_encoded_words(clean, first_used=len(name) + 2)))


def token_header(name: str, value: str) -> Header:
    """Addresses and ids: ASCII, on one line. A folded or encoded List-Unsubscribe is silently dead (X3)."""
    check_value(name, value)
    if not _PLAIN_ASCII.match(value):
        raise HeaderError(name, "must be ASCII")
    if len(name) + 2 + len(value) > LINE_LIMIT:
        raise HeaderError(name, f"is longer than {LINE_LIMIT} characters")
    return Header(name, value)


def mailbox_header(name: str, phrase: str, address: str) -> Header:
    """`Phrase <address>`. The phrase must not hold an @: clients show it as if it were the sender (security T17)."""
    clean = "".join(c for c in unicodedata.normalize("NFC", phrase) if c not in DIRECTION_MARKS)
    clean = check_value(name, clean).strip(" ")
    if "@" in clean:
        raise HeaderError(name, "the name must not hold an @")
    token_header(name, address)
    return Header(name, f"{_phrase(clean, len(name) + 2)}<{address}>" if clean else address)


def _phrase(clean: str, first_used: int) -> str:
    if _ATOMS.match(clean) and "=?" not in clean:
        return f"{clean} "
    if _PLAIN_ASCII.match(clean) and "=?" not in clean:
        quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" '
    return "\r\n ".join(_encoded_words(clean, first_used)) + "\r\n "


def _fold(name: str, value: str) -> str:
    """Break before spaces so that no line is longer than it need be; the text between the breaks is not changed."""
    lines, line = [], ""
    used = len(name) + 2
    for piece in re.findall(r" *[^ ]+| +$", value):
        if line and used + len(line) + len(piece) > _FOLD_AT and piece.strip():
            lines.append(line)
            line, used = piece, 0
        else:
            line += piece
    return "\r\n".join([*lines, line])


def _encoded_words(text: str, first_used: int) -> list[str]:
    """Text → RFC 2047 words, each of whole characters and at most 75 long; the shorter of Q and B."""
    data = text.encode()
    q_length = sum(1 if byte in _Q_SAFE or byte == 0x20 else 3 for byte in data)
    use_q = q_length <= (len(data) + 2) // 3 * 4
    words, chunk = [], b""
    room = max(_ENCODED_WORD_LIMIT - first_used, 30)
    for cluster in _clusters(text):
        piece = cluster.encode()
        if chunk and len(_encode_word(chunk + piece, use_q)) > room:
            words.append(_encode_word(chunk, use_q))
            chunk, room = b"", _ENCODED_WORD_LIMIT
        chunk += piece
    return [*words, _encode_word(chunk, use_q)]


def _clusters(text: str) -> Iterable[str]:
    """Characters with their combining marks, so that no reader sees half of one."""
    cluster = ""
    for character in text:
        if cluster and not unicodedata.combining(character):
            yield cluster
            cluster = ""
        cluster += character
        if len(cluster) > 10:  # a tower of marks is cut like anything else
            yield cluster
            cluster = ""
    if cluster:
        yield cluster


def _encode_word(data: bytes, use_q: bool) -> str:
    if use_q:
        body = "".join("_" if b == 0x20 else chr(b) if b in _Q_SAFE else f"={b:02X}" for b in data)
        return f"=?utf-8?q?{body}?="
    return f"=?utf-8?b?{base64.b64encode(data).decode()}?="


# --- the message --------------------------------------------------------------------------------------------------


def write_message(headers: Iterable[Header], text: str, html: str) -> bytes:
    """Headers and two bodies → a multipart/alternative message with CRLF. Raises InputError for a header given twice."""
    boundary = make_boundary(text, html)
    lines: list[str] = []
    seen: set[str] = set()
    for header in (
        *headers,
        Header("MIME-Version", "1.0"),
        Header("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ):
        if not _NAME.match(header.name) or header.name.lower() in seen:
            raise HeaderError(header.name, "is no header name, or stands twice")
        seen.add(header.name.lower())
        lines.append(f"{header.name}: {header.value}")
    parts = [_write_part("text/plain", text), _write_part("text/html", html)]
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return ("\r\n".join(lines) + f"\r\n\r\n{body}--{boundary}--\r\n").encode("ascii")


def make_boundary(text: str, html: str) -> str:
    """The same for the same issue. `=_` cannot occur in quoted-printable, so no body can hold it."""
    return "=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:32]


def _write_part(kind: str, body: str) -> str:
    return f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{quoted_printable(body)}"


def quoted_printable(body: str) -> str:
    """Text → quoted-printable lines of at most 76 with CRLF (RFC 2045 6.7).

    No line begins with `From `: on the way that may become `>From `, and DKIM then does not verify (RFC 2049 3, RFC 4155).
    A slot for a reader's data stands on a line of its own between soft breaks, whole: what fills it makes no line too
    long (speed S2).
    """
    wire = body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    out = ""
    for number, piece in enumerate(SLOT.split(wire)):
        if number % 2:
            out += piece if not out or out.endswith("\r\n") else f"=\r\n{piece}"
        elif piece:
            encoded = binascii.b2a_qp(piece.encode(), istext=True).decode("ascii")
            # Of a piece that is all line ends b2a_qp cannot tell which kind they are.
            encoded = re.sub(r"(?<!\r)\n", "\r\n", encoded)
            out += encoded if not number or encoded.startswith("\r\n") else f"=\r\n{encoded}"
    # The soft break before a slot, and a blank at the end of a line that b2a_qp encodes, may come on top of 76.
    return _FROM_LINE.sub(_encode_from, _LONG_LINE.sub(_break_softly, out))


def _break_softly(line: re.Match[str]) -> str:
    """A line that got too long by what was put to its end, as two: its last characters go on behind a soft break."""
    at = _QP_LINE - 3
    while "=" in line[0][at - 2 : at]:  # not inside of an octet that is written as =46
        at -= 1
    return f"{line[0][:at]}=\r\n{line[0][at:]}"


def _encode_from(line: re.Match[str]) -> str:
    """`From ` with its first letter as an octet; where the line gets too long for it, it goes on behind a soft break.

    What goes on there may begin in the same way.
    """
    if len(line[0]) + 2 <= _QP_LINE:
        return f"=46rom {line[1]}"
    return f"=46rom =\r\n{_FROM_LINE.sub(_encode_from, line[1])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the headers of one issue are made from. `domain` is the sender's, in ASCII."""

    issue: str
    edition: str
    edition_title: str
    subject: str
    language: str
    sender: str
    base: str
    moment: datetime
    feedback_id: str = ""

    @property
    def domain(self) -> str:
        """The sender's domain on the wire."""
        return _ascii_domain(split_mailbox(self.sender)[1].rpartition("@")[2])


def issue_headers(envelope: Envelope, *, to: str, token: str, message_id: str) -> tuple[Header, ...]:
    """Every header of an issue's mail (message §2), but for those of MIME. `to` is one address."""
    phrase, address = split_mailbox(envelope.sender)
    domain = envelope.domain
    sender = f"{address.rpartition('@')[0]}@{domain}"
    unsubscribe = links.unsubscribe_url(envelope.base, token)
    # Gmail's postmaster pages count by these; nothing in it tells who the reader is (message P6).
    feedback = f"{envelope.issue}:{envelope.edition}:issue:{envelope.feedback_id}"
    return (
        mailbox_header("From", phrase, sender),
        token_header("To", to),
        text_header("Subject", envelope.subject),
        token_header("Date", format_datetime(envelope.moment)),
        token_header("Message-ID", f"<{envelope.issue}.{message_id}@{domain}>"),
        mailbox_header("List-Id", envelope.edition_title, f"{envelope.edition}.{domain}"),
        # No mailto beside it: mail programs that find one write there, and nobody reads it.
        token_header("List-Unsubscribe", f"<{unsubscribe}>"),
        token_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        token_header("List-Help", f"<{links.follow_url(envelope.base)}>"),
        token_header("List-Owner", f"<mailto:{sender}>"),
        token_header("List-Subscribe", f"<{links.subscribe_url(envelope.base)}>"),
        token_header("List-Archive", f"<{envelope.base}/>"),
        token_header("List-Post", "NO"),
        token_header("Archived-At", f"<{links.issue_url(envelope.base, envelope.issue)}>"),
        token_header("Content-Language", envelope.language),
        token_header("Auto-Submitted", "auto-generated"),
        token_header("Precedence", "bulk"),
        *([token_header("Feedback-ID", feedback)] if envelope.feedback_id else []),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterEnvelope:
    """What the headers of a single mail are made from: one that is no issue and goes to one person."""

    subject: str
    language: str
    sender: str
    moment: datetime


def letter_headers(envelope: LetterEnvelope, *, to: str, message_id: str) -> tuple[Header, ...]:
    """The headers of a single mail, but for those of MIME. It is on no list, so no List- header says so."""
    phrase, address = split_mailbox(envelope.sender)
    local, _, domain = address.rpartition("@")
    domain = _ascii_domain(domain)
    return (
        mailbox_header("From", phrase, f"{local}@{domain}"),
        token_header("To", to),
        text_header("Subject", envelope.subject),
        token_header("Date", format_datetime(envelope.moment)),
        token_header("Message-ID", f"<{message_id}@{domain}>"),
        token_header("Content-Language", envelope.language),
        token_header("Auto-Submitted", "auto-generated"),
    )


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    import idna

    return idna.encode(domain, uts46=True).decode("ascii")
