"""The writing side: how fast the program starts, builds the sample, a hundred posts, and drafts ten thousand."""

import argparse
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

from bench.timing import Goal, Process, median, rounds, run

ROOT = Path(__file__).resolve().parent.parent
NEWSLETTER = [sys.executable, "-m", "newsletter"]
SLUG = "2025-07-07-weekly"
POSTS = 10_000
WORDS = """the a of and to in on for with after before talks treaty border export tariff minister summit gas road port
bank court vote law army press bridge grain steel chip market price strike school river harvest rail customs visa""".split()
NAMES = """Baku Yerevan Tbilisi Azerbaijan Armenia Georgia Brussels EU China Beijing Chinese Australia Canberra Washington
Trump Xi Moscow Ankara Tehran Delhi Tokyo Nairobi Lima Oslo""".split()


def main(arguments: list[str]) -> int:
    """Print medians and ratios; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="./run bench build")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        goals = measure(Path(folder), max(options.rounds, 5))
    print()
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


def measure(folder: Path, count: int) -> list[Goal]:
    """All figures. The rivals are bare imports: no program that uses these libraries can start faster."""
    sample, hundred, many = (copy_sample(folder / name) for name in ("sample", "hundred", "many"))
    write_hundred(hundred)
    results = rounds(
        {
            "import click": ([sys.executable, "-c", "import click"], folder),
            "newsletter --help": ([*NEWSLETTER, "--help"], folder),
            "import jinja2, premailer": ([sys.executable, "-c", "import jinja2, premailer"], folder),
            "build the sample (5 posts)": ([*NEWSLETTER, "build", SLUG], sample),
            "build 100 posts": ([*NEWSLETTER, "build", SLUG], hundred),
        },
        count,
    )
    print(f"medians of {count} interleaved rounds, whole processes:")
    seconds = {name: median(processes) for name, processes in results.items()}
    for name, value in seconds.items():
        print(f"  {name:32} {value:7.3f} s")
    write_many(many)
    drafted = [run_draft(many) for _ in range(3)]
    drafted.sort(key=lambda process: process.seconds)
    print(f"  {f'draft {POSTS:,} posts (median of 3)':32} {drafted[1].seconds:7.3f} s, {drafted[1].megabytes:.0f} MB")
    reference = seconds["import jinja2, premailer"]
    return [
        Goal("--help / import click", seconds["newsletter --help"] / seconds["import click"], 3),
        Goal(
            "build the sample / import jinja2, premailer",
            seconds["build the sample (5 posts)"] / reference,
            3,
        ),
        Goal(
            "build 100 posts / build the sample",
            seconds["build 100 posts"] / seconds["build the sample (5 posts)"],
            2,
        ),
        Goal(f"draft {POSTS:,} Markdown posts", drafted[1].seconds, 10, "s"),
        Goal(
            f"draft {POSTS:,} Markdown posts: memory",
            max(process.megabytes for process in drafted),
            200,
            "MB",
        ),
    ]


def copy_sample(folder: Path) -> Path:
    """The sample workspace with its issue."""
    shutil.copytree(ROOT / "posts", folder / "posts")
    shutil.copytree(ROOT / "issues", folder / "issues")
    shutil.copy(ROOT / "newsletter.toml", folder)
    return folder


def write_hundred(folder: Path) -> None:
    """The sample's issue with its posts twenty times over, each under a key and title of its own."""
    path = folder / f"issues/{SLUG}/issue.md"
    text = path.read_text(encoding="utf-8")
    head, *sections = re.split(r"(?m)^(?=## )", text)
    out = [head]
    for section in sections:
        title, *posts = re.split(r"(?m)^(?=### )", section)
        out.append(title)
        for number in range(20):
            out += [re.sub(r"\{#p-(\w+)\}", rf"no. {number} {{#p-\g<1>{number:02}}}", post, count=1) for post in posts]
            out[-1] = out[-1].rstrip("\n") + "\n\n"
    path.write_text("".join(out), encoding="utf-8")


def write_many(folder: Path) -> None:
    """Ten thousand collected posts of 100 to 400 words, as `collect` writes them."""
    chance = random.Random(7)
    target = folder / "posts/collected/desk"
    target.mkdir(parents=True)
    for number in range(POSTS):
        names = chance.sample(NAMES, 3)
        paragraphs = [
            " ".join(
                chance.choice(names) if chance.random() < 0.08 else chance.choice(WORDS)
                for _ in range(chance.randint(50, 100))
            )
            + "."
            for _ in range(chance.randint(2, 4))
        ]
        title = " ".join([*chance.sample(WORDS, 4), names[0], str(number)])
        day = f"2025-07-{number % 6 + 1:02}"
        front = f"---\ntitle: {title}\nurl: https://news.example.org/{number}\ndate: {day}T10:00:00+02:00\n"
        front += f"source: desk\nkey: {number:012x}\n---\n\n"
        (target / f"{day}-{number}.md").write_text(front + "\n\n".join(paragraphs) + "\n", encoding="utf-8")


def run_draft(folder: Path) -> Process:
    """Draft all of them into an issue that is not there yet."""
    shutil.rmtree(folder / "issues/2025-07-14-weekly", ignore_errors=True)
    return run([*NEWSLETTER, "draft", "--date", "2025-07-14"], folder)
