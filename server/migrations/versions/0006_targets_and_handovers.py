"""targets and handovers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SOURCES = (
    *("phone", "sms", "mail", "web", "wechat", "weibo", "app", "state_council", "gov_cn", "people_cn"),
    *("governor_mailbox", "city_website", "province", "police_110"),
)
_OF_PLATFORMS = ("branch", "platform")


def upgrade() -> None:
    _platforms()
    _handovers()
    op.add_column("unit_contacts", sa.Column("schedule_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_unit_contacts_schedule_id_directory_schedules"),
        "unit_contacts",
        "directory_schedules",
        ["schedule_id"],
        ["id"],
    )
    # What is known of a target is asked for whenever an agent chooses one.
    op.create_index(
        "ix_call_journal_transfers",
        "call_journal",
        ["at"],
        unique=False,
        postgresql_where=sa.text("kind IN ('routed', 'route_failed', 'talk')"),
    )
    _ticket_sources((*_SOURCES, *_OF_PLATFORMS))


def downgrade() -> None:
    _ticket_sources(_SOURCES)
    op.drop_index("ix_call_journal_transfers", table_name="call_journal")
    op.drop_column("unit_contacts", "schedule_id")
    op.drop_table("handover_received")
    op.drop_table("handover")
    op.drop_table("partner_numbers")
    op.drop_table("partners")


def _platforms() -> None:
    op.create_table(
        "partners",
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                *("branch", "police", "emergency", "province", "utility", "other"),
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("hotline_id", sa.BigInteger(), nullable=True),
        sa.Column("trunk", sa.String(length=32), nullable=False),
        sa.Column("webhook", sa.String(length=500), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9-]{0,23}$'", name=op.f("ck_partners_code")),
        sa.ForeignKeyConstraint(["hotline_id"], ["hotlines.id"], name=op.f("fk_partners_hotline_id_hotlines")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["directory_schedules.id"], name=op.f("fk_partners_schedule_id_directory_schedules")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_partners")),
        sa.UniqueConstraint("hotline_id", name=op.f("uq_partners_hotline_id")),
    )
    op.create_table(
        "partner_numbers",
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("user_part", sa.String(length=16), nullable=False),
        sa.Column("ring_seconds", sa.Integer(), nullable=False),
        sa.CheckConstraint("endpoint ~ '^[a-z][a-z0-9-]{0,31}$'", name=op.f("ck_partner_numbers_endpoint")),
        sa.CheckConstraint("user_part ~ '^[+]?[0-9]{1,15}$'", name=op.f("ck_partner_numbers_user_part")),
        sa.CheckConstraint("ring_seconds BETWEEN 3 AND 120", name=op.f("ck_partner_numbers_ring_seconds")),
        sa.ForeignKeyConstraint(
            ["partner"], ["partners.code"], name=op.f("fk_partner_numbers_partner_partners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner", "position", name=op.f("pk_partner_numbers")),
    )


def _handovers() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("ordered_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'given_up')", name=op.f("ck_handover_state")),
        sa.CheckConstraint("(state = 'pending') = (closed_at IS NULL)", name=op.f("ck_handover_closed_at")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_handover_attempts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index(
        "ix_handover_due",
        "handover",
        ["partner", "next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_handover_call_id", "handover", ["call_id"], unique=False)
    op.create_index(op.f("ix_handover_ordered_at"), "handover", ["ordered_at"], unique=False)
    op.create_table(
        "handover_received",
        sa.Column("partner", sa.String(length=24), nullable=False),
        sa.Column("partner_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("received_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.String(length=24), nullable=False),
        sa.Column("case_number", sa.String(length=64), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("ticket", sa.String(length=40), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("partner", "partner_id", name=op.f("pk_handover_received")),
    )
    op.create_index("ix_handover_received_partner", "handover_received", ["partner", "received_at"], unique=False)
    op.create_index(op.f("ix_handover_received_ticket"), "handover_received", ["ticket"], unique=False)


def _ticket_sources(sources: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_ticket_source"), "ticket", type_="check")
    listed = ", ".join(f"'{source}'" for source in sources)
    op.create_check_constraint(op.f("ck_ticket_source"), "ticket", f"source IN ({listed})")
