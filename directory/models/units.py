"""Tables of the units (责任单位) that handle citizens' demands, down to county level, and how to reach them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from directory.models.columns import enum_column
from hotline.database import Base


class UnitLevel(StrEnum):
    """Level of government (层级) a unit belongs to."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"


class Unit(Base):
    """A unit. `parent_id` is the body above it: a county's bureau lies below the county."""

    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("parent_id", "name", postgresql_nulls_not_distinct=True),
        CheckConstraint("parent_id <> id", name="not_own_parent"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    level: Mapped[UnitLevel] = mapped_column(enum_column(UnitLevel, "level"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)


class Contact(Base):
    """A named contact (联络员) of a unit, for one-key transfer (一键转接, TH 12(6))."""

    __tablename__ = "unit_contacts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    duty: Mapped[str] = mapped_column(String(64), default="")
    number: Mapped[str] = mapped_column(String(16))
    position: Mapped[int] = mapped_column(default=0)
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("directory_schedules.id"))
    """When the contact answers; none: always."""


class DutyNumber(Base):
    """A unit's number on duty (值班电话) on the days `from_day` to `to_day`, both in; holidays (TH 12(7))."""

    __tablename__ = "unit_duty_numbers"
    __table_args__ = (CheckConstraint("from_day <= to_day", name="days_in_order"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    from_day: Mapped[date]
    to_day: Mapped[date]
    number: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(200), default="")
