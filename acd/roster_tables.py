"""Tables of the roster (排班): shifts of seats and of the units' experts (专家选派), and swaps of shifts (换班)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, literal_column, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from directory.models import AgentProfile
from directory.models.columns import enum_column
from hotline.database import Base, UtcDateTime

NO_OVERLAP = "ex_roster_shift_no_overlap"
ONE_OPEN_SWAP = "uq_roster_swap_open"
_LIVE = "cancelled_at IS NULL"
_OPEN = "state IN ('asked', 'agreed')"


class SwapState(StrEnum):
    """How far a swap is. ASKED until the colleague agrees, AGREED until a supervisor decides; the rest is final."""

    ASKED = "asked"
    AGREED = "agreed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RosterShift(Base):
    """One person's shift, for one skill group. A shift is never rewritten: it is cancelled, and another one made.

    Nobody has two at a time: an exclusion constraint over the person and the span, both as ranges, which needs no
    extension of PostgreSQL.
    """

    __tablename__ = "roster_shift"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="in_order"),
        CheckConstraint("(cancelled_at IS NULL) = (cancelled_by IS NULL)", name="cancelled"),
        ExcludeConstraint(
            (literal_column("int8range(user_id, user_id, '[]')"), "&&"),
            (literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=text(_LIVE),
            using="gist",
            name=NO_OVERLAP,
        ),
        Index("ix_roster_shift_span", "starts_at", "ends_at", postgresql_where=text(_LIVE)),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(AgentProfile.user_id))
    group: Mapped[str] = mapped_column("skill_group", String(32))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(200))
    assigned_by: Mapped[str] = mapped_column(String(64))
    """Login of who decided it."""
    assigned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(String(64))
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RosterSwap(Base):
    """A wish to hand a shift to a colleague, in exchange for one of theirs if `back_shift_id` is given."""

    __tablename__ = "roster_swap"
    __table_args__ = (
        CheckConstraint("shift_id <> back_shift_id", name="two_shifts"),
        CheckConstraint("(state IN ('asked', 'agreed')) = (decided_at IS NULL)", name="decided"),
        Index(ONE_OPEN_SWAP, "shift_id", unique=True, postgresql_where=text(_OPEN)),
        Index("ix_roster_swap_open", "asked_at", postgresql_where=text(_OPEN)),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey(RosterShift.id))
    to_user_id: Mapped[int] = mapped_column(ForeignKey(AgentProfile.user_id))
    back_shift_id: Mapped[int | None] = mapped_column(ForeignKey(RosterShift.id))
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[SwapState] = mapped_column(enum_column(SwapState, "state"))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
