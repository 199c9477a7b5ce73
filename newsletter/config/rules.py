"""What a settings value must be beyond its type: one rule a function, one table of where each applies. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.config.places import Key
from newsletter.model import UNSORTED
from newsletter.text.addresses import is_web_address
from newsletter.text.mailbox import is_address, split_mailbox
from newsletter.text.times import read_days, read_late, read_span, read_weekly, read_window
from newsletter.text.words import suggest

# ISO 3166-1 alpha-2, and what people count with them: XK Kosovo, EU, and the groups of editing/gazetteer.toml.
COUNTRY_CODES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK EU NATO UN G7 BRICS ASEAN
    """.split()
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
_RATE = re.compile(r"[1-9]\d*/(?:s|min|h)\Z")


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """One thing that is wrong with the settings; `key` is the path of the value."""

    key: Key
    message: str
    code: str = "NL014"


def find_problems(values: Mapping[str, Any], source_kinds: Mapping[str, str]) -> Iterator[SettingsProblem]:
    """All problems that types do not show, over the raw values: a wrong one elsewhere hides none here."""
    for pattern, rule in _RULES.items():
        for key, value in _select(values, pattern):
            if isinstance(value, (str, int, float)) and (message := rule(value)):
                yield SettingsProblem(key, message)
    yield from _repeated(values)
    yield from _unknown_names(values)
    yield from _empty_themes(values)
    yield from _sources(values, source_kinds)
    yield from _plaintext(values)


# --- rules of one value -------------------------------------------------------------------------------------------


def _filled(value: Any) -> str | None:
    return None if str(value).strip() else "is empty"


def _one_line(value: Any) -> str | None:
    return (
        "must be one line"
        if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029" for c in str(value))
        else None
    )


def _title(value: Any) -> str | None:
    return _filled(value) or _one_line(value)


def _slug(value: Any) -> str | None:
    if str(value) == UNSORTED:
        return f'"{UNSORTED}" is where posts without a theme go; choose another name'
    return (
        None if _SLUG.match(str(value)) else "use lower-case letters, digits and hyphens (it becomes part of addresses)"
    )


def _web_address(value: Any) -> str | None:
    if not is_web_address(str(value)) or re.search(r"[?#\"]", str(value)):
        return "must be a web address such as https://borderlines.example"
    return "leave out the slash at the end" if str(value).endswith("/") else None


def _feed_address(value: Any) -> str | None:
    return None if is_web_address(str(value)) else "must be the address of a feed, such as https://example.org/feed.xml"


def _hook_address(value: Any) -> str | None:
    return None if is_web_address(str(value)) else "must be an address such as https://example.org/hook"


def _mailbox(value: Any) -> str | None:
    if _one_line(value):
        return "must be one line"
    name, address = split_mailbox(str(value))
    if not is_address(address):
        return "must be an address such as Borderlines <desk@borderlines.example>"
    # Mail clients show the phrase: an address in it would speak for somebody else (security T17).
    return "the name must not hold an @" if "@" in name else None


def _mailbox_or_none(value: Any) -> str | None:
    return _mailbox(value) if value else None


def _language(value: Any) -> str | None:
    return None if _LANGUAGE.match(str(value)) else "must be a language tag such as en, de or pt-BR"


def _timezone(value: Any) -> str | None:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(str(value))
    except (ValueError, OSError, KeyError):
        return _suggest_zone(str(value), available_timezones())
    return None


def _suggest_zone(text: str, known: Iterable[str]) -> str:
    """A zone is a place: an offset or an abbreviation stands for many of them, and knows nothing of summer time."""
    if re.fullmatch(r"(?i:gmt|utc|z)?\s*[+-]\d.*|[A-Z]{2,5}", text):
        return "must be the name of a place, such as Europe/Berlin, whose summer time is known with it"
    cities = {name.rpartition("/")[2].casefold(): name for name in sorted(known, reverse=True)}
    city = text.rpartition("/")[2].casefold().replace(" ", "_")
    near = cities.get(city, "")
    return "unknown time zone" + (
        f'; did you mean "{near}"?' if near else suggest(text, known) or "; write it as Europe/Berlin"
    )


def _read_by(read: Callable[[str], object], *, empty: bool = True) -> Callable[[Any], str | None]:
    """The rule that a value can be read; `empty`: or is left out."""

    def rule(value: Any) -> str | None:
        if empty and not value:
            return None
        try:
            read(str(value))
        except ValueError as error:
            return str(error)
        return None

    return rule


