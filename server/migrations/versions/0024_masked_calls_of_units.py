"""masked calls of units"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call_out", sa.Column("unit_id", sa.BigInteger(), nullable=True))
    op.add_column("call_out", sa.Column("asked_by", sa.String(length=32), nullable=True))
    op.add_column("call_out", sa.Column("phone", sa.String(length=32), nullable=True))
    op.create_foreign_key(op.f("fk_call_out_unit_id_units"), "call_out", "units", ["unit_id"], ["id"])
    op.drop_constraint(op.f("ck_call_out_purpose"), "call_out", type_="check")
    op.create_check_constraint(
        op.f("ck_call_out_purpose"), "call_out", "purpose IN ('visit', 'contact', 'survey', 'unit')"
    )
    op.create_check_constraint(
        op.f("ck_call_out_unit"),
        "call_out",
        "(purpose = 'unit') = (unit_id IS NOT NULL AND asked_by IS NOT NULL AND phone IS NOT NULL)",
    )
    op.create_index(
        "uq_call_out_open_phone",
        "call_out",
        ["phone"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
