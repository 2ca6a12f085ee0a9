"""ticket handling"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database
from ticketing.handling.tables import UNCHANGING

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_CAUSES = (
    "'complex', 'other_unit', 'duties_unclear', 'funds', 'procedure', 'citizen', 'force_majeure', 'own_delay', 'other'"
)
_PARTS = "'delivered', 'working', 'return_asked', 'replied', 'taken', 'withdrawn'"


def _parts() -> None:
    op.add_column("ticket_assignment", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ticket_assignment_parent_id_ticket_assignment"),
        "ticket_assignment",
        "ticket_assignment",
        ["parent_id"],
        ["id"],
    )
    op.add_column(
        "ticket_assignment", sa.Column("state", sa.String(length=16), server_default="delivered", nullable=False)
    )
    op.add_column("ticket_assignment", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_check_constraint(op.f("ck_ticket_assignment_state"), "ticket_assignment", f"state IN ({_PARTS})")
    op.create_index(
        "ix_ticket_assignment_parent_id",
        "ticket_assignment",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    # Where the parts that are there already stand.
    op.execute("""
        UPDATE ticket_assignment SET state = CASE
            WHEN withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN replied_at IS NOT NULL THEN 'replied'
            WHEN signed_at IS NOT NULL THEN 'working'
            ELSE 'delivered' END
    """)
    op.add_column("ticket_clock", sa.Column("overdue_cause", sa.String(length=16), nullable=True))
    op.create_check_constraint(op.f("ck_ticket_clock_overdue_cause"), "ticket_clock", f"overdue_cause IN ({_CAUSES})")
    op.create_table(
        "ticket_record_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.Column("record", sa.String(length=16), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("from_state", sa.String(length=24), nullable=False),
        sa.Column("to_state", sa.String(length=24), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "record IN ('part', 'ruling', 'supervision', 'lead', 'repeat')", name=op.f("ck_ticket_record_step_record")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_record_step_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_record_step")),
        sa.UniqueConstraint("record", "record_id", "version", name=op.f("uq_ticket_record_step_record")),
    )
    op.create_index("ix_ticket_record_step_ticket_id", "ticket_record_step", ["ticket_id"], unique=False)


def _rulings() -> None:
    op.create_table(
        "ticket_ruling",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("disputed_unit_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("ruled_by", sa.String(length=300), server_default="", nullable=False),
        sa.Column("document", sa.String(length=300), server_default="", nullable=False),
        sa.Column("ruled_at", _MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('asked', 'submitted', 'ruled', 'applied')", name=op.f("ck_ticket_ruling_state")),
        sa.CheckConstraint(
            "authority IN ('staffing', 'justice', 'government')", name=op.f("ck_ticket_ruling_authority")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_ruling_ticket_id_ticket")),
        sa.ForeignKeyConstraint(
            ["disputed_unit_id"], ["units.id"], name=op.f("fk_ticket_ruling_disputed_unit_id_units")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_ruling_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_ruling")),
    )
    op.create_index(
        "uq_ticket_ruling_open",
        "ticket_ruling",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'applied'"),
    )
    op.create_index("ix_ticket_ruling_ticket_id", "ticket_ruling", ["ticket_id"], unique=False)


def _contacts() -> None:
    op.create_table(
        "ticket_citizen_contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=True),
        sa.Column("recorded_by", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "way IN ('phone', 'masked_call', 'on_site', 'sms', 'letter', 'online')",
            name=op.f("ck_ticket_citizen_contact_way"),
        ),
        sa.CheckConstraint(
            "outcome IN ('answered', 'unreachable', 'declined')", name=op.f("ck_ticket_citizen_contact_outcome")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_citizen_contact_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_citizen_contact_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_citizen_contact")),
    )
    op.create_index("ix_ticket_citizen_contact_ticket_id", "ticket_citizen_contact", ["ticket_id"], unique=False)


def _supervisions() -> None:
    op.create_table(
        "ticket_supervision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ground", sa.String(length=16), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("deadline", _MOMENT, nullable=False),
        sa.Column("raised_by", sa.String(length=32), nullable=False),
        sa.Column("raised_at", _MOMENT, nullable=False),
        sa.Column("clock_id", sa.BigInteger(), nullable=True),
        sa.Column("clock_ends_at", _MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("lifted_at", _MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('issued', 'answered', 'lifted')", name=op.f("ck_ticket_supervision_state")),
        sa.CheckConstraint(
            "ground IN ('overdue', 'repeated', 'knowledge', 'refuses', 'other')",
            name=op.f("ck_ticket_supervision_ground"),
        ),
        sa.CheckConstraint(
            "form IN ('phone', 'letter', 'meeting', 'on_site', 'media', 'inspection', 'leader', 'order', 'coordination', 'interview')",
            name=op.f("ck_ticket_supervision_form"),
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_supervision_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_supervision_unit_id_units")),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["ticket_clock.id"], name=op.f("fk_ticket_supervision_clock_id_ticket_clock")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_supervision")),
        sa.UniqueConstraint("clock_id", "clock_ends_at", name=op.f("uq_ticket_supervision_clock_id")),
    )
    op.create_index("ix_ticket_supervision_ticket_id", "ticket_supervision", ["ticket_id"], unique=False)
    op.create_index("ix_ticket_supervision_unit_id", "ticket_supervision", ["unit_id", "id"], unique=False)
    op.create_index(
        "ix_ticket_supervision_deadline",
        "ticket_supervision",
        ["deadline"],
        unique=False,
        postgresql_where=sa.text("state = 'issued'"),
    )


def _leads() -> None:
    grounds = (
        "'late_receipt', 'untrue', 'careless_again', 'shirking', 'abuse', 'dissatisfied_twice', 'repeated_months', "
        "'leak', 'other', 'obstruction', 'concealment', 'evidence'"
    )
    op.create_table(
        "ticket_accountability_lead",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column("raised_by", sa.String(length=32), nullable=False),
        sa.Column("raised_at", _MOMENT, nullable=False),
        sa.Column("handed_to", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "state IN ('raised', 'investigating', 'established', 'dismissed', 'correcting', 'handed_over', 'settled')",
            name=op.f("ck_ticket_accountability_lead_state"),
        ),
        sa.CheckConstraint(f"ground IN ({grounds})", name=op.f("ck_ticket_accountability_lead_ground")),
        sa.CheckConstraint(
            "handed_to IN ('supervisory', 'judicial')", name=op.f("ck_ticket_accountability_lead_handed_to")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_accountability_lead_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_accountability_lead_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_accountability_lead")),
        sa.UniqueConstraint("ticket_id", "ground", "occasion", name=op.f("uq_ticket_accountability_lead_ticket_id")),
    )
    for column in ("unit_id", "state"):
        op.create_index(
            f"ix_ticket_accountability_lead_{column}", "ticket_accountability_lead", [column, "id"], unique=False
        )
    op.create_table(
        "ticket_unreasonable_repeat",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("earlier", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("approved_at", _MOMENT, nullable=True),
        sa.Column("way", sa.String(length=16), nullable=True),
        sa.Column("notified_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'notified', 'revoked')",
            name=op.f("ck_ticket_unreasonable_repeat_state"),
        ),
        sa.CheckConstraint(
            "way IN ('phone', 'masked_call', 'on_site', 'sms', 'letter', 'online')",
            name=op.f("ck_ticket_unreasonable_repeat_way"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_unreasonable_repeat_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_unreasonable_repeat")),
    )
    op.create_index(
        "uq_ticket_unreasonable_repeat_standing",
        "ticket_unreasonable_repeat",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'approved', 'notified')"),
    )
    op.create_index(
        "ix_ticket_unreasonable_repeat_ticket_id", "ticket_unreasonable_repeat", ["ticket_id"], unique=False
    )


def _archive() -> None:
    op.create_table(
        "ticket_archive",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("archived_at", _MOMENT, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_archive_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_archive")),
        sa.UniqueConstraint("number", name=op.f("uq_ticket_archive_number")),
    )
    for statement in UNCHANGING:
        op.execute(statement)


def upgrade() -> None:
    _parts()
    _rulings()
    _contacts()
    _supervisions()
    _leads()
    _archive()


def downgrade() -> None:
    op.drop_table("ticket_archive")
    op.execute("DROP FUNCTION ticket_archive_is_unchanging()")
    for table in (
        "ticket_unreasonable_repeat",
        "ticket_accountability_lead",
        "ticket_supervision",
        "ticket_citizen_contact",
        "ticket_ruling",
        "ticket_record_step",
    ):
        op.drop_table(table)
    op.drop_column("ticket_clock", "overdue_cause")
    for column in ("parent_id", "state", "version"):
        op.drop_column("ticket_assignment", column)
