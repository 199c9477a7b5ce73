"""The tables, for SQLite and PostgreSQL alike. Times are ISO 8601 text in UTC: they sort, and no dialect changes them.

Migrations (migrations/versions) make them; a test holds that both say the same.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()
# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_ID = BigInteger().with_variant(Integer(), "sqlite")

# One row, made with the database: `key_check` tells whether the key file is the one that belongs to it.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("key_check", Text, nullable=False),
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("address", Text, nullable=False),
    Column("canonical", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("themes", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("confirmed_at", Text, nullable=False),
    Column("unsubscribed_at", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    # No issue is planned for them before this moment, because they asked for it.
    Column("paused_until", Text, nullable=False, server_default=text("''")),
    # A number is never given twice: a deleted subscriber's deliveries must not become another's.
    sqlite_autoincrement=True,
)

# Append-only: what somebody agreed to or took back, when, and how that is known (security L3).
consent = Table(
    "consent",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("subscriber_id", BigInteger, nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("text_version", Text, nullable=False),
    Column("ip", Text, nullable=False),
)

# Who must never be mailed again, as a keyed hash that survives erasure (security L4).
suppression = Table(
    "suppression",
    metadata,
    Column("address_hash", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("source", Text, nullable=False),
)

issue = Table(
    "issue",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("edition", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("frozen_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("planned", BigInteger, nullable=False),
    # No mail leaves before: until then it can be taken back. Empty: at once.
    Column("starts_at", Text, nullable=False, server_default=text("''")),
)

# The frozen bytes: one message for each choice of themes that a planned reader has made.
variant = Table(
    "variant",
    metadata,
    Column("issue_id", BigInteger, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("themes", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),
)

# The label of a delivery whose reader was forgotten: what a relay still says of it is not kept.
ERASED = "erased"

delivery = Table(
    "delivery",
    metadata,
    Column("issue_id", BigInteger, primary_key=True),
    Column("subscriber_id", BigInteger, primary_key=True),
    Column("state", Text, nullable=False),
    Column("variant", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("attempt", SmallInteger, nullable=False, server_default=text("0")),
    Column("doubts", SmallInteger, nullable=False, server_default=text("0")),
    # Of the doubts those in which nothing else was under way: only these say something about this mail.
    Column("alone", SmallInteger, nullable=False, server_default=text("0")),
    Column("epoch", BigInteger),
    Column("next_at", Text),
    Column("code", SmallInteger),
    Column("enhanced", Text),
    Column("reply", Text),
    Column("label", Text),
    Column("at", Text),
    # The key is the table: no second tree to write for each of a million rows.
    sqlite_with_rowid=False,
)
# Of deferred rows only, and of suspects that wait only, say the migrations that make them. Said here as well, it would
# load PostgreSQL's part of SQLAlchemy at every start.
Index("delivery_deferred", delivery.c.issue_id, delivery.c.next_at)
Index("delivery_suspect", delivery.c.issue_id, delivery.c.alone, delivery.c.subscriber_id)

# Append-only: every try that was not simply accepted. In-doubt ones stay here after they are resolved (D14).
attempt = Table(
    "attempt",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("issue_id", BigInteger, nullable=False),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("enhanced", Text, nullable=False),
    Column("reply", Text, nullable=False),
)
Index("attempt_delivery", attempt.c.issue_id, attempt.c.subscriber_id)

# Who may send: one process at a time. `epoch` goes up with every taking, so that a late process is told apart (F6); `beat`
# also while a process sends, and the mark beside the database follows it. `heard` is when the holder beat last, on a clock
# that nobody sets (`lease.Ticks`). `copied_at`: this database is a copy that a backup made then, and sends nothing.
sender = Table(
    "sender",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("beat", BigInteger, nullable=False, server_default=text("0")),
    Column("heard", Text, nullable=False, server_default=text("''")),
    Column("copied_at", Text, nullable=False, server_default=text("''")),
)

# Token buckets of the relay and of providers; in the database, so that a restart does not fill them (D41).
bucket = Table(
    "bucket",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Text, nullable=False),
)

# A slot of the calendar happens once (D17): the key, its local day, forbids the second. `at` is when its state changed.
slot = Table(
    "slot",
    metadata,
    Column("slot", Text, primary_key=True),
    Column("edition", Text, nullable=False),
    Column("planned_at", Text, nullable=False),
    Column("issue", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
)

# Single mails that are no issue: confirmations, links, drafts to review. `about` is an issue, if it is about one.
# What is secret in them is made when they are sent. Sent ones stay: by them is limited how many an address gets, also
# one that was erased meanwhile; hence its keyed hash.
letter = Table(
    "letter",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("subscriber_id", BigInteger),
    Column("address_hash", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("next_at", Text, nullable=False),
)
Index("letter_address", letter.c.address_hash)
Index("letter_waiting", letter.c.state, letter.c.next_at)

# One-time links that were mailed, by the hash of what is in them: who reads the database cannot use one (security K5).
link = Table(
    "link",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text, nullable=False),
)
Index("link_subscriber", link.c.subscriber_id)

# What other programs are told, one row for each address that wants to know.
hook = Table(
    "hook",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("next_at", Text, nullable=False),
)
Index("hook_waiting", hook.c.state, hook.c.next_at)
