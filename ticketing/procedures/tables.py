"""Tables of statutory procedures, of questions to citizens and of force majeure."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.models import one_of
from ticketing.procedures.words import MajeureState, QuestionState, StatutoryKind, StatutoryState


class StatutoryRow(Base):
    """法定程序: that the lead unit has entered one, by which law, and until when a result must follow (TH 16)."""

    __tablename__ = "ticket_statutory"
    __table_args__ = (
        one_of("state", StatutoryState, "state"),
        one_of("kind", StatutoryKind, "kind"),
        Index(
            "uq_ticket_statutory_standing",
            "ticket_id",
            unique=True,
            postgresql_where=text("state IN ('reported', 'running')"),
        ),
        Index("ix_ticket_statutory_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    basis: Mapped[str] = mapped_column(Text)
    """Law and article."""
    entered_on: Mapped[date]
    document: Mapped[str] = mapped_column(String(300))
    """Number of the file or notice (立案号, 受理通知书文号)."""
    ends_on: Mapped[date]
    """Last day of the limit the law lays down."""
    words: Mapped[str] = mapped_column(Text)
    reported_by: Mapped[str] = mapped_column(String(32))
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QuestionRow(Base):
    """补充询问: what the unit must know of the citizen to go on. One is open at a time."""

    __tablename__ = "ticket_question"
    __table_args__ = (
        one_of("state", QuestionState, "state"),
        Index("uq_ticket_question_open", "ticket_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_ticket_question_ticket_id", "ticket_id"),
        Index("ix_ticket_question_due_at", "due_at", postgresql_where=text("state = 'asked'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    words: Mapped[str] = mapped_column(Text)
    pauses: Mapped[bool]
    """Whether the unit's limit stands still while it is open."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="", server_default="")
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MajeureRow(Base):
    """不可抗力: that the hours of an urgent matter cannot be kept, as a unit claims and the centre finds (TH 16)."""

    __tablename__ = "ticket_force_majeure"
    __table_args__ = (
        one_of("state", MajeureState, "state"),
        Index("ix_ticket_force_majeure_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    part_id: Mapped[int] = mapped_column(ForeignKey("ticket_assignment.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    facts: Mapped[str] = mapped_column(Text)
    claimed_by: Mapped[str] = mapped_column(String(32))
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
