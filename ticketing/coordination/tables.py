"""Tables of meetings and of the unit that had a matter first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.coordination.words import FirstState, MeetingKind, MeetingState
from ticketing.models import one_of


class MeetingRow(Base):
    """A meeting about a ticket: what was reported, who called it, what it came to."""

    __tablename__ = "ticket_meeting"
    __table_args__ = (
        one_of("kind", MeetingKind, "kind"),
        one_of("state", MeetingState, "state"),
        Index(
            "uq_ticket_meeting_open",
            "ticket_id",
            "kind",
            unique=True,
            postgresql_where=text("state IN ('reported', 'convened')"),
        ),
        Index("ix_ticket_meeting_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """Who reported; None: the centre."""
    report: Mapped[str] = mapped_column(Text)
    reported_by: Mapped[str] = mapped_column(String(32))
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    convener: Mapped[str] = mapped_column(String(64), default="", server_default="")
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    units: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    """Units that are asked to it."""
    outcome: Mapped[str] = mapped_column(Text, default="", server_default="")
    concluded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FirstUnitRow(Base):
    """首接负责: the unit that a ticket was given to first, until another one has taken it up or it is settled."""

    __tablename__ = "ticket_first_unit"
    __table_args__ = (
        one_of("state", FirstState, "state"),
        Index("uq_ticket_first_unit_ticket_id", "ticket_id", unique=True),
        Index("ix_ticket_first_unit_held", "unit_id", "id", postgresql_where=text("state = 'held'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    handed_to: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
