"""Tables of reports: those that are made, those that were published, and the methods that units are assessed by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime, never_changed
from ticketing.models import one_of
from ticketing.reports.words import ReportKind, ReportState


class AssessmentMethodRow(Base):
    """A version of the method (考核办法), in force for periods that begin on `first_day` or later. Only ever added."""

    __tablename__ = "ticket_assessment_method"
    __table_args__ = (CheckConstraint("number > 0", name="number"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_day: Mapped[date]
    method: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReportRow(Base):
    """A report somebody asked for. Whoever makes it holds it until `lease_until`."""

    __tablename__ = "ticket_report"
    __table_args__ = (
        one_of("kind", ReportKind, "kind"),
        one_of("state", ReportState, "state"),
        CheckConstraint(
            "(state = 'done') = (content IS NOT NULL AND document IS NOT NULL AND workbook IS NOT NULL)", name="made"
        ),
        Index("ix_ticket_report_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    period: Mapped[str] = mapped_column(String(10))
    """As `ticketing.figures.periods` names it."""
    state: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(64), default="")
    """What is being made, as people read it."""
    steps_done: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The moment its figures are of."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(64))
    """Code of what kept it from being made."""
    content: Mapped[str | None] = mapped_column(Text)
    """JSON (`ticketing.reports.content`)."""
    document: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """docx."""
    workbook: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """xlsx."""


class PublicationRow(Base):
    """What was published, byte for byte. A correction is a further revision; PostgreSQL refuses every change."""

    __tablename__ = "ticket_report_publication"
    __table_args__ = (
        one_of("kind", ReportKind, "kind"),
        UniqueConstraint("kind", "period", "revision"),
        UniqueConstraint("report_id"),
        CheckConstraint("revision >= 1 AND (revision = 1) = (reason = '')", name="reason"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("ticket_report.id"))
    kind: Mapped[str] = mapped_column(String(16))
    period: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    published_by: Mapped[str] = mapped_column(String(32))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    content: Mapped[str] = mapped_column(Text)
    """JSON, byte for byte what `sha256` is of."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    document_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    workbook: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    workbook_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


UNCHANGING = never_changed(
    PublicationRow,
    function="ticket_report_publication_is_unchanging",
    trigger="unchanging",
    said="what was published is never changed: publish a revision",
)
"""What the migration runs too."""
