"""The words that the program itself puts into mails and pages, in the publication's language."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from string import Formatter
from typing import Any

from newsletter.errors import InputError, Mistake
from newsletter.text.toml import explain_toml
from newsletter.text.words import suggest

Phrases = Mapping[str, Any]


def read_phrases(texts: Sequence[str], file: str, language: str) -> Phrases:
    """Texts of phrases.toml, later ones over earlier → the words of one language (`pt-BR` → `pt` → English), key by key.

    The first text is the program's own and says which keys there are. Raises InputError.
    """
    words: dict[str, Any] = {}
    tables = [_read_tables(text, file) for text in texts]
    for name in ("en", language.partition("-")[0], language):
        for number, table in enumerate(tables):
            own = table.get(name, {})
            if number:
                _check_words(own, name, words, file)
            words |= own
    return words


# The program's own text is read for every rendering, the calendar's too.
@lru_cache(maxsize=8)
def _read_tables(text: str, file: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = explain_toml(error, text)
        raise InputError(
            Mistake(code="NL011", file=file, line=at.line, column=at.column, message=at.message, help=at.help)
        ) from None


def _check_words(own: Any, language: str, known: Phrases, file: str) -> None:
    """A key that nobody reads, a text where a list is wanted, a {name} that nobody fills: told here, not when it breaks."""
    for key, value in own.items() if isinstance(own, dict) else ():
        problem = ""
        if key not in known:
            problem = f"unknown key{suggest(key, known)}"
        elif key == "months":
            if not isinstance(value, list) or len(value) != 12 or not all(isinstance(month, str) for month in value):
                problem = "wants a list of twelve names"
        elif not isinstance(value, str):
            problem = "wants a text"
        elif strange := _slots(value) - _slots(known[key]):
            filled = ", ".join(sorted(_slots(known[key]))) or "nothing"
            problem = f"{{{min(strange)}}} is nothing that is filled in; there is: {filled}"
        if problem:
            raise InputError(Mistake(code="NL012", file=file, message=f"{language}.{key}: {problem}"))


def _slots(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:  # a lone brace
        return {"{"}


def write_date(day: date | datetime, phrases: Phrases) -> str:
    """`7 July 2025`, in the language of the phrases."""
    month = phrases["months"][day.month - 1]
    return str(phrases["date"]).format(day=day.day, month=month, year=day.year)
