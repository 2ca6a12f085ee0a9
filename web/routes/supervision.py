"""What is done by hand in distribution: waiting calls are picked, moved and released, agents' states forced (班长)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from acd import presence
from acd.errors import UnknownQueue
from acd.model import AgentView, CallView
from acd.presence import Presence
from acd.queue_store import UnknownQueueRule
from acd.states import AgentState
from directory import users
from directory.models import Role
from hotline import ids
from hotline.errors import Conflict, InvalidInput, NotAllowed
from web.access import CurrentSession, Parts, roles
from web.administration import Administration, Reason
from web.problems import DOCUMENTED
from web.routes.agents import AgentOut, in_epoch
from web.supervision_rights import require

router = APIRouter(prefix="/api/supervision", tags=["supervision"], responses=DOCUMENTED)

_SUPERVISORS = (Role.SUPERVISOR, Role.ADMIN)
WorkNumber = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="工号")]
Call = Annotated[str, Path(max_length=64)]


class WaitingOut(BaseModel):
    """A call that waits. Moments are milliseconds since 1970-01-01 UTC; whose call it is stays with who answers it."""

    call: str
    queue: str
    position: int
    """From 1, in its queue."""
    hotline: str
    entered_ms: int
    place_ms: int
    """The time that gives its place: that of the entry, less the head start."""
    waited_ms: int
    groups: list[str]
    """The needs of which an agent must meet one now."""
    prefer: str
    """The agent it waits for alone; empty: none."""

    @classmethod
    def of(cls, view: CallView, position: int, now_ms: int) -> Self:
        """As the API tells of a waiting call."""
        return cls(
            call=view.call,
            queue=view.queue,
            position=position,
            hotline=view.hotline,
            entered_ms=view.entered_ms,
            place_ms=view.place_ms,
            waited_ms=max(0, now_ms - view.queued_ms),
            groups=list(view.groups),
            prefer=view.prefer,
        )


class Pick(BaseModel):
    """Who gets the call; an agent who leaves it out takes it themselves."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] | None = None


class Move(BaseModel):
    """Where to."""

    model_config = ConfigDict(extra="forbid")

    queue: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class Forced(StrEnum):
    """A state that a supervisor can put an agent into."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    SIGNED_OUT = "SIGNED_OUT"


class Force(BaseModel):
    """The state and why."""

    model_config = ConfigDict(extra="forbid")

    state: Forced
    reason: Reason


@router.get("/waiting", dependencies=[roles(Role.AGENT, Role.EXPERT, *_SUPERVISORS)])
async def waiting(
    services: Parts, queue: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] = None
) -> list[WaitingOut]:
    """The calls that wait, of one queue or of all, by queue and place."""
    now_ms = services.clock.now_ms()
    names = [queue] if queue else list(await services.acd.queue_lengths())
    return [
        WaitingOut.of(view, position, now_ms)
        for name in names
        for position, view in enumerate(await services.acd.waiting(name), start=1)
    ]


@router.post(
    "/waiting/{call}/pick",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[roles(Role.AGENT, Role.EXPERT, *_SUPERVISORS)],
)
async def pick(call: Call, body: Pick, signed_in: CurrentSession, change: Administration) -> None:
    """A waiting call goes to this very agent, whoever else waits. Agents pick for themselves, supervisors for their
    teams."""
    own = signed_in.person.agent.work_number if signed_in.person.agent else None
    agent = body.agent or own
    if agent is None:
        raise InvalidInput("say which agent gets the call", remedy="only an agent may leave it out")
    if agent != own:
        if signed_in.person.roles.isdisjoint(_SUPERVISORS):
            raise NotAllowed("an agent picks calls for nobody else")
        await require(change.session, change.services, signed_in, "assign", [agent])
    acd, name = change.services.acd, ids.call_id(call)
    await change.record("call.picked", f"call:{name}", None, {"agent": agent})
    await in_epoch(acd, lambda: acd.pick(name, agent))


@router.post("/waiting/{call}/move", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_SUPERVISORS)])
async def move(call: Call, body: Move, change: Administration) -> None:
    """A waiting call goes into another queue, with its place and the time it has waited."""
    acd, name = change.services.acd, ids.call_id(call)
    view = await acd.call(name)
    await change.record("call.moved", f"call:{name}", {"queue": view.queue} if view else None, {"queue": body.queue})
    try:
        await in_epoch(acd, lambda: acd.move(name, body.queue))
    except UnknownQueue:
        raise UnknownQueueRule("no such queue") from None


@router.post("/waiting/{call}/release", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_SUPERVISORS)])
async def release(call: Call, change: Administration) -> None:
    """A call that waits for one agent alone is open to all who qualify."""
    acd, name = change.services.acd, ids.call_id(call)
    await change.record("call.released", f"call:{name}")
    await in_epoch(acd, lambda: acd.release(name))


@router.post("/agents/{agent}/state", response_model=AgentOut, dependencies=[roles(*_SUPERVISORS)])
async def force(agent: WorkNumber, body: Force, change: Administration) -> AgentView:
    """Put an agent of the own teams who is signed in into a state; in a call it takes effect after it."""
    session, acd = change.session, change.services.acd
    await users.of_work_number(session, agent)
    await require(session, change.services, change.by, "force", [agent])
    before = await acd.agent(agent)
    if before is None or before.state is AgentState.SIGNED_OUT:
        raise Conflict("this agent is not signed in")
    wanted = AgentState(body.state)
    kept = Presence(agent, before.extension, before.groups, wanted, body.reason)
    await presence.save(session, kept, change.services.clock)
    told = {"state": before.state.value, "reason": before.reason}
    await change.record("agent.forced", f"agent:{agent}", told, {"state": body.state.value, "reason": body.reason})

    async def step() -> None:
        match wanted:
            case AgentState.READY:
                await acd.set_ready(agent)
            case AgentState.NOT_READY:
                await acd.set_not_ready(agent, body.reason)
            case _:
                await acd.sign_out(agent, body.reason)

    # Last, for it cannot be taken back: what fails before leaves distribution as it was.
    await in_epoch(acd, step)
    return await acd.agent(agent) or before
