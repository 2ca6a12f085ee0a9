"""Tables of follow-up rounds (回访轮次) and of the tickets in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.round_states import ITEM_CLOSED, ROUND_CLOSED, ItemState, Mode, Result, RoundState
from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, index_of


def _one_of(column: str, words: type[ItemState] | type[Mode] | type[Result] | type[RoundState]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


def _closed(words: frozenset[ItemState] | frozenset[RoundState]) -> str:
    return f"(state IN ({', '.join(sorted(repr(word.value) for word in words))})) = (closed_at IS NOT NULL)"


class VisitRoundRow(Base):
    """A list of tickets whose citizens are called in its order."""

    __tablename__ = "visit_round"
    __table_args__ = (
        CheckConstraint(_one_of("mode", Mode), name="mode"),
        CheckConstraint(_one_of("state", RoundState), name="state"),
        CheckConstraint(_closed(ROUND_CLOSED), name="closed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    mode: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class VisitItemRow(Base):
    """One ticket of a round. `next_at` counts while it is WAITING; `agent` has it until `lease_until`."""

    __tablename__ = "visit_item"
    __table_args__ = (
        UniqueConstraint("round_id", "ticket"),
        CheckConstraint(_one_of("state", ItemState), name="state"),
        CheckConstraint(_one_of("result", Result), name="result"),
        CheckConstraint(_closed(ITEM_CLOSED), name="closed_at"),
        CheckConstraint("attempts >= 0 AND failures >= 0 AND put_off >= 0", name="counts"),
        Index("ix_visit_item_number_index", "number_index", postgresql_where=text("number_index IS NOT NULL")),
        Index("ix_visit_item_due", "round_id", "position", postgresql_where=text("state = 'waiting'")),
        Index("ix_visit_item_lease", "lease_until", postgresql_where=text("lease_until IS NOT NULL")),
        Index("ix_visit_item_sms", "id", postgresql_where=text("sms_due_at IS NOT NULL AND sms_sent_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("visit_round.id"))
    position: Mapped[int] = mapped_column(Integer)
    ticket: Mapped[str] = mapped_column(String(40))
    number: Mapped[str | None] = mapped_column(Sealed("visit_item.number"))
    """E.164 of the ticket's caller when the round was made."""
    number_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("number"))
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """How often the citizen's phone was called."""
    failures: Mapped[int] = mapped_column(Integer, default=0)
    """How often our side could not call."""
    put_off: Mapped[int] = mapped_column(Integer, default=0)
    """How often an agent has put it off."""
    first_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Of the first attempt."""
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Of the last one."""
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    agent: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(16))
    """Of the last call."""
    result: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(500), default="")
    on_ticket: Mapped[bool | None]
    """Whether the ticket took the result; None: there was nothing to tell it yet."""
    sms_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sms_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
