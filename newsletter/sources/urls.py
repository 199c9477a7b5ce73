"""Addresses as they are pasted → addresses fit to publish: no tracking, no detour. Host and path are never touched otherwise.

The base list of tracking parameters follows miniflux's URL cleaner (Apache-2.0; see NOTICE); the Facebook names are ours.
"""

import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit

TRACKING_PREFIXES = ("utm_", "mtm_", "vero_", "oly_", "_branch_", "__hs")
TRACKING = frozenset(
    """
    fbclid _openstat fb_action_ids fb_action_types fb_ref fb_source fb_comment_id
    gclid dclid gbraid wbraid gclsrc srsltid yclid ysclid twclid msclkid
    mc_cid mc_eid mc_tc mkt_tok sc_cid s_cid _bhlid wickedid rb_clickid
    _hsenc _hsmi hsa_cam hsctatracking igsh igshid
    hmb_campaign hmb_medium hmb_source itm_campaign itm_medium itm_source
    campaign_id campaign_medium campaign_name campaign_source campaign_term campaign_content
    __readwiselocation ref_src ref_url refsrc
    __cft__ __cft__[0] __tn__ __xts__ __xts__[0] mibextid rdid share_url paipv sfnsn comment_tracking notif_id notif_t
    """.split()
)
# By these a Facebook address names its post; all its other keys say who follows it.
FACEBOOK_KEEPS = frozenset("story_fbid id v fbid set".split())
MEDIA_HOSTS = frozenset(
    "youtube.com youtu.be music.youtube.com open.spotify.com spotify.com soundcloud.com vimeo.com".split()
)
MEDIA_TRACKING = frozenset(("si", "feature"))

_MIRRORS = {"fb.watch": "facebook.com", "fb.me": "facebook.com", "fb.com": "facebook.com"}
_PREFIX = re.compile(r"^(?:www|m|web|mobile|lm|l)\.")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
# What a decoded target may hold and an address may not.
_UNSAFE = re.compile(r"[\s<>\"\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+\Z")
# First path segments of Facebook addresses that are no account.
_NO_ACCOUNT = frozenset(
    "permalink.php story.php photo.php video.php watch groups share reel reels events photo l.php media hashtag".split()
)


def site(url: str) -> str:
    """The site an address belongs to, for comparing only: `m.facebook.com`, `fb.watch` → `facebook.com`."""
    bare = _PREFIX.sub("", _host(url))
    return _MIRRORS.get(bare, bare)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # `https://[half` is no address at all
        return ""


def account(url: str) -> str | None:
    """Whose page a Facebook address is on (its first path segment), where it says so."""
    segment = urlsplit(url).path.strip("/").split("/")[0].lower() if _host(url) else ""
    return None if segment in _NO_ACCOUNT or not segment else segment


def clean_url(url: str) -> str:
    """The address without tracking parameters and text fragments; a Facebook redirector becomes its target.

    What is not http(s) comes back as it is. Cleaning twice changes nothing.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https") or not _host(url):
        return url
    for _ in range(5):  # a redirector that leads to a redirector that leads…
        target = _redirector_target(url)
        if not target:
            break
        url, scheme = target, target.partition("://")[0].lower()
    before_fragment, _, fragment = url.partition("#")
    before_query, _, query = before_fragment.partition("?")
    folded = site(url)
    parts = query.split("&")
    kept = [part for part in parts if not (part and _is_tracking(part, folded))]
    # Nothing to drop: not one byte of the query changes (parsing U2).
    query = query if len(kept) == len(parts) else "&".join(part for part in kept if part)
    fragment = fragment.partition(":~:text=")[0]
    front = _clean_front(before_query, scheme, folded)
    return front + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _redirector_target(url: str) -> str | None:
    if _host(url) not in ("l.facebook.com", "lm.facebook.com"):
        return None
    parts = urlsplit(url)
    targets = [value for name, value in parse_qsl(parts.query) if name == "u"] if parts.path == "/l.php" else []
    if not targets or not targets[0].lower().startswith(("http://", "https://")) or not _host(targets[0]):
        return None
    return _UNSAFE.sub(lambda match: quote(match.group()), targets[0])


def _clean_front(before_query: str, scheme: str, folded: str) -> str:
    """`HTTPS://M.Facebook.com:443/x` → `https://www.facebook.com/x`: everything before the query."""
    authority, slash, path = before_query.partition("//")[2].partition("/")
    credentials, at, host = authority.rpartition("@")
    host = host.lower().removesuffix(_DEFAULT_PORT[scheme])
    if folded == "facebook.com" and host.partition(".")[0] in ("m", "web", "mobile"):
        host = "www." + host.partition(".")[2]
    return f"{scheme}://{credentials}{at}{host}{slash}{path}"


def _is_tracking(part: str, folded_site: str) -> bool:
    name, _, value = part.partition("=")
    name = unquote(name).lower()
    if folded_site == "facebook.com":
        return name not in FACEBOOK_KEEPS
    if name in TRACKING or name.startswith(TRACKING_PREFIXES):
        return True
    if name in ("ref", "ref_id"):
        return _HOST.match(unquote(value).lower()) is not None
    return name in MEDIA_TRACKING and folded_site in MEDIA_HOSTS
