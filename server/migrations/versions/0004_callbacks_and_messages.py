"""callbacks and messages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callback",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("line", sa.String(length=32), nullable=False),
        sa.Column("dialled", sa.String(length=32), nullable=True),
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), nullable=False),
        sa.Column("head_start_ms", sa.Integer(), nullable=False),
        sa.Column("place_ms", sa.BigInteger(), nullable=True),
        sa.Column("queued_ms", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=65), nullable=True),
        sa.Column("lease_until", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("closed_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("kind IN ('queued', 'missed', 'spool')", name=op.f("ck_callback_kind")),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'placing', 'talking', 'answered', 'exhausted', 'cancelled')",
            name=op.f("ck_callback_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('answered', 'cancelled', 'exhausted')) = (closed_at IS NOT NULL)",
            name=op.f("ck_callback_closed_at"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_callback_attempts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
    )
    op.create_index(op.f("ix_callback_call_id"), "callback", ["call_id"], unique=False)
    op.create_index(op.f("ix_callback_requested_at"), "callback", ["requested_at"], unique=False)
    op.create_index(
        "uq_callback_open", "callback", ["caller"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(
        "ix_callback_due", "callback", ["next_at"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "callback_attempt",
        sa.Column("callback_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("dialled_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["callback_id"], ["callback.id"], name=op.f("fk_callback_attempt_callback_id_callback")
        ),
        sa.PrimaryKeyConstraint("callback_id", "number", name=op.f("pk_callback_attempt")),
        sa.UniqueConstraint("call_id", name=op.f("uq_callback_attempt_call_id")),
    )
    op.create_index("ix_callback_attempt_caller_dialled", "callback_attempt", ["caller", "dialled_at"], unique=False)
    op.create_table(
        "missed_call",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.Column("at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name=op.f("fk_missed_call_callback_id_callback")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_missed_call")),
    )
    op.create_index(op.f("ix_missed_call_callback_id"), "missed_call", ["callback_id"], unique=False)
    op.create_table(
        "voice_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=True),
        sa.Column("line", sa.String(length=32), nullable=False),
        sa.Column("left_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("heard_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("heard_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_message")),
        sa.UniqueConstraint("call_id", name=op.f("uq_voice_message_call_id")),
    )
    op.create_index(op.f("ix_voice_message_left_at"), "voice_message", ["left_at"], unique=False)
    # Who gave up is looked for every second.
    op.create_index(
        "ix_call_abandoned", "call", ["ended_at"], unique=False, postgresql_where=sa.text("outcome = 'abandoned'")
    )


def downgrade() -> None:
    op.drop_index("ix_call_abandoned", table_name="call", postgresql_where=sa.text("outcome = 'abandoned'"))
    op.drop_table("voice_message")
    op.drop_table("missed_call")
    op.drop_table("callback_attempt")
    op.drop_table("callback")
