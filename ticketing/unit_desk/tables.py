"""Table of the people who work on a unit's part."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.models import one_of
from ticketing.unit_desk.words import HandlerState


class HandlerRow(Base):
    """经办人: that somebody of a unit works on its part. Several may."""

    __tablename__ = "ticket_handler"
    __table_args__ = (
        one_of("state", HandlerState, "state"),
        Index(
            "uq_ticket_handler_active",
            "part_id",
            "person",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_ticket_handler_ticket_id", "ticket_id"),
        Index("ix_ticket_handler_person", "person", postgresql_where=text("state = 'active'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    part_id: Mapped[int] = mapped_column(ForeignKey("ticket_assignment.id"))
    person: Mapped[str] = mapped_column(String(32))
    """Work number, else login."""
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    given_by: Mapped[str] = mapped_column(String(32))
    """Themselves, who handed it over, or the unit's head."""
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
