"""Emphasis in scripts that put no blanks between words, as Chinese, Japanese and Thai do: `这是**“重点”**内容` is bold.

CommonMark 0.31 §6.2 asks for a blank or a punctuation mark outside of marks that have punctuation inside. Beside a letter
or punctuation mark of such a script neither is needed here; all other text is read as CommonMark has it.
"""

import unicodedata
from collections.abc import Callable
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline import StateInline, emphasis, strikethrough
from markdown_it.rules_inline.state_inline import Scanned

from newsletter.text.characters import is_unspaced

Rule = Callable[[StateInline, bool], bool]


def allow_beside_cjk(parser: MarkdownIt) -> None:
    """Lets `*`, `**` and `~~` of a parser begin and end beside characters of such scripts."""
    parser.inline.ruler.at("emphasis", _widen(emphasis.tokenize))
    parser.inline.ruler.at("strikethrough", _widen(strikethrough.tokenize))


def _widen(rule: Rule) -> Rule:
    def tokenize(state: StateInline, silent: bool) -> bool:
        state.scanDelims = partial(_scan, state)  # type: ignore[method-assign]
        try:
            return rule(state, silent)
        finally:
            del state.scanDelims

    return tokenize


def _scan(state: StateInline, start: int, can_split_word: bool) -> Scanned:
    """A row of marks: whether it may open and whether it may close (CommonMark calls it left- and right-flanking)."""
    found = StateInline.scanDelims(state, start, can_split_word)
    if not can_split_word:  # `_` inside a word is no mark
        return found
    before = state.src[start - 1] if start else " "
    end = start + found.length
    after = state.src[end] if end < state.posMax else " "
    if not is_wide(before) and not is_wide(after):
        return found
    opens = not _is_blank(after) and (not _is_narrow_mark(after) or _parts(before))
    closes = not _is_blank(before) and (not _is_narrow_mark(before) or _parts(after))
    return Scanned(opens, closes, found.length)


def is_wide(character: str) -> bool:
    """Whether a character is a letter or punctuation mark of East Asia, or a letter of Thai and its neighbours; no emoji.

    >>> [is_wide(one) for one in "是，한ไe“👍"]
    [True, True, True, True, False, False, False]
    """
    if is_unspaced(character):
        return True
    return unicodedata.east_asian_width(character) in ("W", "F") and unicodedata.category(character) != "So"


def _is_blank(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _is_narrow_mark(character: str) -> bool:
    return (isMdAsciiPunct(ord(character)) or isPunctChar(character)) and not is_wide(character)


def _parts(character: str) -> bool:
    return _is_blank(character) or _is_narrow_mark(character) or is_wide(character)
