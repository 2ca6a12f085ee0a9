"""personal data of tickets and archived files are sealed"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from hotline import search
from hotline.privacy import without_person
from hotline.sealed import Indexed, Sealed
from ticketing.handling.archive import files

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_BATCH = 1_000
_FIELDS = {"caller_number": 24, "caller_name": 64, "address": 300}


def _batches(query: str) -> Iterator[list[Any]]:
    """Rows whose first column is an id greater than `:last`, in its order."""
    last = 0
    while rows := op.get_bind().execute(sa.text(query), {"last": last, "batch": _BATCH}).all():
        yield list(rows)
        last = rows[-1][0]


_TICKET = sa.table(
    "ticket",
    sa.column("id", sa.BigInteger()),
    sa.column("caller_index", Indexed()),
    *(sa.column(field, Sealed(f"ticket.{field}")) for field in _FIELDS),
)
_COMPLETE = sa.table(
    "ticket_archive_complete",
    sa.column("ticket_id", sa.BigInteger()),
    sa.column("file", Sealed("ticket_archive_complete.file")),
)


def _seal_tickets() -> None:
    for field in _FIELDS:
        op.alter_column("ticket", field, new_column_name=f"clear_{field}")
        op.add_column("ticket", sa.Column(field, sa.LargeBinary(), nullable=True))
    op.add_column("ticket", sa.Column("caller_index", sa.LargeBinary(length=16), nullable=True))
    sealed = (
        sa.update(_TICKET)
        .where(_TICKET.c.id == sa.bindparam("of"))
        .values(
            caller_index=sa.bindparam("index", type_=Indexed()),
            **{field: sa.bindparam(f"new_{field}", type_=_TICKET.c[field].type) for field in _FIELDS},
        )
    )
    words = sa.text(
        "UPDATE ticket_text SET compared = :compared, search = CAST(:search AS tsvector) WHERE ticket_id = :of"
    )
    for rows in _batches(
        "SELECT id, clear_caller_number, clear_caller_name, clear_address, title, content FROM ticket "
        "WHERE id > :last ORDER BY id LIMIT :batch"
    ):
        for of, number, name, address, title, content in rows:
            told = {"of": of, "index": number, "new_caller_number": number, "new_caller_name": name}
            op.get_bind().execute(sealed, told | {"new_address": address})
            seen = [without_person(written, number=number, name=name) for written in (title, content)]
            if seen != [title, content]:
                vector = search.vector((seen[0], "A"), (seen[1], "B"))
                op.get_bind().execute(words, {"of": of, "compared": search.normal(" ".join(seen)), "search": vector})
    op.drop_index("ix_ticket_caller_number_id", "ticket")
    for field in _FIELDS:
        op.alter_column("ticket", field, nullable=False)
        op.drop_column("ticket", f"clear_{field}")
    op.create_index(
        "ix_ticket_caller_index_id",
        "ticket",
        ["caller_index", "id"],
        postgresql_where=sa.text("caller_index IS NOT NULL"),
    )


def _open_tickets() -> None:
    op.drop_index("ix_ticket_caller_index_id", "ticket")
    op.drop_column("ticket", "caller_index")
    for field, length in _FIELDS.items():
        op.add_column("ticket", sa.Column(f"clear_{field}", sa.String(length=length), nullable=True))
    change = sa.text(
        "UPDATE ticket SET clear_caller_number = :caller_number, clear_caller_name = :caller_name, "
        "clear_address = :address WHERE id = :id"
    )
    last = 0
    while (
        rows := op.get_bind()
        .execute(
            sa.select(_TICKET.c.id, *(_TICKET.c[field] for field in _FIELDS))
            .where(_TICKET.c.id > last)
            .order_by(_TICKET.c.id)
            .limit(_BATCH)
        )
        .mappings()
        .all()
    ):
        op.get_bind().execute(change, [dict(row) for row in rows])
        last = rows[-1]["id"]
    for field in _FIELDS:
        op.drop_column("ticket", field)
        op.alter_column("ticket", f"clear_{field}", new_column_name=field, nullable=False)
    op.create_index(
        "ix_ticket_caller_number_id",
        "ticket",
        ["caller_number", "id"],
        postgresql_where=sa.text("caller_number <> ''"),
    )


def _seal_archive() -> None:
    op.create_table(
        "ticket_archive_complete",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_archive_complete_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_archive_complete")),
    )
    changed = sa.text("UPDATE ticket_archive SET file = :file, sha256 = sha256(:raw) WHERE ticket_id = :id")
    op.execute("ALTER TABLE ticket_archive DISABLE TRIGGER unchanging")
    for rows in _batches("SELECT ticket_id, file FROM ticket_archive WHERE ticket_id > :last ORDER BY 1 LIMIT :batch"):
        for ticket_id, text in rows:
            file = orjson.loads(text)
            if not (ticket := file.get("ticket")):
                continue
            without, whole = files(
                file, number=ticket["caller_number"], name=ticket["caller_name"], address=ticket["address"]
            )
            op.get_bind().execute(changed, {"file": without, "raw": without.encode(), "id": ticket_id})
            op.get_bind().execute(sa.insert(_COMPLETE).values(ticket_id=ticket_id, file=whole))
    op.execute("ALTER TABLE ticket_archive ENABLE TRIGGER unchanging")


def _open_archive() -> None:
    op.execute("ALTER TABLE ticket_archive DISABLE TRIGGER unchanging")
    change = sa.text("UPDATE ticket_archive SET file = :file, sha256 = sha256(:raw) WHERE ticket_id = :id")
    for ticket_id, file in op.get_bind().execute(sa.select(_COMPLETE.c.ticket_id, _COMPLETE.c.file)).all():
        op.get_bind().execute(change, {"file": file, "raw": file.encode(), "id": ticket_id})
    op.execute("ALTER TABLE ticket_archive ENABLE TRIGGER unchanging")
    op.drop_table("ticket_archive_complete")


def upgrade() -> None:
    _seal_tickets()
    _seal_archive()


def downgrade() -> None:
    _open_archive()
    _open_tickets()
