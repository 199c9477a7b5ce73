"""What mail clients support, as caniemail tested it: the table in caniemail.json, which scripts/distil_caniemail.py makes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from newsletter.text.words import suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing of HTML or CSS. `support` by platform: y yes, a in part, n no, u not known; `notes` say which part."""

    title: str
    support: Mapping[str, str]
    notes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A mail client. `platforms` are its apps, each with its name beside the client's (empty if there is but one)."""

    name: str
    platforms: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportTable:
    """All of it: clients by the names that settings use, features by caniemail's own names."""

    date: str
    clients: Mapping[str, Client]
    features: Mapping[str, Feature]


@cache
def read_table() -> SupportTable:
    """The table that ships with the program; read when a client is named for the first time."""
    raw = json.loads((files("newsletter.checking") / "caniemail.json").read_text(encoding="utf-8"))
    clients = {name: Client(**one) for name, one in raw["clients"].items()}
    platforms = [platform for client in clients.values() for platform in client.platforms]
    return SupportTable(
        date=raw["source"]["last_update_date"],
        clients=clients,
        features={
            slug: _read_feature(
                one["title"], dict(zip(platforms, one["support"].split(), strict=True)), one.get("notes", {})
            )
            for slug, one in raw["features"].items()
        },
    )


def _read_feature(title: str, words: Mapping[str, str], notes: Mapping[str, str]) -> Feature:
    numbers = {platform: [one for one in word[1:].split(",") if one] for platform, word in words.items()}
    return Feature(
        title=title,
        support={platform: word[0] for platform, word in words.items()},
        notes={platform: tuple(notes[one] for one in own) for platform, own in numbers.items() if own},
    )


def find_platforms(names: Iterable[str]) -> tuple[str, ...]:
    """Names of clients (`gmail`) and of single apps (`gmail-ios`) → platforms, in the order of the table."""
    wanted = {name.lower() for name in names}
    clients = read_table().clients.items() if wanted else ()
    return tuple(platform for name, client in clients for platform in client.platforms if wanted & {name, platform})


def about_unknown(names: Iterable[str]) -> str:
    """What to say of the first name that is no client; empty if all are."""
    name = next((name for name in names if not find_platforms([name])), None)
    if name is None:
        return ""
    clients = read_table().clients
    known = [*clients, *(platform for client in clients.values() for platform in client.platforms)]
    listed = f"{', '.join(clients)}; or one app of them, such as gmail-ios"
    return f"no mail client {name!r}{suggest(name.lower(), known)} (there is: {listed})"


def name_platforms(platforms: Iterable[str]) -> str:
    """Platforms for people: `Gmail, Yahoo (iOS, Android)`."""
    return ", ".join(_names(set(platforms)))


def _names(platforms: set[str]) -> Iterator[str]:
    for client in read_table().clients.values():
        own = [label for platform, label in client.platforms.items() if platform in platforms]
        if own:
            yield client.name if len(own) == len(client.platforms) else f"{client.name} ({', '.join(own)})"
