"""Mail in a paste: quoting marks come off, and the lines that say who wrote what follows become bylines (RFC 3676 §4.5).

Marks and attributions are read by their form, in any language; the words of languages only help to find a name.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from newsletter.sources.digest.chunks import ENDS_SENTENCE
from newsletter.sources.digest.lines import Line, has_words, is_rule
from newsletter.sources.digest.notes import Byline, Guess, Omission, PieceUse
from newsletter.sources.digest.vocabulary import PhraseTables, fold, vocabulary
from newsletter.sources.digest.when import find_when
from newsletter.text.characters import DIRECTION_MARKS, is_small, strip_marks

_MARKS = re.compile(rf"[{DIRECTION_MARKS}\s]*((?:[>＞]\s?)+)(.*)", re.DOTALL)
_BARS = re.compile(rf"[{DIRECTION_MARKS}\s]*((?:[>＞|]\s?)+)(.*)", re.DOTALL)
_DEEPEST = 50
_ADDRESS = re.compile(r"[<(\[]?(?:mailto:)?[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}[>)\]]?")
_LONGEST_ATTRIBUTION = 250
# A word that was wrapped over the edge of a quoted line; whole paragraphs without a mark are somebody's own.
_LONGEST_HANGING = 40
_HEADER = re.compile(r"\*?([^\s:：*][^:：*]{0,28}?)\s?\*?[:：]\*?(?:\s+(.*)|)")
_HEADER_RULE = re.compile(r"[-_=>\s]*([^-_=>\s](?:.*[^-_=>\s:])?)[-_=\s:]*")
# The signature's line is "-- " (RFC 3676 §4.3); its blank is gone by now. Four lines are usual.
_SIGNATURE = "--"
_LONGEST_SIGNATURE = 8
_MARKS_AND_BLANKS = DIRECTION_MARKS + " "
_DIGIT = re.compile(r"\d")
_HINT = re.compile(r"[\d@]")  # without an address or a time no line is an attribution, but above marked lines
_CLOCK = re.compile(r"(?<!\d)\d{1,2}[:.]\d{2}(?!\d)")
_PUNCTUATION = " ,;:：،-–—|/\"“”'<>()[]«»*_" + DIRECTION_MARKS


@dataclass(slots=True)
class QuotedMail:
    """Lines without quoting marks, and who wrote them.

    `bylines` are by the index of the line on which each ends. `writers`: at which index somebody else begins to write,
    or writes again after a quotation has ended; None where nobody says who.
    """

    lines: list[Line]
    bylines: dict[int, Byline] = field(default_factory=dict)
    writers: dict[int, Byline | None] = field(default_factory=dict)
    left_out: list[Omission] = field(default_factory=list)
    doubts: list[Guess] = field(default_factory=list)


def read_mail(lines: list[Line], *, keep: bool = False) -> QuotedMail:
    """Takes marks, attributions, header blocks and signatures out of the lines of a mail; others stay as they are.

    `keep`: only the marks are taken off.
    """
    mail = QuotedMail([])
    depths = _take_off_marks(lines, mail)
    if keep:
        return mail
    _find_headers(mail)
    _find_attributions(mail, depths)
    if mail.bylines or any(depths):
        _take_signatures(mail, depths)
    if mail.bylines:
        mail.writers = _find_writers(mail, depths)
    return mail


def _find_writers(mail: QuotedMail, depths: list[int]) -> dict[int, Byline | None]:
    """An attribution speaks for the lines below it at their depth; what is quoted less deep is its own writer's again."""
    writers: dict[int, Byline | None] = {}
    by_depth: dict[int, Byline | None] = {}
    current: Byline | None = None
    pending: Byline | None = None
    for position, (line, depth) in enumerate(zip(mail.lines, depths, strict=True)):
        if byline := mail.bylines.get(position):
            if pending:  # somebody who writes nothing but the attribution of somebody else
                by_depth[depth] = writers[position] = current = pending
            pending = byline
        if not line.text:
            continue
        by_depth = {level: writer for level, writer in by_depth.items() if level <= depth}
        if pending:
            by_depth[depth] = writers[position] = current = pending
            pending = None
        elif by_depth.setdefault(depth, None) is not current:
            current = by_depth[depth]
            writers[position] = replace(current, pieces=[]) if current else None
    if pending:
        writers[len(mail.lines)] = pending
    return writers


