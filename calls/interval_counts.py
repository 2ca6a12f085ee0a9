"""Half-hour intervals as the database adds them up from counted calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Executable,
    String,
    Table,
    and_,
    bindparam,
    column,
    delete,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from acd.queue_tables import QueueRow
from calls.figure_tables import AgentIntervalRow, AgentOfferRow, CallIntervalRow, StayRow
from calls.figures import PROMPT_MS, SERVICE_LEVEL_MS, SHORT_ABANDON_MS, Disposition, Handling, Scope
from hotline.database import Base, UtcDateTime
from hotline.locks import Lock, one_at_a_time, taken_at_once

INTERVAL: Final = timedelta(minutes=30)

CallKey = tuple[str, str, datetime]
"""Scope, subject, beginning of the interval."""
AgentKey = tuple[str, datetime]


def interval_of(at: datetime) -> datetime:
    """The beginning of the half hour that `at` lies in; the same in every zone whose offset is whole half hours."""
    return at.astimezone(UTC).replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def split(since: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    """The intervals between two moments, each with the milliseconds that fall into it."""
    starts_at = interval_of(since)
    while starts_at < until:
        ends_at = starts_at + INTERVAL
        yield starts_at, (min(until, ends_at) - max(since, starts_at)) // timedelta(milliseconds=1)
        starts_at = ends_at


@dataclass(slots=True)
class Touched:
    """Intervals to be counted again."""

    calls: set[CallKey] = field(default_factory=set)
    agents: set[AgentKey] = field(default_factory=set)


async def take_turn(session: AsyncSession, *, wait: bool = True) -> bool:
    """Be the only one who counts, until the end of the transaction; False if somebody else does and `wait` is not."""
    if wait:
        await one_at_a_time(session, Lock.INTERVAL_COUNTS)
        return True
    return await taken_at_once(session, Lock.INTERVAL_COUNTS)


_ATTRIBUTE = text("""
    WITH moment AS (
        SELECT agent, at FROM unnest(CAST(:agents AS text[]), CAST(:moments AS timestamptz[])) AS m (agent, at)
    ), near AS (
        SELECT DISTINCT o.call_id, o.about, o.agent, o.answered_at
        FROM moment m CROSS JOIN LATERAL (
            SELECT * FROM agent_offer
            WHERE agent = m.agent AND answered_at <= m.at ORDER BY answered_at DESC LIMIT 2
        ) o
    ), found AS (
        SELECT near.call_id, near.about, (
            SELECT coalesce(sum(CAST(extract(epoch FROM log.until - log.since) * 1000 AS bigint)), 0)
            FROM agent_state_log log
            WHERE log.agent = near.agent AND log.state = 'WRAP_UP' AND log.until IS NOT NULL
              AND log.since >= near.answered_at AND log.since < coalesce((
                SELECT min(answered_at) FROM agent_offer following
                WHERE following.agent = near.agent AND following.answered_at > near.answered_at
              ), 'infinity')
        ) AS ms
        FROM near
    )
    UPDATE agent_offer o SET wrap_up_ms = found.ms
    FROM found
    WHERE o.call_id = found.call_id AND o.about = found.about AND o.wrap_up_ms <> found.ms
    RETURNING o.call_id, o.agent, o.starts_at
