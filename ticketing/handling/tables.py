"""Tables of the records beside a ticket."""

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
from hotline.sealed import Indexed, Sealed
from ticketing.handling.words import (
    AccountabilityGround,
    Authority,
    ContactOutcome,
    ContactWay,
    HandedTo,
    LeadState,
    RecordKind,
    RepeatState,
    RulingState,
    SupervisionForm,
    SupervisionGround,
    SupervisionState,
)
from ticketing.models import one_of


class RecordStepRow(Base):
    """One step of a record; rows are only ever added."""

    __tablename__ = "ticket_record_step"
    __table_args__ = (
        one_of("record", RecordKind, "record"),
        UniqueConstraint("record", "record_id", "version"),
        Index("ix_ticket_record_step_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    record: Mapped[str] = mapped_column(String(16))
    record_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    """The record's version after the step."""
    action: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str] = mapped_column(String(24))
    to_state: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class RulingRow(Base):
    """职责裁定 of a second return dispute. A ticket has at most one that is not applied."""

    __tablename__ = "ticket_ruling"
    __table_args__ = (
        one_of("state", RulingState, "state"),
        one_of("authority", Authority, "authority"),
        Index("uq_ticket_ruling_open", "ticket_id", unique=True, postgresql_where=text("state <> 'applied'")),
        Index("ix_ticket_ruling_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    disputed_unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """The unit that asked to return the ticket."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    authority: Mapped[str | None] = mapped_column(String(16))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """Whose duty it is."""
    ruled_by: Mapped[str] = mapped_column(String(300), default="", server_default="")
    document: Mapped[str] = mapped_column(String(300), default="", server_default="")
    ruled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CitizenContactRow(Base):
    """That the citizen was answered, or could not be (双向答复). Rows are only ever added."""

    __tablename__ = "ticket_citizen_contact"
    __table_args__ = (
        one_of("way", ContactWay, "way"),
        one_of("outcome", ContactOutcome, "outcome"),
        Index("ix_ticket_citizen_contact_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """None: the centre answered."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    way: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text)
    call_id: Mapped[str | None] = mapped_column(String(64))
    recorded_by: Mapped[str] = mapped_column(String(32))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SupervisionRow(Base):
    """督办 of a unit: for a ticket, or for what has none, as its knowledge."""

    __tablename__ = "ticket_supervision"
    __table_args__ = (
        one_of("state", SupervisionState, "state"),
        one_of("ground", SupervisionGround, "ground"),
        one_of("form", SupervisionForm, "form"),
        UniqueConstraint("clock_id", "clock_ends_at"),
        Index("ix_ticket_supervision_ticket_id", "ticket_id"),
        Index("ix_ticket_supervision_unit_id", "unit_id", "id"),
        Index("ix_ticket_supervision_deadline", "deadline", postgresql_where=text("state = 'issued'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """Addressee; None: the centre itself."""
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    ground: Mapped[str] = mapped_column(String(16))
    form: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)
    deadline: Mapped[datetime] = mapped_column(UtcDateTime)
    raised_by: Mapped[str] = mapped_column(String(32))
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    clock_id: Mapped[int | None] = mapped_column(ForeignKey("ticket_clock.id"))
    """The clock that raised it by running out, at `clock_ends_at`."""
    clock_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="", server_default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccountabilityLeadRow(Base):
    """问责线索: a reason to look into a unit's handling, raised once for each occasion."""

    __tablename__ = "ticket_accountability_lead"
    __table_args__ = (
        one_of("state", LeadState, "state"),
        one_of("ground", AccountabilityGround, "ground"),
        one_of("handed_to", HandedTo, "handed_to"),
        UniqueConstraint("ticket_id", "ground", "occasion"),
        Index("ix_ticket_accountability_lead_unit_id", "unit_id", "id"),
        CheckConstraint("first_month <= last_month", name="months"),
        Index("ix_ticket_accountability_lead_state", "state", "id"),
        Index("ix_ticket_accountability_lead_matter_id", "matter_id", postgresql_where=text("matter_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    ground: Mapped[str] = mapped_column(String(24))
    facts: Mapped[str] = mapped_column(Text)
    occasion: Mapped[str] = mapped_column(String(64))
    """What a rule saw, as `clock:7`, so that it raises it once."""
    raised_by: Mapped[str] = mapped_column(String(32))
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handed_to: Mapped[str | None] = mapped_column(String(16))
    matter_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    """Of repeated months: the first ticket of the matter."""
    first_month: Mapped[date | None]
    last_month: Mapped[date | None]
    """First days of the run's local months; the last one moves on while the run does."""


class UnreasonableRepeatRow(Base):
    """无理重复诉求认定 of a ticket. At most one stands or waits."""

    __tablename__ = "ticket_unreasonable_repeat"
    __table_args__ = (
        one_of("state", RepeatState, "state"),
        one_of("way", ContactWay, "way"),
        Index(
            "uq_ticket_unreasonable_repeat_standing",
            "ticket_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'approved', 'notified')"),
        ),
        Index("ix_ticket_unreasonable_repeat_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    facts: Mapped[str] = mapped_column(Text)
    earlier: Mapped[list[str]] = mapped_column(JSONB)
    """Numbers of the tickets in which it was settled."""
    proposed_by: Mapped[str] = mapped_column(String(32))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(32))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    way: Mapped[str | None] = mapped_column(String(16))
    notified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TicketArchiveRow(Base):
    """归档: a ticket's file when it was archived, without the citizen. PostgreSQL refuses every change of it."""

    __tablename__ = "ticket_archive"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    archived_at: Mapped[datetime] = mapped_column(UtcDateTime)
    file: Mapped[str] = mapped_column(Text)
    """JSON, byte for byte what `sha256` is of."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


class CompleteFileRow(Base):
    """The same file with the citizen in it, sealed, until retention or the citizen's request ends it."""

    __tablename__ = "ticket_archive_complete"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    file: Mapped[str] = mapped_column(Sealed("ticket_archive_complete.file"))
    """JSON; the archived file holds its hash."""


class PersonalErasureRow(Base):
    """A citizen's request to have their data erased (个人信息保护法 47). Done when no ticket names them any more."""

    __tablename__ = "personal_erasure"
    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (person IS NOT NULL)", name="person"),
        Index("uq_personal_erasure_person", "person", unique=True, postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    person: Mapped[str | bytes | None] = mapped_column(Indexed())
    """Keyed index of the number while there is something left to erase; then nothing."""
    reason: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tickets: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many were erased so far."""
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


UNCHANGING = never_changed(
    TicketArchiveRow,
    function="ticket_archive_is_unchanging",
    trigger="unchanging",
    said="an archived ticket is never changed",
)
"""What the migration runs too."""
