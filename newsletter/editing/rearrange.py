"""What the desk does to an issue.md: a file that was read and one edit → the text that the same edit by hand would leave.

Only what is named is touched: everything else keeps its bytes, its line ends and its blank lines.
"""

import re

from newsletter.editing.issue_file import KEYS, IssueFile, Place
from newsletter.model import UNSORTED, Link
from newsletter.text.front_matter import quote_value, read_front_matter
from newsletter.text.markdown import format_link

_CONTINUED = re.compile(r"[ \t]+\S")


def move_post(file: IssueFile, line: int, section: str, *, title: str = "", before: int | None = None) -> str:
    """Put the post of a line in front of the post of another, or at the end of a section.

    A section that is not there yet is made, with `title`, where `draft --refresh` would make it. Raises KeyError for a
    line at which no post begins.
    """
    place, newline = file.posts[line], _newline(file)
    block = file.text[place.start : place.end]
    new = before is None and section not in file.sections
    if new:
        block = f"## {title} {{#{section}}}{newline * 2}{block}"
        target = file.sections[UNSORTED].start if UNSORTED in file.sections else len(file.text)
    else:
        target = file.sections[section].end if before is None else file.posts[before].start
    if place.start <= target <= place.end and not new:
        return file.text
    rest = _without(file, place)
    at = target if target < place.start else target - (place.end - place.start)
    return _insert(rest, min(at, len(rest)), block, newline)


def drop_post(file: IssueFile, line: int) -> str:
    """Take the post of a line out. Raises KeyError for a line at which no post begins."""
    return _without(file, file.posts[line])


def add_source(file: IssueFile, line: int, link: Link) -> str:
    """Put a link at the end of a post's source line; the post gets one if it has none. Raises KeyError."""
    place = file.posts[line]
    post = next(post for post in file.issue.posts if post.line == line)
    block = file.text[place.start : place.end]
    written = format_link(link.text, link.url)
    bare = block.rstrip(" \t\r\n.") if post.sources else block.rstrip()
    addition = f" · {written}" if post.sources else f"{_newline(file) * 2}{written}"
    at = place.start + len(bare)
    ending = "" if file.text[at:].startswith((".", " ", "\t", "\r", "\n")) else _newline(file)
    return file.text[:at] + addition + ending + file.text[at:]


def set_line(file: IssueFile, key: str, value: str) -> str:
    """Give `subject` or `preheader` another text; the other lines of the front matter stay as they are."""
    front = read_front_matter(file.text, "", KEYS)
    lines = file.text.splitlines(keepends=True)
    written = f"{key}: {quote_value(' '.join(value.split()))}{_newline(file)}"
    if key not in front.key_lines:
        after = front.key_lines.get("subject", front.lines - 1)
        return "".join([*lines[:after], written, *lines[after:]])
    first = front.key_lines[key] - 1
    last = first + 1
    while last < front.lines - 1 and _CONTINUED.match(lines[last]):
        last += 1
    return "".join([*lines[:first], written, *lines[last:]])


def _newline(file: IssueFile) -> str:
    return "\r\n" if "\r\n" in file.text else "\n"


def _without(file: IssueFile, place: Place) -> str:
    """The text without a block; what then ends the file ends with one newline."""
    rest = file.text[: place.start] + file.text[place.end :]
    return rest.rstrip("\r\n") + _newline(file) if place.end == len(file.text) else rest


def _insert(text: str, at: int, block: str, newline: str) -> str:
    """Put a block at an offset, parted by a blank line from what stands above and below."""
    above, below = text[:at], text[at:]
    if not above.endswith(("\n\n", "\r\n\r\n")):
        above += newline if above.endswith("\n") else newline * 2
    if not below:
        return above + block.rstrip("\r\n") + newline
    if not block.endswith(("\n\n", "\r\n\r\n")):
        block += newline if block.endswith("\n") else newline * 2
    return above + block + below
