"""recordings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=24), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("length_ms", sa.Integer(), nullable=False),
        sa.Column("gap_ms", sa.Integer(), nullable=False),
        sa.Column("sound", sa.String(length=8), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("key_id", sa.String(length=8), nullable=True),
        sa.Column("peaks_citizen", sa.LargeBinary(), nullable=True),
        sa.Column("peaks_others", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("retain_until", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("erased_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("held_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("held_by", sa.String(length=32), nullable=True),
        sa.Column("hold_reason", sa.String(length=64), nullable=True),
        sa.CheckConstraint("state IN ('recording', 'sealed', 'damaged', 'erased')", name=op.f("ck_recording_state")),
        sa.CheckConstraint("(state = 'erased') = (erased_at IS NOT NULL)", name=op.f("ck_recording_erased_at")),
        sa.CheckConstraint("(held_at IS NULL) = (hold_reason IS NULL)", name=op.f("ck_recording_hold")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
    )
    op.create_index("uq_recording_segment", "recording", ["call_id", "segment"], unique=True)
    op.create_index(op.f("ix_recording_started_ms"), "recording", ["started_ms"], unique=False)
    op.create_index(
        "ix_recording_due",
        "recording",
        ["retain_until"],
        unique=False,
        postgresql_where=sa.text("held_at IS NULL AND state IN ('sealed', 'damaged')"),
    )


def downgrade() -> None:
    op.drop_table("recording")
