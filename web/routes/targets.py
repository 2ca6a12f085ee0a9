"""Whom a call can be transferred to (转接对象), with the state each is in now; and the numbers of a line's target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from acd.opening import load_openings, queue_now
from acd.states import AgentState
from calls import target_states
from calls.target_states import Standing, TargetState
from directory import lines, repository, targets, users
from directory.lines import NewTarget
from directory.models import Hotline, Role
from directory.models.lines import RING_SECONDS, TARGET_ENDPOINT, TARGET_USER
from directory.targets import Destination, TargetKind
from hotline.errors import PartUnavailable
from web.access import Parts, Transaction, Work, roles
from web.administration import Administration, known_queues
from web.conditional import Expected, tagged
from web.problems import DOCUMENTED
from web.services import Services

router = APIRouter(prefix="/api/targets", tags=["targets"], responses=DOCUMENTED)

_READERS = (Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.DISPATCHER, Role.VISIT_AGENT, Role.ADMIN)

Key = Annotated[str, Path(pattern=r"^[a-z]{1,16}:[A-Za-z0-9_+-]{1,48}$", description="As line:12366.")]


class FailureOut(BaseModel):
    """A call to the target that did not reach it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    why: str


class TargetOut(BaseModel):
    """A target as an agent chooses it. `numbers`: how many are tried; 0 for our own people, and who is closed."""

    key: str
    kind: TargetKind
    kind_term: str
    name: str
    unit: str
    open_now: bool
    numbers: int
    ring_seconds: int
    data: bool
    """Whether data go with the call (数据随话务)."""
    standing: Standing
    ready: int | None
    """Ready agents of a group."""
    waiting: int | None
    """Calls that wait in it."""
    agent: AgentState | None
    """What one person of ours is doing."""
    talking: int
    """Our calls that are with it now."""
    failures: list[FailureOut]
    """Since a call went well, newest first."""


class Number(BaseModel):
    """A number to try: a trunk of the settings, and what is dialled there."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    endpoint: Annotated[str, Field(pattern=f"^{TARGET_ENDPOINT}$")]
    user: Annotated[str, Field(pattern=f"^{TARGET_USER}$")]
    ring_seconds: Annotated[int, Field(ge=RING_SECONDS[0], le=RING_SECONDS[-1])] = 20
    schedule: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Name of the hours in which it answers; none: always."""


@router.get("", dependencies=[roles(*_READERS)])
async def listed(
    session: Transaction,
    services: Parts,
    name: Annotated[str, Query(max_length=64, description="Part of the name, the number or the unit.")] = "",
    kind: Annotated[list[TargetKind] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[TargetOut]:
    """Emergency desks first, then lines, platforms, groups, contacts, people; closed ones included."""
    wanted = name.strip().casefold()
    found = [
        one
        for one in await _all(session, services)
        if (not kind or one.kind in kind) and (not wanted or wanted in f"{one.name} {one.unit} {one.key}".casefold())
    ]
    return await _with_state(session, services, found[:limit])


@router.get("/trunks", dependencies=[roles(Role.ADMIN)])
async def trunks(services: Parts) -> list[str]:
    """Names of the trunks that a number can be dialled on, as the settings have them."""
    return [one.name for one in services.settings.asterisk.trunks]


@router.get("/{key}", dependencies=[roles(*_READERS)])
async def one_target(key: Key, session: Transaction, services: Parts) -> TargetOut:
    """One target."""
    found = next((one for one in await _all(session, services) if one.key == key), None)
    if found is None:
        raise targets.UnknownTarget("no such transfer target now")
    return (await _with_state(session, services, [found]))[0]


@router.get("/lines/{number}/numbers", dependencies=[roles(Role.ADMIN)])
async def numbers(number: str, session: Transaction, services: Parts, response: Response) -> list[Number]:
    """A line's numbers, in the order to try them. Its ETag is the directory's version, which a change of them names."""
    tagged(response, await repository.version(session))
    return await _numbers(session, await lines.get(session, number, services.settings.site.area_code))


@router.put("/lines/{number}/numbers", dependencies=[roles(Role.ADMIN)])
async def save_numbers(
    *,
    number: str,
    body: Annotated[list[Number], Field(max_length=20)],
    expected: Expected,
    change: Administration,
    work: Work,
    response: Response,
) -> list[Number]:
    """Replace a line's numbers. Those of an emergency desk are in the dialplan too: `hotline asterisk apply`."""
    session, services = change.session, change.services
    now = services.clock.now()
    await lines.rest_on(session, expected.version(None), now=now)
    line = await lines.get(session, number, services.settings.site.area_code)
    before = await _numbers(session, line)
    await lines.set_targets(session, line, [NewTarget(**one.model_dump()) for one in body], now=now)
    tagged(response, await repository.version(session))
    await change.record(
        "line.targets_saved",
        f"line:{line.number}",
        [one.model_dump() for one in before],
        [one.model_dump() for one in body],
    )
    work.afterwards(lambda: _taken_over(services))
    return body


async def _taken_over(services: Services) -> None:
    """This process' lists show the change to who made it; other processes see it seconds later."""
    await services.directory.refresh()


async def _numbers(session: AsyncSession, line: Hotline) -> list[Number]:
    return [Number.model_validate(one) for one in await lines.targets_of(session, line)]


async def _all(session: AsyncSession, services: Services) -> list[Destination]:
    queues = {queue: one.rule.name for queue, one in (await known_queues(session, services)).items()}
    now = services.clock.now()
    return targets.targets(services.directory.snapshot, now, seats=await users.seats(session), queues=queues)


async def _with_state(session: AsyncSession, services: Services, found: Sequence[Destination]) -> list[TargetOut]:
    now = services.clock.now()
    on_floor = None
    if any(one.kind.ours for one in found):
        rules = {queue: one.rule for queue, one in (await known_queues(session, services)).items()}
        openings = await load_openings(session)
        closed = {queue for queue in rules if queue_now(queue, now, openings) != queue}
        try:
            on_floor = await target_states.floor(services.acd, rules, closed)
        except PartUnavailable:
            on_floor = None
    known = await target_states.states(session, found, on_floor, now=now)
    return [_out(one, known[one.key]) for one in found]


def _out(one: Destination, state: TargetState) -> TargetOut:
    return TargetOut(
        key=one.key,
        kind=one.kind,
        kind_term=one.kind.chinese,
        name=one.name,
        unit=one.unit,
        open_now=one.open_now,
        numbers=len(one.numbers),
        ring_seconds=one.ring_seconds,
        data=one.kind.ours or bool(one.partner),
        standing=state.standing,
        ready=state.ready,
        waiting=state.waiting,
        agent=state.agent,
        talking=state.talking,
        failures=[FailureOut.model_validate(failure) for failure in state.failures],
    )
