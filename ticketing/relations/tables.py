"""Tables of tickets that belong together."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.models import one_of
from ticketing.vocabulary import LinkKind


class TicketTextRow(Base):
    """A ticket's words as they are searched (`hotline.search`), in step with the ticket."""

    __tablename__ = "ticket_text"
    __table_args__ = (
        # What waits to be put into the index is read by every search: not more than a page or two dozen.
        Index(
            "ix_ticket_text_search", "search", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}
        ),
        Index("ix_ticket_text_registered_at", "registered_at"),
    )

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    compared: Mapped[str] = mapped_column(Text)
    """Title and content as `hotline.search.normal` has them."""
    search: Mapped[Any] = mapped_column(TSVECTOR)
    """Title with weight A, content with B, and what the ticket is beside its words (`stretches`)."""


COUNTED = "ALTER TABLE ticket_text ALTER COLUMN search SET STATISTICS 300"
"""How common a pair is decides what is asked for: three thousand are counted. The migration runs it too."""
event.listen(TicketTextRow.__table__, "after_create", DDL(COUNTED))  # type: ignore[no-untyped-call]


class TicketLinkRow(Base):
    """What a ticket is to another one. A link that no longer holds is ended, never deleted."""

    __tablename__ = "ticket_link"
    __table_args__ = (
        one_of("kind", LinkKind, "kind"),
        CheckConstraint("ticket_id <> other_id", name="not_itself"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index(
            "uq_ticket_link_standing",
            "ticket_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL AND kind <> 'repeats'"),
        ),
        Index(
            "uq_ticket_link_pair",
            "ticket_id",
            "other_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_ticket_link_other_id", "other_id", "kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    """The main ticket (主单) of a merge, the demand a matter was split off, the earlier ticket of a repeat."""
    kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(32))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_why: Mapped[str] = mapped_column(Text, default="", server_default="")


class ReplyOfferRow(Base):
    """The main ticket's reply, offered to a ticket that was merged into it. Open until taken or withdrawn."""

    __tablename__ = "ticket_reply_offer"
    __table_args__ = (
        CheckConstraint("taken_at IS NULL OR withdrawn_at IS NULL", name="one_end"),
        Index(
            "uq_ticket_reply_offer_open",
            "ticket_id",
            unique=True,
            postgresql_where=text("taken_at IS NULL AND withdrawn_at IS NULL"),
        ),
        Index("ix_ticket_reply_offer_parent_id", "parent_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    parent_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    reply: Mapped[str] = mapped_column(Text)
    """As the unit's head has approved it."""
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_by: Mapped[str | None] = mapped_column(String(32))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
