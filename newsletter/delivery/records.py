"""What the DNS says of a domain that we send as: MX, SPF, DKIM, DMARC. Judging is pure; `ask_dns` is the one look-up."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from newsletter.delivery.dkim import SHORTEST_RSA, DkimKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

LIMIT_S = 5.0
# RFC 7208 4.6.4: the eleventh look-up makes the whole record void.
SPF_LOOKUPS = 10
_SPF = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_TERM = re.compile(r"([+?~-]?)([a-z][a-z0-9_.-]*)(?:([:=/]).*)?\Z", re.IGNORECASE)
_MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
_ASKING = {"include", "a", "mx", "ptr", "exists", "redirect"}
_DMARC = re.compile(r"v\s*=\s*DMARC1\s*(?:;|\Z)")
_POLICIES = ("none", "quarantine", "reject")

Level = Literal["ok", "warning", "error"]
# A name and a type → the records as text; none if there are none. Raises NoAnswer.
Resolver = Callable[[str, str], Sequence[str]]


class NoAnswer(Exception):
    """The DNS does not answer now. That is not the answer that there is no such record."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good a record is, and what to do about it."""

    level: Level
    detail: str
    fix: str = ""


def ask_dns(name: str, kind: str) -> tuple[str, ...]:
    """The records of a name, as text. Raises NoAnswer."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.Resolver().resolve(name, kind, lifetime=LIMIT_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError) as error:
        raise NoAnswer(f"the DNS gives no answer for {name} ({type(error).__name__})") from None
    if kind == "TXT":  # a long text comes in pieces
        return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in answer)
    return tuple(one.to_text() for one in answer)


def _sum_up(name: str, flaws: Iterable[Judgement], fine: str) -> Judgement:
    """All flaws of a record as one; `fine` is said if there is none."""
    found = list(flaws)
    level: Level = "ok"
    if found:
        level = "error" if any(flaw.level == "error" for flaw in found) else "warning"
    told = "; ".join(flaw.detail for flaw in found) or fine
    return Judgement(level, f"{name}: {told}", "; ".join(dict.fromkeys(flaw.fix for flaw in found if flaw.fix)))


# --- MX -----------------------------------------------------------------------------------------------------------


def judge_mx(domain: str, records: Sequence[str], *, has_host: bool) -> Judgement:
    """Where answers and bounces go. `has_host`: the domain has an address of its own, which is used without an MX."""
    hosts = sorted(record.rpartition(" ")[2].rstrip(".") for record in records)
    if records and not any(hosts):
        what = Judgement("error", "says that it takes no mail (null MX), so many refuse mail from it", _fix_mx(domain))
        return _sum_up(domain, [what], "")
    if not records and not has_host:
        return _sum_up(domain, [Judgement("error", "has neither MX nor address", _fix_mx(domain))], "")
    if not records:
        return _sum_up(domain, [Judgement("warning", "has no MX; its own address is used", _fix_mx(domain))], "")
    return _sum_up(domain, [], f"mail for it goes to {', '.join(host for host in hosts if host)}")


def _fix_mx(domain: str) -> str:
    return f"publish an MX record of {domain}, so that answers and bounces arrive"


# --- SPF ----------------------------------------------------------------------------------------------------------


def judge_spf(domain: str, texts: Sequence[str]) -> Judgement:
    """Who may send for the domain (RFC 7208). Look-ups are counted in the record itself, not in what it includes."""
    records = [text for text in texts if _SPF.match(text)]
    if not records:
        fix = f'publish one TXT record of {domain}, such as "v=spf1 include:YOUR-RELAY -all"'
        return _sum_up(domain, [Judgement("error", "no SPF record", fix)], "")
    if len(records) > 1:
        flaw = Judgement("error", f"{len(records)} SPF records, so none counts", "make one record of them")
        return _sum_up(domain, [flaw], "")
    return _sum_up(domain, _spf_flaws(records[0]), f"{records[0]}")


def _spf_flaws(record: str) -> Iterable[Judgement]:
    words = record.split()[1:]
    terms = [(word, _TERM.match(word)) for word in words]
    unknown = [word for word, term in terms if not term or (term[3] != "=" and term[2].lower() not in _MECHANISMS)]
    if unknown:
        yield Judgement("error", f"SPF has no word {unknown[0]!r}", "correct it: receivers drop the whole record")
    known = [(term[1], term[2].lower()) for _, term in terms if term]
    every = next((sign or "+" for sign, name in known if name == "all"), "")
    # RFC 7208 6.1: beside `all`, redirect is not looked at.
    asking = sum(name in _ASKING and not (every and name == "redirect") for _, name in known)
    if asking > SPF_LOOKUPS:
        yield Judgement(
            "error", f"{asking} look-ups, more than {SPF_LOOKUPS}, so SPF fails", "take out what does not send any more"
        )
    if every == "+":
        yield Judgement("error", "+all lets everybody send as this domain", "end the record with -all or ~all")
    elif every == "?" or (not every and not any(name == "redirect" for _, name in known)):
        yield Judgement("warning", "says nothing of other senders", "end the record with -all or ~all")


# --- DKIM ---------------------------------------------------------------------------------------------------------


def write_dkim_record(key: DkimKey) -> str:
    """The TXT record that belongs to a private key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.private.public_key()
    if key.algorithm == "ed25519-sha256":  # RFC 8463 4: the bare octets
        kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode('ascii')}"


