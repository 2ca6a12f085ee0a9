"""narrowed lists of tickets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_ticket_source_id", "ticket", ["source", "id"], postgresql_where=sa.text("source <> 'phone'"))
    op.create_index("ix_ticket_urgent_id", "ticket", ["id"], postgresql_where=sa.text("urgency = 'urgent'"))
    op.create_index(
        "ix_ticket_area_code_id", "ticket", ["area_code", "id"], postgresql_ops={"area_code": "varchar_pattern_ops"}
    )


def downgrade() -> None:
    for name in ("ix_ticket_area_code_id", "ix_ticket_urgent_id", "ix_ticket_source_id"):
        op.drop_index(name, table_name="ticket")