""")
"""A wrap-up belongs to the call that its agent answered last before it. A moment is an answer that came or went, or
the beginning of a wrap-up that is over: it concerns the answer at it and the one before."""


async def attribute_wrap_ups(session: AsyncSession, moments: Iterable[tuple[str, datetime]], touched: Touched) -> None:
    """Give each call near these moments (agent, when) the wrap-up that followed it."""
    pairs = sorted(moments)
    if not pairs:
        return
    given = {"agents": [agent for agent, _ in pairs], "moments": [at for _, at in pairs]}
    changed = (await session.execute(_ATTRIBUTE, given)).all()
    touched.agents.update((row.agent, row.starts_at) for row in changed)
    if not changed:
        return
    stays = await session.execute(
        select(StayRow.scope, StayRow.subject, StayRow.starts_at).where(
            StayRow.call_id.in_({row.call_id for row in changed})
        )
    )
    touched.calls.update((row.scope, row.subject, row.starts_at) for row in stays)


async def count_intervals(session: AsyncSession, touched: Touched) -> None:
    """Make these intervals what the counted calls say; one without any is removed."""
    if touched.calls:
        keys = sorted(touched.calls)
        given = {"scopes": [k[0] for k in keys], "subjects": [k[1] for k in keys], "starts": [k[2] for k in keys]}
        await session.execute(_FORGET_CALLS, given)
        await session.execute(_COUNT_CALLS, given)
    if touched.agents:
        pairs = sorted(touched.agents)
        given = {"agents": [agent for agent, _ in pairs], "starts": [at for _, at in pairs]}
        await session.execute(_FORGET_AGENTS, given)
        await session.execute(_COUNT_AGENTS, given)


_THRESHOLD = func.coalesce(CallIntervalRow.service_level_ms, QueueRow.service_level_ms, SERVICE_LEVEL_MS)
_ANSWERED = StayRow.disposition == Disposition.ANSWERED
_ABANDONED = StayRow.disposition == Disposition.ABANDONED
_SHORT = StayRow.waited_ms < SHORT_ABANDON_MS
_HANDLED = _ANSWERED & StayRow.talk_ms.is_not(None)
_WRAPPED_UP = (
    select(func.coalesce(func.sum(AgentOfferRow.wrap_up_ms), 0))
    .where(AgentOfferRow.call_id == StayRow.call_id)
    .scalar_subquery()
)


def _calls(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(which)


def _sum(of: Any, which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(of).filter(which), 0)


_CALL_COUNTS: Mapping[str, ColumnElement[int]] = {
    "offered": _calls(StayRow.disposition != Disposition.EARLY),
    "answered": _calls(_ANSWERED),
    "answered_promptly": _calls(_ANSWERED & (StayRow.waited_ms <= PROMPT_MS)),
    "answered_in_level": _calls(_ANSWERED & (StayRow.waited_ms <= _THRESHOLD)),
    "answered_elsewhere": _calls(_ANSWERED & StayRow.elsewhere),
    "abandoned": _calls(_ABANDONED & ~_SHORT),
    "short_abandoned": _calls(_ABANDONED & _SHORT),
    "moved": _calls(StayRow.disposition == Disposition.MOVED),
    "otherwise": _calls(StayRow.disposition == Disposition.OTHERWISE),
    "early": _calls(StayRow.disposition == Disposition.EARLY),
    "wait_ms": _sum(StayRow.waited_ms, _ANSWERED),
    "handled": _calls(_HANDLED),
    "talk_ms": _sum(StayRow.talk_ms, _HANDLED),
    "wrap_up_ms": _sum(_WRAPPED_UP, _HANDLED),
}
"""`calls.figures.CallCounts`, each as it is added up."""

_AGENT_COUNTS: Mapping[str, ColumnElement[int]] = {
    "offers": func.count(),
    **{
        handling.value: _calls(AgentOfferRow.handling == handling)
        for handling in (
            Handling.ANSWERED,
            Handling.NO_ANSWER,
            Handling.REJECTED,
            Handling.FAILED,
            Handling.WITHDRAWN,
        )
    },
    "ring_ms": _sum(AgentOfferRow.ring_ms, literal(True)),
    "handled": _calls(AgentOfferRow.talk_ms.is_not(None)),
    "talk_ms": _sum(AgentOfferRow.talk_ms, literal(True)),
    "wrap_up_ms": _sum(AgentOfferRow.wrap_up_ms, AgentOfferRow.talk_ms.is_not(None)),
}
"""`calls.figures.AgentCounts`."""


# The statements are made once: to put them together anew each time cost more than to carry them out.

_STARTS = bindparam("starts", type_=ARRAY(UtcDateTime()))
_CALL_KEYS = (
    func.unnest(bindparam("scopes", type_=ARRAY(String)), bindparam("subjects", type_=ARRAY(String)), _STARTS)
    .table_valued("scope", "subject", column("starts_at", UtcDateTime()), name="asked")
    .render_derived()
)
_AGENT_KEYS = (
    func.unnest(bindparam("agents", type_=ARRAY(String)), _STARTS)
    .table_valued("agent", column("starts_at", UtcDateTime()), name="asked")
    .render_derived()
)


def _of_keys(table: type[Any], keys: Any, *names: str) -> ColumnElement[bool]:
    return and_(*(getattr(table, name) == keys.c[name] for name in names))


_STAYS = _of_keys(StayRow, _CALL_KEYS, "scope", "subject", "starts_at")
_OFFERS = _of_keys(AgentOfferRow, _AGENT_KEYS, "agent", "starts_at")

_FORGET_CALLS = delete(CallIntervalRow).where(
    _of_keys(CallIntervalRow, _CALL_KEYS, "scope", "subject", "starts_at"),
    ~select(StayRow.nth).where(_STAYS).correlate(_CALL_KEYS).exists(),
)
_FORGET_AGENTS = delete(AgentIntervalRow).where(
    _of_keys(AgentIntervalRow, _AGENT_KEYS, "agent", "starts_at"),
    ~select(AgentOfferRow.about).where(_OFFERS).correlate(_AGENT_KEYS).exists(),
)


def _upsert(row: type[Base], counted: Any, updated: Iterable[str]) -> Executable:
    table = cast(Table, row.__table__)
    fresh = insert(table).from_select([one.name for one in counted.selected_columns], counted)
    keys = [one.name for one in table.primary_key]
    return fresh.on_conflict_do_update(index_elements=keys, set_={name: fresh.excluded[name] for name in updated})


_COUNT_CALLS = _upsert(
    CallIntervalRow,
    select(
        StayRow.scope,
        StayRow.subject,
        StayRow.starts_at,
        func.max(_THRESHOLD).label("service_level_ms"),
        *(count.label(name) for name, count in _CALL_COUNTS.items()),
    )
    .select_from(_CALL_KEYS)
    .join(StayRow, _STAYS)
    .outerjoin(CallIntervalRow, _of_keys(CallIntervalRow, _CALL_KEYS, "scope", "subject", "starts_at"))
    .outerjoin(QueueRow, and_(StayRow.scope == Scope.QUEUE, QueueRow.queue == StayRow.subject))
    .group_by(StayRow.scope, StayRow.subject, StayRow.starts_at),
    _CALL_COUNTS,
)
_COUNT_AGENTS = _upsert(
    AgentIntervalRow,
    select(
        AgentOfferRow.agent,
        AgentOfferRow.starts_at,
        *(count.label(name) for name, count in _AGENT_COUNTS.items()),
    )
    .select_from(_AGENT_KEYS)
    .join(AgentOfferRow, _OFFERS)
    .group_by(AgentOfferRow.agent, AgentOfferRow.starts_at),
    _AGENT_COUNTS,
)
