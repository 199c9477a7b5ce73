"""Pastes as ten kinds of places put them on the clipboard, with the posts that should come of them.

Each file of `pastes/` holds one: `place`, `script`, what it shows (`seen`), the `paste` with its invisible characters
written as escapes, the name it is saved under (`file`, if that matters) and its `posts`. Of a post are given its title,
address, author and date (left out: it has none), tags, a piece of its Markdown (`body`), and the `first` and `last` words.

`python -m tests.sources.digest.places` prints how many are read right.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsletter.model import Post, Source
from newsletter.sources.contract import SourceFile
from newsletter.sources.digest import Digest
from newsletter.sources.paste import read_paste
from newsletter.text.words import WORD
from tests.sources.digest.words import shown_body, words_in

FOLDER = Path(__file__).parent / "pastes"


def load(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(sample: dict[str, Any], paste: str | None = None) -> Digest:
    file = SourceFile(f"posts/{sample.get('file', 'paste.txt')}", (paste or sample["paste"]).encode())
    return read_paste(Source(name="desk", kind="folder", path="posts"), file, UTC)


def differences(sample: dict[str, Any], digest: Digest, *, fields: bool = True) -> Iterator[str]:
    """What is wrong with the posts of a digest, a line each; `fields`: authors, dates and tags count as well."""
    posts = [entry.post for entry in digest.posts]
    if len(posts) != len(sample["posts"]):
        yield f"{len(posts)} posts instead of {len(sample['posts'])}: {[post.title for post in posts]}"
    for number, (wanted, post) in enumerate(zip(sample["posts"], posts, strict=False), 1):
        yield from (f"post {number}: {difference}" for difference in _differences(wanted, post, fields=fields))


def _differences(wanted: dict[str, Any], post: Post, *, fields: bool) -> Iterator[str]:
    pairs: list[tuple[str, object, object]] = [
        ("title", wanted["title"], post.title),
        ("address", wanted.get("url"), post.url),
    ]
    if fields:
        pairs += [("author", wanted.get("author", ""), post.author), ("date", _moment(wanted), post.date)]
        pairs += [("tags", tuple(wanted.get("tags", ())), post.tags)]
    for what, right, found in pairs:
        if right != found:
            yield f"{what} {found!r} instead of {right!r}"
    if wanted.get("body", "") not in post.body:
        yield f"body {post.body!r} without {wanted['body']!r}"
    words = words_in(shown_body(post.body))
    words = words if post.title_derived else words_in(post.title) + words
    first, last = WORD.findall(wanted["first"]), words_in(wanted["last"])
    if words[: len(first)] != first:
        yield f"begins with {words[: len(first)]} instead of {first}"
    if words[-len(last) :] != last:
        yield f"ends with {words[-len(last) :]} instead of {last}"


def _moment(wanted: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(wanted["date"]).replace(tzinfo=UTC) if "date" in wanted else None


def right_posts(sample: dict[str, Any], digest: Digest, *, fields: bool) -> tuple[int, int]:
    """(posts that are wholly right, posts there are to be): a post is looked for among all that came out."""
    posts = [entry.post for entry in digest.posts]
    right = 0
    for wanted in sample["posts"]:
        found = next((post for post in posts if not list(_differences(wanted, post, fields=fields))), None)
        if found:
            posts.remove(found)
            right += 1
    return right, max(len(sample["posts"]), len(digest.posts))


def main() -> None:
    """Print the share of pastes and posts that are read right, with and without authors, dates and tags."""
    for fields in (False, True):
        pastes = posts = there = 0
        for name in names():
            sample = load(name)
            digest = read(sample)
            right, all_ = right_posts(sample, digest, fields=fields)
            pastes += not list(differences(sample, digest, fields=fields))
            posts, there = posts + right, there + all_
        kind = "title, address, words, author, date, tags" if fields else "title, address, words"
        print(f"{kind}: {pastes} of {len(names())} pastes, {posts} of {there} posts ({100 * posts / there:.0f} %)")  # noqa: T201


if __name__ == "__main__":
    main()
