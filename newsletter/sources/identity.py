"""What makes a post the same post: a hash of its words, and the key that is derived from it once."""

import hashlib

from newsletter.text.words import fold_words

KEY_LENGTH = 12


def content_hash(title: str, body: str, *, title_derived: bool = False) -> str:
    """16 hex digits over the words of a post: the same whatever its mark-up, address or punctuation (parsing I3)."""
    words = fold_words(body) if title_derived else fold_words(title) + fold_words(body)
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def make_key(*parts: str) -> str:
    """12 hex digits that stand for these parts; 100,000 posts collide with a chance of 2 in 100,000."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:KEY_LENGTH]
