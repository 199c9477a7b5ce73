"""The order in which a visit asks the feeds, so that silent ones keep no other waiting and each has its turn. Pure."""

from collections.abc import Iterable, Sequence

# So many of those that wait for a turn are asked before all others: a quarter of what is fetched at a time, so that they
# get a turn in every visit, and three quarters are left for feeds that answer.
AHEAD = 6


def order_feeds(names: Iterable[str], waiting: Sequence[str], failed: frozenset[str]) -> list[str]:
    """All of `names`, each once: some that wait, those that answered the last time, the others that wait, those that failed.

    `waiting`: those that no earlier visit got to, the longest waiting first (`keep_waiting`). The first of them is the
    first of all, so everybody has had a turn after as many visits as there are feeds, even if each visit gets to one.
    """
    known = list(dict.fromkeys(names))
    left = [name for name in dict.fromkeys(waiting) if name in known]
    others = [name for name in known if name not in left]
    answered = [name for name in others if name not in failed]
    return [*left[:AHEAD], *answered, *left[AHEAD:], *(name for name in others if name in failed)]


def keep_waiting(waiting: Sequence[str], asked: Sequence[str], unreached: frozenset[str]) -> list[str]:
    """Who waits after a visit that wanted to ask `asked`, and did not get to `unreached`: the older ones keep their places."""
    still = [name for name in dict.fromkeys(waiting) if name in unreached or name not in asked]
    return [*still, *(name for name in asked if name in unreached and name not in still)]
