"""From the journal to the table of surveys: each call's row says what its facts say, in whatever order they came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.facts import Kind
from calls.models import CallRow, JournalRow
from calls.survey_tables import SurveyRow, SurveySource

TOLD_BY: Final = frozenset({Kind.SURVEY.value, Kind.SURVEY_REASON.value})
"""Facts that say something about a survey."""

_TALKED: Final = (Kind.ANSWERED, Kind.ADOPTED, Kind.ENDED)
"""Facts that name the agent of a talk."""


async def project(session: AsyncSession, calls: Collection[str]) -> None:
    """Bring the rows of these calls up to date. A reason whose level is not known yet waits for it in the journal."""
    facts = await session.scalars(
        select(JournalRow)
        .where(JournalRow.call_id.in_(calls), JournalRow.kind.in_(TOLD_BY))
        .order_by(JournalRow.call_id, JournalRow.seq)
    )
    told: dict[str, dict[str, JournalRow]] = {}
    for fact in facts:
        told.setdefault(fact.call_id, {}).setdefault(fact.kind, fact)
    lines = {call: line for call, line in await session.execute(_lines(calls))}  # noqa: C416 - rows are no pairs
    agents = {call: agent for call, agent in await session.execute(_agents(calls))}  # noqa: C416
    rows = [
        _row(by_kind[Kind.SURVEY], by_kind.get(Kind.SURVEY_REASON), agents.get(call), lines.get(call))
        for call, by_kind in told.items()
        if Kind.SURVEY in by_kind
    ]
    if rows:
        await _keep(session, rows)


def _lines(calls: Collection[str]) -> Select[str, str | None]:
    return select(CallRow.call_id, CallRow.line).where(CallRow.call_id.in_(calls))


def _agents(calls: Collection[str]) -> Select[str, str | None]:
    """Who talked with the citizen, the last one last. A process that died is spoken for by its successor."""
    return (
        select(JournalRow.call_id, JournalRow.agent)
        .where(JournalRow.call_id.in_(calls), JournalRow.kind.in_(_TALKED), JournalRow.agent.is_not(None))
        .order_by(JournalRow.call_id, JournalRow.seq)
    )


def _row(survey: JournalRow, why: JournalRow | None, agent: str | None, line: str | None) -> dict[str, Any]:
    told = survey.attributes
    return {
        "call_id": survey.call_id,
        "source": told.get("source", SurveySource.IVR.value),
        "at": survey.at,
        "outcome": told["outcome"],
        "level": told.get("level"),
        "reason": why.attributes.get("reason") if why else None,
        "agent": survey.agent or agent,
        "queue": told.get("queue"),
        "line": line,
    }


async def _keep(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    statement = insert(SurveyRow).values(list(rows))
    told_later = ("reason", "agent", "line")
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["call_id"],
            set_={name: func.coalesce(getattr(SurveyRow, name), statement.excluded[name]) for name in told_later},
        )
    )
