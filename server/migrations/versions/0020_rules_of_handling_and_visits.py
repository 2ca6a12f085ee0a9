"""rules of handling and visits"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_RECORDS = ("part", "ruling", "supervision", "lead", "repeat")
_MORE_RECORDS = ("visit", "finding", "statutory", "question", "majeure", "meeting", "first", "handler", "guest")
_SATISFACTION = "'very_satisfied', 'satisfied', 'fairly_satisfied', 'dissatisfied', 'very_dissatisfied'"


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _one_of(table: str, column: str, words: tuple[str, ...]) -> None:
    """A check of words anew."""
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({_words(words)})")


def _visits() -> None:
    op.create_table(
        "ticket_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_since", _MOMENT, nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("contacted", sa.Boolean(), nullable=True),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("satisfaction", sa.String(length=20), nullable=True),
        sa.Column("visited_by", sa.String(length=32), nullable=True),
        sa.Column("visited_at", _MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('due', 'listed', 'done', 'unreachable')", name=op.f("ck_ticket_visit_state")),
        sa.CheckConstraint(
            "outcome IN ('reached', 'declined', 'wrong_person', 'unreachable', 'invalid')",
            name=op.f("ck_ticket_visit_outcome"),
        ),
        sa.CheckConstraint(f"satisfaction IN ({_SATISFACTION})", name=op.f("ck_ticket_visit_satisfaction")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_visit_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_visit_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_visit")),
        sa.UniqueConstraint("ticket_id", "cycle", name=op.f("uq_ticket_visit_ticket_id")),
    )
    op.create_index("ix_ticket_visit_due", "ticket_visit", ["id"], postgresql_where=sa.text("state = 'due'"))
    op.create_index(
        "ix_ticket_visit_visited_at",
        "ticket_visit",
        ["visited_at"],
        postgresql_where=sa.text("visited_at IS NOT NULL"),
    )
    op.create_table(
        "ticket_visit_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("way IN ('phone', 'ivr')", name=op.f("ck_ticket_visit_attempt_way")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_visit_attempt_ticket_id_ticket")),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["ticket_visit.id"], name=op.f("fk_ticket_visit_attempt_visit_id_ticket_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_visit_attempt")),
        sa.UniqueConstraint("visit_id", "occasion", name=op.f("uq_ticket_visit_attempt_visit_id")),
    )
    op.create_index("ix_ticket_visit_attempt_ticket_id", "ticket_visit_attempt", ["ticket_id"])
    op.create_table(
        "ticket_compliance_finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("basis", sa.Text(), server_default="", nullable=False),
        sa.Column("found_by", sa.String(length=32), nullable=True),
        sa.Column("found_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'compliant', 'not_compliant', 'withdrawn')",
            name=op.f("ck_ticket_compliance_finding_state"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_compliance_finding_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_compliance_finding")),
    )
    op.create_index(
        "uq_ticket_compliance_finding_standing",
        "ticket_compliance_finding",
        ["ticket_id", "cycle"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )


def _record(
    table: str, *columns: sa.Column[Any], states: tuple[str, ...], units: tuple[str, ...] = (), more: Any = ()
) -> None:
    """A record of a ticket: what all have, with columns of its own."""
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *columns,
        sa.CheckConstraint(f"state IN ({_words(states)})", name=op.f(f"ck_{table}_state")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f(f"fk_{table}_ticket_id_ticket")),
        *(sa.ForeignKeyConstraint([column], ["units.id"], name=op.f(f"fk_{table}_{column}_units")) for column in units),
        *more,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _procedures() -> None:
    op.add_column("ticket_clock", sa.Column("paused_at", _MOMENT, nullable=True))
    op.add_column("ticket_clock", sa.Column("paused_days", sa.Integer(), server_default="0", nullable=False))
    _record(
        "ticket_statutory",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.Column("document", sa.String(length=300), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.String(length=32), nullable=False),
        sa.Column("reported_at", _MOMENT, nullable=False),
        states=("reported", "running", "refused", "concluded", "ended"),
        units=("unit_id",),
        more=(sa.CheckConstraint("kind IN ('limit', 'filing')", name=op.f("ck_ticket_statutory_kind")),),
    )
    op.create_index(
        "uq_ticket_statutory_standing",
        "ticket_statutory",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('reported', 'running')"),
    )
    op.create_index("ix_ticket_statutory_ticket_id", "ticket_statutory", ["ticket_id"])
    _record(
        "ticket_question",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("pauses", sa.Boolean(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        states=("asked", "answered", "lapsed", "withdrawn"),
        units=("unit_id",),
    )
    op.create_index(
        "uq_ticket_question_open",
        "ticket_question",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index("ix_ticket_question_ticket_id", "ticket_question", ["ticket_id"])
    op.create_index(
        "ix_ticket_question_due_at", "ticket_question", ["due_at"], postgresql_where=sa.text("state = 'asked'")
    )
    _record(
        "ticket_force_majeure",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("part_id", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=False),
        sa.Column("claimed_at", _MOMENT, nullable=False),
        states=("claimed", "acknowledged", "refused"),
        units=("unit_id",),
        more=(
            sa.ForeignKeyConstraint(
                ["part_id"], ["ticket_assignment.id"], name=op.f("fk_ticket_force_majeure_part_id_ticket_assignment")
            ),
        ),
    )
    op.create_index("ix_ticket_force_majeure_ticket_id", "ticket_force_majeure", ["ticket_id"])


def _coordination() -> None:
    _record(
        "ticket_meeting",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.String(length=32), nullable=False),
        sa.Column("reported_at", _MOMENT, nullable=False),
        sa.Column("convener", sa.String(length=64), server_default="", nullable=False),
        sa.Column("held_at", _MOMENT, nullable=True),
        sa.Column("units", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("concluded_at", _MOMENT, nullable=True),
        states=("reported", "convened", "concluded", "cancelled"),
        units=("unit_id",),
        more=(sa.CheckConstraint("kind IN ('special', 'joint')", name=op.f("ck_ticket_meeting_kind")),),
    )
    op.create_index(
        "uq_ticket_meeting_open",
        "ticket_meeting",
        ["ticket_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state IN ('reported', 'convened')"),
    )
    op.create_index("ix_ticket_meeting_ticket_id", "ticket_meeting", ["ticket_id"])
    _record(
        "ticket_first_unit",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=True),
        sa.Column("handed_to", sa.BigInteger(), nullable=True),
        states=("held", "handed_on", "released", "fulfilled"),
        units=("unit_id", "handed_to"),
    )
    op.create_index("uq_ticket_first_unit_ticket_id", "ticket_first_unit", ["ticket_id"], unique=True)
    op.create_index(
        "ix_ticket_first_unit_held", "ticket_first_unit", ["unit_id", "id"], postgresql_where=sa.text("state = 'held'")
    )


def _unit_desk() -> None:
    _record(
        "ticket_handler",
        sa.Column("part_id", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("given_by", sa.String(length=32), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=True),
        states=("active", "handed_over", "released"),
        more=(
            sa.ForeignKeyConstraint(
                ["part_id"], ["ticket_assignment.id"], name=op.f("fk_ticket_handler_part_id_ticket_assignment")
            ),
        ),
    )
    op.create_index(
        "uq_ticket_handler_active",
        "ticket_handler",
        ["part_id", "person"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("ix_ticket_handler_ticket_id", "ticket_handler", ["ticket_id"])
    op.create_index(
        "ix_ticket_handler_person", "ticket_handler", ["person"], postgresql_where=sa.text("state = 'active'")
    )
    op.create_index(
        "ix_ticket_assignment_open",
        "ticket_assignment",
        ["unit_id", "id"],
        postgresql_where=sa.text("withdrawn_at IS NULL AND state IN ('delivered', 'working', 'return_asked')"),
    )


def _guests() -> None:
    op.create_table(
        "ticket_guest_sitting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guest", sa.String(length=64), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("seat", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("planned_by", sa.String(length=32), nullable=False),
        sa.Column("planned_at", _MOMENT, nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'sitting', 'ended', 'cancelled')", name=op.f("ck_ticket_guest_sitting_state")
        ),
        sa.CheckConstraint(
            "standing IN ('deputy', 'member', 'entrepreneur', 'citizen', 'other')",
            name=op.f("ck_ticket_guest_sitting_standing"),
        ),
        sa.CheckConstraint("host <> seat", name=op.f("ck_ticket_guest_sitting_two_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_guest_sitting")),
    )
    op.create_index(
        "uq_ticket_guest_sitting_seat",
        "ticket_guest_sitting",
        ["seat"],
        unique=True,
        postgresql_where=sa.text("state = 'sitting'"),
    )
    op.create_index("ix_ticket_guest_sitting_seat_begun", "ticket_guest_sitting", ["seat", "begun_at"])


def _leads() -> None:
    """One table of leads: what the months of a matter raised stands with it."""
    op.add_column("ticket_accountability_lead", sa.Column("matter_id", sa.BigInteger(), nullable=True))
    op.add_column("ticket_accountability_lead", sa.Column("first_month", sa.Date(), nullable=True))
    op.add_column("ticket_accountability_lead", sa.Column("last_month", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ticket_accountability_lead_matter_id_ticket"),
        "ticket_accountability_lead",
        "ticket",
        ["matter_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_ticket_accountability_lead_months"), "ticket_accountability_lead", "first_month <= last_month"
    )
    op.create_index(
        "ix_ticket_accountability_lead_matter_id",
        "ticket_accountability_lead",
        ["matter_id"],
        postgresql_where=sa.text("matter_id IS NOT NULL"),
    )
    op.execute("""
        UPDATE ticket_accountability_lead l
        SET matter_id = c.matter_id, first_month = c.first_month, last_month = c.last_month,
            occasion = 'months:' || to_char(c.first_month, 'YYYY-MM')
        FROM ticket_lead_candidate c
        WHERE l.ticket_id = c.ticket_id AND l.occasion = 'candidate:' || c.id
    """)
    op.drop_table("ticket_lead_candidate")


_CLOCKS = ("dispatch", "pass_on", "return", "handling")
_MOVES = ("extension", "calendar")
_TABLES = (
    "ticket_guest_sitting",
    "ticket_handler",
    "ticket_first_unit",
    "ticket_meeting",
    "ticket_force_majeure",
    "ticket_question",
    "ticket_statutory",
    "ticket_compliance_finding",
    "ticket_visit_attempt",
    "ticket_visit",
)


def _candidates() -> None:
    op.create_table(
        "ticket_lead_candidate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("matter_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("last_month", sa.Date(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("ground IN ('repeated_months')", name=op.f("ck_ticket_lead_candidate_ground")),
        sa.CheckConstraint("first_month <= last_month", name=op.f("ck_ticket_lead_candidate_months")),
        sa.ForeignKeyConstraint(["matter_id"], ["ticket.id"], name=op.f("fk_ticket_lead_candidate_matter_id_ticket")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_lead_candidate_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_lead_candidate")),
        sa.UniqueConstraint("matter_id", "ground", "first_month", name=op.f("uq_ticket_lead_candidate_matter_id")),
    )
    op.create_index("ix_ticket_lead_candidate_at", "ticket_lead_candidate", ["at"], unique=False)
    op.execute("""
        INSERT INTO ticket_lead_candidate (ground, matter_id, ticket_id, first_month, last_month, at)
        SELECT ground, matter_id, ticket_id, first_month, last_month, raised_at
        FROM ticket_accountability_lead WHERE matter_id IS NOT NULL ORDER BY id
    """)
    for column in ("matter_id", "first_month", "last_month"):
        op.drop_column("ticket_accountability_lead", column)


def upgrade() -> None:
    _one_of("ticket_record_step", "record", _RECORDS + _MORE_RECORDS)
    _one_of("ticket_citizen_notice", "kind", ("refusal", "unreachable"))
    _one_of("ticket_clock", "kind", (*_CLOCKS, "statutory"))
    _one_of("ticket_clock_move", "why", (*_MOVES, "pause", "force_majeure", "statutory"))
    _visits()
    _procedures()
    _coordination()
    _unit_desk()
    _guests()
    _leads()


def downgrade() -> None:
    op.drop_index("ix_ticket_assignment_open", "ticket_assignment")
    _candidates()
    for table in _TABLES:
        op.drop_table(table)
    for column in ("paused_at", "paused_days"):
        op.drop_column("ticket_clock", column)
    op.execute("DELETE FROM ticket_record_step WHERE record NOT IN ('part', 'ruling', 'supervision', 'lead', 'repeat')")
    op.execute("DELETE FROM ticket_citizen_notice WHERE kind = 'unreachable'")
    op.execute("DELETE FROM ticket_clock_move WHERE why NOT IN ('extension', 'calendar')")
    op.execute("DELETE FROM ticket_notice n USING ticket_clock c WHERE n.clock_id = c.id AND c.kind = 'statutory'")
    op.execute(
        "UPDATE ticket_supervision SET clock_id = NULL FROM ticket_clock c WHERE clock_id = c.id AND c.kind = 'statutory'"
    )
    op.execute("DELETE FROM ticket_clock WHERE kind = 'statutory'")
    _one_of("ticket_clock_move", "why", _MOVES)
    _one_of("ticket_clock", "kind", _CLOCKS)
    _one_of("ticket_record_step", "record", _RECORDS)
    _one_of("ticket_citizen_notice", "kind", ("refusal",))