def _network(value: Any) -> str | None:
    import ipaddress

    try:
        ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return "must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8"
    return None


def _country(value: Any) -> str | None:
    return (
        None
        if str(value) in COUNTRY_CODES
        else "unknown country code; write ISO codes such as AZ, or EU, NATO, UN, G7, BRICS, ASEAN"
    )


def _term(value: Any) -> str | None:
    prefix, _, code = str(value).partition(":")
    return _country(code) if prefix == "country" and code else _title(value)


def _port(value: Any) -> str | None:
    return None if isinstance(value, str) or 1 <= value <= 65535 else "must be a port from 1 to 65535"


def _rate(value: Any) -> str | None:
    return (
        None
        if not value or _RATE.match(str(value))
        else "must be a number of mails and a time, such as 14/s, 500/min or 20000/h"
    )


def _needed_rate(value: Any) -> str | None:
    return _filled(value) or _rate(value)


def _address(value: Any) -> str | None:
    return None if not value or is_address(str(value)) else "must be an address such as bounces@borderlines.example"


def _domain(value: Any) -> str | None:
    return None if is_address(f"x@{value}") else "must be a domain such as gmail.com"


def _host(value: Any) -> str | None:
    return None if not value or re.fullmatch(r"[A-Za-z0-9.-]{1,253}", str(value)) else "must be a host name"


def _database(value: Any) -> str | None:
    if re.match(r"sqlite:///.|postgresql\+psycopg://.", str(value)):
        return None
    return "must be sqlite:///newsletter.db or postgresql+psycopg://user@host/name"


def _sender_id(value: Any) -> str | None:
    # Gmail's rules for the last part of Feedback-ID (message P6).
    return None if not value or re.fullmatch(r"[A-Za-z0-9]{5,15}", str(value)) else "must be 5 to 15 letters and digits"


def _inside(value: Any) -> str | None:
    parts = str(value).replace("\\", "/").split("/")
    return "must be a folder inside the workspace" if str(value).startswith(("/", "~")) or ".." in parts else None


def _share(value: Any) -> str | None:
    return None if isinstance(value, str) or 0 <= value <= 1 else "must lie between 0 and 1"


def _not_negative(value: Any) -> str | None:
    return None if isinstance(value, str) or value >= 0 else "must not be negative"


def _at_least_one(value: Any) -> str | None:
    return None if isinstance(value, str) or value >= 1 else "must be 1 or more"


def _encoding(value: Any) -> str | None:
    import codecs

    try:
        codecs.lookup(str(value))
    except LookupError:
        return "unknown encoding; utf-8 and cp1252 are the usual ones"
    return None


_RULES: dict[Key, Callable[[Any], str | None]] = {
    ("publication", "title"): _title,
    ("publication", "url"): _web_address,
    ("publication", "sender"): _mailbox,
    ("publication", "description"): _one_line,
    ("publication", "language"): _language,
    ("publication", "timezone"): _timezone,
    ("publication", "postal_address"): _one_line,
    ("publication", "reason"): _one_line,
    ("publication", "editor"): _mailbox_or_none,
    ("themes", "*", "slug"): _slug,
    ("themes", "*", "title"): _title,
    ("themes", "*", "any", "*"): _term,
    ("themes", "*", "all", "*", "*"): _term,
    ("themes", "*", "not", "*"): _term,
    ("themes", "*", "countries", "*"): _country,
    ("sources", "*", "name"): _slug,
    ("sources", "*", "path"): _inside,
    ("sources", "*", "url"): _feed_address,
    ("sources", "*", "newest"): _at_least_one,
    ("sources", "*", "max_age_days"): _not_negative,
    ("sources", "*", "encoding"): _encoding,
    ("editions", "*", "slug"): _slug,
    ("editions", "*", "title"): _title,
    ("editions", "*", "schedule"): _read_by(read_weekly),
    ("editions", "*", "draft"): _read_by(read_weekly),
    ("editions", "*", "late"): _read_by(read_late, empty=False),
    ("editions", "*", "undo"): _read_by(read_span),
    ("editions", "*", "window"): _read_by(read_window),
    ("editions", "*", "skip", "*"): _read_by(read_days, empty=False),
    ("editions", "*", "max_age_days"): _not_negative,
    ("sorting", "title"): _not_negative,
    ("sorting", "lead"): _not_negative,
    ("sorting", "body"): _not_negative,
    ("sorting", "prior"): _not_negative,
    ("sorting", "learned"): _not_negative,
    ("sorting", "minimum"): _not_negative,
    ("sorting", "margin"): _share,
    ("smtp", "port"): _port,
    ("smtp", "connections"): _at_least_one,
    ("smtp", "rate"): _rate,
    ("smtp", "helo"): _host,
    ("smtp", "bounces"): _address,
    ("smtp", "feedback_id"): _sender_id,
    ("smtp", "lifetime_h"): _at_least_one,
    ("smtp", "messages_per_connection"): _at_least_one,
    ("relays", "*", "host"): _filled,
    ("relays", "*", "port"): _port,
    ("relays", "*", "connections"): _at_least_one,
    ("throttles", "*", "domains", "*"): _domain,
    ("throttles", "*", "rate"): _needed_rate,
    ("dkim", "*", "selector"): _host,
    ("dkim", "*", "domain"): _host,
    ("dkim", "*", "key_file"): _filled,
    ("web", "port"): _port,
    ("web", "trusted_proxies", "*"): _network,
    ("web", "confirmations"): _needed_rate,
    ("database", "url"): _database,
    ("database", "key_file"): _filled,
    ("hooks", "*", "url"): _hook_address,
    ("hooks", "*", "secret_file"): _filled,
}