# --- marks --------------------------------------------------------------------------------------------------------


def _take_off_marks(lines: list[Line], mail: QuotedMail) -> list[int]:
    """Fills the mail with the lines without their marks; gives the depth of each. A blank line stands at each change."""
    if not any(sign in line.text[:60] for line in lines for sign in ">＞|"):
        mail.lines = list(lines)
        return [0] * len(lines)
    piped = [line.text for line in lines if line.text.startswith("|")]
    # Some programs quote with a bar; so is the border of a table, but at both ends.
    marks = _BARS if len(piped) > 2 and not any(text.endswith("|") and len(text) > 1 for text in piped) else _MARKS
    matches = [marks.match(line.text) for line in lines]
    depths = [min(_DEEPEST, sum(map(match[1].count, ">＞|"))) if match else 0 for match in matches]
    for position, match in enumerate(matches):
        alone = not any(depths[max(0, position - 1) : position] + depths[position + 1 : position + 2])
        # `> 50 % of the voters` is no quotation, if nothing around it is one.
        if match and alone and match[2] and not (match[2][:1].isalpha() or match[2][:1] in "“„«\"'‘<—–-•*"):
            depths[position] = 0
    levels: list[int] = []
    glued = False
    for position, (line, match) in enumerate(zip(lines, matches, strict=True)):
        text = match[2] if match and depths[position] else line.text
        depth = depths[position]
        hangs = 0 < position < len(lines) - 1 and _hangs(
            text, depths[position - 1 : position + 2], matches[position - 1]
        )
        if hangs:
            depth = depths[position - 1]
        elif levels and levels[-1] != depth:
            mail.lines.append(Line(line.number, ""))
            levels.append(depth)
        if match and depths[position] and not strip_marks(text):
            mail.left_out.append(Omission(line.text, (line.number,), PieceUse.MARKS))
        # What follows a word that was wrapped over goes on with the same sentence.
        mail.lines.append(Line(line.number, text, hangs or (glued and bool(text) and levels[-1] == depth)))
        levels.append(depth)
        glued = hangs
    marked = [line.number for line, depth in zip(lines, depths, strict=True) if depth]
    if marked:
        mail.doubts.append(Guess(marked[0], f"quoting marks taken off, from this line on ({len(marked)} lines)"))
    return levels


def _hangs(text: str, depths: list[int], above: re.Match[str] | None) -> bool:
    """Whether a line without a mark, between two with as many marks, is the end of the one above that was wrapped over."""
    if depths[1] or not text or not depths[0] or depths[0] != depths[2] or above is None:
        return False
    full = len(above[2]) >= 55 and not above[2].endswith(ENDS_SENTENCE)
    return full and len(text) <= _LONGEST_HANGING and not text.startswith(("http", "<http"))


# --- attributions ---------------------------------------------------------------------------------------------------


def _find_attributions(mail: QuotedMail, depths: list[int]) -> None:
    position = 0
    lines = mail.lines
    while position < len(lines):
        text = lines[position].text.rstrip(_MARKS_AND_BLANKS)
        if text.endswith((":", "：", ".", "։")) and len(text) <= _LONGEST_ATTRIBUTION and position not in mail.bylines:
            start = _start_of_attribution(lines, depths, position)
            if start is not None:
                _take_attribution(mail, start, position)
        position += 1


def _start_of_attribution(lines: list[Line], depths: list[int], end: int) -> int | None:
    """The first line of the attribution that ends at `end`; None if there is none. It may be broken over three lines."""
    quoted = next(
        (depths[other] > depths[end] for other in range(end + 1, min(end + 4, len(lines))) if lines[other].text), False
    )
    if not quoted and not any(_HINT.search(line.text) for line in lines[max(0, end - 2) : end + 1]):
        return None
    found = None
    for start in range(end, max(-1, end - 3), -1):
        text = strip_marks(" ".join(line.text for line in lines[start : end + 1]))
        if not lines[start].text or depths[start] != depths[end] or len(text) > _LONGEST_ATTRIBUTION:
            break
        if _is_attribution(text, quoted=quoted):
            found = start
            if (when := find_when(text)) and when.has_date:
                break  # with its day it is whole
    return found


