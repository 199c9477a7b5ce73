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


def is_address(text: str) -> bool:
    """Whether a text is one address of the plain kind: no quotes, no comments, a domain with a dot; at most 64 before the @."""
    return _ADDRESS.match(text) is not None and len(text.partition("@")[0]) <= 64 and len(text) <= 254
