"""What is kept of every call: its journal, its summary, and promises to call back; and what that needs to go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class JournalRow(Base):
    """One fact in the life of a call. Written once: neither `seq` nor `fact` can repeat within a call."""

    __tablename__ = "call_journal"
    __table_args__ = (UniqueConstraint("call_id", "fact"),)

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    fact: Mapped[str] = mapped_column(String(96))
    kind: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    process: Mapped[str] = mapped_column(String(65))
    agent: Mapped[str | None] = mapped_column(String(32))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)


class CallRow(Base):
    """A call at a glance, projected from its journal as entries arrive; the journal remains the authority."""

    __tablename__ = "call"
    __table_args__ = (Index("ix_call_caller_entered", "caller", "entered_at"),)

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    entered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    caller: Mapped[str | None] = mapped_column(String(32))
    dialled: Mapped[str | None] = mapped_column(String(32))
    line: Mapped[str | None] = mapped_column(String(32))
    unit: Mapped[str | None] = mapped_column(String(128))
    mode: Mapped[str | None] = mapped_column(String(16))
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    agent: Mapped[str | None] = mapped_column(String(32))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(24))


class CallbackRequestRow(Base):
    """A promise to call a citizen back (漏接电话回拨), one per call however often it is reported."""

    __tablename__ = "callback_request"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64), unique=True)
    caller: Mapped[str | None] = mapped_column(String(32))
    dialled: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16), default="open")


class SiteEpochRow(Base):
    """The number under which live state is valid; raised whenever Redis may have forgotten something."""

    __tablename__ = "site_epoch"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, default=1)
    number: Mapped[int] = mapped_column(BigInteger)


class ReadbackRow(Base):
    """How far the channel events (CEL) of an Asterisk host have been read back: the file, by a digest of its beginning
    because it may be renamed, and bytes in it."""

    __tablename__ = "readback"

    host: Mapped[str] = mapped_column(String(32), primary_key=True)
    file: Mapped[str] = mapped_column(String(32))
    position: Mapped[int] = mapped_column(BigInteger)
