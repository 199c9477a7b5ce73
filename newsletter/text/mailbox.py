"""`Name <address>` taken apart. The standard library's parseaddr reads `A, B <c@d.e>` as the address "A" (security A13)."""

import re

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]\Z"
)


def split_mailbox(text: str) -> tuple[str, str]:
    """`Borderlines <desk@x.example>` → (`Borderlines`, `desk@x.example`); a bare address has no name."""
    bare = text.strip()
    if not bare.endswith(">"):
        return "", bare
    name, _, address = bare[:-1].rpartition("<")
    name = name.strip()
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address.strip()


# A provider's domains, under which a name is the same mailbox; what it overlooks before the @; what begins a tag.
_PROVIDERS = (
    (("gmail.com", "googlemail.com"), ".", "+"),
    (("proton.me", "protonmail.com", "protonmail.ch", "pm.me"), ".-_", "+"),
    (("icloud.com", "me.com", "mac.com"), "", "+"),
    (("yahoo.com",), "", "+-"),
    (("ymail.com",), "", "+-"),
)
_MAILBOXES = {domain: (domains[0], overlooked, tags) for domains, overlooked, tags in _PROVIDERS for domain in domains}


def mailbox_key(canonical: str) -> str:
    """The mailbox that a canonical address probably leads to: without a tag, and without what its provider overlooks.

    For counting only, so that one mailbox cannot be filled by way of its many spellings. It is no address: nobody is
    mailed, subscribed or suppressed by it, for elsewhere two spellings may be two people (RFC 5321 2.3.11).

    >>> mailbox_key("a.reader+news@googlemail.com"), mailbox_key("a.reader+news@example.org")
    ('areader@gmail.com', 'a.reader@example.org')
    """
    local, _, domain = canonical.rpartition("@")
    domain, overlooked, tags = _MAILBOXES.get(domain, (domain, "", "+"))
    for tag in tags:
        local = local.partition(tag)[0] or local
    kept = "".join(character for character in local if character not in overlooked)
    return f"{kept or local}@{domain}"


def is_address(text: str) -> bool:
    """Whether a text is one address of the plain kind: no quotes, no comments, a domain with a dot; at most 64 before the @."""
    return _ADDRESS.match(text) is not None and len(text.partition("@")[0]) <= 64 and len(text) <= 254
