"""Rosters (排班): shifts of seats and of the units' experts (专家选派), who is due and missing, swaps (换班)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from acd import roster, roster_swaps
from acd.roster import NewShift, Shift
from acd.roster_swaps import Swap
from acd.roster_tables import SwapState
from directory import audit
from directory.models import Role
from hotline.errors import InvalidInput, NotAllowed
from ticketing.schemas import Moment
from web.access import CurrentAgent, CurrentSession, Parts, Transaction, roles
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/rosters", tags=["rosters"], responses=DOCUMENTED)

_CENTRE = (Role.SUPERVISOR, Role.ADMIN)
_UNITS = (Role.UNIT_HANDLER, Role.UNIT_HEAD)
_LONGEST = timedelta(days=92)
"""Longest span of one answer, and of one plan."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
WorkNumber = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Group = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Id = Annotated[int, Path(ge=1, lt=2**63)]
Weekday = Annotated[int, Field(ge=1, le=7)]


class ShiftOut(BaseModel):
    """A shift; moments with their zone, UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    agent: str
    name: str
    unit_id: int | None
    group: str
    starts_at: datetime
    ends_at: datetime
    note: str
    assigned_by: str


class MissingOut(BaseModel):
    """Somebody who is due and not signed in (未到岗)."""

    model_config = ConfigDict(from_attributes=True)

    shift: ShiftOut
    late_s: float


class SwapOut(BaseModel):
    """A swap (换班): `agent` gives the shift to `to_agent`; `back_...` is the one given for it, if any."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    agent: str
    name: str
    to_agent: str
    to_name: str
    shift_id: int
    group: str
    starts_at: datetime
    ends_at: datetime
    back_shift_id: int | None
    back_group: str | None
    back_starts_at: datetime | None
    back_ends_at: datetime | None
    reason: str
    state: SwapState
    asked_at: datetime
    decided_by: str | None


class Plan(BaseModel):
    """Shifts of the same hours for people and days: each person on each day of `weekdays` from `first` to `last`."""

    model_config = ConfigDict(extra="forbid")

    agents: Annotated[list[WorkNumber], Field(min_length=1, max_length=200)]
    group: Group
    first: date
    last: date
    weekdays: Annotated[list[Weekday], Field(min_length=1)] = [1, 2, 3, 4, 5, 6, 7]
    begins: Annotated[time, Field(description="Local time of the site.")]
    ends: Annotated[time, Field(description="Local; not after `begins` means on the next day.")]
    note: Text = ""


class SwapIn(BaseModel):
    """A wish to hand a shift to a colleague, for one of theirs if `back_shift_id` is given."""

    model_config = ConfigDict(extra="forbid")

    shift_id: Annotated[int, Field(ge=1, lt=2**63)]
    to_agent: WorkNumber
    back_shift_id: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    reason: Text = ""


def _planned(signed_in: CurrentSession) -> int | None:
    """The unit whose people are meant: a unit's staff lay down their own experts' shifts only, seat or no seat."""
    person = signed_in.person
    if not person.roles.isdisjoint(_CENTRE):
        return None
    if person.unit_id is None:
        raise NotAllowed("you belong to no unit")
    return person.unit_id


def _read(signed_in: CurrentSession) -> int | None:
    """Who sits here sees the roster, to swap; a unit's staff see their own experts."""
    return None if not signed_in.person.roles.isdisjoint({Role.AGENT, Role.EXPERT}) else _planned(signed_in)


Planned = Annotated[int | None, Depends(_planned)]
Read = Annotated[int | None, Depends(_read)]
PLANNERS = [roles(*_CENTRE, *_UNITS)]


@router.get("/shifts", response_model=list[ShiftOut], dependencies=[roles(*_CENTRE, *_UNITS, Role.AGENT, Role.EXPERT)])
async def shifts(
    session: Transaction,
    services: Parts,
    unit: Read,
    *,
    begin: Annotated[Moment | None, Query(description="With its zone; now if not given.")] = None,
    end: Annotated[Moment | None, Query(description="A week after `begin` if not given.")] = None,
    agent: Annotated[WorkNumber | None, Query()] = None,
    group: Annotated[Group | None, Query()] = None,
) -> list[Shift]:
    """Who is due when. A unit sees its own experts."""
    since = begin or services.clock.now()
    until = end or since + timedelta(days=7)
    if not timedelta(0) < until - since <= _LONGEST:
        raise InvalidInput(f"at most {_LONGEST.days} days at a time")
    return await roster.shifts(session, since, until, agent=agent, group=group, of_unit=unit)


@router.post("/shifts", response_model=list[ShiftOut], status_code=status.HTTP_201_CREATED, dependencies=PLANNERS)
async def plan(
    body: Plan, session: Transaction, services: Parts, signed_in: CurrentSession, unit: Planned
) -> list[Shift]:
    """Lay down shifts, all or none; a unit assigns its own experts (专家选派). Overlapping ones are refused."""
    if not timedelta(0) <= body.last - body.first <= _LONGEST:
        raise InvalidInput(f"from the first to the last day, at most {_LONGEST.days} days")
    zone = ZoneInfo(services.settings.site.timezone)
    days = [body.first + timedelta(days=n) for n in range((body.last - body.first).days + 1)]
    new = [
        NewShift(agent, body.group, *roster.local_span(day, body.begins, body.ends, zone), body.note)
        for day in days
        if day.isoweekday() in body.weekdays
        for agent in body.agents
    ]
    by, now = signed_in.person.login, services.clock.now()
    made = await roster.assign(session, new, by=by, now=now, of_unit=unit)
    await audit.record(
        session, at=now, actor=by, action="roster.assigned", subject=f"roster:{body.group}", after=[*map(_told, made)]
    )
    return made


