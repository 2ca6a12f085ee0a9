"""feeds are thinned by event"""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_exchange_feed_event_id", "exchange_feed", ["event_id"])


def downgrade() -> None:
    op.drop_index("ix_exchange_feed_event_id", "exchange_feed")
