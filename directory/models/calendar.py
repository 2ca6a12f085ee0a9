"""Tables of days that are not what their weekday says: of one schedule, and of the whole city."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class SpecialDayRow(Base):
    """A day on which a schedule has hours of its own: pairs of minutes after local midnight, or none when closed."""

    __tablename__ = "directory_special_days"

    schedule_id: Mapped[int] = mapped_column(ForeignKey("directory_schedules.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    spans: Mapped[list[list[int]]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(String(64), default="")


class WorkdayOverride(Base):
    """A day that is worked or not, whatever the published calendar says or does not say yet."""

    __tablename__ = "workday_overrides"

    day: Mapped[date] = mapped_column(primary_key=True)
    worked: Mapped[bool]
    note: Mapped[str] = mapped_column(String(64), default="")


class WorkdayYear(Base):
    """A year whose exceptional days have all been entered as overrides."""

    __tablename__ = "workday_years"
    __table_args__ = (CheckConstraint("year BETWEEN 2004 AND 2999", name="year"),)

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
