"""Tables of the data that go with calls (数据随话务): what we send to other platforms, and what they send to us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, SealedFields, index_of


class HandoverState(StrEnum):
    """What became of data sent to another platform."""

    PENDING = "pending"
    DELIVERED = "delivered"
    """The platform said so (2xx)."""
    GIVEN_UP = "given_up"
    """Too old, or the platform is no longer one of ours."""


class HandoverRow(Base):
    """The outbox: one hand-over to another platform, made in the transaction that keeps the call's fact of it."""

    __tablename__ = "handover"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in HandoverState)})", name="state"),
        CheckConstraint("(state = 'pending') = (closed_at IS NULL)", name="closed_at"),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("ix_handover_due", "partner", "next_at", postgresql_where=text("state = 'pending'")),
        Index("ix_handover_call_id", "call_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """What the receiving side knows a repeat by."""
    partner: Mapped[str] = mapped_column(String(24))
    """Code of the platform; no reference, so that a fact of a call never fails for one that is gone."""
    call_id: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(32))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    told: Mapped[dict[str, Any]] = mapped_column(SealedFields("handover.told"))
    """As the agent ordered it."""
    payload: Mapped[dict[str, Any] | None] = mapped_column(SealedFields("handover.payload"))
    """As it is sent, made once, before the first try: every repeat is the same."""
    state: Mapped[str] = mapped_column(String(12), default=HandoverState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when the process that sends it now has it for itself."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(String(64), default="")
    """What was in the way last: a status, or the kind of an error."""


class ReceivedHandoverRow(Base):
    """Data that a platform sent us with a call, kept once for each of its ids."""

    __tablename__ = "handover_received"
    __table_args__ = (
        Index("ix_handover_received_partner", "partner", "received_at"),
        Index("ix_handover_received_caller_index", "caller_index", postgresql_where=text("caller_index IS NOT NULL")),
    )

    partner: Mapped[str] = mapped_column(String(24), primary_key=True)
    partner_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The id the platform chose; a repeat has the same."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of what was sent: another content under the same id is refused."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    caller: Mapped[str] = mapped_column(Sealed("handover_received.caller"))
    """Normalised; empty: not given."""
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller"))
    case_number: Mapped[str] = mapped_column(String(64))
    """The platform's own number of the case."""
    summary: Mapped[str] = mapped_column(Sealed("handover_received.summary"))
    ticket: Mapped[str] = mapped_column(String(40), index=True)
    """Number of the ticket it became."""
    call_id: Mapped[str | None] = mapped_column(String(64))
    """Our call it turned out to belong to."""
