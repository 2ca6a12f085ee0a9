"""Tables of the prompts studio (提示音工作室): texts spoken for menus, uploaded recordings in versions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from hotline.database import Base, UtcDateTime

CHANNEL: Final = "studio"
"""NOTIFY of every text that is ordered."""


class TextState(StrEnum):
    """Where a text is on its way to being spoken. The sound it had before stays until there is another."""

    ORDERED = "ordered"
    RENDERED = "rendered"
    REFUSED = "refused"


class StudioStateRow(Base):
    """One row, counted up by whatever changes what can be played; its lock makes writers take turns."""

    __tablename__ = "studio_state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


class StudioTextRow(Base):
    """A fixed text that somebody had spoken for a menu. `key` is `media.spoken.text_key` of it."""

    __tablename__ = "studio_texts"
    __table_args__ = (
        CheckConstraint("state IN ('ordered', 'rendered', 'refused')", name="state"),
        CheckConstraint("(sound IS NULL) = (sha256 IS NULL)", name="sound"),
        CheckConstraint("state <> 'rendered' OR sound IS NOT NULL", name="rendered"),
        CheckConstraint("(state = 'refused') = (why IS NOT NULL)", name="why"),
    )

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    text: Mapped[str] = mapped_column(String(600))
    state: Mapped[str] = mapped_column(String(16))
    """A `TextState`."""
    voice: Mapped[str] = mapped_column(String(32))
    """Which voice is asked for."""
    why: Mapped[str | None] = mapped_column(String(200))
    ordered_by: Mapped[str] = mapped_column(String(32))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """While it is being spoken: after that, whoever spoke it has died."""
    attempts: Mapped[int] = mapped_column(default=0)
    sound: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    sha256: Mapped[str | None] = mapped_column(String(64))
    duration_ms: Mapped[int | None]
    spoken_by: Mapped[str | None] = mapped_column(String(64))
    """Model and voice of the sound."""
    rendered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StudioRecordingRow(Base):
    """A recording by its code; flows name it by that, and play the version that is published."""

    __tablename__ = "studio_recordings"

    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(600))
    """What is said in it."""
    published: Mapped[int | None]
    published_by: Mapped[str | None] = mapped_column(String(32))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StudioVersionRow(Base):
    """An upload. Versions are added and never changed."""

    __tablename__ = "studio_versions"
    __table_args__ = (CheckConstraint("version >= 1", name="version"),)

    code: Mapped[str] = mapped_column(ForeignKey("studio_recordings.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sound: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the sound as it is played."""
    upload_sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(8))
    duration_ms: Mapped[int]
    trimmed_ms: Mapped[int]
    level_before: Mapped[float]
    """In dBFS, as it was uploaded."""
    uploaded_by: Mapped[str] = mapped_column(String(32))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
