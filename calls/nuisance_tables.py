"""The table of callers who misuse the line (恶意骚扰电话, TH 28), and what was decided about each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.recording.tables import RecordingRow
from directory.models.columns import enum_column
from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, index_of


class Measure(StrEnum):
    """What a flag does (处置措施), the mildest first."""

    FLAG = "flag"  # 标记: agents see it
    WARN = "warn"  # 警示: the caller hears a warning too
    LIMIT = "limit"  # 限制: so many calls an hour, no head start, a queue of their own


class NuisanceFlag(Base):
    """A caller's flag with its evidence. Rows stay when they are lifted or expire: history keeps who decided what."""

    __tablename__ = "nuisance_flag"
    __table_args__ = (
        Index("uq_nuisance_flag_caller", "caller_index", unique=True, postgresql_where=text("lifted_at IS NULL")),
        CheckConstraint("(measure = 'limit') = (calls_per_hour IS NOT NULL)", name="calls_per_hour"),
        CheckConstraint("flagged_at < expires_at", name="expires_at"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    caller: Mapped[str] = mapped_column(Sealed("nuisance_flag.caller"))
    """As `directory.numbers.normalise` gives it, like everywhere a caller is kept."""
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller"))
    measure: Mapped[Measure] = mapped_column(enum_column(Measure, "measure"))
    reason: Mapped[str] = mapped_column(Text)
    calls_per_hour: Mapped[int | None]
    queue: Mapped[str | None] = mapped_column(String(32))
    """Where a limited caller waits, if not where others do."""
    flagged_by: Mapped[str] = mapped_column(String(32))
    flagged_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(32))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NuisanceEvidence(Base):
    """One piece of evidence for a flag: a call, a ticket or a recording of it, with a note, or a note alone. Rows are
    only ever added."""

    __tablename__ = "nuisance_evidence"
    __table_args__ = (
        CheckConstraint("num_nonnulls(call_id, ticket, recording_id) <= 1", name="one_thing"),
        CheckConstraint("num_nonnulls(call_id, ticket, recording_id, note) > 0", name="something"),
        Index("ix_nuisance_evidence_flag_id", "flag_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flag_id: Mapped[int] = mapped_column(ForeignKey(NuisanceFlag.id))
    call_id: Mapped[str | None] = mapped_column(String(64))
    ticket: Mapped[str | None] = mapped_column(String(40))
    """Number of a ticket."""
    recording_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(RecordingRow.id))
    note: Mapped[str | None] = mapped_column(Text)
    added_by: Mapped[str] = mapped_column(String(32))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
