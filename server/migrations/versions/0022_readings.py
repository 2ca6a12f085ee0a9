"""readings of personal data in the audit log, erasure of personal data"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("read_id", sa.BigInteger(), nullable=True))
    op.create_unique_constraint(op.f("uq_audit_log_read_id"), "audit_log", ["read_id"])
    op.create_table(
        "audit_pending_read",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=96), nullable=False),
        sa.Column("why", postgresql.JSON(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_pending_read")),
    )
    op.create_index(
        "ix_ticket_personal_updated_at",
        "ticket",
        ["updated_at"],
        postgresql_where=sa.text(
            "state IN ('archived', 'refused') "
            "AND (length(caller_number) > 0 OR length(caller_name) > 0 OR length(address) > 0)"
        ),
    )
    op.create_table(
        "personal_erasure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person", sa.LargeBinary(length=16), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tickets", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (person IS NOT NULL)", name=op.f("ck_personal_erasure_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_erasure")),
    )
    op.create_index(
        "uq_personal_erasure_person",
        "personal_erasure",
        ["person"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("personal_erasure")
    op.drop_index("ix_ticket_personal_updated_at", "ticket")
    op.drop_table("audit_pending_read")
    op.drop_constraint(op.f("uq_audit_log_read_id"), "audit_log")
    op.drop_column("audit_log", "read_id")
