"""Outside HTML → HTML that can do no harm. nh3 decides, with one allow-list for everything we take in and give out."""

import re
from html import escape, unescape
from urllib.parse import urljoin

from newsletter.text.addresses import tidy_address

TAGS = frozenset(
    "p br h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote pre code em strong b i s del ins sub sup mark abbr a img hr "
    "table thead tbody tfoot tr th td caption figure figcaption bdi q cite kbd small".split()
)
# These lose their content too: the text inside an iframe or a style sheet is nobody's words.
CONTENT_GOES = frozenset(
    "script style iframe noscript svg math template object embed head title textarea select".split()
)
# The elements of HTML that are not in TAGS: they go and their words stay. `<more>` is none of them: it is text.
HTML_NAMES = (
    TAGS
    | CONTENT_GOES
    | frozenset(
        """html head body title meta link base main article section nav aside header footer h1 hgroup address div span font
    center u tt big strike nobr wbr acronym data time var samp ruby rt rp bdo col colgroup form fieldset legend label
    input button select option optgroup textarea output progress meter details summary dialog menu dir audio video
    source track picture map area canvas param frame frameset noframes slot iframe""".split()
    )
)
_UNKNOWN_TAG = re.compile(rf"</?(?!(?:{'|'.join(sorted(HTML_NAMES))})\b)[a-zA-Z][^<>]*>", re.IGNORECASE)
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "th": {"scope", "colspan", "rowspan", "style"},
    "td": {"colspan", "rowspan", "style"},
    "ol": {"start"},
    "abbr": {"title"},
    "*": {"lang", "dir"},
}
_SCHEMES = {"http", "https", "mailto"}
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_HIDDEN_SPACE = re.compile(r"[\x00-\x1f\x7f\u200b\u2028\u2029\ufeff]+")
# The one style that passes: how a column of a table is aligned.
_ALIGN = re.compile(r"text-align:\s*(?:left|right|center);?\Z")
_SIZE = re.compile(r"\d{1,4}\Z")
_NUMBER = re.compile(r"\d{1,9}\Z")
# nh3 lets relative addresses pass (K6): whatever is not one of these after resolving has nowhere to lead.
_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|mailto:[^\s])", re.IGNORECASE)


def clean_html(fragment: str, base: str = "") -> str:
    """A fragment → the same words in allowed tags only; addresses made absolute against `base`.

    A link without an address becomes its text, an image without one goes, and so do 1×1 tracking pixels.
    """
    import nh3

    def check(tag: str, name: str, value: str) -> str | None:
        if name in ("href", "src"):
            address = tidy_address(resolve_address(value, base))
            return address if address and (name == "href" or address[:4].lower() == "http") else None
        if name == "style":
            return value if _ALIGN.match(value) else None
        if name in ("width", "height"):
            return value if _SIZE.match(value) and 1 <= int(value) <= 2000 else None
        if name in ("start", "colspan", "rowspan"):
            return value if _NUMBER.match(value) else None
        return value

    def sanitise(html: str) -> str:
        return nh3.clean(
            html,
            tags=set(TAGS),
            clean_content_tags=set(CONTENT_GOES),
            attributes=_ATTRIBUTES,
            attribute_filter=check,
            url_schemes=_SCHEMES,
            link_rel=None,
            strip_comments=True,
        )

    clean = sanitise(drop_pixels(fragment))
    if _MAY_BE_DEAD.search(clean):
        # Cut in the tree, never in the text (a quote inside an attribute would open a hole), and sanitise last of all.
        clean = sanitise(_unwrap_dead(clean))
    return clean


def resolve_address(value: str, base: str = "") -> str:
    """An address of HTML, made absolute against `base`; empty if it does not lead to the web or a mailbox.

    Browsers ignore tabs and line ends inside an address, so ` jav\tascript:` is looked at without them (security T2).
    """
    address = _HIDDEN_SPACE.sub("", value.strip())
    scheme = _SCHEME.match(address)
    if scheme and scheme[1].lower() not in _SCHEMES:
        return ""
    try:
        address = urljoin(base, address) if base else address
    except ValueError:  # `http://[half`
        return ""
    return address if _ABSOLUTE.match(address) else ""


# A link or image whose tag does not begin with its address. An over-cautious test: the tree decides.
_MAY_BE_DEAD = re.compile(r"<a(?! href=)|<img(?! src=)")


def _unwrap_dead(clean: str) -> str:
    from lxml import html as lxml_html

    root = lxml_html.fragment_fromstring(clean, create_parent="div")
    for element in list(root.iter("a", "img")):
        if element.tag == "a" and not element.get("href"):
            element.drop_tag()
        elif element.tag == "img" and not element.get("src"):
            element.drop_tree()
    whole: str = lxml_html.tostring(root, encoding="unicode")
    return whole.removeprefix("<div>").removesuffix("</div>")


_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_TINY = re.compile(
    r"""\b(?:width|height)\s*=\s*["']?\s*[01](?:px)?\s*["'\s/>]|(?:width|height)\s*:\s*[01]px|display\s*:\s*none|visibility\s*:\s*hidden""",
    re.IGNORECASE,
)


def drop_pixels(fragment: str) -> str:
    """The fragment without images of one pixel and without hidden ones: they only count readers (security T5)."""
    return _IMG.sub(lambda match: "" if _TINY.search(match.group()) else match.group(), fragment)


def escape_unknown_tags(text: str) -> str:
    """HTML in which what only looks like a tag (`<more>`) is text again."""
    return _UNKNOWN_TAG.sub(lambda match: escape(match.group()), text)


_BLOCK_END = re.compile(
    r"</(?:p|h[2-6]|li|dt|dd|blockquote|pre|tr|table|caption|figure|figcaption)>|<(?:br|hr)\b[^>]*>"
)
_CELL_END = re.compile(r"</t[dh]>\s*(?=<t[dh])")
_ANY_TAG = re.compile(r"<[^>]*>")


def html_words(clean: str) -> str:
    """The text of *sanitised* HTML, a line a block. For raw HTML inside Markdown and for feed titles."""
    text = _ANY_TAG.sub("", _BLOCK_END.sub("\n", _CELL_END.sub(" | ", clean)))
    lines = (" ".join(line.split()) for line in unescape(text).splitlines())
    return "\n".join(line for line in lines if line)
