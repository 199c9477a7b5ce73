"""A pasted digest becomes posts, and every line of it is accounted for.

Text falls through four steps, each a file: lines (`text/characters`) → chunks → items → blocks → Markdown.
The rules R0-R9 and cases M1-M29 named in comments are those of docs/digests.md.
"""

from newsletter.sources.digest.posts import DigestPost
from newsletter.sources.digest.read import KEYS, Digest, read_digest

__all__ = ["KEYS", "Digest", "DigestPost", "read_digest"]
