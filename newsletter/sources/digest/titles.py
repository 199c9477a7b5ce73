"""What may be a title: short, with a letter or digit, no bullet, no day, no greeting (R3)."""

import re
from functools import lru_cache

from newsletter.sources.digest.chunks import BULLET, Chunk, Kind
from newsletter.sources.digest.lines import CACHED_LINES, has_words
from newsletter.sources.digest.vocabulary import fold, vocabulary
from newsletter.sources.digest.when import When, read_when
from newsletter.text.characters import strip_marks

TITLE_LIMIT = 120
# A title may end with a stop; where nothing else speaks for a title, only one without counts.
_STOPS = tuple(".:;,!?…。：！？،؛।۔։")
_TAG_LINE = re.compile(r"#[^\W_]\w*(?:\s+[#@][^\W_]\w*)*")
# `📅 5 July 2025`, `*5 July 2025*`, `— 5 July 2025 —`
_SIGNS_AROUND = re.compile(r"^[^\w(\[]+|[^\w.)\]]+$")
_DIGIT = re.compile(r"\d")
LONGEST_GREETING = 40


def looks_like_title(chunk: Chunk) -> bool:
    """Short, no bullet, no stop at the end: hardly anything but a title, or the day above one."""
    return may_be_title(chunk) and (not chunk.text.endswith(_STOPS) or day_of(chunk) is not None)


def may_be_title(chunk: Chunk) -> bool:
    """Whether a chunk could stand as a title (R3)."""
    bare = chunk.bare
    return (
        chunk.kind is Kind.TEXT
        and len(bare) <= TITLE_LIMIT
        and has_words(bare)
        and not BULLET.match(bare)
        and not bare.endswith((":", "："))
    )


def is_tag_line(chunk: Chunk) -> bool:
    """Whether a chunk is a row of hashtags and nothing else."""
    return chunk.kind is Kind.TEXT and _TAG_LINE.fullmatch(chunk.bare) is not None


def day_of(chunk: Chunk) -> When | None:
    """What a chunk says that is a day and nothing else, with its year (`Tuesday, 1 July 2025`); None for other chunks."""
    return _read_day(chunk.text) if chunk.kind is Kind.TEXT and len(chunk.text) <= 60 else None


@lru_cache(maxsize=CACHED_LINES)
def _read_day(text: str) -> When | None:
    when = read_when(_SIGNS_AROUND.sub("", strip_marks(text))) if _DIGIT.search(text) else None
    return when if when and when.is_whole_day else None


def is_beside_title(chunk: Chunk) -> bool:
    """Whether a chunk may stand above a title without being one: a day, or a line of pictures or signs."""
    return chunk.kind is Kind.TEXT and (not has_words(chunk.text) or day_of(chunk) is not None)


def is_greeting(text: str) -> bool:
    """Whether a line greets and says nothing else: `Dear readers,`, `Привет!`; `Hello Kitty comes to Baku` is a title."""
    bare = strip_marks(text)
    if not bare or len(bare) > LONGEST_GREETING:
        return False
    words = fold(bare.rstrip(",;!.:،！，。")).split()
    stopped = bare.endswith(tuple(",;!.:،！，。"))
    known = vocabulary().greetings
    whole = " ".join(words)
    starts = any(" ".join(words[:count]) in known for count in range(1, min(4, len(words)) + 1))
    return whole in known or (starts and stopped and len(words) <= 5 and not any(map(str.isdigit, bare)))
