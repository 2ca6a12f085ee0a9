"""Recordings found by when, by whom and on which line a talk was, and who the citizen is; whose talk each is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from calls.facts import Kind
from calls.models import CallRow, JournalRow
from calls.recording.tables import RecordingRow
from hotline.clock import to_ms

LATEST: Final = timedelta(days=31)
"""How far back is looked where nobody says how far."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recordings; None is whatever it is.

    `start` to before `end` is when they begin; `agent` is one of those who answered; `caller` the citizen's number in
    its normal form, whoever called whom.
    """

    start: datetime | None = None
    end: datetime | None = None
    agent: str | None = None
    line: str | None = None
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """Whose talk a recording is of: the citizen's number, the line, agents by work number as they answered, tickets
    that came of it."""

    number: str | None = None
    line: str | None = None
    agents: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()


UNKNOWN: Final = Talk()


def bounded(wanted: Wanted, *, now: datetime) -> Wanted:
    """The same, with a beginning. Calls of a number are found by it; whose talk any other recording is of is looked up
    one by one, which nobody waits for over years."""
    if wanted.start is not None or wanted.caller is not None:
        return wanted
    return replace(wanted, start=(wanted.end or now) - LATEST)


def answered_by(agent: str) -> ColumnElement[bool]:
    """Of facts: the agent answered the call."""
    return (JournalRow.kind == Kind.ANSWERED.value) & (JournalRow.agent == agent)


def recordings(wanted: Wanted, *, own: str | None = None) -> Select[RecordingRow]:
    """Recordings without their waveforms, in no order; `own`: only talks that this agent answered."""
    query = select(RecordingRow).options(defer(RecordingRow.peaks_citizen), defer(RecordingRow.peaks_others))
    if wanted.start is not None:
        query = query.where(RecordingRow.started_ms >= to_ms(wanted.start))
    if wanted.end is not None:
        query = query.where(RecordingRow.started_ms < to_ms(wanted.end))
    for agent in (wanted.agent, own):
        if agent is not None:
            facts = select(JournalRow.seq).where(JournalRow.call_id == RecordingRow.call_id, answered_by(agent))
            query = query.where(facts.exists())
    if wanted.line is not None or wanted.caller is not None:
        calls = select(CallRow.call_id)
        if wanted.line is not None:
            calls = calls.where(CallRow.line == wanted.line)
        if wanted.caller is not None:
            calls = calls.where(or_(CallRow.caller_index == wanted.caller, CallRow.called_index == wanted.caller))
        query = query.where(RecordingRow.call_id.in_(calls))
    return query


async def talks(session: AsyncSession, calls: Iterable[str]) -> Mapping[str, Talk]:
    """What is known of these calls, by their ids; without those of which nothing is."""
    asked = set(calls)
    facts = select(JournalRow.call_id, JournalRow.kind, JournalRow.agent, JournalRow.attributes).where(
        JournalRow.call_id.in_(asked), JournalRow.kind.in_((Kind.ANSWERED.value, Kind.TICKET.value))
    )
    agents: dict[str, list[str]] = {}
    tickets: dict[str, list[str]] = {}
    for call, kind, agent, attributes in await session.execute(facts.order_by(JournalRow.seq)):
        if kind == Kind.ANSWERED.value:
            _add(agents, call, agent)
        else:
            _add(tickets, call, attributes.get("ticket"))
    rows = await session.scalars(select(CallRow).where(CallRow.call_id.in_(asked)))
    known = {row.call_id: (row.caller or row.called, row.line) for row in rows}
    return {
        call: Talk(*known.get(call, (None, None)), tuple(agents.get(call, ())), tuple(tickets.get(call, ())))
        for call in known.keys() | agents.keys() | tickets.keys()
    }


def _add(told: dict[str, list[str]], call: str, one: str | None) -> None:
    """Once each, in their order."""
    if one and one not in told.setdefault(call, []):
        told[call].append(one)
