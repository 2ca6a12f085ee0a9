"""progress and knowledge"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database
from ticketing.knowledge.tables import IMMUTABLE

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ticket_query_code",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_by", sa.String(length=32), nullable=False),
        sa.Column("issued_at", _MOMENT, nullable=False),
        sa.Column("issues", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_query_code_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_query_code")),
    )
    op.create_table(
        "knowledge_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_knowledge_entry_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_entry")),
        sa.UniqueConstraint("code", name=op.f("uq_knowledge_entry_code")),
    )
    op.create_index("ix_knowledge_entry_review_on", "knowledge_entry", ["review_on"], unique=False)
    op.create_index(op.f("ix_knowledge_entry_unit_id"), "knowledge_entry", ["unit_id"], unique=False)
    op.create_table(
        "knowledge_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("spoken", sa.String(length=600), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("comment", sa.String(length=400), nullable=False),
        sa.Column("compared", sa.Text(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), nullable=False),
        sa.Column("written_by", sa.String(length=32), nullable=False),
        sa.Column("written_by_user", sa.BigInteger(), nullable=False),
        sa.Column("written_at", _MOMENT, nullable=False),
        sa.Column("checked_by", sa.String(length=32), nullable=True),
        sa.Column("checked_by_user", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", _MOMENT, nullable=True),
        sa.Column("published_by", sa.String(length=32), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_why", sa.String(length=400), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'checked', 'published', 'rejected', 'replaced', 'withdrawn')",
            name=op.f("ck_knowledge_version_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('checked', 'published') OR checked_by_user IS NOT NULL",
            name=op.f("ck_knowledge_version_checked"),
        ),
        sa.CheckConstraint("checked_by_user <> written_by_user", name=op.f("ck_knowledge_version_two_persons")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_knowledge_version_validity")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["knowledge_entry.id"], name=op.f("fk_knowledge_version_entry_id_knowledge_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_version")),
        sa.UniqueConstraint("entry_id", "number", name=op.f("uq_knowledge_version_entry_id")),
    )
    op.create_index(
        "ix_knowledge_version_published",
        "knowledge_version",
        ["entry_id", "number"],
        unique=False,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.create_index(
        "ix_knowledge_version_search", "knowledge_version", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_knowledge_version_to_check",
        "knowledge_version",
        ["written_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('draft', 'checked')"),
    )
    op.create_table(
        "knowledge_report",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("reported_by", sa.String(length=32), nullable=False),
        sa.Column("reported_at", _MOMENT, nullable=False),
        sa.Column("settled_by", sa.String(length=32), nullable=True),
        sa.Column("settled_at", _MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=400), nullable=False),
        sa.CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name=op.f("ck_knowledge_report_settled")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["knowledge_entry.id"], name=op.f("fk_knowledge_report_entry_id_knowledge_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_report")),
    )
    op.create_index(
        "ix_knowledge_report_open",
        "knowledge_report",
        ["entry_id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "knowledge_use",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["knowledge_version.id"], name=op.f("fk_knowledge_use_version_id_knowledge_version")
        ),
        sa.PrimaryKeyConstraint("call_id", "version_id", "by", name=op.f("pk_knowledge_use")),
    )
    op.create_index("ix_knowledge_use_version_id", "knowledge_use", ["version_id", "at"], unique=False)
    for statement in IMMUTABLE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("knowledge_use", "knowledge_report", "knowledge_version", "knowledge_entry", "ticket_query_code"):
        op.drop_table(table)
    op.execute("DROP FUNCTION knowledge_versions_are_immutable()")
