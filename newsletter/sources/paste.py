"""A `*.txt` file of a folder: a pasted digest, many posts."""

from dataclasses import replace
from datetime import tzinfo

from newsletter.model import Source
from newsletter.sources.contract import ENCODING_ADVICE, SourceFile
from newsletter.sources.digest import Digest, read_digest
from newsletter.text.characters import decode_text
from newsletter.text.dates import leading_day, start_of_day


def read_paste(source: Source, file: SourceFile, zone: tzinfo) -> Digest:
    """A pasted digest with the account of its lines. The day its file name begins with is the posts' date."""
    day = leading_day(file.path.rpartition("/")[2])
    digest = read_digest(
        decode_text(file.data, file.path, source.encoding, advice=ENCODING_ADVICE),
        file=file.path,
        source=source.name,
        keep_noise=source.keep_noise,
        zone=zone,
        copied=day,
    )
    if day is None:
        return digest
    date = start_of_day(day, zone)
    dated = tuple(replace(entry, post=replace(entry.post, date=entry.post.date or date)) for entry in digest.posts)
    return replace(digest, posts=dated)
