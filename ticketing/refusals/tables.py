"""Tables of refusals (不予受理) and of what citizens are to be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.models import one_of
from ticketing.vocabulary import CitizenNoticeKind, RefusalGround, Told


class RefusalRow(Base):
    """Why a demand was not accepted (TH 10). Rows are only ever added; they are what refusals are counted by."""

    __tablename__ = "ticket_refusal"
    __table_args__ = (
        one_of("ground", RefusalGround, "ground"),
        Index("ix_ticket_refusal_refused_at", "refused_at", "ground"),
    )

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    ground: Mapped[str] = mapped_column(String(24))
    local_ground: Mapped[str] = mapped_column(String(32))
    """Code of the city's own ground (`policy.LocalGround`); empty: one of the seven."""
    term: Mapped[str] = mapped_column(String(100))
    """The ground as the policy of the ticket words it."""
    basis: Mapped[str] = mapped_column(String(300))
    reason: Mapped[str] = mapped_column(Text)
    guidance: Mapped[str] = mapped_column(Text)
    """Where the citizen goes instead."""
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """The unit that refused; none: the centre."""
    refused_by: Mapped[str] = mapped_column(String(32))
    refused_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CitizenNoticeRow(Base):
    """Something a citizen is to be told of a ticket, and how that was done."""

    __tablename__ = "ticket_citizen_notice"
    __table_args__ = (
        one_of("kind", CitizenNoticeKind, "kind"),
        one_of("told", Told, "told"),
        CheckConstraint(
            "(told_at IS NULL) = (told IS NULL) AND (told_at IS NULL) = (told_by IS NULL)", name="told_how"
        ),
        Index("ix_ticket_citizen_notice_ticket_id", "ticket_id"),
        Index("ix_ticket_citizen_notice_open", "id", postgresql_where=text("told_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    """In the words the citizen reads or hears."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told: Mapped[str | None] = mapped_column(String(16))
    told_by: Mapped[str | None] = mapped_column(String(32))
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
