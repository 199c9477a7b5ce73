"""Lines that a web page left in the paste: buttons, counters, times (R8). Whole chunks only; each removal is reported."""

import re
from collections.abc import Sequence

from newsletter.text.characters import strip_marks

_COUNT = r"\d[\d.,]*\s?[KkMm]?"
_UNIT = r"(?:s|m|min|mins|h|hr|hrs|d|w|wk|wks|y|yr|yrs|Std\.?|Tg\.?|j|sem\.?)"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember)\.?"
)
_RUSSIAN_MONTH = r"(?:января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)"
_CLOCK = r"(?:at|um|à|в|,)\s*\d{1,2}:\d{2}(?:\s?[AaPp]\.?[Mm]\.?)?"
_ENGLISH = (
    r"show (?:this thread|more|less|more replies)|shared with (?:public|friends|your friends)|repost|quote|edited",
    r"see more|see less|see translation|see original|translate|rate this translation|translated|hide translation",
    r"like|comment|share|reply|follow|send|save|boost post|view insights|see insights and ads|most relevant|all comments",
    r"(?:like|comment|share|reply)(?:\s*[·|/]?\s*(?:like|comment|share|reply|send|follow|edited))+",
    r"all reactions:?(?:\s+" + _COUNT + r")*",
    _COUNT + r"\s+(?:likes?|comments?|shares?|views?|reactions?|plays?|reposts?|quotes|bookmarks)"
    r"(?:\s*[·,]?\s*" + _COUNT + r"\s+(?:comments?|shares?|views?|reposts?))*",
    _COUNT + r"\s*[·,]\s*" + _COUNT + r"\s+(?:comments?|shares?|reposts?|views?)",
    r"you and\s+" + _COUNT + r"\s+others",
    r"view (?:more|all|\d+(?: more)?) (?:comments?|replies)|write a (?:public )?comment(?:…|\.\.\.)?",
)
_GERMAN = (
    r"weiterlesen|öffentlich|bearbeitet|reposten|alle kommentare ansehen",
    r"mehr (?:ansehen|anzeigen|lesen)|weniger anzeigen|übersetzung anzeigen|original anzeigen",
    r"gefällt mir|kommentieren|teilen|antworten",
    r"(?:gefällt mir|kommentieren|teilen)(?:\s*[·|/]?\s*(?:gefällt mir|kommentieren|teilen|senden))+",
    _COUNT + r"\s+(?:kommentare?|mal geteilt|aufrufe)",
)
_FRENCH = (
    r"voir plus|voir moins|voir la traduction|voir l[’']original|traduire",
    r"j[’']aime|commenter|partager|répondre",
    _COUNT + r"\s+(?:commentaires?|partages?|vues)",
)
_SPANISH = (r"ver más|ver menos|ver traducción|ver original|me gusta|comentar|compartir|responder",)
_RUSSIAN = (r"ещё|показать перевод|показать ещё|нравится|комментировать|поделиться|ответить",)
_TIMES = (
    r"\d{1,2}\s?" + _UNIT + r"(?:\s*[·•]\s*\S{0,20})*",
    r"\d{1,2}\s+" + _RUSSIAN_MONTH + r"(?:\s+\d{4})?(?:\s+г\.)?\s*" + _CLOCK,
    r"(?:yesterday|today|gestern|heute|hier|вчера|сегодня)\s+" + _CLOCK + r"(?:\s*·.{0,20})?",
    r"(?:"
    + _MONTH
    + r"\s+\d{1,2}(?:,\s*\d{4})?|\d{1,2}\.?\s+"
    + _MONTH
    + r"(?:\s+\d{4})?)\s*"
    + _CLOCK
    + r"(?:\s*·.{0,20})?",
)
_NOISE = re.compile(
    "|".join(f"(?:{p})" for p in (*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_RUSSIAN, *_TIMES)),
    re.IGNORECASE,
)
# "Ana Maria is with Bo Chen and 3 others": two capitalised names at least, so that "Russia is with Iran" stays.
_NAME = r"[A-Z][\w.’'-]+"
_WITH = re.compile(rf"{_NAME}(?: {_NAME}){{1,3}} is with {_NAME}(?:,? {_NAME}){{0,4}}(?: (?:and|at) .{{1,40}})?\.?")
_DECORATION = " .·•…⋅|"
_MORE = re.compile(r"(?:…|\.{3})\s*(?:more|mehr|plus|más|ещё|еще)", re.IGNORECASE)
# Pictures that point at the address below, pictures with a counter, and the dots between two buttons.
_SIGNS = re.compile(r"[👉👇🔗➡⬇⬆▶📎\ufe0f\s]+|[·•⋅|\s]+")
_REACTIONS = re.compile(rf"(?:[❤\ufe0f\U0001f300-\U0001faff]\s*)+{_COUNT}|\d[\d.,]*\s?[KkMm]")
# Nothing but a number or a day may be anybody's words; beside a button it is a counter or a date stamp.
_WEAK = re.compile(rf"\d{{1,6}}|{_MONTH}\s+\d{{1,2}}(?:,\s*\d{{4}})?|\d{{1,2}}\.?\s+{_MONTH}", re.IGNORECASE)


def is_noise(text: str) -> bool:
    """Whether a whole chunk is a button, counter or time stamp and nobody's words."""
    whole = strip_marks(text)
    bare = whole.strip(_DECORATION)
    if len(bare) > 90:
        return False
    if any(pattern.fullmatch(whole) for pattern in (_SIGNS, _MORE)):
        return True
    return bool(bare) and any(pattern.fullmatch(bare) for pattern in (_NOISE, _WITH, _REACTIONS))


def find_noise(texts: Sequence[str]) -> list[bool]:
    """For each chunk's text whether it is noise. A lone number or day is, if what stands before or after it is."""
    noise = [is_noise(text) for text in texts]
    return [
        here or (any(noise[max(0, at - 1) : at] + noise[at + 1 : at + 2]) and bool(_WEAK.fullmatch(strip_marks(text))))
        for at, (here, text) in enumerate(zip(noise, texts, strict=True))
    ]