@router.delete("/shifts/{shift_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=PLANNERS)
async def cancel(shift_id: Id, session: Transaction, services: Parts, signed_in: CurrentSession, unit: Planned) -> None:
    """Take a shift off the roster before it begins."""
    by, now = signed_in.person.login, services.clock.now()
    gone = await roster.cancel(session, shift_id, by=by, now=now, of_unit=unit)
    await audit.record(
        session, at=now, actor=by, action="roster.cancelled", subject=f"roster:{gone.group}", before=_told(gone)
    )


@router.get("/due", response_model=list[ShiftOut], dependencies=PLANNERS)
async def due(
    session: Transaction,
    services: Parts,
    unit: Planned,
    at: Annotated[Moment | None, Query(description="Moment with its zone; now if not given.")] = None,
) -> list[Shift]:
    """Whose shift it is."""
    return await roster.due(session, at or services.clock.now(), of_unit=unit)


@router.get("/missing", response_model=list[MissingOut], dependencies=PLANNERS)
async def missing(session: Transaction, services: Parts, unit: Planned) -> list[roster.Missing]:
    """Who is due now and not signed in, the latest first."""
    now = services.clock.now()
    return roster.missing(await roster.due(session, now, of_unit=unit), await services.acd.agents(), now)


@router.get("/swaps", response_model=list[SwapOut], dependencies=[roles(*_CENTRE, Role.AGENT, Role.EXPERT)])
async def swaps(
    session: Transaction,
    signed_in: CurrentSession,
    state: Annotated[list[SwapState] | None, Query(description="All if not given.")] = None,
) -> list[Swap]:
    """Swaps, the oldest wish first; agents see their own."""
    person = signed_in.person
    own = None if not person.roles.isdisjoint(_CENTRE) or person.agent is None else person.agent.work_number
    return await roster_swaps.swaps(session, *(state or ()), agent=own)


@router.post("/swaps", response_model=SwapOut, status_code=status.HTTP_201_CREATED)
async def ask(body: SwapIn, session: Transaction, services: Parts, agent: CurrentAgent) -> Swap:
    """Ask a colleague to take one's shift."""
    return await roster_swaps.ask(
        session,
        body.shift_id,
        by_agent=agent.work_number,
        to_agent=body.to_agent,
        back_shift_id=body.back_shift_id,
        reason=body.reason,
        now=services.clock.now(),
    )


@router.post("/swaps/{swap_id}/agree", response_model=SwapOut)
async def agree(swap_id: Id, session: Transaction, services: Parts, agent: CurrentAgent) -> Swap:
    """The colleague takes it on."""
    return await roster_swaps.agree(session, swap_id, by_agent=agent.work_number, now=services.clock.now())


@router.post("/swaps/{swap_id}/withdraw", response_model=SwapOut)
async def withdraw(swap_id: Id, session: Transaction, services: Parts, agent: CurrentAgent) -> Swap:
    """Who asked takes it back, or the colleague declines."""
    return await roster_swaps.withdraw(session, swap_id, by_agent=agent.work_number, now=services.clock.now())


@router.post("/swaps/{swap_id}/approve", response_model=SwapOut, dependencies=[roles(*_CENTRE)])
async def approve(swap_id: Id, session: Transaction, services: Parts, signed_in: CurrentSession) -> Swap:
    """The supervisor agrees: the shifts change hands."""
    swap = await roster_swaps.approve(session, swap_id, **_decides(signed_in), now=services.clock.now())
    return await _decided(session, swap, services)


@router.post("/swaps/{swap_id}/refuse", response_model=SwapOut, dependencies=[roles(*_CENTRE)])
async def refuse(swap_id: Id, session: Transaction, services: Parts, signed_in: CurrentSession) -> Swap:
    """The supervisor does not agree."""
    swap = await roster_swaps.refuse(session, swap_id, **_decides(signed_in), now=services.clock.now())
    return await _decided(session, swap, services)


async def _decided(session: Transaction, swap: Swap, services: Parts) -> Swap:
    """The decision, in the audit log too."""
    told = {name: getattr(swap, name) for name in ("id", "agent", "to_agent", "shift_id", "back_shift_id")}
    await audit.record(
        session,
        at=services.clock.now(),
        actor=swap.decided_by or "",
        action=f"roster.swap_{swap.state}",
        subject=f"roster:{swap.group}",
        after=told,
    )
    return swap


def _told(shift: Shift) -> dict[str, Any]:
    return {name: getattr(shift, name) for name in ("id", "agent", "starts_at", "ends_at")}


def _decides(signed_in: CurrentSession) -> dict[str, str]:
    person = signed_in.person
    return {"by": person.login} | ({"by_agent": person.agent.work_number} if person.agent else {})
