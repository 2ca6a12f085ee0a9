"""figures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "count_due",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_due")),
    )
    op.create_table(
        "call_stay",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("offered_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("disposition", sa.String(length=12), nullable=False),
        sa.Column("waited_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("talk_ms", sa.BigInteger(), nullable=True),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "nth", name=op.f("pk_call_stay")),
    )
    op.create_index("ix_call_stay_counted", "call_stay", ["scope", "subject", "starts_at"], unique=False)
    op.create_index("ix_call_stay_offered", "call_stay", ["scope", "offered_at"], unique=False)
    op.create_table(
        "agent_offer",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=96), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("offered_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("handling", sa.String(length=12), nullable=False),
        sa.Column("answered_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ring_ms", sa.BigInteger(), nullable=True),
        sa.Column("talk_ms", sa.BigInteger(), nullable=True),
        sa.Column("wrap_up_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "about", name=op.f("pk_agent_offer")),
    )
    op.create_index("ix_agent_offer_answered", "agent_offer", ["agent", "answered_at"], unique=False)
    op.create_index("ix_agent_offer_counted", "agent_offer", ["agent", "starts_at"], unique=False)
    op.create_table(
        "call_interval",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("service_level_ms", sa.Integer(), nullable=False),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("answered_promptly", sa.Integer(), nullable=False),
        sa.Column("answered_in_level", sa.Integer(), nullable=False),
        sa.Column("answered_elsewhere", sa.Integer(), nullable=False),
        sa.Column("abandoned", sa.Integer(), nullable=False),
        sa.Column("short_abandoned", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("otherwise", sa.Integer(), nullable=False),
        sa.Column("early", sa.Integer(), nullable=False),
        sa.Column("wait_ms", sa.BigInteger(), nullable=False),
        sa.Column("handled", sa.Integer(), nullable=False),
        sa.Column("talk_ms", sa.BigInteger(), nullable=False),
        sa.Column("wrap_up_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "starts_at", "subject", name=op.f("pk_call_interval")),
    )
    op.create_table(
        "agent_interval",
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("no_answer", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("ring_ms", sa.BigInteger(), nullable=False),
        sa.Column("handled", sa.Integer(), nullable=False),
        sa.Column("talk_ms", sa.BigInteger(), nullable=False),
        sa.Column("wrap_up_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("starts_at", "agent", name=op.f("pk_agent_interval")),
    )
    op.create_table(
        "agent_time",
        sa.Column("starts_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("starts_at", "agent", "state", "reason", name=op.f("pk_agent_time")),
    )
    op.create_table(
        "agent_state_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("since", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_state_log")),
    )
    op.create_index("ix_agent_state_log_since", "agent_state_log", ["agent", "since"], unique=False)
    op.create_index("ix_agent_state_log_until", "agent_state_log", ["agent", "until"], unique=False)
    op.create_index(
        "uq_agent_state_log_open", "agent_state_log", ["agent"], unique=True, postgresql_where=sa.text("until IS NULL")
    )
    op.create_table(
        "agent_state_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cursor", sa.String(length=40), nullable=False),
        sa.Column("read_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_state_cursor")),
    )
    # What was journaled before figures were kept is counted too.
    op.execute("INSERT INTO count_due (call_id) SELECT call_id FROM call ORDER BY entered_at")


def downgrade() -> None:
    for table in (
        "agent_state_cursor",
        "agent_state_log",
        "agent_time",
        "agent_interval",
        "call_interval",
        "agent_offer",
        "call_stay",
        "count_due",
    ):
        op.drop_table(table)
