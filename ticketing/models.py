"""Tables of the tickets. Laid out for all eight stages of TH 13, so that later stages add rows, not tables."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, validates

from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed, Sealed, index_of
from ticketing.handling.words import PartState
from ticketing.vocabulary import Action, Confidentiality, Part, Source, State, Term, TicketType, Urgency


def one_of(column: str, words: type[Term], name: str) -> CheckConstraint:
    """The database refuses words that the vocabulary does not have."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


_FINISHED = "state IN ('archived', 'refused')"
_PERSONAL = "(length(caller_number) > 0 OR length(caller_name) > 0 OR length(address) > 0)"


class TicketRow(Base):
    """A citizen's demand. `version` counts its changes and is what every change compares against."""

    __tablename__ = "ticket"
    __table_args__ = (
        one_of("type", TicketType, "type"),
        one_of("state", State, "state"),
        one_of("source", Source, "source"),
        one_of("urgency", Urgency, "urgency"),
        one_of("confidentiality", Confidentiality, "confidentiality"),
        Index("ix_ticket_state_id", "state", "id"),
        Index("ix_ticket_registered_by_id", "registered_by", "id"),
        Index("ix_ticket_unit_tag_id", "unit_tag", "id"),
        Index("ix_ticket_category_id", "category", "id", postgresql_where=text("category <> ''")),
        # Of what most tickets have, the newest are at hand by their ids; what few have is found by these.
        Index("ix_ticket_source_id", "source", "id", postgresql_where=text("source <> 'phone'")),
        Index("ix_ticket_urgent_id", "id", postgresql_where=text("urgency = 'urgent'")),
        Index("ix_ticket_area_code_id", "area_code", "id", postgresql_ops={"area_code": "varchar_pattern_ops"}),
        Index("ix_ticket_personal_updated_at", "updated_at", postgresql_where=text(f"{_FINISHED} AND {_PERSONAL}")),
        Index("ix_ticket_caller_index_id", "caller_index", "id", postgresql_where=text("caller_index IS NOT NULL")),
        Index("ix_ticket_registered_at", "registered_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(24))
    caller_number: Mapped[str] = mapped_column(Sealed("ticket.caller_number"))
    caller_index: Mapped[str | bytes | None] = mapped_column(Indexed(), default=index_of("caller_number"))
    """What the caller's tickets are found by; in step with `caller_number`."""
    caller_name: Mapped[str] = mapped_column(Sealed("ticket.caller_name"))
    address: Mapped[str] = mapped_column(Sealed("ticket.address"))
    area_code: Mapped[str] = mapped_column(String(12))
    """Administrative division code (行政区划代码) of the place the demand is about; empty if unknown."""
    category: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """Code in the city's tree (事项分类); empty if nobody has said."""
    urgency: Mapped[str] = mapped_column(String(16))
    confidentiality: Mapped[str] = mapped_column(String(16))
    hotline: Mapped[str] = mapped_column(String(24))
    """The hotline number dialled, e.g. `12333`; empty for other sources."""
    unit_tag: Mapped[str] = mapped_column(String(64))
    """Name of the responsible unit (责任单位) the dialled line is tagged with."""
    state: Mapped[str] = mapped_column(String(24))
    version: Mapped[int]
    policy: Mapped[int] = mapped_column(default=0, server_default="0")
    """Number of the city's policy that was in force when it was registered; 0 is the regulation."""
    registered_by: Mapped[str] = mapped_column(String(32))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    request_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Chosen by the client so that a repeated request makes no second ticket."""

    @validates("caller_number")
    def _indexed(self, _field: str, number: str) -> str:
        self.caller_index = number
        return number


class TicketHistoryRow(Base):
    """One action on a ticket; rows are only ever added."""

    __tablename__ = "ticket_history"
    __table_args__ = (
        UniqueConstraint("ticket_id", "version"),
        one_of("action", Action, "action"),
        Index("ix_ticket_history_at", "at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    version: Mapped[int]
    """The ticket's version after the action."""
    action: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str | None] = mapped_column(String(24))
    to_state: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class TicketCallRow(Base):
    """A call that a ticket came from or that was made about it."""

    __tablename__ = "ticket_call"
    __table_args__ = (Index("ix_ticket_call_call_id", "call_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketAssignmentRow(Base):
    """A unit's part in a ticket with its own clock (TH 16). A returned ticket's rows are withdrawn, not deleted."""

    __tablename__ = "ticket_assignment"
    __table_args__ = (
        one_of("part", Part, "part"),
        one_of("state", PartState, "state"),
        Index(
            "uq_ticket_assignment_lead",
            "ticket_id",
            unique=True,
            postgresql_where=text("part = 'lead' AND withdrawn_at IS NULL"),
        ),
        Index(
            "uq_ticket_assignment_unit",
            "ticket_id",
            "unit_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        # Of those withdrawn as well, which the others leave out.
        Index("ix_ticket_assignment_ticket_id", "ticket_id"),
        Index("ix_ticket_assignment_unit_id", "unit_id", "ticket_id", postgresql_where=text("withdrawn_at IS NULL")),
        Index(
            "ix_ticket_assignment_open",
            "unit_id",
            "id",
            postgresql_where=text("withdrawn_at IS NULL AND state IN ('delivered', 'working', 'return_asked')"),
        ),
        Index("ix_ticket_assignment_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_ticket_assignment_due_at", "due_at", postgresql_where=text("withdrawn_at IS NULL")),
        Index("ix_ticket_assignment_delivered_at", "delivered_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    part: Mapped[str] = mapped_column(String(8))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("ticket_assignment.id"))
    """The part that a unit above handed down (县级承办单位向下交办); None: the centre gave it."""
    state: Mapped[str] = mapped_column(String(16), default="delivered", server_default="delivered")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    delivered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    return_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extensions: Mapped[int] = mapped_column(default=0)
    replied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TicketCounterRow(Base):
    """The last ticket number given out on a local day."""

    __tablename__ = "ticket_counter"

    site: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
