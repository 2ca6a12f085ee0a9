"""The floor (座席大厅): who talks, who is listened to; 监听 listen, 密语 whisper, 强插 barge, 拦截 take over, 强拆.

Commands are checked and audited here and carried out by the voice process that has the agent's call. What becomes of
one is told by `GET /api/floor` and, to a supervisor with a screen, by frames of kind `supervision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, status
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError

from acd.states import TALKS, AgentState
from calls.floor_board import FloorBoard, FloorRecord
from calls.supervising_states import SupervisionCommand, SupervisionState
from directory import teams, users
from hotline.errors import Conflict, InvalidInput, PartUnavailable
from hotline.feed import inbox_key
from web.access import CurrentSession, Parts, Transaction, actor_of, roles
from web.administration import Administration, Change, Reason
from web.problems import DOCUMENTED
from web.services import Services
from web.supervision_rights import SUPERVISORS, note, own_agents, require

router = APIRouter(prefix="/api/floor", tags=["supervision"], responses=DOCUMENTED, dependencies=[roles(*SUPERVISORS)])

WorkNumber = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="工号")]


class NoTalk(Conflict):
    """The agent is in no talk."""

    code = "supervision.no_talk"


class Elsewhere(Conflict):
    """The supervisor is in another agent's call."""

    code = "supervision.elsewhere"


class NotThere(Conflict):
    """The supervisor is not in this agent's call."""

    code = "supervision.not_there"


class PhoneMissing(InvalidInput):
    """No extension was given, and the supervisor has none."""

    code = "supervision.phone_missing"


class PhoneTaken(Conflict):
    """An agent sits at this phone."""

    code = "supervision.phone_taken"


class PartOut(BaseModel):
    """A supervisor's part in an agent's call. Moments are milliseconds since 1970-01-01 UTC; `why` is of the end, or of
    a step that came to nothing."""

    model_config = ConfigDict(from_attributes=True)

    supervisor: str
    agent: str
    call: str
    state: SupervisionState
    since_ms: int
    extension: str
    why: str


class SeatOut(BaseModel):
    """An agent on the floor, with the supervisors in the call."""

    agent: str
    name: str
    """Empty: nobody who may sign in has this work number any more."""
    team: str | None
    extension: str
    state: AgentState
    reason: str
    since_ms: int
    call: str | None
    queue: str
    supervised: list[PartOut]


class Floor(BaseModel):
    """The agents of one's teams, and one's own part in a call."""

    agents: list[SeatOut]
    own: PartOut | None


class Phone(BaseModel):
    """Where the supervisor is called."""

    model_config = ConfigDict(extra="forbid")

    extension: Annotated[str | None, Field(pattern=r"^[0-9]{2,8}$")] = None
    """分机; without it the one signed in at, else the own one."""


