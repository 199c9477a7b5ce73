"""`./run bench feeds`: the words of the feeds that feedparser ships for its tests, and of the posts made of them.

Its source distribution is downloaded with pip into `.cache/feeds`. What a browser shows is read by `tests.sources.visible`.
"""

import argparse
import html
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.timing import Goal
from newsletter.rendering.markdown import parse_markdown, to_html
from newsletter.sources import entry_fields, feed_document
from newsletter.sources.entry_fields import Content
from newsletter.sources.feed_entry import Entry, NotAFeed

RELEASE = "feedparser==6.0.11"
CACHE = Path(__file__).resolve().parent.parent / ".cache/feeds"
ADDRESS = "https://e.example/feed"
# A frame closed by `/>` is open for a browser, which hides the text behind it. We show that text.
KINDS = ("lost", "glued", "invented", "hidden by a browser")


def main(arguments: Sequence[str]) -> int:
    """Read all feeds, print the figures and each difference."""
    argparse.ArgumentParser(prog="./run bench feeds").parse_args(arguments)
    count: Counter[str] = Counter()
    for name, data in _shipped(_download()):
        count["files"] += 1
        try:
            bodies = _bodies(data)
        except NotAFeed:
            continue
        count["feeds"] += 1
        for content, entry in bodies:
            count.update(_compare(name, content, entry))
    print(
        f"{count['files']:,} files, {count['feeds']:,} of them feeds; {count['bodies']:,} bodies, {count['words']:,} words"
    )
    goals = [Goal(f"words {kind}", count[kind], 0, "") for kind in KINDS[:3]]
    print(*goals, f"words that a browser hides, shown here: {count[KINDS[3]]}", sep="\n")
    return 0 if count["words"] and all(goal.met for goal in goals) else 1


def _download() -> Path:
    """The archive of the release. Raises CalledProcessError if it cannot be had."""
    CACHE.mkdir(parents=True, exist_ok=True)
    archive = CACHE / f"{RELEASE.replace('==', '-')}.tar.gz"
    if not archive.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--dest", str(CACHE), RELEASE], check=True)
    return archive


def _shipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every test feed in the archive; nothing is unpacked to disk."""
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if "/tests/" in member.name and member.name.endswith(".xml") else None
            if file:
                yield member.name, file.read()


def _bodies(data: bytes) -> list[tuple[Content, Entry]]:
    """What each entry of a feed says as it was written, and the entry that was made of it. Raises NotAFeed."""
    bodies: list[tuple[Content, Entry]] = []

    def make(**fields: Any) -> Entry:
        entry = entry_fields.make_entry(**fields | {"media": ()})  # media have words of their own
        bodies.append((fields["content"], entry))
        return entry

    with patch.object(feed_document, "make_entry", make):
        feed_document.read_feed(data, "", ADDRESS)
    return bodies


def _compare(name: str, content: Content, entry: Entry) -> Counter[str]:
    from tests.sources.visible import split_words, visible_words

    if content.plain:
        wanted = split_words(content.text)
    elif "<" in content.text:
        wanted = visible_words(content.text)
    else:
        wanted = split_words(html.unescape(content.text))
    tails = [word for one in entry.left_out if one.what == "tail" for word in one.text.split()]
    if tails and wanted[-len(tails) :] == tails:
        wanted = wanted[: -len(tails)]
    shown = visible_words(to_html(parse_markdown(entry.body)))
    count = Counter(bodies=bool(wanted or shown), words=len(wanted))
    if wanted != shown:
        count.update(_differences(wanted, shown, content.text))
        print(f"{name}: {wanted[:20]} became {shown[:20]}")
    return count


def _differences(wanted: list[str], shown: list[str], source: str) -> Counter[str]:
    count: Counter[str] = Counter()
    for _, start, end, first, last in SequenceMatcher(None, wanted, shown, autojunk=False).get_opcodes():
        before, after = wanted[start:end], shown[first:last]
        if before != after and "".join(before) == "".join(after):
            count["glued"] += max(len(before), len(after))
        elif before != after:
            count["lost"] += len(before)
            count.update("hidden by a browser" if word in source else "invented" for word in after)
    return count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
