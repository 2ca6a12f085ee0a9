"""Tables of limits that run: of the city's policies, of each ticket's clocks, and of every end that was moved."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.handling.words import OverdueCause
from ticketing.models import one_of
from ticketing.vocabulary import ClockEnd, ClockKind, MovedBy, NoticeKind


class TicketPolicyRow(Base):
    """A version of the city's policy, which tickets begin under from `first_day` on. Rows are only ever added; one that
    was taken back before it began says so."""

    __tablename__ = "ticket_policy"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_day: Mapped[date]
    policy: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(32))


class TicketClockRow(Base):
    """One limit of a ticket, of the centre's or of one unit's part in it. It runs while it is not `ended`."""

    __tablename__ = "ticket_clock"
    __table_args__ = (
        one_of("kind", ClockKind, "kind"),
        one_of("ended", ClockEnd, "ended"),
        one_of("overdue_cause", OverdueCause, "overdue_cause"),
        Index("ix_ticket_clock_ticket_id", "ticket_id"),
        Index("ix_ticket_clock_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("ix_ticket_clock_running", "ticket_id", "ends_at", postgresql_where=text("ended IS NULL")),
        Index("ix_ticket_clock_ends_at", "ends_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """None: the centre's."""
    kind: Mapped[str] = mapped_column(String(16))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    provisional: Mapped[bool]
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When those concerned are told next: that it runs out, then that it has. None: nothing is left to tell."""
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it stands still (`ticketing.clock_pauses`); None: it runs."""
    paused_days: Mapped[int] = mapped_column(default=0, server_default="0")
    """Working days for which it stood still before."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended: Mapped[str | None] = mapped_column(String(16))
    """How it ended (`ClockEnd`)."""
    overdue_cause: Mapped[str | None] = mapped_column(String(16))
    """Why it ended late, as the unit says it."""


class TicketClockMoveRow(Base):
    """An end that was moved keeps its old value here. Rows are only ever added."""

    __tablename__ = "ticket_clock_move"
    __table_args__ = (one_of("why", MovedBy, "why"), Index("ix_ticket_clock_move_clock_id", "clock_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("ticket_clock.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(32))
    old_ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    new_ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketNoticeRow(Base):
    """That somebody is to know of a clock: once for each kind and each end the clock has had."""

    __tablename__ = "ticket_notice"
    __table_args__ = (
        one_of("kind", NoticeKind, "kind"),
        UniqueConstraint("clock_id", "kind", "ends_at"),
        Index("ix_ticket_notice_unit_id", "unit_id", "id"),
        Index("ix_ticket_notice_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    clock_id: Mapped[int] = mapped_column(ForeignKey("ticket_clock.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    kind: Mapped[str] = mapped_column(String(16))
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The end it is about."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
