"""tickets marked among their words"""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_MARKS = """
    CREATE TEMPORARY TABLE ticket_marks AS
    SELECT k.id AS ticket_id, array_agg(DISTINCT m.mark) AS marks
    FROM ticket AS k
    LEFT JOIN ticket_assignment AS a ON a.ticket_id = k.id,
    LATERAL (VALUES
        ('!' || k.source),
        (CASE WHEN k.category <> '' THEN '=' || k.category END),
        (CASE WHEN length(k.area_code) >= 4 THEN '~' || left(k.area_code, 4) END),
        (CASE WHEN length(k.area_code) >= 6 THEN '~' || left(k.area_code, 6) END),
        (CASE WHEN length(k.area_code) >= 12 THEN '~' || k.area_code END),
        ('%' || a.unit_id)
    ) AS m (mark)
    WHERE m.mark IS NOT NULL
    GROUP BY k.id
"""


def upgrade() -> None:
    op.execute(_MARKS)
    op.execute(
        "UPDATE ticket_text AS t SET search = t.search || array_to_tsvector(k.marks) FROM ticket_marks AS k "
        "WHERE k.ticket_id = t.ticket_id"
    )
    op.execute("DROP TABLE ticket_marks")


def downgrade() -> None:
    op.execute(_MARKS)
    op.execute(
        "UPDATE ticket_text AS t SET search = ts_delete(t.search, k.marks) FROM ticket_marks AS k "
        "WHERE k.ticket_id = t.ticket_id"
    )
    op.execute("DROP TABLE ticket_marks")
