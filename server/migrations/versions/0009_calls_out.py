"""calls out"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "visit_round",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.CheckConstraint("mode IN ('agent', 'ivr')", name=op.f("ck_visit_round_mode")),
        sa.CheckConstraint(
            "state IN ('draft', 'running', 'paused', 'finished', 'closed')", name=op.f("ck_visit_round_state")
        ),
        sa.CheckConstraint(
            "(state IN ('closed', 'finished')) = (closed_at IS NOT NULL)", name=op.f("ck_visit_round_closed_at")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_round")),
    )
    op.create_table(
        "visit_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("put_off", sa.Integer(), nullable=False),
        sa.Column("first_at", _MOMENT, nullable=True),
        sa.Column("last_at", _MOMENT, nullable=True),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("on_ticket", sa.Boolean(), nullable=True),
        sa.Column("sms_due_at", _MOMENT, nullable=True),
        sa.Column("sms_sent_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'preview', 'calling', 'talked', 'done', 'unreachable', 'invalid', 'barred', "
            "'failed', 'skipped', 'withdrawn')",
            name=op.f("ck_visit_item_state"),
        ),
        sa.CheckConstraint(
            "result IN ('very_satisfied', 'satisfied', 'fairly_satisfied', 'dissatisfied', 'very_dissatisfied', "
            "'declined', 'wrong_person', 'to_agent', 'no_result')",
            name=op.f("ck_visit_item_result"),
        ),
        sa.CheckConstraint(
            "(state IN ('barred', 'done', 'failed', 'invalid', 'skipped', 'unreachable', 'withdrawn')) "
            "= (closed_at IS NOT NULL)",
            name=op.f("ck_visit_item_closed_at"),
        ),
        sa.CheckConstraint("attempts >= 0 AND failures >= 0 AND put_off >= 0", name=op.f("ck_visit_item_counts")),
        sa.ForeignKeyConstraint(["round_id"], ["visit_round.id"], name=op.f("fk_visit_item_round_id_visit_round")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_item")),
        sa.UniqueConstraint("round_id", "ticket", name=op.f("uq_visit_item_round_id")),
    )
    op.create_index(
        "ix_visit_item_due",
        "visit_item",
        ["round_id", "position"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_visit_item_lease",
        "visit_item",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "ix_visit_item_sms",
        "visit_item",
        ["id"],
        unique=False,
        postgresql_where=sa.text("sms_due_at IS NOT NULL AND sms_sent_at IS NULL"),
    )
    op.create_table(
        "call_out",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("whom", sa.String(length=8), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("shown", sa.String(length=16), nullable=False),
        sa.Column("ticket", sa.String(length=40), nullable=True),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("owner", sa.String(length=65), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("dialled_at", _MOMENT, nullable=True),
        sa.Column("talk_ms", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.CheckConstraint("purpose IN ('visit', 'contact', 'survey')", name=op.f("ck_call_out_purpose")),
        sa.CheckConstraint("whom IN ('citizen', 'contact', 'duty', 'typed')", name=op.f("ck_call_out_whom")),
        sa.CheckConstraint(
            "state IN ('requested', 'placing', 'dialled', 'talking', 'ended', 'not_placed')",
            name=op.f("ck_call_out_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('ended', 'not_placed')) = (closed_at IS NOT NULL)", name=op.f("ck_call_out_closed_at")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["visit_item.id"], name=op.f("fk_call_out_item_id_visit_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_out")),
    )
    for name, columns in (
        ("uq_call_out_open_number", ["number"]),
        ("uq_call_out_open_agent", ["agent"]),
    ):
        op.create_index(name, "call_out", columns, unique=True, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("ix_call_out_number_dialled", "call_out", ["number", "dialled_at"], unique=False)
    op.create_index("ix_call_out_ticket", "call_out", ["ticket"], unique=False)
    op.create_index("ix_call_out_item", "call_out", ["item_id"], unique=False)
    op.create_table(
        "do_not_call",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_do_not_call")),
    )


def downgrade() -> None:
    for table in ("do_not_call", "call_out", "visit_item", "visit_round"):
        op.drop_table(table)
