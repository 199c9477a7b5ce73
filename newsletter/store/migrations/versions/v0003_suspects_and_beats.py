"""Mails that may end processes are sent alone, and how far sending has come is counted, not timed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002. A mark of that version holds the epoch, so the count goes on from there."""
    op.add_column("delivery", sa.Column("alone", sa.SmallInteger, nullable=False, server_default=sa.text("0")))
    where = sa.text("doubts >= 2 AND state IN ('pending', 'deferred')")
    op.create_index(
        "delivery_suspect",
        "delivery",
        ["issue_id", "alone", "subscriber_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.add_column("sender", sa.Column("beat", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    for name in ("heard", "copied_at"):
        op.add_column("sender", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.drop_column("sender", "until")
    op.execute("UPDATE sender SET beat = epoch")
