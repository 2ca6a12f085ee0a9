"""Tables of calls out (外呼), and of numbers that are not to be called (免打扰名单)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.call_out_states import CLOSED, CallOutState, Purpose, Whom
from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, index_of


def _one_of(column: str, words: type[CallOutState] | type[Purpose] | type[Whom]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class CallOutRow(Base):
    """One call out. A number has at most one that is open, and so has an agent.

    Held by `owner` until `lease_until`. `dialled_at` is written before the party is called: an attempt that counts.
    """

    __tablename__ = "call_out"
    __table_args__ = (
        CheckConstraint(_one_of("purpose", Purpose), name="purpose"),
        CheckConstraint(_one_of("whom", Whom), name="whom"),
        CheckConstraint(_one_of("state", CallOutState), name="state"),
        CheckConstraint(
            f"(state IN ({', '.join(sorted(repr(s.value) for s in CLOSED))})) = (closed_at IS NOT NULL)",
            name="closed_at",
        ),
        CheckConstraint(
            "(purpose = 'unit') = (unit_id IS NOT NULL AND asked_by IS NOT NULL AND phone IS NOT NULL)",
            name="unit",
        ),
        Index("uq_call_out_open_number", "number_index", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("uq_call_out_open_agent", "agent", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("uq_call_out_open_phone", "phone", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_call_out_number_index_dialled", "number_index", "dialled_at"),
        Index("ix_call_out_ticket", "ticket"),
        Index("ix_call_out_item", "item_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(8))
    whom: Mapped[str] = mapped_column(String(8))
    number: Mapped[str] = mapped_column(Sealed("call_out.number"))
    """E.164."""
    number_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("number"))
    shown: Mapped[str] = mapped_column(String(16))
    """The number the party sees."""
    ticket: Mapped[str | None] = mapped_column(String(40))
    """Number of the ticket it is about."""
    item_id: Mapped[int | None] = mapped_column(ForeignKey("visit_item.id"))
    agent: Mapped[str | None] = mapped_column(String(32))
    """Empty for a survey, and for a unit's call."""
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """Of a unit's call: the unit."""
    asked_by: Mapped[str | None] = mapped_column(String(32))
    """Of a unit's call: who of the unit asked for it."""
    phone: Mapped[str | None] = mapped_column(String(32))
    """Of a unit's call: the office phone that is called first, E.164."""
    state: Mapped[str] = mapped_column(String(12))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    owner: Mapped[str | None] = mapped_column(String(65))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dialled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    talk_ms: Mapped[int | None] = mapped_column(Integer)
    """None: there was no talk, or nobody saw it end."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    cause: Mapped[int | None] = mapped_column(Integer)
    """Q.850, of a call that did not become a talk."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DoNotCallRow(Base):
    """A number that is not called out: its owner said so, or somebody here decided it."""

    __tablename__ = "do_not_call"

    number_index: Mapped[str | bytes] = mapped_column(Indexed(), primary_key=True, default=index_of("number"))
    number: Mapped[str] = mapped_column(Sealed("do_not_call.number"))
    reason: Mapped[str] = mapped_column(String(64))
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
