"""The live state of transfer targets, shown to the agent before choosing (转接对象状态).

Of our own people and groups distribution knows it. Of everybody else nobody tells us: what is known is how the last
calls to them went, by the journal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.model import AgentView
from acd.queues import QueueRule
from acd.service import Acd
from acd.states import AgentState
from calls.facts import Kind
from calls.models import JournalRow
from calls.talk.states import CALLING, OVER, TalkState
from directory.targets import Destination, TargetKind

LOOK_BACK: Final = timedelta(minutes=15)
"""What is older says nothing of how it is now."""
_STILL_BUSY: Final = timedelta(seconds=60)
"""For so long who was busy is taken to be busy still."""
_FAILING: Final = 2
"""So many failures in a row, and none since that went well."""
_SHOWN: Final = 3

_BUSY: Final = frozenset({"BUSY", "17"})
"""As `calls.outcomes` and a talk's DIALSTATUS and cause (Q.850) name it."""
_NOBODYS_FAULT: Final = frozenset({"", "dropped", "held_long_enough", "retrieved", "caller", "CALLER_GONE"})
_REACHED: Final = frozenset({TalkState.CONSULT, TalkState.CONFERENCE, TalkState.PASSED})


class Standing(StrEnum):
    """How a target stands now."""

    FREE = "free"
    """As far as is known."""
    BUSY = "busy"
    CLOSED = "closed"
    """Outside its hours, nobody signed in, or no phone to be reached."""
    FAILING = "failing"
    """The last calls to it failed."""
    UNKNOWN = "unknown"
    """Distribution does not answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call to the target that did not reach it."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class TargetState:
    """`ready` and `waiting` are of a group; `agent` is what one person of ours is doing; `failures` the last ones since
    a call went well, newest first; `talking` how many of our calls are with it now."""

    standing: Standing
    ready: int | None = None
    waiting: int | None = None
    agent: AgentState | None = None
    failures: tuple[Failure, ...] = ()
    talking: int = 0


@dataclass(slots=True)
class History:
    """How the last calls to a target went, oldest first, and the calls that are with it now."""

    failures: list[Failure] = field(default_factory=list)
    talking: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Floor:
    """What distribution says: agents by work number, calls that wait by queue, the queues' rules."""

    agents: Mapping[str, AgentView]
    waiting: Mapping[str, int]
    rules: Mapping[str, QueueRule]
    closed: Collection[str] = ()
    """Queues whose calls go elsewhere now."""


async def floor(acd: Acd, rules: Mapping[str, QueueRule], closed: Collection[str] = ()) -> Floor:
    """Ask distribution once for all of them. Raises PartUnavailable."""
    agents = {view.agent: view for view in await acd.agents()}
    return Floor(agents, await acd.queue_lengths(), rules, closed)


async def states(
    session: AsyncSession, found: Sequence[Destination], on_floor: Floor | None, *, now: datetime
) -> dict[str, TargetState]:
    """How each stands, by key. `on_floor` None: distribution does not answer."""
    histories: Mapping[str, History] = {}
    if any(not one.kind.ours for one in found):
        histories = await _histories(session, now)
    return {one.key: _state(one, on_floor, histories.get(one.key) or History(), now) for one in found}


def _state(one: Destination, on_floor: Floor | None, history: History, now: datetime) -> TargetState:
    if one.kind.ours:
        if on_floor is None:
            return TargetState(Standing.UNKNOWN)
        return _group(one, on_floor) if one.kind is TargetKind.QUEUE else _person(on_floor.agents.get(one.agent))
    failures = tuple(reversed(history.failures))
    if not one.open_now:
        standing = Standing.CLOSED
    elif failures and failures[0].why in _BUSY and now - failures[0].at < _STILL_BUSY:
        standing = Standing.BUSY
    elif len(failures) >= _FAILING and any(failure.why not in _BUSY for failure in failures[:_FAILING]):
        standing = Standing.FAILING
    else:
        standing = Standing.FREE
    return TargetState(standing, failures=failures[:_SHOWN], talking=len(history.talking))


