"""Lines become messages: where a chat export or a mail says that somebody else writes, or that time has passed."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from newsletter.sources.digest.chunks import Chunk
from newsletter.sources.digest.lines import Line, has_words, lone_address
from newsletter.sources.digest.noise import split_expand, split_label
from newsletter.sources.digest.notes import Byline, Guess, Omission
from newsletter.sources.digest.page_rows import is_name_like
from newsletter.sources.digest.quoting import read_mail
from newsletter.sources.digest.stamps import Stamp, find_stamps, make_byline
from newsletter.sources.digest.vocabulary import Role, fold, vocabulary
from newsletter.text.characters import strip_marks

_MARK = "\u200e"  # an iPhone puts it before the words that are WhatsApp's own
_IN_ANGLES = re.compile(r"[<‹](?!https?://)[^<>]{2,80}[>›]")
_NOTE_AT_END = re.compile(r"(.*?)\s*[\u200e\u200f]?(<(?!https?://)[^<>]{4,60}>)")
_FILE = re.compile(
    r"\S{1,120}\.(?:jpe?g|png|webp|gif|heic|mp4|mov|3gp|opus|m4a|ogg|aac|mp3|pdf|docx?|vcf)(?: ?\([^()]{3,60}\))?"
)
_IN_BRACKETS = re.compile(r"\[[^\[\]\d][^\[\]]{0,80}\]")


@dataclass(slots=True)
class Message:
    """The lines of one message and its byline; None for text that nobody signed."""

    lines: list[Line] = field(default_factory=list)
    byline: Byline | None = None
    chat: bool = False

    @property
    def texts(self) -> list[str]:
        """The lines that hold anything."""
        return [line.text for line in self.lines if strip_marks(line.text)]


@dataclass(slots=True)
class Messages:
    """The messages of a paste in order, what is in none of them, and what was guessed."""

    messages: list[Message]
    left_out: list[Omission]
    doubts: list[Guess]


def find_messages(lines: list[Line], *, keep: bool = False) -> Messages:
    """Clean lines → messages. `keep`: quoting marks come off, and the rest is one message."""
    mail = read_mail(lines, keep=keep)
    found = Messages([Message()], mail.left_out, mail.doubts)
    stamps = {} if keep else find_stamps(mail.lines)
    if _are_names_alone(mail.lines, stamps):
        stamps = {at: replace(stamp, name=stamp.text, text="", named=True) for at, stamp in stamps.items()}
    named = Counter(stamp.form for stamp in stamps.values() if stamp.named)
    for position, line in enumerate(mail.lines):
        if position in mail.writers:
            found.messages.append(Message(byline=mail.writers[position]))
        if stamp := stamps.get(position):
            found.messages.append(Message([line._replace(text=stamp.text)], make_byline(line, stamp), chat=True))
            if not stamp.named and stamp.fixed and named[stamp.form]:
                _leave_out_all(found, found.messages[-1], "a notice of the program")
        else:
            found.messages[-1].lines.append(line)
    if last := mail.writers.get(len(mail.lines)):
        found.messages.append(Message(byline=last))
    if not keep:
        for message in found.messages:
            _clean(found, message)
        _join_lone_addresses(found)
    return found


def _are_names_alone(lines: list[Line], stamps: dict[int, Stamp]) -> bool:
    """Whether all stamps are followed by a name and the message on the next line (Teams), and none by a text."""
    return bool(stamps) and all(
        not stamp.named
        and is_name_like(Chunk(stamp.text, (0,)))
        and at + 1 < len(lines)
        and bool(lines[at + 1].text)
        and at + 1 not in stamps
        for at, stamp in stamps.items()
    )


def _leave_out(found: Messages, message: Message, position: int, reason: str) -> None:
    line = message.lines[position]
    found.left_out.append(Omission(line.text, (line.number,), reason=reason))
    message.lines[position] = line._replace(text="")


def _leave_out_all(found: Messages, message: Message, reason: str) -> None:
    for position, line in enumerate(message.lines):
        if strip_marks(line.text):
            _leave_out(found, message, position, reason)


def _clean(found: Messages, message: Message) -> None:
    """Takes what the program wrote out of a message: placeholders, notes of editing and forwarding."""
    for position, line in enumerate(message.lines):
        if not line.text or not (line.text[-1] in ")>" or "…" in line.text or "..." in line.text):
            continue
        text, note = _split_note(line.text, chat=message.chat)
        if note:
            found.left_out.append(Omission(note, (line.number,), reason="a note of the program"))
            message.lines[position] = line._replace(text=text)
    if not message.chat:
        return
    filled = [position for position, line in enumerate(message.lines) if strip_marks(line.text)]
    for position in filled:
        if not _is_note(message.lines[position].text, alone=len(filled) == 1):
            break
        _leave_out(found, message, position, "a note of the program")
    if not any(has_words(text) for text in message.texts):
        _leave_out_all(found, message, "pictures only")


def _split_note(text: str, *, chat: bool) -> tuple[str, str]:
    if text.endswith(")"):
        return split_label(text)
    if chat and text.endswith(">") and (match := _NOTE_AT_END.fullmatch(text)) and match[1]:
        return match[1], match[2]
    return split_expand(text) if "…" in text or "..." in text else (text, "")


def _is_note(text: str, *, alone: bool) -> bool:
    """Whether a first line of a message is the program's: all of `image omitted`, `[ Photo ]`, `Forwarded from Ana`."""
    bare = strip_marks(text)
    roles = vocabulary().roles(vocabulary().count_phrase(fold(bare.strip("[]<> "))))
    if roles & {Role.MEDIA, Role.NOTICE, Role.REPOST}:
        return alone or bool(roles & {Role.REPOST}) or bare.startswith(("[", "<"))
    fixed = _IN_ANGLES.fullmatch(bare) or _FILE.fullmatch(bare)
    return bool(_IN_BRACKETS.fullmatch(bare) or (alone and (text.startswith(_MARK) or fixed)))


def _join_lone_addresses(found: Messages) -> None:
    """A message that is only an address belongs to the one before or after it of the same sender, whichever is nearer."""
    messages = [message for message in found.messages if message.texts or not message.chat]
    for position, message in enumerate(messages):
        if not message.chat or not message.texts or not all(map(lone_address, message.texts)):
            continue
        near = [messages[at] for at in (position - 1, position + 1) if 0 <= at < len(messages)]
        near = [other for other in near if _wants_address(other, message)]
        other = min(near, key=lambda one: _seconds_between(one, message), default=None)
        if other:
            number = message.lines[0].number
            found.doubts.append(Guess(number, "a message of an address alone; taken as that of the message beside it"))
            other.lines += [Line(number, ""), *message.lines]
            message.lines = []


def _seconds_between(one: Message, other: Message) -> int:
    """How far apart the clock times of two messages are; 0 where one is not known."""
    clocks = [
        byline.when.clock for byline in (one.byline, other.byline) if byline and byline.when and byline.when.clock
    ]
    seconds = [3600 * clock.hour + 60 * clock.minute + clock.second for clock in clocks]
    return abs(seconds[0] - seconds[1]) if len(seconds) == 2 else 0


def _wants_address(message: Message, other: Message) -> bool:
    same = message.byline and other.byline and message.byline.author == other.byline.author
    return bool(same and message.texts and not any("http" in text or lone_address(text) for text in message.texts))