def _select(value: Any, pattern: Key, at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """The values a pattern names; `*` is every item of a list."""
    if not pattern:
        yield at, value
    elif pattern[0] == "*":
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from _select(item, pattern[1:], (*at, number))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _select(value[pattern[0]], pattern[1:], (*at, pattern[0]))


# --- rules between values -----------------------------------------------------------------------------------------


def _repeated(values: Mapping[str, Any]) -> Iterator[SettingsProblem]:
    for section, name in (("themes", "slug"), ("sources", "name"), ("editions", "slug")):
        seen: set[str] = set()
        for key, value in _select(values, (section, "*", name)):
            if str(value) in seen:
                yield SettingsProblem(key, f"{value!r} is used twice; each needs a {name} of its own")
            seen.add(str(value))


def _unknown_names(values: Mapping[str, Any]) -> Iterator[SettingsProblem]:
    known = [str(value) for _, value in _select(values, ("themes", "*", "slug"))]
    for section in ("editions", "sources"):
        for key, value in _select(values, (section, "*", "themes", "*")):
            if str(value) not in known:
                yield SettingsProblem(
                    key,
                    f"no theme {str(value)!r}{suggest(str(value), known) or '; themes: ' + ', '.join(known)}",
                )


def _empty_themes(values: Mapping[str, Any]) -> Iterator[SettingsProblem]:
    for key, theme in _select(values, ("themes", "*")):
        if isinstance(theme, dict) and not (theme.get("any") or theme.get("all") or theme.get("countries")):
            yield SettingsProblem(key, "claims nothing; give it any, all or countries")
    for key, side in _select(values, ("themes", "*", "all", "*")):
        if isinstance(side, list) and not side:
            yield SettingsProblem(key, "an empty side can never be met")
        elif isinstance(side, str):
            yield SettingsProblem(key, 'each side is a list: all = [["EU", "Brussels"], ["China", "Beijing"]]')


def _sources(values: Mapping[str, Any], source_kinds: Mapping[str, str]) -> Iterator[SettingsProblem]:
    for key, source in _select(values, ("sources", "*")):
        kind = source.get("kind") if isinstance(source, dict) else None
        if not isinstance(kind, str):
            continue
        if kind not in source_kinds:
            near = suggest(kind, source_kinds) or f"; kinds: {', '.join(source_kinds)}"
            yield SettingsProblem((*key, "kind"), f"no kind of source {kind!r}{near}")
        elif not source.get(source_kinds[kind]):
            yield SettingsProblem(key, f"a {kind} needs a {source_kinds[kind]}", "NL013")
        if source_kinds.get(kind) == "path" and "max_age_days" in source:
            yield SettingsProblem(
                (*key, "max_age_days"), f"is for feeds; posts of a {kind} are never held back for their age"
            )


def _plaintext(values: Mapping[str, Any]) -> Iterator[SettingsProblem]:
    for key, smtp in (*_select(values, ("smtp",)), *_select(values, ("relays", "*"))):
        if isinstance(smtp, dict) and smtp.get("security") == "none" and not smtp.get("allow_plaintext"):
            host = str(smtp.get("host", "127.0.0.1"))
            if host not in ("localhost", "::1") and not host.startswith("127."):
                yield SettingsProblem(
                    (*key, "security"),
                    f"mail to {host} would travel in the clear; use starttls or tls (or set allow_plaintext)",
                )
