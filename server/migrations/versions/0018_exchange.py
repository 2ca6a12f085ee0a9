"""the exchange: outbox, receivers and their feeds, platforms' tickets, open311; actions of urging and supplementing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_ACTIONS = (
    "'register', 'amend', 'answer', 'accept', 'refuse', 'split', 'merge', 'unmerge', 'take_reply', 'dispatch', "
    "'recall', 'sign_for', 'return', 'agree_return', 'refuse_return', 'extend', 'sign_extension', 'grant_extension', "
    "'refuse_extension', 'meet', 'reply', 'approve_reply', 'reject_reply', 'supervise', {more}'visit', 'rehandle', "
    "'close', 'evaluate', 'archive'"
)


def _actions(more: str) -> None:
    op.drop_constraint(op.f("ck_ticket_history_action"), "ticket_history")
    op.create_check_constraint(
        op.f("ck_ticket_history_action"), "ticket_history", f"action IN ({_ACTIONS.format(more=more)})"
    )


def _outbox() -> None:
    op.create_table(
        "exchange_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("told", sa.String(length=12), nullable=False),
        sa.Column("told_id", sa.BigInteger(), nullable=True),
        sa.Column("told_version", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("units", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("partners", postgresql.ARRAY(sa.String(length=24)), nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("kind IN ('intake', 'record', 'visit', 'transfer')", name=op.f("ck_exchange_event_kind")),
        sa.CheckConstraint("told IN ('ticket', 'part', 'contact', 'transfer')", name=op.f("ck_exchange_event_told")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_exchange_event_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_event")),
        sa.UniqueConstraint("uid", name=op.f("uq_exchange_event_uid")),
    )
    op.create_index(op.f("ix_exchange_event_at"), "exchange_event", ["at"], unique=False)
    op.create_index(
        "ix_exchange_event_new", "exchange_event", ["id"], unique=False, postgresql_where=sa.text("NOT shared")
    )
    op.create_index("ix_exchange_event_ticket_id", "exchange_event", ["ticket_id", "id"], unique=False)


def _receivers() -> None:
    op.create_table(
        "exchange_receiver",
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("partner", sa.String(length=24), nullable=True),
        sa.Column("personal", sa.String(length=8), nullable=False),
        sa.Column("webhook", sa.String(length=500), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("resting_until", _MOMENT, nullable=True),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("alarmed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "(scope = 'unit') = (unit_id IS NOT NULL) AND (scope = 'partner') = (partner IS NOT NULL)",
            name=op.f("ck_exchange_receiver_whose"),
        ),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9-]{0,23}$'", name=op.f("ck_exchange_receiver_code")),
        sa.CheckConstraint("personal IN ('none', 'masked', 'full')", name=op.f("ck_exchange_receiver_personal")),
        sa.CheckConstraint("scope IN ('unit', 'partner', 'all')", name=op.f("ck_exchange_receiver_scope")),
        sa.CheckConstraint("sent_to BETWEEN 0 AND last", name=op.f("ck_exchange_receiver_sent_to")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_exchange_receiver_unit_id_units")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_exchange_receiver")),
        sa.UniqueConstraint("partner", name=op.f("uq_exchange_receiver_partner")),
        sa.UniqueConstraint("unit_id", name=op.f("uq_exchange_receiver_unit_id")),
    )
    op.create_table(
        "exchange_feed",
        sa.Column("receiver", sa.String(length=24), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["exchange_event.id"], name=op.f("fk_exchange_feed_event_id_exchange_event")
        ),
        sa.ForeignKeyConstraint(
            ["receiver"],
            ["exchange_receiver.code"],
            name=op.f("fk_exchange_feed_receiver_exchange_receiver"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("receiver", "position", name=op.f("pk_exchange_feed")),
        sa.UniqueConstraint("receiver", "event_id", name=op.f("uq_exchange_feed_receiver")),
    )
    op.create_table(
        "exchange_delivery",
        sa.Column("receiver", sa.String(length=24), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.Column("claimed_until", _MOMENT, nullable=True),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("why", sa.String(length=64), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('pending', 'held', 'parked')", name=op.f("ck_exchange_delivery_state")),
        sa.ForeignKeyConstraint(
            ["receiver"],
            ["exchange_receiver.code"],
            name=op.f("fk_exchange_delivery_receiver_exchange_receiver"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("receiver", "position", name=op.f("pk_exchange_delivery")),
    )
    op.create_index(
        "ix_exchange_delivery_ticket_id", "exchange_delivery", ["receiver", "ticket_id", "position"], unique=False
    )


def _platforms() -> None:
    op.create_table(
        "exchange_incoming",
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_exchange_incoming_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("partner", "number", name=op.f("pk_exchange_incoming")),
    )
    op.create_index(op.f("ix_exchange_incoming_ticket_id"), "exchange_incoming", ["ticket_id"], unique=False)
    op.create_table(
        "exchange_message",
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("message", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.CheckConstraint("kind IN ('ticket', 'urge', 'supplement')", name=op.f("ck_exchange_message_kind")),
        sa.CheckConstraint(
            "outcome IN ('created', 'updated', 'noted', 'outdated', 'after_close')",
            name=op.f("ck_exchange_message_outcome"),
        ),
        sa.PrimaryKeyConstraint("partner", "message", name=op.f("pk_exchange_message")),
    )
    op.create_index("ix_exchange_message_number", "exchange_message", ["partner", "number"], unique=False)
    op.create_table(
        "exchange_transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.String(length=32), nullable=False),
        sa.Column("ordered_at", _MOMENT, nullable=False),
        sa.Column("their_number", sa.String(length=64), server_default="", nullable=False),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('sent', 'accepted', 'refused', 'done')", name=op.f("ck_exchange_transfer_state")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_exchange_transfer_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_transfer")),
    )
    op.create_index(op.f("ix_exchange_transfer_ticket_id"), "exchange_transfer", ["ticket_id"], unique=False)
    op.create_index(
        "uq_exchange_transfer_standing",
        "exchange_transfer",
        ["ticket_id", "partner"],
        unique=True,
        postgresql_where=sa.text("state IN ('sent', 'accepted')"),
    )


def _open311() -> None:
    op.create_table(
        "open311_key",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_open311_key")),
        sa.UniqueConstraint("name", name=op.f("uq_open311_key_name")),
    )


def upgrade() -> None:
    _actions("'urge', 'supplement', ")
    _outbox()
    _receivers()
    _platforms()
    _open311()


def downgrade() -> None:
    for table in (
        "open311_key",
        "exchange_transfer",
        "exchange_message",
        "exchange_incoming",
        "exchange_delivery",
        "exchange_feed",
        "exchange_receiver",
        "exchange_event",
    ):
        op.drop_table(table)
    op.execute("DELETE FROM ticket_history WHERE action IN ('urge', 'supplement')")
    _actions("")
