"""figures and reports of tickets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database
from ticketing.reports.tables import UNCHANGING

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_KINDS = "kind IN ('bulletin', 'assessment', 'evaluation')"
_REASONS = (
    "reason IN ('unreasonable_repeat', 'unreachable', 'no_contact', 'declined', 'wrong_person', 'not_asked', 'withdrawn',"
    " 'force_majeure', 'wrongly_dispatched', 'malicious', 'other')"
)
_BY_TIME = {
    "ticket": "registered_at",
    "ticket_history": "at",
    "ticket_assignment": "delivered_at",
    "ticket_clock": "ends_at",
}


def upgrade() -> None:
    op.create_table(
        "ticket_figure_exclusion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("revoked_by", sa.String(length=32), nullable=True),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.Column("revoked_why", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(_REASONS, name=op.f("ck_ticket_figure_exclusion_reason")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_ticket_figure_exclusion_revoked")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_figure_exclusion_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_figure_exclusion_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_figure_exclusion")),
    )
    op.create_index(
        "uq_ticket_figure_exclusion_standing",
        "ticket_figure_exclusion",
        ["ticket_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_ticket_figure_exclusion_ticket_id", "ticket_figure_exclusion", ["ticket_id"])
    op.create_table(
        "ticket_assessment_method",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("method", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_ticket_assessment_method_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ticket_assessment_method")),
    )
    op.create_table(
        "ticket_report",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("counted_at", _MOMENT, nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("workbook", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_ticket_report_kind")),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_ticket_report_state")),
        sa.CheckConstraint(
            "(state = 'done') = (content IS NOT NULL AND document IS NOT NULL AND workbook IS NOT NULL)",
            name=op.f("ck_ticket_report_made"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_report")),
    )
    op.create_index(
        "ix_ticket_report_open", "ticket_report", ["id"], postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "ticket_report_publication",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("published_by", sa.String(length=32), nullable=False),
        sa.Column("published_at", _MOMENT, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("document_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("workbook", sa.LargeBinary(), nullable=False),
        sa.Column("workbook_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_ticket_report_publication_kind")),
        sa.CheckConstraint(
            "revision >= 1 AND (revision = 1) = (reason = '')", name=op.f("ck_ticket_report_publication_reason")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["ticket_report.id"], name=op.f("fk_ticket_report_publication_report_id_ticket_report")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_report_publication")),
        sa.UniqueConstraint("kind", "period", "revision", name=op.f("uq_ticket_report_publication_kind")),
        sa.UniqueConstraint("report_id", name=op.f("uq_ticket_report_publication_report_id")),
    )
    for statement in UNCHANGING:
        op.execute(statement)
    for table, column in _BY_TIME.items():
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_using="brin")