class HangUp(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Asked(BaseModel):
    """What is under way now, in which call."""

    call: str
    command: SupervisionCommand


@router.get("")
async def floor(session: Transaction, services: Parts, signed_in: CurrentSession) -> Floor:
    """Who is signed in, of one's teams: what they do and since when, and who listens."""
    own = await own_agents(session, services, signed_in)
    team_of = await teams.team_of_agents(session)
    names = {seat.work_number: seat.name for seat in await users.seats(session)}
    records = await _board(services).current()
    seats = [
        SeatOut(
            agent=view.agent,
            name=names.get(view.agent, ""),
            team=team_of.get(view.agent),
            extension=view.extension,
            state=view.state,
            reason=view.reason,
            since_ms=view.since_ms,
            call=view.call,
            queue=view.queue,
            supervised=[PartOut.model_validate(one) for one in records if one.agent == view.agent and not one.over],
        )
        for view in await services.acd.agents()
        if view.state is not AgentState.SIGNED_OUT and (own is None or view.agent in own)
    ]
    me = actor_of(signed_in).user
    part = next((PartOut.model_validate(one) for one in records if one.supervisor == me), None)
    return Floor(agents=seats, own=part)


@router.post("/{agent}/hang-up", status_code=status.HTTP_202_ACCEPTED)
async def hang_up(agent: WorkNumber, body: HangUp, change: Administration) -> Asked:
    """强拆: the agent's leg is hung up, the citizen is thanked."""
    command = SupervisionCommand.HANG_UP
    await _permitted(change, command, agent)
    return await _send(change, command, await _talk_of(change.services, agent), reason=body.reason)


@router.post("/{agent}/stop", status_code=status.HTTP_202_ACCEPTED)
async def stop(agent: WorkNumber, change: Administration) -> Asked:
    """End one's own part in the agent's call; after 拦截 that is the talk."""
    await users.of_work_number(change.session, agent)
    part = await _own_part(change)
    if part is None or part.agent != agent:
        raise NotThere("you are not in this agent's call")
    return await _send(change, SupervisionCommand.STOP, _Where(agent, part.call, part.process))


@router.post("/{agent}/{command}", status_code=status.HTTP_202_ACCEPTED)
async def supervise(
    agent: WorkNumber,
    command: Literal["listen", "whisper", "barge", "take-over"],
    body: Phone,
    change: Administration,
) -> Asked:
    """监听 密语 强插 拦截: calls the supervisor's phone, or changes what a supervisor who is in the call does there."""
    wanted = SupervisionCommand(command.replace("-", "_"))
    await _permitted(change, wanted, agent)
    part = await _own_part(change)
    if part is not None:
        if part.agent != agent:
            raise Elsewhere("you are in another agent's call", remedy="stop that first")
        return await _send(change, wanted, _Where(agent, part.call, part.process), extension=part.extension)
    where = await _talk_of(change.services, agent)
    return await _send(change, wanted, where, extension=await _phone(change, body.extension))


@dataclass(frozen=True, slots=True)
class _Where:
    """An agent's call, and the process that has it."""

    agent: str
    call: str
    process: str


def _board(services: Services) -> FloorBoard:
    return FloorBoard(services.redis, services.settings.site.id, services.clock)


async def _permitted(change: Change, command: SupervisionCommand, agent: str) -> None:
    await users.of_work_number(change.session, agent)
    await require(change.session, change.services, change.by, command.value, [agent])


async def _own_part(change: Change) -> FloorRecord | None:
    """What this supervisor does now, if it goes on."""
    records = await _board(change.services).current()
    return next((one for one in records if one.supervisor == change.actor and not one.over), None)


async def _talk_of(services: Services, agent: str) -> _Where:
    view = await services.acd.agent(agent)
    if view is None or view.call is None or view.state not in TALKS:
        raise NoTalk("this agent is in no talk")
    call = await services.acd.call(view.call)
    if call is None or call.offer is None:
        raise NoTalk("this talk is over")
    return _Where(agent, view.call, call.owner)


async def _phone(change: Change, given: str | None) -> str:
    """The supervisor's phone: nobody else's may ring for this."""
    me = change.by.person.agent
    here = [view for view in await change.services.acd.agents() if view.state is not AgentState.SIGNED_OUT]
    own = next((view.extension for view in here if me is not None and view.agent == me.work_number), None)
    extension = given or own or (me.extension if me is not None else None)
    if extension is None:
        raise PhoneMissing("say which phone is to ring", remedy="give the extension")
    if any(view.extension == extension and (me is None or view.agent != me.work_number) for view in here):
        raise PhoneTaken("an agent sits at this phone")
    return extension


async def _send(change: Change, command: SupervisionCommand, where: _Where, **more: Any) -> Asked:
    """Audited first, then asked of the process that has the call. Raises PartUnavailable: nothing was asked."""
    services = change.services
    told = {"call": where.call, **more}
    await note(services, change.by, f"supervision.{command.value}", f"agent:{where.agent}", told)
    message = {
        "type": "supervise",
        "agent": where.agent,
        "supervisor": change.actor,
        "command": command.value,
        "asked_ms": services.clock.now_ms(),
        **told,
    }
    try:
        await services.redis.lpush(inbox_key(services.settings.site.id, where.process), orjson.dumps(message))
    except RedisError:
        raise PartUnavailable("the voice process cannot be told") from None
    return Asked(call=where.call, command=command)
