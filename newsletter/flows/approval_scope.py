"""What an approval covers of the settings: every key, but for those that are named here with the reason why not."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any

from newsletter.config import Config
from newsletter.model import Edition

_DRAFTING = "it sorts or chooses posts when an issue is drafted; the text that is approved is fixed by then"
_WHEN = "it says when an issue is drafted or sent by itself, not what is in it or who gets it"
_TRAVEL = "it is how a mail travels; no reader sees it"
_PAGES = "the pages, feeds and programs beside the mail"
# `section.key`, or `section.*` for a section of which no key can reach a mail or choose a reader. What a template of one's
# own shows of them is covered all the same: the mail's octets are.
NOT_COVERED: Mapping[str, str] = {
    "publication.editor": "where reviews go",
    "publication.feed": _PAGES,
    "themes.any": _DRAFTING,
    "themes.all": _DRAFTING,
    "themes.countries": _DRAFTING,
    "themes.never": _DRAFTING,
    "editions.draft": _WHEN,
    "editions.mode": _WHEN,
    "editions.late": _WHEN,
    "editions.undo": _WHEN,
    "editions.window": _WHEN,
    "editions.skip": _WHEN,
    "editions.failed_source": _WHEN,
    "editions.unsorted": _DRAFTING,
    "editions.past": _DRAFTING,
    "sources.*": _DRAFTING,
    "sorting.*": _DRAFTING,
    "fetch.*": _DRAFTING,
    "checks.*": "what the checks say stops an issue by itself",
    "smtp.host": _TRAVEL,
    "smtp.port": _TRAVEL,
    "smtp.security": _TRAVEL,
    "smtp.allow_plaintext": _TRAVEL,
    "smtp.username": _TRAVEL,
    "smtp.password": _TRAVEL,
    "smtp.password_file": _TRAVEL,
    "smtp.token_file": _TRAVEL,
    "smtp.connections": _TRAVEL,
    "smtp.rate": _TRAVEL,
    "smtp.helo": _TRAVEL,
    "smtp.ca_file": _TRAVEL,
    "smtp.on_uncertain": _TRAVEL,
    "smtp.lifetime_h": _TRAVEL,
    "smtp.messages_per_connection": _TRAVEL,
    "smtp.chunking": _TRAVEL,
    "smtp.dsn": _TRAVEL,
    "relays.*": _TRAVEL,
    "throttles.*": _TRAVEL,
    "dkim.*": _TRAVEL,
    "web.*": _PAGES,
    "hooks.*": _PAGES,
    "database.*": "where it is kept",
}
# Whatever else they are for: an approval is a file for git.
_SECRET = ("password", "secret", "token")
_MAIL_OF_EDITION = ("title", "schedule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A covered key of the settings. `rule` is its name without the name of the item that it belongs to."""

    name: str
    rule: str
    value: Any
    is_default: bool

    @property
    def chooses_readers(self) -> bool:
        """Whether it belongs to the rule by which readers are chosen, as far as a name can tell: all else is a setting."""
        section, _, key = self.rule.partition(".")
        return section == "segments" or (section == "editions" and key not in _MAIL_OF_EDITION)


def is_covered(rule: str) -> bool:
    """Whether an approval covers `section.key`."""
    section, _, key = rule.partition(".")
    return rule not in NOT_COVERED and f"{section}.*" not in NOT_COVERED and not any(word in key for word in _SECRET)


def read_covered(config: Config, edition: Edition) -> Iterator[Covered]:
    """The covered keys of the settings for an issue of this edition, in the settings' order."""
    for section in fields(config):
        for name, item in _items(section.name, getattr(config, section.name), edition):
            for key in fields(item):
                rule = f"{section.name}.{key.name}"
                if is_covered(rule):
                    value = getattr(item, key.name)
                    shown = "edition" if rule == "editions.slug" else f"{name}.{key.name}"
                    yield Covered(name=shown, rule=rule, value=value, is_default=value == _default(key))


def _items(section: str, value: Any, edition: Edition) -> Iterator[tuple[str, Any]]:
    """The items of a section that this edition has to do with, each with its name; one without a slug has a number."""
    if section == "editions":
        yield section, edition
    elif is_dataclass(value):
        yield section, value
    else:
        for number, item in enumerate(value, 1):
            name = getattr(item, "slug", str(number))
            if section != "themes" or name in edition.themes:
                yield f"{section}.{name}", item


def _default(key: "Field[Any]") -> Any:
    return key.default_factory() if key.default_factory is not MISSING else key.default


def list_decided(config: Config, edition: Edition) -> dict[str, Any]:
    """What is hashed: covered keys that are not at their default. So a key that a later version adds takes no approval away."""
    return {one.name: one.value for one in read_covered(config, edition) if not one.is_default}
