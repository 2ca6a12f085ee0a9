"""Tables of promises to call back (回拨), of the attempts to keep them, and of the calls they are for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.callback_states import CLOSED, CallbackKind, CallbackState
from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, index_of


class Transcription(StrEnum):
    """Whether the words of a message are written down (转写)."""

    WAITING = "waiting"
    DONE = "done"
    NONE = "none"
    """未转写: no engine is installed. The message has to be listened to."""
    FAILED = "failed"
    """There is an engine, and it could make nothing of it; or the sound is gone or damaged."""


def _one_of(column: str, words: type[CallbackKind] | type[CallbackState] | type[Transcription]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class CallbackRow(Base):
    """One promise. A citizen has at most one that is open, however often they called (`uq_callback_open`).

    Held by `owner` until `lease_until`: whoever finds the lease expired takes it over. `next_at` counts while it is
    OPEN. `place_ms` is its place in the queue, once it has one; milliseconds since 1970.
    """

    __tablename__ = "callback"
    __table_args__ = (
        CheckConstraint(_one_of("kind", CallbackKind), name="kind"),
        CheckConstraint(_one_of("state", CallbackState), name="state"),
        CheckConstraint(
            f"(state IN ({', '.join(sorted(repr(s.value) for s in CLOSED))})) = (closed_at IS NOT NULL)",
            name="closed_at",
        ),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("uq_callback_open", "caller_index", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_callback_caller_index", "caller_index", postgresql_where=text("caller_index IS NOT NULL")),
        Index("ix_callback_due", "next_at", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    caller: Mapped[str] = mapped_column(Sealed("callback.caller"))
    """As in the journal: E.164."""
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller"))
    line: Mapped[str] = mapped_column(String(32))
    """The hotline the citizen dialled."""
    dialled: Mapped[str | None] = mapped_column(String(32))
    queue: Mapped[str] = mapped_column(String(32))
    """Where it waits; empty: in the line's own queue."""
    call_id: Mapped[str] = mapped_column(String(64), index=True)
    """The call it was promised in."""
    entered_ms: Mapped[int] = mapped_column(BigInteger)
    """When that call came in."""
    head_start_ms: Mapped[int] = mapped_column(Integer)
    place_ms: Mapped[int | None] = mapped_column(BigInteger)
    queued_ms: Mapped[int | None] = mapped_column(BigInteger)
    """Since when it waits: the steps of its queue go by it."""
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer)
    """How often the citizen was dialled."""
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    at_once: Mapped[bool]
    """A supervisor said so: spacing and quiet hours do not count for the next attempt."""
    owner: Mapped[str | None] = mapped_column(String(65))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    agent: Mapped[str | None] = mapped_column(String(32))
    """Who talked with the citizen."""
    outcome: Mapped[str | None] = mapped_column(String(24))
    """Of the last attempt while it is open; of the whole once it is closed."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(64))
    """The person who cancelled it, if one did."""


class CallbackAttemptRow(Base):
    """The citizen was dialled: written before that is done. `outcome` is empty until it is known."""

    __tablename__ = "callback_attempt"
    __table_args__ = (Index("ix_callback_attempt_caller_index_dialled", "caller_index", "dialled_at"),)

    callback_id: Mapped[int] = mapped_column(ForeignKey("callback.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """From 1."""
    call_id: Mapped[str] = mapped_column(String(64), unique=True)
    """Under which the journal tells of it."""
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed())
    """How often a citizen was dialled is counted by it; the number is the promise's."""
    agent: Mapped[str] = mapped_column(String(32))
    dialled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(24))


class MissedCallRow(Base):
    """A call that nobody answered, looked at once: which promise is for it, or why there is none."""

    __tablename__ = "missed_call"

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callback.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class VoiceMessageRow(Base):
    """A message (留言) a citizen left. The sound is raw A-law on the host that took it."""

    __tablename__ = "voice_message"
    __table_args__ = (
        CheckConstraint(_one_of("transcription", Transcription), name="transcription"),
        Index("ix_voice_message_caller_index", "caller_index", postgresql_where=text("caller_index IS NOT NULL")),
        Index("ix_voice_message_to_forget", "host", postgresql_where=text("erased_at IS NOT NULL AND sha256 <> ''")),
        Index("ix_voice_message_to_write_up", "left_at", postgresql_where=text("ticket IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64), unique=True)
    caller: Mapped[str | None] = mapped_column(Sealed("voice_message.caller"))
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller"))
    line: Mapped[str] = mapped_column(String(32))
    left_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    duration_ms: Mapped[int] = mapped_column(Integer)
    host: Mapped[str] = mapped_column(String(32))
    sha256: Mapped[str] = mapped_column(String(64))
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heard_by: Mapped[str | None] = mapped_column(String(64))
    transcription: Mapped[str] = mapped_column(String(8), default=Transcription.WAITING)
    transcript: Mapped[str | None] = mapped_column(Sealed("voice_message.transcript"))
    transcribed_by: Mapped[str | None] = mapped_column(String(64))
    """The engine that wrote the words down."""
    ticket: Mapped[str | None] = mapped_column(String(40))
    """Number of the ticket it became."""
    taken_by: Mapped[str | None] = mapped_column(String(32))
    """Work number of the agent who looks after it."""
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When who left it was erased; the sound goes, and `sha256` is empty once it has."""
