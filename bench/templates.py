"""`./run bench templates`: what `newsletter check` says of mails that others publish, and how often it is wrong.

Finished mail templates come out of packages of npm and PyPI (npm and pip are needed), as they stand, with their placeholders
filled by plain words; or out of a folder. Every rule runs that can be about somebody else's mail. Whether an error is
one was judged by a person for a random sample; the judgements are in templates_judged.csv. No time is measured.
"""

import argparse
import csv
import io
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.placeholders import fill_template
from newsletter.checking import Page, check_page

JUDGED = Path(__file__).with_name("templates_judged.csv")
# These compare a mail with its issue, its settings or its text part, which a template alone does not have.
NOT_ASKED = {
    "H5": "compares <title> with the subject",
    "H27": "compares the preheader with the issue's",
    "H32": "looks for this reader's way out and this publication's address",
    "H46": "compares with the text part",
    "slots": "looks for the places of this program's own readers",
}
SUFFIXES = (".html", ".htm", ".hbs", ".handlebars", ".mustache", ".liquid", ".j2")


class Package(NamedTuple):
    """A published package, where its mails are, and what beside them is none: frames, parts, pages."""

    kind: str
    name: str
    version: str
    mails: str
    but: str = r"\A\Z"


PACKAGES = (
    Package("npm", "@directus/api", "23.3.2", "services/mail/templates/*.liquid", "base"),
    Package("npm", "bootstrap-email", "1.2.9", "examples/output/*.html"),
    Package("npm", "flowise", "3.1.2", "enterprise/emails/*.hbs"),
    Package("npm", "foundation-emails", "2.5.1", "package/.download/templates/*.html"),
    Package("npm", "ghost", "5.130.6", "core/server/services/*/*templates/*", r"partials|\.js\Z"),
    Package("npm", "mailgen", "2.0.36", "themes/*/index.html"),
    Package("npm", "mails-default", "0.0.1", "package/*.html", "layout"),
    Package("npm", "n8n", "2.8.4", "user-management/email/templates/*.handlebars"),
    Package("npm", "unleash-server", "7.5.1", "mailtemplates/*/*.html.mustache"),
    Package("pip", "askbot", "0.13.0", "jinja2/email/*/*.html", "macros"),
    Package("pip", "canaille", "0.3.6", "core/mails/*.html", "base"),
    Package("pip", "cc-email-templates", "0.2.1", "templates/*.j2", "base"),
    Package("pip", "django-epfl-mail", "2.2.0", "epflmail/*.html", "base"),
    Package("pip", "django-mailing", "0.3", "templates/mailing/base.html"),
    Package("pip", "django-oscar", "4.2.1", "communication/emails/*_body.html"),
    Package("pip", "django-saas-email", "0.1.30", "django_saas_email/email_base.html"),
    Package("pip", "django-shop", "1.2.4", "templates/shop/email/*.html", "base"),
    Package("pip", "evap", "2026.2.0", "evaluation/templates/email_base.html"),
    Package("pip", "fief-server", "0.27.0", "email_template/templates/*.html", "base"),
    Package("pip", "lemur", "1.9.3", "lemur_email/templates/*.html"),
    Package(
        "pip",
        "matrix-synapse",
        "1.163.2",
        "res/templates/*.html",
        r"sso|success|failure|invalid|auth|recaptcha|renewed|token|terms|deactivat|limit|_base|confirmation|already",
    ),
    Package("pip", "misago", "0.39.6", "templates/misago/emails/**/*.html", "base"),
    Package("pip", "mitol-django-mail", "2026.4.29", "templates/mail/email_base.html"),
    Package("pip", "pretalx", "2025.2.2", "templates/mail/mailwrapper.html"),
    Package("pip", "pretix", "2026.8.0", "pretixbase/email/*.html", "base"),
    Package("pip", "reviewboard", "8.1", "templates/notifications/*.html", "base|content"),
    Package("pip", "wagtail", "8.0.1", "wagtailadmin/notifications/*.html", "base"),
    Package("pip", "weblate", "5.14.3", "templates/mail/*.html", "base"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding about one template. `number` counts those of its rule in its file."""

    package: str
    file: str
    rule: str
    number: int
    level: str
    message: str
    where: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """By this a judgement is about it."""
        return self.package, self.file, self.rule, str(self.number)


def main(arguments: Sequence[str]) -> int:
    """Count and compare with the judgements; with --sample, print what to judge."""
    parser = argparse.ArgumentParser(prog="./run bench templates")
    parser.add_argument("folder", nargs="?", type=Path, help="finished mails to look at instead of those of packages")
    parser.add_argument("--keep", type=Path, help="a folder in which fetched packages stay for the next time")
    parser.add_argument("--sample", type=int, metavar="N", help="print N errors of each rule, as rows to judge")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-templates-") as spare:
        pages = _in_folder(options.folder) if options.folder else _in_packages(options.keep or Path(spare))
        found = [one for package, file, html in pages for one in look(package, file, html)]
    if options.sample:
        _print_sample(found, options.sample, options.seed)
    else:
        _print_counts(found)
        if not options.folder:
            _print_judgements(found)
    return 0


def _in_folder(folder: Path) -> Iterator[tuple[str, str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES:
            yield folder.name, path.relative_to(folder).as_posix(), fill_template(path, folder)


def _in_packages(home: Path) -> Iterator[tuple[str, str, str]]:
    """Package, file and page of each mail; what has no frame of its own is none."""
    for package in PACKAGES:
        folder = _fetch(package, home)
        for path in sorted(one for one in folder.rglob(package.mails) if one.is_file()):
            name = path.relative_to(folder).as_posix()
            if not re.search(package.but, path.name) and not re.search(r"(?:\A|/)(?:raw|tests?)/", name):
                html = fill_template(path, folder)
                if re.search(r"<html|<!doctype|<body", html, re.IGNORECASE):
                    yield package.name, name, html


def _fetch(package: Package, home: Path) -> Path:
    """The templates of a package, in a folder of their own. Nothing of it is run or installed."""
    folder = home / f"{package.kind}-{package.name.replace('/', '-').lstrip('@')}-{package.version}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(prefix="bench-templates-") as spare:
        _download(package, Path(spare))
        part = Path(spare) / "templates"
        for archive in sorted(one for one in Path(spare).iterdir() if one.is_file()):
            for name, data in _members(archive):
                target = part / name
                if name.endswith(SUFFIXES) and target.resolve().is_relative_to(part.resolve()):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
        home.mkdir(parents=True, exist_ok=True)
        shutil.move(part, folder)
    return folder


def _download(package: Package, folder: Path) -> None:
    if package.kind == "npm":
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    else:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            ".",
        ]
        command.append(f"{package.name}=={package.version}")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{package.name} {package.version} was not fetched: {done.stderr[-500:]}")


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                yield name, opened.read(name)
    else:
        with tarfile.open(archive) as opened_tar:
            for member in opened_tar:
                stream = opened_tar.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read()


def look(package: str, file: str, html: str) -> Iterator[Found]:
    """What the rules say of a page, for a publication that it could be of."""
    title = re.search(r"<title[^>]*>(.*?)</title>", html, re.DOTALL | re.IGNORECASE)
    page = Page(
        html=html.replace("\r\n", "\n").strip(),
        text="",
        subject=title[1] if title else "",
        preheader="",
        language="en",
        url="https://example.org",
        postal_address="",
        reason="",
        unsubscribe="",
    )
    counts: Counter[str] = Counter()
    for finding in check_page(page, ignore=NOT_ASKED):
        counts[finding.rule] += 1
        yield Found(
            package, file, finding.rule, counts[finding.rule], finding.level, finding.message, finding.where or ""
        )


def plain(message: str) -> str:
    """A message without what it quotes of the template."""
    message = re.sub(r"^.*(?=: without !important| is not inline)", "…", message)
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", message)


def _print_sample(found: Sequence[Found], each: int, seed: int) -> None:
    """Rows to judge: of each rule some errors, of as many packages as there are before a second of one."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for rule, errors in sorted(_by_rule(found, "error").items(), key=lambda item: _in_order(item[0])):
        for one in _choose(errors, each, random.Random(f"{seed} {rule}")):
            writer.writerow([*one.key, one.where.partition(" ")[0].strip("<>"), plain(one.message), "", ""])


def _choose(errors: Sequence[Found], count: int, dice: random.Random) -> list[Found]:
    packages = defaultdict(list)
    for one in errors:
        packages[one.package].append(one)
    rounds = [dice.sample(them, len(them)) for them in dice.sample(list(packages.values()), len(packages))]
    return [them[turn] for turn in range(max(map(len, rounds))) for them in rounds if turn < len(them)][:count]


def _in_order(rule: str) -> tuple[str, int]:
    return re.sub(r"\d", "", rule), int(re.sub(r"\D", "", rule) or 0)


def _by_rule(found: Sequence[Found], level: str) -> dict[str, list[Found]]:
    rules: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.level == level:
            rules[one.rule].append(one)
    return rules


def _print_counts(found: Sequence[Found]) -> None:
    files = {(one.package, one.file) for one in found}
    print(f"{len(files)} mails of {len({package for package, _ in files})} packages\n")
    print(f"{'rule':10} {'errors':>7} {'in mails':>9} {'warnings':>9} {'in mails':>9}")
    errors, warnings = _by_rule(found, "error"), _by_rule(found, "warning")
    for rule in sorted({*errors, *warnings}, key=_in_order):
        row = [number for them in (errors[rule], warnings[rule]) for number in (len(them), _mails(them))]
        print(f"{rule:10} {row[0]:7} {row[1]:9} {row[2]:9} {row[3]:9}")


def _mails(found: Sequence[Found]) -> int:
    return len({(one.package, one.file) for one in found})


def read_judgements() -> list[dict[str, str]]:
    """The rows of the table."""
    return list(csv.DictReader(io.StringIO(JUDGED.read_text(encoding="utf-8"))))


def _print_judgements(found: Sequence[Found]) -> None:
    """Of each round, how many errors were none; of the last one rule by rule."""
    rows = read_judgements()
    print(f"\n{'round':8} {'judged':>7} {'false':>6} {'rate':>7}")
    for number in sorted({row["round"] for row in rows}):
        judged = [row for row in rows if row["round"] == number]
        wrong = sum(row["verdict"] == "false" for row in judged)
        print(f"{number:8} {len(judged):7} {wrong:6} {100 * wrong / len(judged):6.1f}%")
    _print_rules([row for row in rows if row["round"] == max(row["round"] for row in rows)], _by_rule(found, "error"))


def _print_rules(judged: Sequence[dict[str, str]], errors: dict[str, list[Found]]) -> None:
    """Rates by rule; the whole one also by how often each rule is told."""
    weighed = 0.0
    print(f"\n{'rule':8} {'judged':>7} {'false':>6}")
    for rule in sorted({row["rule"] for row in judged}, key=_in_order):
        own = [row for row in judged if row["rule"] == rule]
        wrong = sum(row["verdict"] == "false" for row in own)
        weighed += len(errors[rule]) * wrong / len(own)
        print(f"{rule:8} {len(own):7} {wrong:6}")
    count = sum(len(errors[rule]) for rule in {row["rule"] for row in judged})
    print(f"\nweighed by how often each rule is told: {100 * weighed / count:.1f}% of {count} errors")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
