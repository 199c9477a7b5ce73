"""Lines of a web page made ready: those that hold a name and more are split, unknown buttons are found by repetition."""

import re
from collections import Counter
from functools import lru_cache

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.lines import CACHED_LINES, has_words
from newsletter.sources.digest.noise import LineShape, Sign, read_sign
from newsletter.sources.digest.vocabulary import Role, fold, vocabulary
from newsletter.text.characters import DIRECTION_MARKS, strip_marks

LONGEST_LINE = 120
_MARK = f"[{DIRECTION_MARKS}]?"
_NAME_AND_HANDLE = re.compile(rf"(\S.{{0,58}}?)\s+{_MARK}(@[\w.]{{1,40}}(?:@[\w.-]{{3,60}})?){_MARK}\s*[·•]\s*(\S.*)")
_DOTS = re.compile(r"\s*[·•]\s*")
# What a button's words look like in a language that is not known.
_LONGEST_BUTTON = 30
_STOPS = tuple(".:;!?…。：！？؟।۔։,")


def split_lines_of_names(chunks: list[Chunk]) -> list[Chunk]:
    """`Ana Example @ana · 5h`, `Ana Example · Follow` → a chunk each; `Forwarded from` and the line below it → one."""
    result: list[Chunk] = []
    for chunk in chunks:
        if result and _is_bare_start(result[-1]) and chunk.kind is Kind.TEXT and len(chunk.text) <= 80:
            before = result.pop()
            result.append(before._replace(text=f"{before.text} {chunk.text}", lines=before.lines + chunk.lines))
        else:
            result += [chunk._replace(text=piece) for piece in _split(chunk)] if _may_split(chunk) else [chunk]
    return result


def _is_bare_start(chunk: Chunk) -> bool:
    """Whether a chunk says `Forwarded from` without a name."""
    if chunk.kind is not Kind.TEXT or len(chunk.text) > 40:
        return False
    return _is_start(chunk.text)


@lru_cache(maxsize=CACHED_LINES)
def _is_start(text: str) -> bool:
    phrase = vocabulary().count_phrase(fold(text))
    return any(
        start.strip() == phrase for start, role in vocabulary().starts.get(phrase[:3], ()) if role is Role.REPOST
    )


def _may_split(chunk: Chunk) -> bool:
    return chunk.kind is Kind.TEXT and len(chunk.text) <= LONGEST_LINE and ("·" in chunk.text or "•" in chunk.text[1:])


def _split(chunk: Chunk) -> list[str]:
    text = chunk.text
    if match := _NAME_AND_HANDLE.fullmatch(text):
        return [match[1], match[2], match[3]] if read_sign(match[3]) else [text]
    name, *rest = _DOTS.split(strip_marks(text).rstrip(" ·•"))
    signs = [read_sign(part) for part in rest]
    if not rest or not has_words(name) or read_sign(name) or not all(signs):
        return [text]
    known = any(
        sign and (sign.kinds & {Role.LABEL, Role.AUDIENCE, Role.ACTION} or (sign.when and sign.when.relative))
        for sign in signs
    )
    return [name, " · ".join(rest)] if known else [text]


def learn_buttons(chunks: list[Chunk], signs: list[Sign | None]) -> None:
    """Puts a sign on short lines that stand again and again behind a number: buttons of a language that is not known.

    Two of them at least must stand in a row, behind a line that is or begins with a number, and twice in the text; and
    something else of the text must be noise beyond doubt, or it may be a table of figures.
    """
    if not any(sign and sign.strong for sign in signs):
        return
    runs = []
    for at, chunk in enumerate(chunks):
        if chunk.kind is Kind.TEXT and _is_counter(chunk, signs[at]):
            end = at + 1
            while end < len(chunks) and end <= at + 6 and _may_be_button(chunks[end], signs[end]):
                end += 1
            if end - at > 2:
                runs.append((at, end))
    counts = Counter(chunks[at].text for start, end in runs for at in range(start + 1, end))
    for start, end in runs:
        learned = [at for at in range(start + 1, end) if counts[chunks[at].text] > 1]
        if len(learned) > 1:
            for at in learned:
                signs[at] = Sign(frozenset((Role.SOCIAL,)), strong=True, weight=1)
            if signs[start] is None:
                signs[start] = Sign(frozenset((Role.COUNTER,)), strong=True, weight=1)


def _is_counter(chunk: Chunk, sign: Sign | None) -> bool:
    if sign is not None:
        return bool(sign.kinds & {LineShape.NUMBER, Role.COUNTER})
    if not chunk.text[:1].isdecimal():
        return False
    counted = vocabulary().count_phrase(fold(chunk.text)) if len(chunk.text) <= _LONGEST_BUTTON else ""
    return counted.startswith("#") and len(counted.split()) <= 3


def _may_be_button(chunk: Chunk, sign: Sign | None) -> bool:
    text = chunk.text
    return (
        chunk.kind is Kind.TEXT
        and sign is None
        and len(text) <= _LONGEST_BUTTON
        and len(text.split()) <= 3
        and not text.endswith(_STOPS)
        and not any(map(str.isdigit, text))
    )
