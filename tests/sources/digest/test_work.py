"""Twice as much to read is twice the work: counted in calls of functions, which no busy machine changes."""

import sys
from types import FrameType

import pytest

from tests.sources.digest.test_mutations import read

TOKENS = {
    "drawn lines": "***\n",
    "quoting marks": "> nl\n",
    "addresses": "https://example.org/1\n",
    "chat": "05/07/25, 10:12 am - A: x\n",
    "counters": "345\n",
    "buttons": "Like\n",
    "bullets": "- a\n",
    "threads": "x 1/3\n",
    "one sentence": "The ministers met in the city hall again.\n",
    "posts of a page": "Ana\n3 d\n · \nShared with Public\nText here\nLike\nComment\n",
    "drawn lines between posts": "A title of a post\n\nIts text is here.\n\n***\n\n",
}


def count_calls(text: str) -> int:
    calls = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        read(text)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_c23_a_paste_twice_as_long_is_twice_the_work(token: str) -> None:
    once = token * (4_000 // len(token))
    read(once)  # what is loaded and remembered at the first time
    assert count_calls(2 * once) < 3 * count_calls(once)