@lru_cache(maxsize=1024)
def _is_attribution(text: str, *, quoted: bool) -> bool:
    """A line that ends in a colon and holds an address and a time, or a time (or "Ana wrote") right above marked lines."""
    timed = bool(_CLOCK.search(fold(text)))
    if text.endswith((".", "։")):  # Armenian ends a sentence with a sign like a colon, or with a dot
        return timed and _holds_wrote(text) and _ADDRESS.search(text) is not None and "<" in text
    if _ADDRESS.search(text):
        return timed or (quoted and _holds_wrote(text))
    if timed and (quoted or _holds_wrote(text)):
        when = find_when(text)
        return when is not None and when.has_date
    return quoted and _is_name_and_wrote(text)


def _holds_wrote(text: str) -> bool:
    """Whether the words for "wrote" of some language stand in the text."""
    folded = f" {vocabulary().count_phrase(fold(text))} "
    return any(f" {word} " in folded or folded.endswith(f"{word} ") for word in vocabulary().mail["wrote"])


def _is_name_and_wrote(text: str) -> bool:
    """`Ana Example wrote:` and nothing else; `The ambassador wrote:` is a sentence of somebody's."""
    name = find_name(text)
    rest = vocabulary().count_phrase(fold(text.replace(name, " ", 1)))
    return bool(name) and rest in vocabulary().mail["wrote"] and not any(is_small(word[0]) for word in name.split())


def _take_attribution(mail: QuotedMail, start: int, end: int) -> None:
    lines = mail.lines[start : end + 1]
    text = " ".join(line.text for line in lines)
    numbers = tuple(line.number for line in lines)
    name = find_name(text)
    before, _, after = text.partition(name) if name else (text, "", "")
    pieces = [Omission(f"{before} {after}".strip(), numbers, PieceUse.DATE)]
    if name:
        pieces.append(Omission(name, numbers, PieceUse.AUTHOR))
    mail.bylines[end] = Byline(numbers[0], name, find_when(text), pieces, exact=True)
    mail.doubts.append(Guess(numbers[0], f"taken as who wrote what follows, and when: {text!r}"))
    for position in range(start, end + 1):
        mail.lines[position] = Line(mail.lines[position].number, "")


@lru_cache(maxsize=1024)
def find_name(text: str) -> str:
    """The name in an attribution: what stands beside the address, or is left when time and known words are taken out."""
    tables = vocabulary()
    address = _ADDRESS.search(text)
    around = (text[: address.start()], text[address.end() :]) if address else (text, "")
    for side in around:
        clocks = list(_CLOCK.finditer(fold_digits(side)))
        if clocks and (name := _trim_name(side[clocks[-1].end() :], tables, dates=False)):
            return name
        if name := _trim_name(side[: clocks[0].start()] if clocks else side, tables, dates=bool(clocks)):
            return name
    return ""


def fold_digits(text: str) -> str:
    """The text with an ASCII digit for each digit of any script; its length does not change."""
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _trim_name(piece: str, tables: PhraseTables, *, dates: bool) -> str:
    """The words of a piece without those of attributions at its ends: `Uhr schrieb Ana Example` → `Ana Example`.

    `dates`: weekdays and months go as well; behind a clock time `Jan` is a name.
    """
    words = re.split(r"[,،;]", piece.strip(_PUNCTUATION))[-1].split()
    folded = [tables.count_phrase(fold(word)).strip(_PUNCTUATION) for word in words]
    start, end = 0, len(words)
    while start < end and (length := _filler(folded[start:end], tables, dates=dates)):
        start += length
    while start < end and (length := _filler(folded[start:end], tables, dates=dates, at_end=True)):
        end -= length
    name = " ".join(words[start:end]).strip(_PUNCTUATION)
    return name if has_words(name) and not _DIGIT.search(name) and len(name) <= 60 else ""


