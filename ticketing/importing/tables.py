"""Tables of imports: which record of ours a row of the old system became, and how its files are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.importing.words import Kind
from ticketing.models import one_of


class ImportRecordRow(Base):
    """A row of the old system, by the number it had there, and what it became here."""

    __tablename__ = "import_record"
    __table_args__ = (
        one_of("kind", Kind, "kind"),
        CheckConstraint("num_nonnulls(ticket_id, unit_id, entry_id) = 1", name="one_target"),
        Index("uq_import_record_ticket_id", "ticket_id", unique=True, postgresql_where=text("ticket_id IS NOT NULL")),
        Index("uq_import_record_entry_id", "entry_id", unique=True, postgresql_where=text("entry_id IS NOT NULL")),
        Index("ix_import_record_unit_id", "unit_id", postgresql_where=text("unit_id IS NOT NULL")),
    )

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The old system's own number."""
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_entry.id"))
    version: Mapped[int]
    """Of the ticket or entry as the import left it: if it is another now, people have worked on it here."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of what the row said."""
    imported_by: Mapped[str] = mapped_column(String(32))
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportMappingRow(Base):
    """How one old system's files are read (`ticketing.importing.mapping.FileMapping`)."""

    __tablename__ = "import_mapping"
    __table_args__ = (one_of("kind", Kind, "kind"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_by: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
