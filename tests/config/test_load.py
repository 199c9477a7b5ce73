"""Settings: strict, with file:line:column and a suggestion, all mistakes at once; the environment wins."""

import json
from pathlib import Path

import pytest

from newsletter.config import Config, load_config
from newsletter.errors import SettingsError

KINDS = {"folder": "path", "feed": "url"}
GOOD = """
[publication]
title = "Borderlines"
url = "https://borderlines.example"
sender = "Borderlines <desk@borderlines.example>"
timezone = "Europe/Berlin"

[[themes]]
slug = "caucasus"
title = "Caucasus"
any = ["Baku"]
not = ["Tbilisi"]

[[sources]]
name = "desk"
kind = "folder"
path = "posts"

[[editions]]
slug = "weekly"
title = "Weekly"
themes = ["caucasus"]
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("NEWSLETTER_"):
            monkeypatch.delenv(name)


def load(text: str) -> Config:
    return load_config(text.encode(), "newsletter.toml", KINDS)


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(text)
    assert error.value.exit_status == 3
    return [str(mistake) for mistake in error.value.mistakes]


def test_good_settings_become_nouns() -> None:
    config = load(GOOD)
    assert config.publication.title == "Borderlines"
    assert config.themes[0].never == ("Tbilisi",)
    assert config.smtp.port == 587
    assert config.edition().slug == "weekly"
    assert str(config.zone) == "Europe/Berlin"


def test_the_sample_settings_are_good(root: Path) -> None:
    config = load_config((root / "newsletter.toml").read_bytes(), "newsletter.toml", KINDS)
    assert [theme.slug for theme in config.themes] == ["caucasus", "eu-china", "us-china", "australia-china"]


def test_the_contracts_example_of_an_unknown_key() -> None:
    assert mistakes(GOOD + "\n[smtp]\nprot = 587\n") == [
        'newsletter.toml:25:1: smtp.prot: unknown key; did you mean "port"?'
    ]


def test_all_mistakes_are_told_at_once_in_reading_order() -> None:
    told = mistakes(
        """[publication]
titel = "x"
url = "borderlines"
sender = "x"
timezone = "Europe/Berln"

[[themes]]
slug = "Caucasus"
title = 3
any = ["a", 5]
countries = ["ZZ"]
nott = []

[[sources]]
name = "x"
kind = "fed"

[[sources]]
name = "x"
kind = "feed"

[[editions]]
slug = "weekly"
title = "W"
themes = ["caucasus"]
schedule = "1 07:00"
unsorted = "maybe"

