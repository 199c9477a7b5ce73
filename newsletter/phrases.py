"""The words that the program itself puts into mails and pages, in the publication's language."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from newsletter.errors import InputError, Mistake

Phrases = Mapping[str, Any]


def read_phrases(text: str, file: str, language: str) -> Phrases:
    """phrases.toml → the words of one language (`pt-BR` → `pt` → English), key by key. Raises InputError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(Mistake(code="NL011", file=file, message=str(error))) from None
    words: dict[str, Any] = {}
    for name in ("en", language.partition("-")[0], language):
        words |= tables.get(name, {})
    return words


def write_date(day: date | datetime, phrases: Phrases) -> str:
    """`7 July 2025`, in the language of the phrases."""
    month = phrases["months"][day.month - 1]
    return str(phrases["date"]).format(day=day.day, month=month, year=day.year)
