"""imports of old systems, and what finds tickets among millions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_KINDS = "kind IN ('tickets', 'units', 'knowledge')"
_TARGETS = {"ticket_id": "ticket", "unit_id": "units", "entry_id": "knowledge_entry"}


def upgrade() -> None:
    op.create_table(
        "import_record",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=True) for column in _TARGETS),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("imported_by", sa.String(length=32), nullable=False),
        sa.Column("imported_at", _MOMENT, nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_import_record_kind")),
        sa.CheckConstraint("num_nonnulls(ticket_id, unit_id, entry_id) = 1", name=op.f("ck_import_record_one_target")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_import_record_{column}_{table}"))
            for column, table in _TARGETS.items()
        ),
        sa.PrimaryKeyConstraint("kind", "source", "key", name=op.f("pk_import_record")),
    )
    for column in ("ticket_id", "entry_id"):
        op.create_index(
            f"uq_import_record_{column}",
            "import_record",
            [column],
            unique=True,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_index(
        "ix_import_record_unit_id",
        "import_record",
        ["unit_id"],
        unique=False,
        postgresql_where=sa.text("unit_id IS NOT NULL"),
    )
    op.create_table(
        "import_mapping",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_import_mapping_kind")),
        sa.PrimaryKeyConstraint("kind", "source", name=op.f("pk_import_mapping")),
    )
    # The stretches of `ticketing.relations.stretches`, for the tickets that are here already.
    op.execute("""
        UPDATE ticket_text SET search = search || array_to_tsvector(ARRAY[
            '#0:' || (ticket_id >> 10), '#1:' || (ticket_id >> 13),
            '#2:' || (ticket_id >> 16), '#3:' || (ticket_id >> 19),
            '@' || ((registered_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 16])
    """)
    op.execute("ALTER TABLE ticket_text ALTER COLUMN search SET STATISTICS 300")
    op.execute("ALTER INDEX ix_ticket_text_search SET (gin_pending_list_limit = 256)")
    op.create_index(
        "ix_ticket_clock_running",
        "ticket_clock",
        ["ticket_id", "ends_at"],
        unique=False,
        postgresql_where=sa.text("ended IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_clock_running", "ticket_clock")
    op.execute("ALTER INDEX ix_ticket_text_search RESET (gin_pending_list_limit)")
    op.execute("ALTER TABLE ticket_text ALTER COLUMN search SET STATISTICS -1")
    op.drop_table("import_mapping")
    op.drop_table("import_record")
