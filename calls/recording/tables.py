"""The table of recordings. What was said is in sealed files; here is whose and which they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.recording.states import RecordingState
from hotline.database import Base, UtcDateTime


class RecordingRow(Base):
    """One segment of a call's recording. A call has one, unless its recording was interrupted.

    `segment` is the moment Asterisk began to record it, milliseconds since 1970; `started_ms` that of the first sample
    kept. `gap_ms` is missing of the talk. `peaks_*`: a byte for each tenth of a second (`media.waveform`).
    """

    __tablename__ = "recording"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in RecordingState)})", name="state"),
        CheckConstraint("(state = 'erased') = (erased_at IS NOT NULL)", name="erased_at"),
        CheckConstraint("(held_at IS NULL) = (hold_reason IS NULL)", name="hold"),
        Index("uq_recording_segment", "call_id", "segment", unique=True),
        Index(
            "ix_recording_due",
            "retain_until",
            postgresql_where=text("held_at IS NULL AND state IN ('sealed', 'damaged')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    segment: Mapped[int] = mapped_column(BigInteger)
    host: Mapped[str] = mapped_column(String(32))
    """The Asterisk host that recorded it, where its file is unless the folder is shared."""
    state: Mapped[str] = mapped_column(String(12))
    why: Mapped[str | None] = mapped_column(String(24))
    """Of DAMAGED."""
    started_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    length_ms: Mapped[int] = mapped_column(Integer, default=0)
    gap_ms: Mapped[int] = mapped_column(Integer, default=0)
    sound: Mapped[str | None] = mapped_column(String(8))
    """mp3 or opus."""
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes of the sealed file."""
    sha256: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(String(8))
    peaks_citizen: Mapped[bytes | None] = mapped_column(LargeBinary)
    peaks_others: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retain_until: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it is under a legal hold (依法保全)."""
    held_by: Mapped[str | None] = mapped_column(String(32))
    hold_reason: Mapped[str | None] = mapped_column(String(64))

    @property
    def subject(self) -> str:
        """What its file is sealed as."""
        return f"{self.call_id}/{self.segment}"