def _filler(words: list[str], tables: PhraseTables, *, dates: bool, at_end: bool = False) -> int:
    """How many words at one end are known and no name: 0 if the first (or last) is one."""
    for length in range(min(6, len(words)), 0, -1):
        piece = " ".join(words[-length:] if at_end else words[:length])
        if piece in tables.mail["wrote"] or not piece:
            return length
    word = words[-1] if at_end else words[0]
    keys = {key for key, _ in tables.words.get(word, ())}
    if "#" in word or any(map(str.isdigit, word)) or keys & {"particles", "am", "pm"}:
        return 1
    return int(dates and bool(keys))


# --- header blocks ----------------------------------------------------------------------------------------------------


def _find_headers(mail: QuotedMail) -> None:
    """Blocks of `From:`, `Sent:`, `To:`, `Subject:` lines. `From: Baku`, `To: Tbilisi` alone are somebody's words."""
    labels = {word: key for key in ("mail_from", "mail_date", "mail_other") for word in vocabulary().mail[key]}
    position = 0
    while position < len(mail.lines):
        end = position
        block: list[tuple[str, str]] = []
        while end < len(mail.lines) and (entry := _header_line(mail.lines[end].text, labels)):
            block.append(entry)
            end += 1
        keys = {key for key, _ in block}
        sure = "mail_date" in keys or any("@" in value for _, value in block)
        if sure and "mail_from" in keys and len(block) >= 2:
            _take_headers(mail, position, end, block)
        position = max(end, position + 1)


def _header_line(text: str, labels: dict[str, str]) -> tuple[str, str] | None:
    head = text[:40]
    if not (":" in head or "：" in head) or len(text) > 1000:
        return None
    match = _HEADER.fullmatch(strip_marks(text))
    key = labels.get(vocabulary().count_phrase(fold(match[1]))) if match else None
    return (key, (match[2] or "").strip()) if match and key else None


def _take_headers(mail: QuotedMail, start: int, end: int, block: list[tuple[str, str]]) -> None:
    numbers = tuple(line.number for line in mail.lines[start:end])
    written = next(value for key, value in block if key == "mail_from")
    name = _ADDRESS.sub("", strip_marks(written)).strip(_PUNCTUATION)
    name = name if has_words(name) and "@" not in name else ""
    when = next((when for key, value in block if key == "mail_date" and (when := find_when(value))), None)
    pieces = []
    for line in mail.lines[start:end]:
        text = line.text.replace(name, " ", 1) if name and name in line.text else line.text
        if name and name in line.text:
            pieces.append(Omission(name, (line.number,), PieceUse.AUTHOR))
            name = ""
        pieces.append(Omission(text, (line.number,), PieceUse.NOISE, "a header of a mail"))
    author = next((piece.text for piece in pieces if piece.use is PieceUse.AUTHOR), "")
    mail.bylines[end - 1] = Byline(numbers[0], author, when, pieces, exact=True)
    first = _rule_above(mail, start)
    for position in range(first, start):
        if mail.lines[position].text:
            mail.left_out.append(
                Omission(mail.lines[position].text, (mail.lines[position].number,), reason="a mail begins")
            )
    for position in range(first, end):
        mail.lines[position] = Line(mail.lines[position].number, "")


def _rule_above(mail: QuotedMail, start: int) -> int:
    """Where `---- Original Message ----`, or a drawn line, above a header block begins; `start` if there is none."""
    for position in range(start - 1, max(-1, start - 3), -1):
        text = mail.lines[position].text
        match = _HEADER_RULE.fullmatch(text) if text and len(text) < 120 else None
        words = vocabulary().count_phrase(fold(match[1])) if match else ""
        if text and (is_rule(text) or words in vocabulary().mail["mail_rules"]):
            return position
        if text:
            break
    return start


def _take_signatures(mail: QuotedMail, depths: list[int]) -> None:
    """What follows a line `--` is a signature, up to the next depth or writer, if it has at most eight lines."""
    for position, line in enumerate(mail.lines):
        if line.text != _SIGNATURE:
            continue
        end = position + 1
        while end < len(mail.lines) and depths[end] == depths[position] and end not in mail.bylines:
            end += 1
        block = [other for other in mail.lines[position:end] if other.text]
        if len(block) <= _LONGEST_SIGNATURE + 1:
            mail.left_out += [Omission(other.text, (other.number,), reason="a signature") for other in block]
            for place in range(position, end):
                mail.lines[place] = Line(mail.lines[place].number, "")
