"""Tables of figures: how each call counts, half-hour intervals made of that, and what agents did when.

All but the log of agents' states can be made again from the journal at any time.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class CountDueRow(Base):
    """A call that has new facts and is to be counted again. Written with the facts, in their transaction; never
    updated, so that writers do not meet."""

    __tablename__ = "count_due"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))


class StayRow(Base):
    """`calls.counting.Stay` of a call, with the interval it counts in."""

    __tablename__ = "call_stay"
    __table_args__ = (
        Index("ix_call_stay_counted", "scope", "subject", "starts_at"),
        Index("ix_call_stay_offered", "scope", "offered_at"),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    nth: Mapped[int] = mapped_column(Integer, primary_key=True)
    scope: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(32))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disposition: Mapped[str] = mapped_column(String(12))
    waited_ms: Mapped[int | None] = mapped_column(BigInteger)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    talk_ms: Mapped[int | None] = mapped_column(BigInteger)
    elsewhere: Mapped[bool]


class AgentOfferRow(Base):
    """`calls.counting.AgentOffer` of a call, with the wrap-up that followed it."""

    __tablename__ = "agent_offer"
    __table_args__ = (
        Index("ix_agent_offer_counted", "agent", "starts_at"),
        Index("ix_agent_offer_answered", "agent", "answered_at"),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    about: Mapped[str] = mapped_column(String(96), primary_key=True)
    agent: Mapped[str] = mapped_column(String(32))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handling: Mapped[str] = mapped_column(String(12))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ring_ms: Mapped[int | None] = mapped_column(BigInteger)
    talk_ms: Mapped[int | None] = mapped_column(BigInteger)
    wrap_up_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class CallIntervalRow(Base):
    """`calls.figures.CallCounts` of a hotline or queue in the half hour from `starts_at`. `service_level_ms` is the
    threshold that held when the interval was first counted: a later change of the rule does not rewrite the past."""

    __tablename__ = "call_interval"

    scope: Mapped[str] = mapped_column(String(8), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_level_ms: Mapped[int]
    offered: Mapped[int]
    answered: Mapped[int]
    answered_promptly: Mapped[int]
    answered_in_level: Mapped[int]
    answered_elsewhere: Mapped[int]
    abandoned: Mapped[int]
    short_abandoned: Mapped[int]
    moved: Mapped[int]
    otherwise: Mapped[int]
    early: Mapped[int]
    wait_ms: Mapped[int] = mapped_column(BigInteger)
    handled: Mapped[int]
    talk_ms: Mapped[int] = mapped_column(BigInteger)
    wrap_up_ms: Mapped[int] = mapped_column(BigInteger)


class AgentIntervalRow(Base):
    """`calls.figures.AgentCounts` of an agent in the half hour from `starts_at`."""

    __tablename__ = "agent_interval"

    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    agent: Mapped[str] = mapped_column(String(32), primary_key=True)
    offers: Mapped[int]
    answered: Mapped[int]
    no_answer: Mapped[int]
    rejected: Mapped[int]
    failed: Mapped[int]
    withdrawn: Mapped[int]
    ring_ms: Mapped[int] = mapped_column(BigInteger)
    handled: Mapped[int]
    talk_ms: Mapped[int] = mapped_column(BigInteger)
    wrap_up_ms: Mapped[int] = mapped_column(BigInteger)


class AgentTimeRow(Base):
    """How long an agent was in a state, for a reason, within the half hour from `starts_at`: of states that are over;
    the one an agent is in now is added by who reads."""

    __tablename__ = "agent_time"

    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    agent: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), primary_key=True)
    reason: Mapped[str] = mapped_column(String(64), primary_key=True)
    ms: Mapped[int]


class AgentStateRow(Base):
    """One state of an agent, from `since` to `until` (None: still). States of an agent join without gap."""

    __tablename__ = "agent_state_log"
    __table_args__ = (
        Index("ix_agent_state_log_since", "agent", "since"),
        Index("ix_agent_state_log_until", "agent", "until"),
        Index("uq_agent_state_log_open", "agent", unique=True, postgresql_where=text("until IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    agent: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AgentStateCursorRow(Base):
    """Up to which entry of distribution's event stream the log of agents' states is written, and when it was known to
    be complete last. One row."""

    __tablename__ = "agent_state_cursor"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, default=1)
    cursor: Mapped[str] = mapped_column(String(40))
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
