"""Tables of visits (回访), of the attempts at them, and of what auditors found of replies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from ticketing.models import one_of
from ticketing.visits.words import AttemptWay, FindingState, VisitOutcome, VisitState
from ticketing.vocabulary import Satisfaction


class VisitRow(Base):
    """The visit of one handling of a ticket: one for each `cycle`, which re-handlings (重办) count from 0."""

    __tablename__ = "ticket_visit"
    __table_args__ = (
        one_of("state", VisitState, "state"),
        one_of("outcome", VisitOutcome, "outcome"),
        one_of("satisfaction", Satisfaction, "satisfaction"),
        UniqueConstraint("ticket_id", "cycle"),
        Index("ix_ticket_visit_due", "id", postgresql_where=text("state = 'due'")),
        Index("ix_ticket_visit_visited_at", "visited_at", postgresql_where=text("visited_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    cycle: Mapped[int]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    """The lead unit whose handling it is about; of a merged ticket the main ticket's."""
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    due_since: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the reply was approved, or taken over from the main ticket."""
    item: Mapped[int | None] = mapped_column(BigInteger)
    """Where it stands in a round (回访轮次); None: in none."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    contacted: Mapped[bool | None]
    """Whether the unit contacted the citizen, as the citizen says (响应率); None: not said."""
    solved: Mapped[bool | None]
    """Whether the matter is solved, as the citizen says (解决率); None: not said."""
    satisfaction: Mapped[str | None] = mapped_column(String(20))
    """The citizen's newest word on this handling (满意率), in the visit or by an evaluation; None: none."""
    visited_by: Mapped[str | None] = mapped_column(String(32))
    visited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class VisitAttemptRow(Base):
    """One attempt to reach the citizen for a visit. Rows are only ever added."""

    __tablename__ = "ticket_visit_attempt"
    __table_args__ = (
        one_of("way", AttemptWay, "way"),
        UniqueConstraint("visit_id", "occasion"),
        Index("ix_ticket_visit_attempt_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    visit_id: Mapped[int] = mapped_column(ForeignKey("ticket_visit.id"))
    way: Mapped[str] = mapped_column(String(16))
    occasion: Mapped[str] = mapped_column(String(64))
    """The call's id, so that one call is one attempt."""
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ComplianceFindingRow(Base):
    """合规认定: whether a reply complies with law and policy, though the citizen is not satisfied.

    At most one stands or waits for each handling.
    """

    __tablename__ = "ticket_compliance_finding"
    __table_args__ = (
        one_of("state", FindingState, "state"),
        Index(
            "uq_ticket_compliance_finding_standing",
            "ticket_id",
            "cycle",
            unique=True,
            postgresql_where=text("state <> 'withdrawn'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    cycle: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    facts: Mapped[str] = mapped_column(Text)
    """What the citizen holds against the reply, and what speaks for it."""
    asked_by: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    basis: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The law or policy the finding rests on."""
    found_by: Mapped[str | None] = mapped_column(String(32))
    found_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
