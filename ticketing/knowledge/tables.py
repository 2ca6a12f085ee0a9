"""Tables of the knowledge base. What a version says is written once: PostgreSQL itself refuses to change it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.knowledge.states import VersionState


def _states() -> str:
    return "state IN ({})".format(", ".join(f"'{state}'" for state in VersionState))


class EntryRow(Base):
    """One matter that is asked about. `latest` is the number of its newest version: what a writer compares against."""

    __tablename__ = "knowledge_entry"
    __table_args__ = (Index("ix_knowledge_entry_review_on", "review_on"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    """What a menu's knowledge node names."""
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    """Who answers for what it says (责任单位)."""
    review_on: Mapped[date]
    """On this local day at the latest somebody looks whether it still holds."""
    latest: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VersionRow(Base):
    """What an entry says, or said. Of the published ones, the newest that has begun counts, and it alone."""

    __tablename__ = "knowledge_version"
    __table_args__ = (
        UniqueConstraint("entry_id", "number"),
        CheckConstraint(_states(), name="state"),
        CheckConstraint("valid_until >= valid_from", name="validity"),
        CheckConstraint("checked_by_user <> written_by_user", name="two_persons"),
        CheckConstraint("state NOT IN ('checked', 'published') OR checked_by_user IS NOT NULL", name="checked"),
        Index("ix_knowledge_version_search", "search", postgresql_using="gin"),
        Index("ix_knowledge_version_published", "entry_id", "number", postgresql_where=text("state = 'published'")),
        Index("ix_knowledge_version_to_check", "written_at", postgresql_where=text("state IN ('draft', 'checked')")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entry.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(200))
    answer: Mapped[str] = mapped_column(Text)
    spoken: Mapped[str] = mapped_column(String(600))
    """For the telephone; empty: this is not read aloud."""
    category: Mapped[str] = mapped_column(String(64))
    public: Mapped[bool]
    """Whether citizens may read it without a login."""
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    """The last local day; none: until further notice."""
    comment: Mapped[str] = mapped_column(String(400))
    """What is new, for who checks it."""
    compared: Mapped[str] = mapped_column(Text)
    """Title and answer as `hotline.search.normal` has them: what a term is found in."""
    search: Mapped[Any] = mapped_column(TSVECTOR)
    written_by: Mapped[str] = mapped_column(String(32))
    written_by_user: Mapped[int] = mapped_column(BigInteger)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_by: Mapped[str | None] = mapped_column(String(32))
    checked_by_user: Mapped[int | None] = mapped_column(BigInteger)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    published_by: Mapped[str | None] = mapped_column(String(32))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(32))
    """Who rejected, replaced or withdrew it."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_why: Mapped[str] = mapped_column(String(400), default="")


class ReportRow(Base):
    """纠错: somebody found that a version is wrong, and what became of that."""

    __tablename__ = "knowledge_report"
    __table_args__ = (
        CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name="settled"),
        Index("ix_knowledge_report_open", "entry_id", postgresql_where=text("settled_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entry.id"))
    version: Mapped[int]
    """The version's number."""
    note: Mapped[str] = mapped_column(String(1000))
    reported_by: Mapped[str] = mapped_column(String(32))
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(32))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(400), default="")


class UseRow(Base):
    """Which answer was given in which call, and by whom: an agent's work number, or `menu`."""

    __tablename__ = "knowledge_use"
    __table_args__ = (Index("ix_knowledge_use_version_id", "version_id", "at"),)

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("knowledge_version.id"), primary_key=True)
    by: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


IMMUTABLE = (
    """
    CREATE FUNCTION knowledge_versions_are_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' OR
            (OLD.id, OLD.entry_id, OLD.number, OLD.title, OLD.answer, OLD.spoken, OLD.category, OLD.public,
             OLD.valid_from, OLD.valid_until, OLD.comment, OLD.compared, OLD.search, OLD.written_by,
             OLD.written_by_user, OLD.written_at)
            IS DISTINCT FROM
            (NEW.id, NEW.entry_id, NEW.number, NEW.title, NEW.answer, NEW.spoken, NEW.category, NEW.public,
             NEW.valid_from, NEW.valid_until, NEW.comment, NEW.compared, NEW.search, NEW.written_by,
             NEW.written_by_user, NEW.written_at)
        THEN
            RAISE EXCEPTION 'what a version of the knowledge base says is never changed';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON knowledge_version
    FOR EACH ROW EXECUTE FUNCTION knowledge_versions_are_immutable()
    """,
)
"""What the migration runs too."""

for _statement in IMMUTABLE:
    event.listen(VersionRow.__table__, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
