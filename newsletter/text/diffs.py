"""Two texts as lines → what differs between them, as a unified diff and as people can read it."""

from collections.abc import Iterator, Sequence

CONTEXT = 2
# Lines that come again and again cost difflib time that grows with their square.
LINES_LIMIT = 5_000
_WIDTH = 160
_AROUND = 40


def diff_lines(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """A unified diff without the names of files; empty if both are the same."""
    from difflib import unified_diff

    if max(len(old), len(new)) > LINES_LIMIT:
        return [] if list(old) == list(new) else [f"{len(old):,} lines then, {len(new):,} now"]
    return list(unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]


def shorten_diff(lines: Sequence[str], most: int | None = None) -> list[str]:
    """A diff for people: of long lines what differs and some words around it, `most` lines and a count of the rest."""
    shown = list(_shorten(lines))
    rest = len(shown) - most if most is not None else 0
    if rest <= 0:
        return shown
    return [*shown[:most], f"… and {rest:,} more {'line' if rest == 1 else 'lines'}"]


def _shorten(lines: Sequence[str]) -> Iterator[str]:
    """A paragraph is one line of Markdown: shown whole, one changed word would be hard to find in it."""
    at = 0
    while at < len(lines):
        out = _run(lines, at, "-")
        into = _run(lines, at + len(out), "+")
        if not out and not into:
            yield _cut(lines[at], _WIDTH)
            at += 1
            continue
        pairs = [_cut_pair(old, new) for old, new in zip(out, into, strict=False)]
        yield from (old for old, _ in pairs)
        yield from map(_cut, out[len(pairs) :])
        yield from (new for _, new in pairs)
        yield from map(_cut, into[len(pairs) :])
        at += len(out) + len(into)


def _run(lines: Sequence[str], start: int, sign: str) -> Sequence[str]:
    end = start
    while end < len(lines) and lines[end].startswith(sign):
        end += 1
    return lines[start:end]


def _cut_pair(old: str, new: str) -> tuple[str, str]:
    """Two lines with their signs → both without what they begin and end with alike, but for some words of it."""
    if max(len(old), len(new)) <= _WIDTH:
        return old, new
    a, b = old[1:], new[1:]
    shortest = min(len(a), len(b))
    head = next((n for n in range(shortest) if a[n] != b[n]), shortest)
    tail = next((n for n in range(shortest - head) if a[-1 - n] != b[-1 - n]), shortest - head)
    start = max(head - _AROUND, 0)
    start = a.rfind(" ", max(start - _AROUND, 0), start) + 1 or start  # at a word, where words have spaces
    spare = max(tail - _AROUND, 0)
    return _inside(old, start, spare), _inside(new, start, spare)


def _inside(line: str, start: int, spare: int) -> str:
    """A line with its sign, without `start` characters after the sign and `spare` at its end."""
    text = line[1 + start : len(line) - spare]
    return _cut(f"{line[0]}{'…' if start else ''}{text}{'…' if spare else ''}")


def _cut(line: str, most: int = 2 * _WIDTH) -> str:
    return line if len(line) <= most else f"{line[:most]}…"
