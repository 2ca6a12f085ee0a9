"""rosters"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roster_shift",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("skill_group", sa.String(length=32), nullable=False),
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("assigned_by", sa.String(length=64), nullable=False),
        sa.Column("assigned_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("cancelled_by", sa.String(length=64), nullable=True),
        sa.Column("cancelled_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_roster_shift_in_order")),
        sa.CheckConstraint("(cancelled_at IS NULL) = (cancelled_by IS NULL)", name=op.f("ck_roster_shift_cancelled")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["agent_profiles.user_id"], name=op.f("fk_roster_shift_user_id_agent_profiles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_shift")),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(user_id, user_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("cancelled_at IS NULL"),
            using="gist",
            name="ex_roster_shift_no_overlap",
        ),
    )
    op.create_index(
        "ix_roster_shift_span",
        "roster_shift",
        ["starts_at", "ends_at"],
        unique=False,
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    op.create_table(
        "roster_swap",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shift_id", sa.BigInteger(), nullable=False),
        sa.Column("to_user_id", sa.BigInteger(), nullable=False),
        sa.Column("back_shift_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("asked_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("agreed_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'agreed', 'approved', 'refused', 'withdrawn')", name=op.f("ck_roster_swap_state")
        ),
        sa.CheckConstraint("shift_id <> back_shift_id", name=op.f("ck_roster_swap_two_shifts")),
        sa.CheckConstraint(
            "(state IN ('asked', 'agreed')) = (decided_at IS NULL)", name=op.f("ck_roster_swap_decided")
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["roster_shift.id"], name=op.f("fk_roster_swap_shift_id_roster_shift")),
        sa.ForeignKeyConstraint(
            ["back_shift_id"], ["roster_shift.id"], name=op.f("fk_roster_swap_back_shift_id_roster_shift")
        ),
        sa.ForeignKeyConstraint(
            ["to_user_id"], ["agent_profiles.user_id"], name=op.f("fk_roster_swap_to_user_id_agent_profiles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_swap")),
    )
    op.create_index(
        "uq_roster_swap_open",
        "roster_swap",
        ["shift_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('asked', 'agreed')"),
    )
    op.create_index(
        "ix_roster_swap_open",
        "roster_swap",
        ["asked_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('asked', 'agreed')"),
    )
