"""Tables of the dispatch catalogue (派单目录), of dispatch without a person, and of whom a report accuses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.catalogue.words import Hindrance
from ticketing.models import one_of


class CategoryRow(Base):
    """A node of the tree of categories (事项分类), as the city's or the province's code table has it."""

    __tablename__ = "ticket_category"
    __table_args__ = (CheckConstraint("parent_code <> code", name="not_own_parent"),)

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("ticket_category.code"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    active: Mapped[bool]
    """What is retired stays for the tickets that have it, and is given to no new one."""


class CatalogueRow(Base):
    """Who a category of an area is for, from a day on. Of the rows of one category and area, the newest that has begun
    counts, and it alone: once it has ended there is none."""

    __tablename__ = "ticket_catalogue"
    __table_args__ = (
        UniqueConstraint("category_code", "area_code", "from_day"),
        CheckConstraint("until_day >= from_day", name="days_in_order"),
        Index("ix_ticket_catalogue_lead_unit_id", "lead_unit_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    category_code: Mapped[str] = mapped_column(ForeignKey("ticket_category.code"))
    area_code: Mapped[str] = mapped_column(String(12))
    """Administrative division it holds in, those below it included; empty: everywhere."""
    lead_unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    assisting_unit_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    from_day: Mapped[date]
    until_day: Mapped[date | None]
    """The last local day; none: until further notice."""
    note: Mapped[str] = mapped_column(String(200), default="", server_default="")
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AccusedRow(Base):
    """A unit that a ticket accuses (被举报单位). Rows are only ever added."""

    __tablename__ = "ticket_accused"
    __table_args__ = (Index("ix_ticket_accused_unit_id", "unit_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), primary_key=True)
    named_by: Mapped[str] = mapped_column(String(32))
    named_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UnattendedRow(Base):
    """What was judged of dispatching a ticket, as it stood, without a person (自动派单). Rows are only ever added."""

    __tablename__ = "ticket_unattended"
    __table_args__ = (
        one_of("hindrance", Hindrance, "hindrance"),
        UniqueConstraint("ticket_id", "ticket_version"),
        Index("ix_ticket_unattended_at", "at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    ticket_version: Mapped[int]
    lead_unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    confidence: Mapped[float | None]
    grounds: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    hindrance: Mapped[str | None] = mapped_column(String(32))
    """Why it was left to a person; None: it was dispatched."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
