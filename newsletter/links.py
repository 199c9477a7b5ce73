"""The shape of every URL we mail or publish. `base` is `publication.url`, without a slash at the end."""

from urllib.parse import urlsplit

# Where a reader's data goes in the bytes of an issue. Only [A-Za-z0-9_]: premailer would encode anything else
# (email-html P13). `sending` replaces them reader by reader.
TOKEN_SLOT = "__READER_TOKEN__"  # noqa: S105 - a place, not a secret
ID_SLOT = "__READER_ID__"
ADDRESS_SLOT = "__READER_ADDRESS__"
SLOT_PREFIX = "__READER_"
# Where the head of a mail stands: its subject, which is the headline too, and its preheader. Both are filled when the mail
# of a reader's sections is made; no reader's data is among them.
SUBJECT_SLOT = "__READER_SUBJECT__"
PREHEADER_SLOT = "__READER_PREHEADER__"
# Where a section begins and ends in a mail, so that a reader who chose some themes gets just these.
SECTION_MARK = "__READER_SECTION_{slug}__"
SECTION_END = "__READER_SECTION_END__"


def issue_url(base: str, slug: str) -> str:
    """The web version of an issue."""
    return f"{base}/{slug}/"


def post_anchor(key: str | None, number: int) -> str:
    """The id of a post inside its issue's page. `number` counts from 1, for posts without a key."""
    return f"p-{key}" if key else f"post-{number}"


def theme_url(base: str, slug: str) -> str:
    """The page of a theme."""
    return f"{base}/themes/{slug}/"


def feed_url(base: str, name: str, theme: str | None = None) -> str:
    """A feed: `name` is feed.xml, atom.xml or feed.json, of the publication or of one theme."""
    return f"{theme_url(base, theme)}{name}" if theme else f"{base}/{name}"


def icon_url(base: str, name: str) -> str:
    """The archive's icon: icon.png or favicon.ico."""
    return f"{base}/{name}"


def follow_url(base: str) -> str:
    """The page that explains and lists the feeds."""
    return f"{base}/follow/"


def unsubscribe_url(base: str, token: str) -> str:
    """One reader's way out (RFC 8058): GET shows a button, POST unsubscribes."""
    return f"{base}/u/{token}"


def preferences_url(base: str) -> str:
    """Where a reader asks for a link to change what they get. No token: a forwarded mail must not open it (T30)."""
    return f"{base}/preferences"


def subscribe_url(base: str) -> str:
    """The form."""
    return f"{base}/subscribe"


def confirm_url(base: str, token: str) -> str:
    """What is mailed to an address that was typed into the form."""
    return f"{base}/confirm/{token}"


def reader_url(base: str, token: str) -> str:
    """A reader's own page, by a link that was mailed on request and works once."""
    return f"{base}/p/{token}"


def entry_id(base: str, day: str, key: str) -> str:
    """The feed id of a post, for ever the same: a tag URI (RFC 4151) of a day on which the domain was ours."""
    return f"tag:{urlsplit(base).hostname},{day}:post/{key}"


def feed_id(base: str, day: str, theme: str | None) -> str:
    """The id of a feed itself; `day` is the first issue's."""
    return f"tag:{urlsplit(base).hostname},{day}:{f'theme/{theme}' if theme else 'publication'}"


def issue_entry_id(base: str, day: str, slug: str) -> str:
    """The feed id of a whole issue."""
    return f"tag:{urlsplit(base).hostname},{day}:issue/{slug}"
