"""Tables of figures: tickets that somebody decided to leave out of a unit's rates."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.figures.words import ExclusionReason
from ticketing.models import one_of


class FigureExclusionRow(Base):
    """A decision to leave a ticket out of a unit's rates. One that no longer holds is revoked, never deleted."""

    __tablename__ = "ticket_figure_exclusion"
    __table_args__ = (
        one_of("reason", ExclusionReason, "reason"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        Index(
            "uq_ticket_figure_exclusion_standing",
            "ticket_id",
            "unit_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_ticket_figure_exclusion_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """None: for every unit that had a part in it."""
    reason: Mapped[str] = mapped_column(String(24))
    facts: Mapped[str] = mapped_column(Text)
    """What it rests on, as who reads the ranking will ask."""
    decided_by: Mapped[str] = mapped_column(String(32))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(32))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_why: Mapped[str] = mapped_column(Text, default="", server_default="")
