"""What is kept of every call: its journal, its summary, and promises to call back; and what that needs to go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, SealedFields, index_of


class JournalRow(Base):
    """One fact in the life of a call. Written once: neither `seq` nor `fact` can repeat within a call."""

    __tablename__ = "call_journal"
    __table_args__ = (
        UniqueConstraint("call_id", "fact"),
        # What is known of a transfer target: `calls.target_states` asks for the newest of these few.
        Index("ix_call_journal_transfers", "at", postgresql_where=text("kind IN ('routed', 'route_failed', 'talk')")),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    fact: Mapped[str] = mapped_column(String(96))
    kind: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    process: Mapped[str] = mapped_column(String(65))
    agent: Mapped[str | None] = mapped_column(String(32))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Without those that name a citizen (`calls.facts.PERSONAL`)."""
    personal: Mapped[dict[str, Any] | None] = mapped_column(SealedFields("call_journal.personal"))
    """These, if the fact had any."""

    @property
    def told(self) -> dict[str, Any]:
        """All that was told of the fact."""
        return self.attributes | (self.personal or {})


class CallRow(Base):
    """A call at a glance, projected from its journal as entries arrive; the journal remains the authority."""

    __tablename__ = "call"
    __table_args__ = (
        Index(
            "ix_call_caller_index_entered",
            "caller_index",
            "entered_at",
            postgresql_where=text("caller_index IS NOT NULL"),
        ),
        Index(
            "ix_call_personal",
            "entered_at",
            postgresql_where=text("caller_index IS NOT NULL OR called_index IS NOT NULL"),
        ),
        Index("ix_call_called_index", "called_index", postgresql_where=text("called_index IS NOT NULL")),
        Index("ix_call_abandoned", "ended_at", postgresql_where=text("outcome = 'abandoned'")),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    entered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    caller: Mapped[str | None] = mapped_column(Sealed("call.caller"))
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller"))
    dialled: Mapped[str | None] = mapped_column(String(32))
    called: Mapped[str | None] = mapped_column(Sealed("call.called"))
    """Whom we called; nobody for a call that came in."""
    called_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("called"))
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
    caller: Mapped[str | None] = mapped_column(Sealed("callback_request.caller"))
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
