"""ticket clocks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_BEFORE = (
    "'register', 'amend', 'answer', 'accept', 'refuse', 'dispatch', 'sign_for', 'return', 'agree_return', "
    "'refuse_return', 'extend', {signed}'grant_extension', 'refuse_extension', {meet}'reply', 'approve_reply', "
    "'reject_reply', 'supervise', 'visit', 'rehandle', 'close', 'evaluate', 'archive'"
)


def _actions(words: str) -> None:
    op.drop_constraint(op.f("ck_ticket_history_action"), "ticket_history")
    op.create_check_constraint(op.f("ck_ticket_history_action"), "ticket_history", f"action IN ({words})")


def upgrade() -> None:
    _actions(_BEFORE.format(signed="'sign_extension', ", meet="'meet', "))
    op.add_column("ticket", sa.Column("policy", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "ticket_policy",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_ticket_policy_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ticket_policy")),
    )
    op.create_table(
        "ticket_clock",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("next_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.CheckConstraint("kind IN ('dispatch', 'pass_on', 'return', 'handling')", name=op.f("ck_ticket_clock_kind")),
        sa.CheckConstraint("ended IN ('met', 'late', 'withdrawn')", name=op.f("ck_ticket_clock_ended")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_clock_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_clock_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_clock")),
    )
    op.create_index("ix_ticket_clock_ticket_id", "ticket_clock", ["ticket_id"], unique=False)
    op.create_index(
        "ix_ticket_clock_next_at",
        "ticket_clock",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_table(
        "ticket_clock_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("clock_id", sa.BigInteger(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("old_ends_at", _MOMENT, nullable=False),
        sa.Column("new_ends_at", _MOMENT, nullable=False),
        sa.CheckConstraint("why IN ('extension', 'calendar')", name=op.f("ck_ticket_clock_move_why")),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["ticket_clock.id"], name=op.f("fk_ticket_clock_move_clock_id_ticket_clock")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_clock_move")),
    )
    op.create_index("ix_ticket_clock_move_clock_id", "ticket_clock_move", ["clock_id"], unique=False)
    op.create_table(
        "ticket_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("clock_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('warning', 'overdue')", name=op.f("ck_ticket_notice_kind")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_notice_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["clock_id"], ["ticket_clock.id"], name=op.f("fk_ticket_notice_clock_id_ticket_clock")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_notice_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_notice")),
        sa.UniqueConstraint("clock_id", "kind", "ends_at", name=op.f("uq_ticket_notice_clock_id")),
    )
    op.create_index("ix_ticket_notice_unit_id", "ticket_notice", ["unit_id", "id"], unique=False)
    op.create_index("ix_ticket_notice_ticket_id", "ticket_notice", ["ticket_id"], unique=False)


def downgrade() -> None:
    for table in ("ticket_notice", "ticket_clock_move", "ticket_clock", "ticket_policy"):
        op.drop_table(table)
    op.drop_column("ticket", "policy")
    _actions(_BEFORE.format(signed="", meet=""))
