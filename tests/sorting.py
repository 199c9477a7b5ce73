"""A generator of posts with a known theme, and an editor who moves them where they belong: real files of a real workspace.

About half of the posts hold words of their theme's rules; all hold words that are typical of it and in no rule; most of
their words are shared by all. Some hold a rule word of another theme, and some belong to no theme.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from newsletter.editing.issue_file import write_issue
from newsletter.flows.draft import draft_issue
from newsletter.model import UNSORTED, Issue, Post, Section
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import load_issue, read_config

RULES = {
    "harbour": ("Wharfton", "pilotage", "Saltquay", "dredging"),
    "orchard": ("Applemoor", "grafting", "Cidervale", "rootstock"),
    "railway": ("Trackley", "interlocking", "Junctionby", "rolling stock"),
    "sky": ("Starhill", "spectrograph", "Mirrorpeak", "exoplanet"),
}
TYPICAL = {
    "harbour": """crane berth tide mooring cargo anchor buoy hull tugboat quay stevedore lighthouse ballast customs ferry
    harbourmaster container breakwater sluice trawler draught lading manifest pier rope""".split(),
    "orchard": """blossom pruning frost beehive harvest ladder pear plum cellar press scab pollen hedge nursery windfall
    variety trunk basket juice aphid mulch ripening seedling cherry sapling""".split(),
    "railway": """signal timetable platform sleeper gauge locomotive shunting conductor viaduct carriage tunnel siding
    commuter ballasted wagon gradient depot points overhead ticket level crossing freight delay coupling""".split(),
    "sky": """telescope comet orbit nebula dome lens eclipse galaxy spectrum dusk seeing meteor planet survey crater
    redshift aperture photon constellation solstice filter exposure moonless tracking star""".split(),
}
SYLLABLES = (
    "ba be bo da de do fa fe ga go ka ke ko la le lo ma me mo na ne no ra re ro sa se so ta te to va ve wa we".split()
)
NOISE = [one + two + three for one in SYLLABLES[:12] for two in SYLLABLES[10:22] for three in SYLLABLES[24:28]]
WEIGHTS = [1 / (rank + 3) for rank in range(len(NOISE))]
WORDS, OWN, STRAY = 60, 7, 3
SETTINGS = """[publication]
title = "Made up"
url = "https://made-up.example"
sender = "Made up <desk@made-up.example>"

{themes}
[[sources]]
name = "desk"
kind = "folder"
path = "posts"

[[editions]]
slug = "weekly"
title = "Weekly"
themes = {slugs}
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up post and the theme (or unsorted) where its editor wants it."""

    post: Post
    theme: str


def make_posts(seed: int, count: int) -> list[Made]:
    """So many posts; the same seed makes the same."""
    chance = random.Random(seed)
    return [_make_post(chance, f"{seed:04x}{number:08x}") for number in range(count)]


def _make_post(chance: random.Random, key: str) -> Made:
    theme = chance.choice([*RULES, *RULES, UNSORTED])
    words = chance.choices(NOISE, WEIGHTS, k=WORDS)
    words += [chance.choice(TYPICAL[chance.choice(list(TYPICAL))]) for _ in range(STRAY)]
    if theme != UNSORTED:
        words += chance.choices(TYPICAL[theme], k=OWN)
        words += chance.choices(RULES[theme], k=2) if chance.random() < 0.5 else []
    if chance.random() < 0.1:
        words.append(chance.choice(RULES[chance.choice(list(RULES))]))
    chance.shuffle(words)
    body = f"{' '.join(words[6:30])}.\n\n{' '.join(words[30:])}.\n"
    return Made(Post(key=key, title=f"{' '.join(words[:6])} {key}", body=body, source="desk"), theme)


def make_workspace(folder: Path) -> Workspace:
    """An empty workspace with the generator's themes."""
    themes = "".join(
        f'[[themes]]\nslug = "{slug}"\ntitle = "{slug.title()}"\nany = {list(words)}\n\n'.replace("'", '"')
        for slug, words in RULES.items()
    )
    text = SETTINGS.format(themes=themes, slugs=str(list(RULES)).replace("'", '"'))
    (folder / "newsletter.toml").write_text(text, encoding="utf-8")
    (folder / "posts").mkdir()
    return Workspace(folder)


def collect_posts(workspace: Workspace, made: Iterable[Made]) -> None:
    """Put posts into posts/, one file each, as somebody would write them."""
    for one in made:
        front = f'---\ntitle: "{one.post.title}"\nkey: {one.post.key}\n---\n\n'
        workspace.write(f"posts/{one.post.key}.md", front + one.post.body)


def edit_weeks(workspace: Workspace, made: Sequence[Made], weeks: int) -> None:
    """Week by week some posts are collected and drafted, and then the editor moves each post where it belongs."""
    config = read_config(workspace)
    for week in range(weeks):
        collect_posts(workspace, made[week::weeks])
        day = date(2026, 1, 5) + timedelta(weeks=week)
        draft_issue(workspace, config, config.edition(), day)
        move_posts(workspace, f"{day}-weekly", {one.post.key: one.theme for one in made})


def move_posts(workspace: Workspace, slug: str, themes: dict[str, str]) -> None:
    """Cut the posts that are named out of their sections of an issue.md, and paste them into others."""
    issue = load_issue(workspace, slug).issue
    workspace.write(issue_path(slug), write_issue(_moved(issue, themes)))


def _moved(issue: Issue, themes: dict[str, str]) -> Issue:
    sections = {section.slug: replace(section, posts=()) for section in issue.sections}
    for section in issue.sections:
        for post in section.posts:
            slug = themes.get(post.key or "", section.slug)
            target = sections.get(slug) or Section(slug=slug, title=slug.title())
            sections[slug] = replace(target, posts=(*target.posts, post))
    return replace(issue, sections=tuple(section for section in sections.values() if section.posts))