[smtp]
port = 99999
security = "none"
host = "mail.example.org"
"""
    )
    assert told == [
        "newsletter.toml:1:1: publication.title: is missing",
        'newsletter.toml:2:1: publication.titel: unknown key; did you mean "title"?',
        "newsletter.toml:3:1: publication.url: must be a web address such as https://borderlines.example",
        "newsletter.toml:4:1: publication.sender: must be an address such as Borderlines <desk@borderlines.example>",
        'newsletter.toml:5:1: publication.timezone: unknown time zone; did you mean "Europe/Berlin"?',
        "newsletter.toml:8:1: themes.Caucasus.slug: use lower-case letters, digits and hyphens (it becomes part of addresses)",
        "newsletter.toml:9:1: themes.Caucasus.title: must be text in quotes",
        "newsletter.toml:10:13: themes.Caucasus.any[1]: must be text in quotes",
        "newsletter.toml:11:14: themes.Caucasus.countries[0]: unknown country code; write ISO codes such as AZ, or EU, NATO, UN, G7, BRICS, ASEAN",
        'newsletter.toml:12:1: themes.Caucasus.nott: unknown key; did you mean "not"?',
        "newsletter.toml:16:1: sources.x.kind: no kind of source 'fed'; did you mean \"feed\"?",
        "newsletter.toml:18:1: sources.x: a feed needs a url",
        "newsletter.toml:19:1: sources.x.name: 'x' is used twice; each needs a name of its own",
        "newsletter.toml:25:11: editions.weekly.themes[0]: no theme 'caucasus'; did you mean \"Caucasus\"?",
        'newsletter.toml:26:1: editions.weekly.schedule: must be weekday names and a time, such as "mon 07:00" or "mon,thu 07:00"',
        'newsletter.toml:27:1: editions.weekly.unsorted: must be "include" or "hold"',
        "newsletter.toml:30:1: smtp.port: must be a port from 1 to 65535",
        "newsletter.toml:31:1: smtp.security: mail to mail.example.org would travel in the clear; use starttls or tls (or set allow_plaintext)",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('url = "https://x.example/"', "publication.url: leave out the slash at the end"),
        ('url = "https://x.example?q"', "publication.url: must be a web address"),
        ('sender = "bank@x.example <desk@x.example>"', "publication.sender: "),
        ('sender = "A\\nB <desk@x.example>"', "publication.sender: must be one line"),
        ('language = "english language"', "publication.language: must be a language tag"),
        ('postal_address = "a\\u0000b"', "publication.postal_address: must be one line"),
        ('feed = "all"', 'publication.feed: must be "posts" or "issues"'),
    ],
)
def test_values_of_the_publication(line: str, message: str) -> None:
    key = line.partition(" ")[0]
    kept = [one for one in GOOD.split("\n") if not one.startswith(f"{key} =")]
    kept.insert(2, line)
    assert mistakes("\n".join(kept))[0].startswith(f"newsletter.toml:3:1: {message}")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            '[[themes]]\nslug = "unsorted"\ntitle = "x"\nany = ["y"]',
            'themes.unsorted.slug: "unsorted" is where posts',
        ),
        ('[[themes]]\nslug = "x"\ntitle = "x"', "themes.x: claims nothing; give it any, all or countries"),
        (
            '[[themes]]\nslug = "x"\ntitle = "x"\nall = [[], ["y"]]',
            "themes.x.all[0]: an empty side can never be met",
        ),
        ('[[themes]]\nslug = "x"\ntitle = "x"\nall = ["EU", "China"]', "themes.x.all[0]: "),
        (
            '[[themes]]\nslug = "x"\ntitle = "x"\nany = ["country:QQ"]',
            "themes.x.any[0]: unknown country code",
        ),
        (
            '[[sources]]\nname = "y"\nkind = "folder"\npath = "../other"',
            "sources.y.path: must be a folder inside the workspace",
        ),
        (
            '[[sources]]\nname = "y"\nkind = "feed"\nurl = "ftp://x"',
            "sources.y.url: must be the address of a feed",
        ),
        (
            '[[sources]]\nname = "y"\nkind = "folder"\npath = "p"\nencoding = "utf8x"',
            "sources.y.encoding: unknown encoding",
        ),
        ('[smtp]\nrate = "14 per second"', "smtp.rate: must be a number of mails and a time"),
        ("[sorting]\nmargin = 2", "sorting.margin: must lie between 0 and 1"),
        ("[nonsense]\nx = 1", "nonsense: unknown key"),
    ],
)
def test_values_of_other_sections(section: str, message: str) -> None:
    assert any(f": {message}" in told for told in mistakes(f"{GOOD}\n{section}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[publication\n", "newsletter.toml:1:13: expected ']' at the end of a table declaration"),
        ("a = \n", "newsletter.toml:1:5: invalid value"),
        ("a = 1\na = 2\n", "newsletter.toml:2:6: cannot overwrite a value"),
        ('a = "x', "newsletter.toml:1:"),
        ("[a]\n[b\n", "newsletter.toml:2:3: "),
    ],
)
def test_broken_toml_is_told_with_its_place(text: str, message: str) -> None:
    told = mistakes(text)
    assert len(told) == 1
    assert told[0].startswith(message)


def test_a_file_that_is_not_utf8_is_told_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"newsletter\.toml:2: not UTF-8"):
        load_config(b"a = 1\nb = '\xff'\n", "newsletter.toml", KINDS)


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__HOST", "mail.example.org")
    monkeypatch.setenv("newsletter_smtp__port", "2525")
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", "secret-canary")
    monkeypatch.setenv("NEWSLETTER_FETCH__ALLOW_HOSTS", '["intranet.example"]')
    monkeypatch.setenv("NEWSLETTER_WORKSPACE", "/elsewhere")
    config = load(GOOD)
    assert (config.smtp.host, config.smtp.port, config.smtp.password) == (
        "mail.example.org",
        2525,
        "secret-canary",
    )
    assert config.fetch.allow_hosts == ("intranet.example",)
    assert "secret-canary" not in repr(config)


def test_mistakes_of_the_environment_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMPT__PORT", "1")
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "many")
    monkeypatch.setenv("NEWSLETTER_WEB__HOSST", "x")
    monkeypatch.setenv("NEWSLETTER_PUBLICATION__URL", "nowhere")
    assert mistakes(GOOD) == [
        "NEWSLETTER_PUBLICATION__URL: publication.url: must be a web address such as https://borderlines.example",
        "NEWSLETTER_SMPT__PORT: no section 'smpt'; did you mean \"smtp\"?",
        "NEWSLETTER_SMTP__PORT: smtp.port: must be a whole number",
        'NEWSLETTER_WEB__HOSST: web.hosst: unknown key; did you mean "host"?',
    ]


def test_t37_a_secret_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", "secret-canary")
    told = "\n".join(mistakes(GOOD + '\n[smtp]\nport = "secret-canary"\nusername = 3\n'))
    assert "secret-canary" not in told
    with pytest.raises(SettingsError) as error:
        load(GOOD + '\n[smtp]\npassword = ["secret-canary"]\nusername = 3\n')
    assert "secret-canary" not in json.dumps([str(mistake) for mistake in error.value.mistakes])


def test_a_broken_list_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_FETCH__ALLOW_HOSTS", "[broken")
    assert any("fetch.allow_hosts: is no JSON list" in told for told in mistakes(GOOD))
