"""all parts of a ticket, those withdrawn as well"""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_ticket_assignment_ticket_id", "ticket_assignment", ["ticket_id"])


def downgrade() -> None:
    op.drop_index("ix_ticket_assignment_ticket_id", table_name="ticket_assignment")