def judge_dkim(name: str, texts: Sequence[str], key: DkimKey | None) -> Judgement:
    """The public key under `<selector>._domainkey.<domain>` (RFC 6376 3.6.1). `key`: our private one, if it can be read."""
    fix = f"publish this TXT record of {name}: {write_dkim_record(key)}" if key else f"publish the key at {name}"
    if not texts:
        return _sum_up(name, [Judgement("error", "no key there", fix)], "")
    if len(texts) > 1:
        return _sum_up(name, [Judgement("error", f"{len(texts)} records there, so none counts", fix)], "")
    tags = _read_tags(texts[0])
    published, why = _read_public(tags)
    if published is None:
        return _sum_up(name, [Judgement("error", why, fix)], "")
    return _sum_up(name, _dkim_flaws(tags, published, key, fix), why)


def _dkim_flaws(
    tags: dict[str, str], published: "PublicKeyTypes", key: DkimKey | None, fix: str
) -> Iterable[Judgement]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if tags.get("v", "DKIM1") != "DKIM1":
        yield Judgement("error", f"its version is {tags['v']!r}, not DKIM1", fix)
    if isinstance(published, RSAPublicKey) and published.key_size < SHORTEST_RSA:
        what = f"the key has {published.key_size} bits; mail providers want {SHORTEST_RSA} at least"
        yield Judgement("error", what, "make a new key, and a new selector for it")
    if key and published != key.private.public_key():
        yield Judgement("error", "the key there is not that of [[dkim]]: every signature fails", fix)
    if "sha256" not in tags.get("h", "sha256").replace(" ", "").split(":"):
        yield Judgement("error", "h= does not allow sha256, by which we sign", fix)
    if not {"*", "email"} & set(tags.get("s", "*").replace(" ", "").split(":")):
        yield Judgement("error", "s= does not allow e-mail", fix)
    if "y" in tags.get("t", "").replace(" ", "").split(":"):
        yield Judgement("warning", "t=y says that signing is only tried out", "take t=y out of the record")


def _read_public(tags: dict[str, str]) -> tuple["PublicKeyTypes | None", str]:
    """The published key and what to call it, or None and why there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    kind, text = tags.get("k", "rsa"), re.sub(r"\s", "", tags.get("p", "?"))
    if not text:
        return None, "the key there is withdrawn (p= is empty)"
    try:
        octets = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(octets), "an Ed25519 key"
        public = load_der_public_key(octets)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None, "what is there is no key (p=)"
    if kind != "rsa" or not isinstance(public, RSAPublicKey):
        return None, f"a key of a kind that receivers do not know (k={kind})"
    return public, f"an RSA key of {public.key_size} bits"


def _read_tags(text: str) -> dict[str, str]:
    """`v=DKIM1; k=rsa; p=…` → its tags."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


# --- DMARC --------------------------------------------------------------------------------------------------------


def find_dmarc(domain: str, resolver: Resolver) -> tuple[str, list[str]]:
    """The DMARC records of a domain or, if it has none, of the nearest above it (RFC 9989), and whose they are."""
    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        owner = ".".join(labels[start:])
        records = [text for text in resolver(f"_dmarc.{owner}", "TXT") if _DMARC.match(text)]
        if records:
            return owner, records
    return domain, []


def judge_dmarc(domain: str, owner: str, records: Sequence[str]) -> Judgement:
    """What receivers do with mail that is not ours. Records by the old and the new standard (RFC 7489, 9989)."""
    name = f"_dmarc.{owner}"
    if not records:
        fix = f'publish this TXT record of {name}: "v=DMARC1; p=none; rua=mailto:you@{domain}"'
        return _sum_up(name, [Judgement("warning", "no DMARC record; Gmail, Yahoo and Outlook want one", fix)], "")
    if len(records) > 1:
        flaw = Judgement("warning", f"{len(records)} DMARC records, so none counts", "make one record of them")
        return _sum_up(name, [flaw], "")
    tags = _read_tags(records[0])
    policy = tags.get("p", "").lower()
    if owner != domain:
        policy = tags.get("sp", policy).lower()
    return _sum_up(name, _dmarc_flaws(policy, tags), f"p={policy}")


def _dmarc_flaws(policy: str, tags: dict[str, str]) -> Iterable[Judgement]:
    if policy not in _POLICIES:
        yield Judgement("warning", f"no policy that receivers know ({policy or 'p= is missing'})", "write p=quarantine")
    elif policy == "none":
        fix = "when the reports show only your own mail, write p=quarantine"
        yield Judgement("warning", "p=none: forged mail is delivered like yours", fix)
    if tags.get("t", "n").lower() == "y":
        yield Judgement("warning", "t=y: the policy is only tried out", "take t=y out of the record")


# --- together -----------------------------------------------------------------------------------------------------


def judge_alignment(sender: str, envelope: str, signers: Sequence[str]) -> Judgement:
    """Whether SPF or DKIM speak for the domain that readers see; DMARC counts nothing else.

    `envelope` is where bounces go, `signers` the domains of our DKIM keys; none if the relay signs.
    """
    by_spf, by_dkim = _belong(envelope, sender), any(_belong(signer, sender) for signer in signers)
    ways = " and ".join(way for way, holds in (("SPF", by_spf), ("DKIM", by_dkim)) if holds)
    if ways:
        return Judgement(
            "ok", f"{sender}: {ways} speaks for it" if " " not in ways else f"{sender}: {ways} speak for it"
        )
    fix = f"let smtp.bounces be an address below {sender}, or sign with a key of {sender}"
    if signers:
        return Judgement("error", f"{sender}: neither bounces nor DKIM are of this domain, so DMARC fails", fix)
    return Judgement("warning", f"{sender}: bounces go elsewhere, so all rests on the relay's signature", fix)


def _belong(one: str, other: str) -> bool:
    """One and the same, one below the other, or side by side. (Under co.uk that is too kind: nobody is warned wrongly.)"""
    above = one.partition(".")[2]
    beside = "." in above and above == other.partition(".")[2]
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}") or beside
