"""What the desk does to an issue.md: a file that was read and one edit → the text that the same edit by hand would leave.

Only what is named is touched: everything else keeps its bytes, its line ends and its blank lines.
"""

import re
from collections.abc import Iterable

from newsletter.editing.issue_file import FAMILIES, KEYS, IssueFile, TextSpan, split_head_key
from newsletter.model import UNSORTED, Link
from newsletter.text.front_matter import find_value, quote_value, read_front_matter
from newsletter.text.markdown import format_link

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# A stop behind a link is no part of it; behind a bare address it may be.
_STOP = re.compile(r"(?<=[)>])[ \t]*\.\s*\Z")


def move_post(file: IssueFile, line: int, section: str, *, title: str = "", before: int | None = None) -> str:
    """Put the post of a line in front of the post of another, or at the end of a section.

    A section that is not there yet is made, with `title`, where `draft --refresh` would make it. Raises KeyError for a
    line at which no post begins.
    """
    place = file.posts[line]
    target, is_new = _find_target(file, section, before)
    if place.start <= target <= place.end and not is_new:
        return file.text
    block = _with_heading(file, cut_post(file, line), section, title) if is_new else cut_post(file, line)
    rest = _without(file, place)
    at = target if target < place.start else target - (place.end - place.start)
    return _insert(rest, min(at, len(rest)), block, _newline(file))


def put_post(file: IssueFile, block: str, section: str, *, title: str = "", before: int | None = None) -> str:
    """Put a post that is not in the file, as it is written, where `move_post` would. Raises KeyError."""
    newline = _newline(file)
    block = block.replace("\r\n", "\n").replace("\n", newline)
    target, is_new = _find_target(file, section, before)
    return _insert(file.text, target, _with_heading(file, block, section, title) if is_new else block, newline)


def cut_post(file: IssueFile, line: int) -> str:
    """A post as it is written, from its heading to the next. Raises KeyError for a line at which no post begins."""
    place = file.posts[line]
    return file.text[place.start : place.end]


def drop_post(file: IssueFile, line: int) -> str:
    """Take the post of a line out. Raises KeyError for a line at which no post begins."""
    return _without(file, file.posts[line])


def add_source(file: IssueFile, line: int, link: Link) -> str:
    """Put a link at the end of a post's source line; the post gets one if it has none. Raises KeyError."""
    place = file.posts[line]
    post = next(post for post in file.issue.posts if post.line == line)
    block = cut_post(file, line)
    written = format_link(link.text, link.url)
    bare = _STOP.sub("", block.rstrip()) if post.sources else block.rstrip()
    addition = f" · {written}" if post.sources else f"{_newline(file) * 2}{written}"
    at = place.start + len(bare)
    ending = "" if file.text[at:].startswith((".", " ", "\t", "\r", "\n")) else _newline(file)
    return file.text[:at] + addition + ending + file.text[at:]


def set_line(file: IssueFile, key: str, value: str) -> str:
    """Give `subject` or `preheader` another text; the rest of the front matter stays as it is, comments too.

    With sections behind a dot, as in `subject.caucasus`, it is that of the mail for readers of just these. Raises KeyError
    for a section that the issue does not have.
    """
    front = read_front_matter(file.text, "", KEYS, FAMILIES)
    key = _find_key(file, key, front.key_lines)
    written = f"{key}: {quote_value(' '.join(_CONTROL.sub(' ', value).split()))}"
    found = find_value(file.text[: front.end], key)
    if found:
        # The end of a text in several lines is behind its last line break.
        ending = "" if not file.text[: found[1]].endswith("\n") else _newline(file)
        return file.text[: found[0]] + written + ending + file.text[found[1] :]
    # Behind the last line of its kind; a subject there always is.
    above = [name for name in front.key_lines if split_head_key(name)[0] in (FAMILIES if "." in key else ("subject",))]
    ends = [place[1] for name in above if (place := find_value(file.text[: front.end], name))]
    end = max(ends, default=0)
    at = end if file.text[:end].endswith("\n") else file.text.index("\n", end) + 1
    return file.text[:at] + written + _newline(file) + file.text[at:]


def _find_key(file: IssueFile, key: str, known: Iterable[str]) -> str:
    """The key as the file writes it already, whatever the order of its sections; else in the order of the issue."""
    name, sections = split_head_key(key)
    if not sections:
        return key
    missing = [slug for slug in sections if slug not in file.sections]
    if missing:
        raise KeyError(missing[0])
    same = (one for one in known if split_head_key(one)[0] == name and set(split_head_key(one)[1]) == set(sections))
    return next(same, f"{name}.{'+'.join(slug for slug in file.sections if slug in sections)}")


def _find_target(file: IssueFile, section: str, before: int | None) -> tuple[int, bool]:
    """Where a post goes, and whether a section must be made for it there."""
    if before is not None:
        return file.posts[before].start, False
    if section in file.sections:
        return file.sections[section].end, False
    return (file.sections[UNSORTED].start if UNSORTED in file.sections else len(file.text)), True


def _with_heading(file: IssueFile, block: str, section: str, title: str) -> str:
    return f"## {title} {{#{section}}}{_newline(file) * 2}{block}"


def _newline(file: IssueFile) -> str:
    """How most lines end."""
    return "\r\n" if file.text.count("\r\n") * 2 > file.text.count("\n") else "\n"


def _without(file: IssueFile, place: TextSpan) -> str:
    """The text without a block; what then ends the file ends with one line break."""
    rest = file.text[: place.start] + file.text[place.end :]
    if place.end < len(file.text):
        return rest
    bare = rest.rstrip("\r\n")
    return bare + ("\r\n" if rest[len(bare) :].startswith("\r\n") else "\n")


def _insert(text: str, at: int, block: str, newline: str) -> str:
    """Put a block at an offset, parted by a blank line from what stands above and below."""
    above, below = text[:at], text[at:]
    if not _ends_blank(above):
        above += newline if above.endswith("\n") else newline * 2
    if not below:
        return above + block.rstrip("\r\n") + newline
    if not _ends_blank(block):
        block += newline if block.endswith("\n") else newline * 2
    return above + block + below


def _ends_blank(text: str) -> bool:
    return text.endswith(("\n\n", "\n\r\n"))
