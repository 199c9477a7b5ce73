"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def texts(*names: str) -> list["sa.Column[str]"]:
    """Text columns that are always filled."""
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """From nothing."""
    op.create_table("installation", sa.Column("id", sa.Integer, primary_key=True), *texts("created_at", "key_check"))
    op.create_table(
        "subscriber",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        *texts("address", "canonical", "state", "name", "themes", "language", "timezone"),
        *texts("created_at", "confirmed_at", "unsubscribed_at", "tags", "attributes"),
        sa.UniqueConstraint("canonical"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "consent",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("subscriber_id", sa.BigInteger, nullable=False),
        *texts("event", "at", "source", "text_version", "ip"),
    )
    op.create_index("ix_consent_subscriber_id", "consent", ["subscriber_id"])
    op.create_table(
        "suppression",
        sa.Column("address_hash", sa.Text, primary_key=True),
        *texts("reason", "at", "source"),
    )
    op.create_table(
        "issue",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        *texts("edition", "state", "reason", "content_sha256", "frozen_at", "expires_at"),
        sa.Column("planned", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "variant",
        sa.Column("issue_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.SmallInteger, primary_key=True),
        *texts("themes"),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
    _create_deliveries()
    op.create_table(
        "sender",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        *texts("holder", "until"),
    )
    op.create_table(
        "bucket",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tokens", sa.Float, nullable=False),
        *texts("at"),
    )
    op.create_table(
        "slot",
        sa.Column("slot", sa.Text, primary_key=True),
        *texts("issue", "state", "at"),
        sa.UniqueConstraint("issue", name="slot_issue"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("issue_id", sa.BigInteger, primary_key=True),
        sa.Column("subscriber_id", sa.BigInteger, primary_key=True),
        *texts("state"),
        sa.Column("variant", sa.SmallInteger, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("attempt", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("doubts", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("next_at", sa.Text),
        sa.Column("code", sa.SmallInteger),
        sa.Column("enhanced", sa.Text),
        sa.Column("reply", sa.Text),
        sa.Column("label", sa.Text),
        sa.Column("at", sa.Text),
        sqlite_with_rowid=False,
    )
    where = sa.text("state = 'deferred'")
    op.create_index(
        "delivery_deferred", "delivery", ["issue_id", "next_at"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "attempt",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("issue_id", sa.BigInteger, nullable=False),
        sa.Column("subscriber_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        *texts("at", "state", "phase"),
        sa.Column("code", sa.SmallInteger, nullable=False),
        *texts("enhanced", "reply"),
    )
    op.create_index("attempt_delivery", "attempt", ["issue_id", "subscriber_id"])
