"""`./run bench themes`: what learning from an editor's moves is worth, and what it costs.

Posts of a generator are drafted week by week, and each is moved where it belongs, in real issue.md files. Then posts of the
same generator that nobody has seen are sorted: by the rules alone, by what was learned alone, and by both.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bench.timing import Goal
from newsletter.editing.learning import read_words
from newsletter.editing.themes import Sorter, is_clear
from newsletter.flows.draft import draft_issue
from newsletter.flows.learn import learn_from_issues, read_lessons
from newsletter.model import UNSORTED
from newsletter.workspace.load import read_config

LABELLED, HELD_BACK, WEEKS = 200, 400, 4
SEEDS = (1, 2, 3, 4, 5)
OLD_POSTS, NEW_POSTS, ROUNDS = 2_000, 500, 5


@dataclass(frozen=True, slots=True)
class Right:
    """Shares of held-back posts that are put where they belong, and how many clear verdicts were changed."""

    rules: float
    learned: float
    both: float
    wrong_by_rules: float
    wrong_by_both: float
    moves: int
    clear: int
    changed: int


def measure(seed: int, labelled: int = LABELLED, held_back: int = HELD_BACK) -> Right:
    """One generator's posts, one editor."""
    from tests.sorting import edit_weeks, make_posts, make_workspace

    made = make_posts(seed, labelled + held_back)
    with tempfile.TemporaryDirectory(prefix="bench-themes-") as folder:
        workspace = make_workspace(Path(folder))
        edit_weeks(workspace, made[:labelled], WEEKS)
        config = read_config(workspace)
        moves = read_lessons(workspace, config).moves
        learned = learn_from_issues(workspace, config)
    assert learned is not None
    sorter = Sorter(config.themes, config.sources, config.sorting, learned)
    rules = both = alone = 0.0
    clear = changed = wrong_rules = wrong_both = 0
    for one in made[labelled:]:
        ruled, final = sorter.sort_by_words(one.post), sorter.sort(one.post)
        weights = learned.weigh(read_words(one.post.title, one.post.body))
        rules += (ruled.theme or UNSORTED) == one.theme
        both += (final.theme or UNSORTED) == one.theme
        wrong_rules += ruled.theme not in (None, one.theme)
        wrong_both += final.theme not in (None, one.theme)
        alone += max(weights, key=lambda place: weights[place], default=UNSORTED) == one.theme
        clear += is_clear(ruled)
        changed += is_clear(ruled) and final != ruled
    rules, alone, both = rules / held_back, alone / held_back, both / held_back
    return Right(rules, alone, both, wrong_rules / held_back, wrong_both / held_back, moves, clear, changed)


def measure_draft() -> tuple[float, float, float]:
    """CPU seconds to draft new posts over many old ones, with learning and without; and to count all old ones one by one."""
    from tests.sorting import collect_posts, edit_weeks, make_posts, make_workspace

    made = make_posts(SEEDS[0], OLD_POSTS + NEW_POSTS)
    with tempfile.TemporaryDirectory(prefix="bench-themes-") as folder:
        workspace = make_workspace(Path(folder))
        edit_weeks(workspace, made[:OLD_POSTS], WEEKS)
        collect_posts(workspace, made[OLD_POSTS:])
        config = read_config(workspace)
        path = workspace.path("issues/2026-06-01-weekly")
        weights = (config.sorting.learned, 0.0)
        seconds: dict[float, list[float]] = {weight: [] for weight in weights}
        for weight in weights * ROUNDS:
            shutil.rmtree(path, ignore_errors=True)
            weighed = replace(config, sorting=replace(config.sorting, learned=weight))
            began = time.process_time()
            drafted = draft_issue(workspace, weighed, config.edition(), date(2026, 6, 1))
            seconds[weight].append(time.process_time() - began)
            assert len(drafted.added) == NEW_POSTS
        lessons = read_lessons(workspace, config)
        learned = lessons.learn()
        assert learned is not None
        began = time.process_time()
        for lesson in lessons.lessons:
            learned.weigh(read_words(lesson.post.title, lesson.post.body), key=lesson.post.key)
        one_by_one = time.process_time() - began
        slow, quick = (statistics.median(seconds[weight]) for weight in weights)
        return slow, quick, one_by_one


def main(arguments: Sequence[str]) -> int:
    """Print shares by seed and seconds; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="./run bench themes")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--labelled", type=int, default=LABELLED)
    options = parser.parse_args(arguments)
    print(
        f"{options.labelled} posts labelled by moves in {WEEKS} issues, {HELD_BACK} held back; shares of these that are right:\n"
    )
    print("  seed   rules  learned    both    wrong theme by rules / both   moves   clear verdicts / changed")
    found = []
    for seed in options.seeds:
        right = measure(seed, options.labelled)
        found.append(right)
        print(
            f"  {seed:4}  {right.rules:6.1%}  {right.learned:7.1%}  {right.both:6.1%}"
            f"  {right.wrong_by_rules:20.1%} / {right.wrong_by_both:4.1%}  {right.moves:7}  {right.clear:15} / {right.changed}"
        )
    slow, quick, one_by_one = measure_draft()
    print(
        f"\n  draft {NEW_POSTS} posts over {OLD_POSTS:,} sorted ones: {slow:.2f} s of CPU, {quick:.2f} s without learning"
    )
    print(f"  each of {OLD_POSTS:,} judged as if it had not been learned: {one_by_one:.2f} s\n")
    goals = [
        Goal("right by the rules alone less by both, worst seed", max(one.rules - one.both for one in found), -0.2, ""),
        Goal("clear verdicts that were changed", sum(one.changed for one in found), 0, ""),
        Goal(f"draft {NEW_POSTS} posts with learning, beyond without", slow - quick, 2, "s"),
    ]
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
