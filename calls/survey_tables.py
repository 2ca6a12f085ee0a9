"""Tables of surveys (满意度评价): what a citizen answered after a talk, and what followed from it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from calls.callback_models import CallbackRow
from calls.survey_states import CLOSED, SurveyState
from hotline.database import Base, UtcDateTime
from ticketing.models import TicketRow


class SurveySource(StrEnum):
    """How the citizen was asked."""

    IVR = "ivr"  # 电话按键
    SMS = "sms"  # 短信
    WEB = "web"  # 网页


class FollowUp(StrEnum):
    """What was decided about calling the citizen back."""

    SATISFIED = "satisfied"
    """There is nothing to ask."""
    OFF = "off"
    """The policy calls nobody back for it."""
    PROMISED = "promised"
    FOLDED = "folded"
    """The citizen is owed a callback already."""
    NUISANCE = "nuisance"
    """A caller who is flagged for misuse."""
    NOT_CALLABLE = "not_callable"


class TicketVerdict(StrEnum):
    """What an answer after the call is for one of the call's tickets."""

    EVALUATED = "evaluated"
    """The matter was answered in the call itself (直接答复): it is the ticket's evaluation (评价)."""
    CALL_ONLY = "call_only"
    """A unit works on it: its own evaluation comes when that is done (回访). This one is about the call."""


def _one_of(column: str, words: list[str]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


class SurveyRow(Base):
    """What came of asking about one call; a projection of its journal. `level` is 1 (非常满意) to 5 (非常不满意)."""

    __tablename__ = "survey"
    __table_args__ = (
        CheckConstraint(_one_of("source", [word.value for word in SurveySource]), name="source"),
        CheckConstraint(_one_of("outcome", sorted(state.value for state in CLOSED)), name="outcome"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
        CheckConstraint(f"(outcome = '{SurveyState.RATED}') = (level IS NOT NULL)", name="rated"),
        CheckConstraint(_one_of("follow_up", [word.value for word in FollowUp]), name="follow_up"),
        Index("ix_survey_to_follow_up", "at", postgresql_where=text("level IS NOT NULL AND follow_up IS NULL")),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    outcome: Mapped[str] = mapped_column(String(16))
    level: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None] = mapped_column(String(24))
    agent: Mapped[str | None] = mapped_column(String(32))
    """Who talked with the citizen last; None if nobody knows."""
    queue: Mapped[str | None] = mapped_column(String(32))
    line: Mapped[str | None] = mapped_column(String(32))
    follow_up: Mapped[str | None] = mapped_column(String(16))
    """None until it is decided."""
    callback_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(CallbackRow.id))


class SurveyTicketRow(Base):
    """An answer was looked at for one of the call's tickets, once."""

    __tablename__ = "survey_ticket"
    __table_args__ = (
        CheckConstraint(_one_of("verdict", [word.value for word in TicketVerdict]), name="verdict"),
        Index("ix_survey_ticket_ticket_id", "ticket_id"),
    )

    call_id: Mapped[str] = mapped_column(ForeignKey(SurveyRow.call_id), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey(TicketRow.id), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
