"""Tables of the tickets. Laid out for all eight stages of TH 13, so that later stages add rows, not tables."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.vocabulary import Action, Confidentiality, Part, Source, State, Term, TicketType, Urgency


def _one_of(column: str, words: type[Term], name: str) -> CheckConstraint:
    """The database refuses words that the vocabulary does not have."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


class TicketRow(Base):
    """A citizen's demand. `version` counts its changes and is what every change compares against."""

    __tablename__ = "ticket"
    __table_args__ = (
        _one_of("type", TicketType, "type"),
        _one_of("state", State, "state"),
        _one_of("source", Source, "source"),
        _one_of("urgency", Urgency, "urgency"),
        _one_of("confidentiality", Confidentiality, "confidentiality"),
        Index("ix_ticket_state_id", "state", "id"),
        Index("ix_ticket_registered_by_id", "registered_by", "id"),
        Index("ix_ticket_unit_tag_id", "unit_tag", "id"),
        Index("ix_ticket_caller_number_id", "caller_number", "id", postgresql_where=text("caller_number <> ''")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(24))
    caller_number: Mapped[str] = mapped_column(String(24))
    caller_name: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(300))
    area_code: Mapped[str] = mapped_column(String(12))
    """Administrative division code (行政区划代码) of the place the demand is about; empty if unknown."""
    urgency: Mapped[str] = mapped_column(String(16))
    confidentiality: Mapped[str] = mapped_column(String(16))
    hotline: Mapped[str] = mapped_column(String(24))
    """The hotline number dialled, e.g. `12333`; empty for other sources."""
    unit_tag: Mapped[str] = mapped_column(String(64))
    """Name of the responsible unit (责任单位) the dialled line is tagged with."""
    state: Mapped[str] = mapped_column(String(24))
    version: Mapped[int]
    registered_by: Mapped[str] = mapped_column(String(32))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    request_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Chosen by the client so that a repeated request makes no second ticket."""


class TicketHistoryRow(Base):
    """One action on a ticket; rows are only ever added."""

    __tablename__ = "ticket_history"
    __table_args__ = (
        UniqueConstraint("ticket_id", "version"),
        _one_of("action", Action, "action"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    version: Mapped[int]
    """The ticket's version after the action."""
    action: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str | None] = mapped_column(String(24))
    to_state: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class TicketCallRow(Base):
    """A call that a ticket came from or that was made about it."""

    __tablename__ = "ticket_call"
    __table_args__ = (Index("ix_ticket_call_call_id", "call_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketAssignmentRow(Base):
    """A unit's part in a ticket with its own clock (TH 16). A returned ticket's rows are withdrawn, not deleted."""

    __tablename__ = "ticket_assignment"
    __table_args__ = (
        _one_of("part", Part, "part"),
        Index(
            "uq_ticket_assignment_lead",
            "ticket_id",
            unique=True,
            postgresql_where=text("part = 'lead' AND withdrawn_at IS NULL"),
        ),
        Index(
            "uq_ticket_assignment_unit",
            "ticket_id",
            "unit_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_ticket_assignment_unit_id", "unit_id", "ticket_id", postgresql_where=text("withdrawn_at IS NULL")),
        Index("ix_ticket_assignment_due_at", "due_at", postgresql_where=text("withdrawn_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    part: Mapped[str] = mapped_column(String(8))
    delivered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    return_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extensions: Mapped[int] = mapped_column(default=0)
    replied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TicketCounterRow(Base):
    """The last ticket number given out on a local day."""

    __tablename__ = "ticket_counter"

    site: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
