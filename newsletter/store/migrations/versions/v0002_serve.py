"""What one process that serves, drafts and sends by itself has to remember."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def texts(*names: str) -> list["sa.Column[str]"]:
    """Text columns that are always filled."""
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """From 0001. Its `slot` was never written."""
    op.drop_table("slot")
    op.create_table(
        "slot",
        sa.Column("slot", sa.Text, primary_key=True),
        *texts("edition", "planned_at", "issue", "state", "reason", "at"),
    )
    op.add_column("issue", sa.Column("starts_at", sa.Text, nullable=False, server_default=""))
    op.add_column("subscriber", sa.Column("paused_until", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "letter",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("subscriber_id", sa.BigInteger),
        *texts("address_hash", "kind", "about", "text", "state"),
        sa.Column("attempt", sa.SmallInteger, nullable=False),
        *texts("made_at", "next_at"),
    )
    op.create_index("letter_address", "letter", ["address_hash"])
    op.create_index("letter_waiting", "letter", ["state", "next_at"])
    op.create_table(
        "link",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("subscriber_id", sa.BigInteger, nullable=False),
        *texts("purpose", "expires_at", "used_at"),
    )
    op.create_index("link_subscriber", "link", ["subscriber_id"])
    op.create_table(
        "hook",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        *texts("url", "event", "body", "state"),
        sa.Column("attempt", sa.SmallInteger, nullable=False),
        *texts("made_at", "next_at"),
    )
    op.create_index("hook_waiting", "hook", ["state", "next_at"])
