"""Tables of hotline numbers: names, modes by effective date, transfer targets, hours, access numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from directory.models.columns import enum_column
from directory.models.units import Unit
from directory.modes import Mode, Platform
from hotline.database import Base, UtcDateTime


class DirectoryVersion(Base):
    """One row, counted up by every change of lines or units; its lock makes writers take turns."""

    __tablename__ = "directory_version"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Schedule(Base):
    """Weekly opening hours (工作时间) that lines and targets share by name."""

    __tablename__ = "directory_schedules"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    timezone: Mapped[str] = mapped_column(String(64))
    follows_holidays: Mapped[bool] = mapped_column(default=False)
    """Whether it is closed on the State Council's holidays and open on weekends worked for them."""
    spans: Mapped[list[HourSpan]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class HourSpan(Base):
    """Open from `opens` to `closes`, minutes after local midnight, on an ISO weekday."""

    __tablename__ = "directory_hour_spans"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
        CheckConstraint("0 <= opens AND opens < closes AND closes <= 1440", name="within_day"),
    )

    schedule_id: Mapped[int] = mapped_column(ForeignKey("directory_schedules.id", ondelete="CASCADE"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    opens: Mapped[int] = mapped_column(primary_key=True)
    closes: Mapped[int]


class Hotline(Base):
    """A number that a citizen may dial (热线号码)."""

    __tablename__ = "hotlines"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    """Short code or E.164, as `directory.numbers.normalise` gives it."""
    name_source: Mapped[str] = mapped_column(String(64))
    """Verbatim from the government's list."""
    name_spoken: Mapped[str] = mapped_column(String(64))
    """As announced to citizens."""
    name_confirmed: Mapped[bool] = mapped_column(default=False)
    """Whether an operator has confirmed the spoken name."""
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("directory_schedules.id"))
    """When the line's own seats (platform, branch, experts) answer; none: always."""
    general_after_ms: Mapped[int | None]
    """After how long general agents are asked too, milliseconds; none: the site's setting."""
    unit: Mapped[Unit | None] = relationship(lazy="raise")


class HotlineMode(Base):
    """How a line is handled from a moment on. Rows are never changed: history keeps every mode."""

    __tablename__ = "hotline_modes"
    __table_args__ = (UniqueConstraint("hotline_id", "effective_from"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hotline_id: Mapped[int] = mapped_column(ForeignKey("hotlines.id"))
    mode: Mapped[Mode] = mapped_column(enum_column(Mode, "mode"))
    platform: Mapped[Platform] = mapped_column(enum_column(Platform, "platform"))
    expert_seats: Mapped[bool]
    effective_from: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(String(64))
    """Login of who decided it, or the name of the import."""


RING_SECONDS: Final = range(3, 121)
"""How long a target may ring."""
TARGET_ENDPOINT: Final = "[a-z][a-z0-9-]{0,31}"
TARGET_USER: Final = "[+]?[0-9]{1,15}"


class TransferTarget(Base):
    """One of a line's targets, tried in order of `position`."""

    __tablename__ = "transfer_targets"
    __table_args__ = (
        CheckConstraint(f"endpoint ~ '^{TARGET_ENDPOINT}$'", name="endpoint"),
        CheckConstraint(f"user_part ~ '^{TARGET_USER}$'", name="user_part"),
        CheckConstraint(
            f"ring_seconds BETWEEN {RING_SECONDS[0]} AND {RING_SECONDS[-1]}",
            name="ring_seconds",
        ),
    )

    hotline_id: Mapped[int] = mapped_column(ForeignKey("hotlines.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(32))
    """Name of a trunk in the settings."""
    user_part: Mapped[str] = mapped_column(String(16))
    """What is dialled there."""
    ring_seconds: Mapped[int]
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("directory_schedules.id"))


class AccessNumber(Base):
    """A number that stands for a line: an old landline (原固定电话) that forwards, or the access number it lands on.

    The rule for carriers that strip Diversion and History-Info (SX 二(二)2).
    """

    __tablename__ = "access_numbers"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    hotline_id: Mapped[int] = mapped_column(ForeignKey("hotlines.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