def _group(one: Destination, on_floor: Floor) -> TargetState:
    """Free: somebody who qualifies at once is ready, and nobody waits before the call."""
    rule = on_floor.rules.get(one.queue)
    needs = rule.steps[0].needs if rule else ()
    members = [view for view in on_floor.agents.values() if any(need.met_by(view.groups) for need in needs)]
    here = [view for view in members if view.state is not AgentState.SIGNED_OUT]
    ready = sum(view.state is AgentState.READY for view in here)
    waiting = on_floor.waiting.get(one.queue, 0)
    if not one.open_now or one.queue in on_floor.closed or not here:
        standing = Standing.CLOSED
    else:
        standing = Standing.FREE if ready > waiting else Standing.BUSY
    return TargetState(standing, ready=ready, waiting=waiting)


def _person(view: AgentView | None) -> TargetState:
    state = view.state if view else AgentState.SIGNED_OUT
    match state:
        case AgentState.READY:
            standing = Standing.FREE
        case AgentState.SIGNED_OUT | AgentState.UNREACHABLE:
            standing = Standing.CLOSED
        case _:
            standing = Standing.BUSY
    return TargetState(standing, agent=state)


async def _histories(session: AsyncSession, now: datetime) -> dict[str, History]:
    """What the journal tells of calls to each target, by key."""
    rows = await session.execute(
        select(JournalRow.call_id, JournalRow.kind, JournalRow.fact, JournalRow.at, JournalRow.attributes)
        .where(JournalRow.kind.in_((Kind.ROUTED, Kind.ROUTE_FAILED, Kind.TALK)), JournalRow.at >= now - LOOK_BACK)
        .order_by(JournalRow.at, JournalRow.seq)
    )
    return read(((row.call_id, row.kind, row.fact, row.at, row.attributes) for row in rows), now)


def read(facts: Iterable[tuple[str, str, str, datetime, Mapping[str, Any]]], now: datetime) -> dict[str, History]:
    """Histories from facts in their order: call, kind, name, moment, attributes.

    That a target is called is one fact, what became of it the next. A talk with it wipes out the failures before; so
    does a routed call of which nothing bad was heard for a minute.
    """
    histories: dict[str, History] = {}
    routed: dict[tuple[str, str], tuple[str, datetime]] = {}
    called: dict[str, str] = {}
    for call, kind, fact, at, told in facts:
        about = fact.partition(":")[2]
        if kind == Kind.ROUTED:
            routed[call, about] = f"line:{told.get('number', '')}", at
        elif kind == Kind.ROUTE_FAILED:
            key, _ = routed.pop((call, about), ("", at))
            _failed(histories, key, at, str(told.get("outcome", "")))
        else:
            _talk(histories, called, call, at, told)
    for key, at in routed.values():
        if key in histories and now - at > _STILL_BUSY:
            histories[key].failures = [failure for failure in histories[key].failures if failure.at > at]
    return histories


def _talk(
    histories: dict[str, History], called: dict[str, str], call: str, at: datetime, told: Mapping[str, Any]
) -> None:
    state, key = told.get("state"), str(told.get("third") or "")
    if state in CALLING:
        if key:
            called[call] = key
        return
    before = called.pop(call, "")
    if key and state in _REACHED:
        history = histories.setdefault(key, History())
        history.failures.clear()
        history.talking.add(call)
        return
    if before:
        why = str(told.get("why") or "")
        if state not in OVER or state == TalkState.QUEUED:
            _failed(histories, before, at, why)
    if not key:
        # Whoever was with the call is no longer.
        for history in histories.values():
            history.talking.discard(call)


def _failed(histories: dict[str, History], key: str, at: datetime, why: str) -> None:
    if key and why not in _NOBODYS_FAULT:
        histories.setdefault(key, History()).failures.append(Failure(at, why))
