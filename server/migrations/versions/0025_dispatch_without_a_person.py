"""dispatch without a person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_HINDRANCES = (
    "hindrance IN ('accuses', 'confidential', 'urgent', 'came_back', 'not_in_catalogue', 'not_its_own_entry',"
    " 'ambiguous', 'not_sure_enough', 'refused')"
)


def upgrade() -> None:
    op.create_table(
        "ticket_unattended",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_version", sa.Integer(), nullable=False),
        sa.Column("lead_unit_id", sa.BigInteger(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("grounds", postgresql.JSONB(), nullable=False),
        sa.Column("hindrance", sa.String(length=32), nullable=True),
        sa.Column("at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_HINDRANCES, name=op.f("ck_ticket_unattended_hindrance")),
        sa.ForeignKeyConstraint(["lead_unit_id"], ["units.id"], name=op.f("fk_ticket_unattended_lead_unit_id_units")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_unattended_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_unattended")),
        sa.UniqueConstraint("ticket_id", "ticket_version", name=op.f("uq_ticket_unattended_ticket_id")),
    )
    op.create_index("ix_ticket_unattended_at", "ticket_unattended", ["at"], postgresql_using="brin")
