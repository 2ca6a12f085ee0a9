"""Tables of what branches and departments took themselves (归集)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed
from ticketing.collected.words import RecordKind
from ticketing.models import one_of


class CollectedRow(Base):
    """A call or a ticket of a branch or a department, as its last version says. No ticket of ours: it is counted and
    found, and handled by nobody here."""

    __tablename__ = "collected_record"
    __table_args__ = (
        UniqueConstraint("partner", "kind", "number"),
        one_of("kind", RecordKind, "kind"),
        Index("ix_collected_record_began_at", "kind", "began_at"),
        Index("ix_collected_record_partner_began_at", "partner", "kind", "began_at"),
        Index("ix_collected_record_unit_id", "unit_id", "began_at", postgresql_where=sql("unit_id IS NOT NULL")),
        Index("ix_collected_record_caller", "caller_index", postgresql_where=sql("caller_index IS NOT NULL")),
        Index("ix_collected_record_search", "search", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    partner: Mapped[str] = mapped_column(String(24))
    kind: Mapped[str] = mapped_column(String(8))
    number: Mapped[str] = mapped_column(String(64))
    """The sender's own."""
    version: Mapped[int] = mapped_column(BigInteger)
    """The sender's own count of changes."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """The unit of the line that the sender answers, when it was received."""
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """A call: when it came in; a ticket: when it was registered."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A call: when it was over; a ticket: when it was closed."""
    type: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    caller: Mapped[str] = mapped_column(Sealed("collected_record.caller"))
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed())
    """What records of a number are found by."""
    area_code: Mapped[str] = mapped_column(String(12))
    category: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    """What is searched, as `hotline.search.normal` has it, without who called."""
    search: Mapped[Any] = mapped_column(TSVECTOR)
    said: Mapped[str] = mapped_column(Sealed("collected_record.said"))
    """All that the sender said: JSON in the form of `ticketing.collected.records`."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """This version of it."""


class CollectedVersionRow(Base):
    """What a record said before. Rows are only ever added."""

    __tablename__ = "collected_version"

    record_id: Mapped[int] = mapped_column(ForeignKey("collected_record.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    said: Mapped[str] = mapped_column(Sealed("collected_version.said"))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime)
