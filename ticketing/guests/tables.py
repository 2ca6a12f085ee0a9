"""Table of guests' sittings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.guests.words import SittingState, Standing
from ticketing.models import one_of


class GuestSittingRow(Base):
    """A guest answers calls at a seat, and somebody of ours sits by (嘉宾接听)."""

    __tablename__ = "ticket_guest_sitting"
    __table_args__ = (
        one_of("state", SittingState, "state"),
        one_of("standing", Standing, "standing"),
        CheckConstraint("host <> seat", name="two_persons"),
        Index("uq_ticket_guest_sitting_seat", "seat", unique=True, postgresql_where=text("state = 'sitting'")),
        Index("ix_ticket_guest_sitting_seat_begun", "seat", "begun_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    guest: Mapped[str] = mapped_column(String(64))
    standing: Mapped[str] = mapped_column(String(16))
    seat: Mapped[str] = mapped_column(String(32))
    """Work number the guest answers under."""
    host: Mapped[str] = mapped_column(String(32))
    """Work number of who sits by."""
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    planned_by: Mapped[str] = mapped_column(String(32))
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
