"""Says as which media type each file of the public archive is served. `render_site` and `serve` read the same table.

`render_site` asks for the type of every file that it makes, so a new kind of file without a line here fails at once.
"""

import re

from newsletter.rendering.feeds import FORMATS

# The archive documents behind a feed, RFC 5005 section 4: `feed-3.xml` has the type of `feed.xml`.
_ARCHIVE_NUMBER = re.compile(r"-[1-9][0-9]*(?=\.)")
# Whole names first, then endings. All text is UTF-8.
_BY_NAME = {name: f"{kind}; charset=utf-8" for name, (_, kind) in FORMATS.items()} | {
    "sitemap.xml": "application/xml; charset=utf-8",
}
_BY_ENDING = {
    "html": "text/html; charset=utf-8",
    "opml": "text/x-opml; charset=utf-8",
    "png": "image/png",
    "ico": "image/x-icon",
}


class UnknownFile(LookupError):
    """The archive has a file whose media type nobody has written down."""


def media_type(path: str) -> str:
    """The Content-Type of a file of the archive, by its path. Raises UnknownFile.

    >>> media_type("themes/caucasus/feed-12.xml")
    'application/rss+xml; charset=utf-8'
    """
    name = path.rpartition("/")[2]
    kind = _BY_NAME.get(_ARCHIVE_NUMBER.sub("", name)) or _BY_ENDING.get(name.rpartition(".")[2])
    if kind is None:
        raise UnknownFile(f"{path}: no media type; add a line to newsletter/rendering/media_types.py")
    return kind
