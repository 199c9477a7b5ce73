"""The documentation says what the program does: every command, option, key, code and name; its links lead somewhere."""

import re
import shlex
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

import click
import pytest

from newsletter.cli import COMMANDS, cli
from newsletter.config import Config
from newsletter.sources.digest import KEYS as DIGEST_KEYS
from newsletter.sources.markdown_file import KEYS as POST_KEYS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, name: str) -> str:
    match = re.search(rf"^## {re.escape(name)}$(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert match, f"no section {name}"
    return match[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    text = read("docs/commands.md")
    part = section(text, name)
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    below = command.commands.values() if isinstance(command, click.Group) else ()
    for one in below:
        assert str(one.name) in part, one.name
        assert "Example: newsletter" in (one.help or ""), one.name
    for parameter in [parameter for one in (command, *below) for parameter in one.params]:
        for option in getattr(parameter, "opts", []):
            if option.startswith("--"):
                assert option in part or option in text.partition("## Exit codes")[0], option


def test_every_key_of_the_settings_is_documented_and_no_other() -> None:
    text = read("docs/settings.md")
    assert set(re.findall(r"^## (\w+)$", text, flags=re.MULTILINE)) == {item.name for item in fields(Config)}
    for item in fields(Config):
        noun = next(one for one in (item.type, *get_args(item.type)) if is_dataclass(one))
        part = section(text, item.name)
        rows = re.findall(r"^\| (`[^|]*) \|", part, flags=re.MULTILINE)
        documented = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        assert documented == {"not" if inner.name == "never" else inner.name for inner in fields(noun)}, item.name


def test_every_error_code_has_a_heading_and_every_heading_a_code() -> None:
    used = {
        code
        for path in (ROOT / "newsletter").rglob("*.py")
        for code in re.findall(r'"(NL\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert set(re.findall(r"^## (NL\d{3})$", read("docs/errors.md"), flags=re.MULTILINE)) == used


def test_every_key_of_front_matter_is_documented() -> None:
    sources, digests = read("docs/sources.md"), read("docs/digests.md")
    for key in POST_KEYS:
        assert f"`{key}`" in sources, key
    for key in DIGEST_KEYS:
        assert f"`{key}`" in digests, key


def test_every_template_is_documented() -> None:
    text = read("docs/templates.md")
    for path in (ROOT / "templates").rglob("*"):
        if path.is_file() and path.parent.name != "web":
            assert f"`{path.relative_to(ROOT / 'templates').as_posix()}`" in text, path


def test_every_name_that_a_mail_template_may_use_is_documented(environment_names: set[str]) -> None:
    text = read("docs/templates.md")
    for name in environment_names:
        assert f"`{name}" in text, name


@pytest.fixture
def environment_names() -> set[str]:
    from newsletter.phrases import read_phrases
    from newsletter.rendering.content import show_issue
    from newsletter.rendering.email import mail_values
    from tests.rendering.issues import EDITION, PUBLICATION, make_issue

    phrases = read_phrases([read("templates/phrases.toml")], "p", "en")
    return set(mail_values(show_issue(make_issue(), "en"), PUBLICATION, EDITION, phrases))


@pytest.mark.parametrize("path", sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")]), ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("…"):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


def test_help_texts_point_to_documents_that_exist() -> None:
    for path in (ROOT / "newsletter").rglob("*.py"):
        for target in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / target).is_file(), f"{path}: {target}"


def commands_of(text: str) -> list[list[str]]:
    """The `newsletter …` lines of shell blocks, as words; comments and `./run` go."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            words = words[1:] if words[:1] == ["./run"] else words
            if words[:1] == ["newsletter"]:
                found.append(words[1:])
    return found


def test_the_readmes_commands_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from newsletter.cli import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    commands = commands_of(read("README.md"))
    assert [command[0] for command in commands] == [
        "init",
        "collect",
        "draft",
        "build",
        "explain",
        "subscribers",
        "send",
        "schedule",
    ]
    for command in commands:
        words = [word.replace("~", str(tmp_path)) for word in command]
        assert run(words) == 0, words
        if words[0] == "init":
            monkeypatch.chdir(words[1])
    assert (tmp_path / "borderlines/build/2025-07-07-weekly/email.html").is_file()
    capsys.readouterr()


def test_examples_in_help_texts_are_commands() -> None:
    for name in COMMANDS:
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        example = re.search(r"Example: (.+)", command.help or "")
        assert example, name
        assert "newsletter " in example[1]


def test_the_examples_of_settings_are_read(tmp_path: Path) -> None:
    """Each TOML block of the docs, put after the required section, is accepted."""
    from newsletter.config import load_config

    head = '[publication]\ntitle = "T"\nurl = "https://t.example"\nsender = "T <t@t.example>"\n'
    themes = '[[themes]]\nslug = "caucasus"\ntitle = "C"\nany = ["Baku"]\n'
    for path in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
            text = head + ("" if "caucasus" in block and "[[themes]]" in block else themes) + block
            load_config(text.encode(), path.name, {"folder": "path", "feed": "url"})


def test_the_front_matter_example_of_digests_is_read() -> None:
    from newsletter.sources.digest import read_digest

    block = re.search(r"```\n(---\nseparator.*?---\n)```", read("docs/digests.md"), flags=re.DOTALL)
    assert block
    posts = read_digest(block[1] + "One\n\nText.\n***\nTwo\n", file="p", source="s").posts
    assert [entry.post.theme for entry in posts] == ["caucasus", "caucasus"]


def test_the_issue_file_of_the_docs_is_read() -> None:
    from newsletter.editing.issue_file import read_issue, write_issue

    block = re.search(r"```markdown\n(.*?)```", read("docs/issue-file.md"), flags=re.DOTALL)
    assert block
    assert write_issue(read_issue(block[1], "i").issue) == block[1]


def test_nothing_in_the_repository_speaks_of_this_machine() -> None:
    words = re.compile(r"/work/|/root/|pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian\.org")
    for path in ROOT.rglob("*"):
        parts = set(path.relative_to(ROOT).parts)
        if not path.is_file() or parts & {
            ".git",
            ".venv",
            ".cache",
            "build",
            "__pycache__",
            ".newsletter",
            ".mypy_cache",
            ".ruff_cache",
            ".hypothesis",
            ".pytest_cache",
        }:
            continue
        if path.suffix in (".png", ".pyc") or path.name in ("test_docs.py", ".coverage"):
            continue
        found = words.search(path.read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{path}: {found}"


def test_the_sample_holds_no_sentence_of_the_real_text(real_text: str) -> None:
    """Facts carry over, sentences do not: no run of eight words is shared."""

    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", re.sub(r"https?://\S+", "", text).lower())
        return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}

    real = runs(real_text)
    for folder in ("posts", "issues", "docs", "newsletter", "templates"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in (".txt", ".md", ".py", ".j2"):
                assert not runs(path.read_text(encoding="utf-8")) & real, path


def test_every_threat_that_is_listed_has_tests_that_are_named_after_it() -> None:
    for row in re.findall(r"^\| (T\d+(?:–T\d+)?) \|.*\| ([^|]+) \|$", read("docs/security.md"), flags=re.MULTILINE):
        first, _, last = row[0].replace("T", "").partition("–")
        files = [ROOT / f"tests/{name}.py" for name in re.findall(r"`([\w/]+)`", row[1])]
        assert files, row
        text = "".join(path.read_text(encoding="utf-8") for path in files)
        numbers = range(int(first), int(last or first) + 1)
        if first == "20":
            assert "def test_f20_" in text
        elif first == "51":
            assert "0o600" in text
        else:
            assert any(f"def test_t{number}_" in text for number in numbers), row
