"""channels, attachments and collected records"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_SOURCES = (
    "'phone', 'voice_message', 'sms', 'mail', 'web', 'wechat', 'weibo', 'app', 'state_council', 'gov_cn', 'people_cn', "
    "'governor_mailbox', 'city_website', 'province', 'police_110', 'branch', 'platform'"
)


def _channels() -> None:
    op.create_table(
        "intake_channel",
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.String(length=24)), nullable=False),
        sa.Column("suspended_at", _MOMENT, nullable=True),
        sa.Column("suspended_why", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_intake_channel")),
    )
    op.create_table(
        "intake_request",
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(f"source IN ({_SOURCES})", name=op.f("ck_intake_request_source")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_intake_request_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_intake_request")),
    )
    op.create_index("ix_intake_request_received_at", "intake_request", ["received_at"], unique=False)
    op.create_index(
        "ix_intake_request_ticket_id",
        "intake_request",
        ["ticket_id"],
        unique=False,
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.create_table(
        "intake_mail",
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("left_out", postgresql.ARRAY(sa.String(length=120)), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("ticket", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "outcome IN ('ticket', 'automatic', 'bounce', 'too_large', 'empty', 'unreadable')",
            name=op.f("ck_intake_mail_outcome"),
        ),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_intake_mail")),
    )
    op.create_index("ix_intake_mail_received_at", "intake_mail", ["received_at"], unique=False)
    op.create_index(
        "ix_intake_mail_to_answer",
        "intake_mail",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("answer <> '' AND answered_at IS NULL"),
    )


def _attachments() -> None:
    op.create_table(
        "ticket_attachment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.Column("removed_by", sa.String(length=32), nullable=True),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.Column("removed_why", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_attachment_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_attachment")),
    )
    standing = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_ticket_attachment_standing",
        "ticket_attachment",
        ["ticket_id", "sha256"],
        unique=True,
        postgresql_where=standing,
    )
    op.create_index(
        "ix_ticket_attachment_sha256", "ticket_attachment", ["sha256"], unique=False, postgresql_where=standing
    )
    op.create_index("ix_ticket_attachment_ticket_id", "ticket_attachment", ["ticket_id"], unique=False)


def _collected() -> None:
    op.create_table(
        "collected_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("caller_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('call', 'ticket')", name=op.f("ck_collected_record_kind")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_collected_record_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collected_record")),
        sa.UniqueConstraint("partner", "kind", "number", name=op.f("uq_collected_record_partner")),
    )
    op.create_index("ix_collected_record_began_at", "collected_record", ["kind", "began_at"], unique=False)
    op.create_index(
        "ix_collected_record_partner_began_at", "collected_record", ["partner", "kind", "began_at"], unique=False
    )
    op.create_index(
        "ix_collected_record_unit_id",
        "collected_record",
        ["unit_id", "began_at"],
        unique=False,
        postgresql_where=sa.text("unit_id IS NOT NULL"),
    )
    op.create_index(
        "ix_collected_record_caller",
        "collected_record",
        ["caller_index"],
        unique=False,
        postgresql_where=sa.text("caller_index IS NOT NULL"),
    )
    op.create_index("ix_collected_record_search", "collected_record", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "collected_version",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("replaced_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["collected_record.id"], name=op.f("fk_collected_version_record_id_collected_record")
        ),
        sa.PrimaryKeyConstraint("record_id", "version", name=op.f("pk_collected_version")),
    )


def upgrade() -> None:
    _channels()
    _attachments()
    _collected()
    op.add_column("voice_message", sa.Column("taken_by", sa.String(length=32), nullable=True))
    op.add_column("voice_message", sa.Column("taken_at", _MOMENT, nullable=True))


def downgrade() -> None:
    for column in ("taken_at", "taken_by"):
        op.drop_column("voice_message", column)
    for table in (
        "collected_version",
        "collected_record",
        "ticket_attachment",
        "intake_mail",
        "intake_request",
        "intake_channel",
    ):
        op.drop_table(table)
