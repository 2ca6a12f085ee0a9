"""versions of the city's policy that were taken back before they began"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_CHECK = "ck_ticket_policy_withdrawn"


def upgrade() -> None:
    op.add_column("ticket_policy", sa.Column("withdrawn_at", hotline.database.UtcDateTime(timezone=True)))
    op.add_column("ticket_policy", sa.Column("withdrawn_by", sa.String(length=32)))
    op.create_check_constraint(op.f(_CHECK), "ticket_policy", "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)")


def downgrade() -> None:
    op.execute("DELETE FROM ticket_policy WHERE withdrawn_at IS NOT NULL")
    op.drop_constraint(op.f(_CHECK), "ticket_policy", type_="check")
    op.drop_column("ticket_policy", "withdrawn_by")
    op.drop_column("ticket_policy", "withdrawn_at")
