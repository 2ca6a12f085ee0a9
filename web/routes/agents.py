"""Agents: sign in with an extension, ready, not ready, sign out, end of wrap-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from acd import presence
from acd.errors import EpochChanged
from acd.model import AgentView
from acd.presence import Presence
from acd.service import Acd
from acd.states import AgentState
from directory.models import Role
from hotline.errors import Conflict, InvalidInput, PartUnavailable
from web.access import CurrentAgent, Parts, Transaction, roles
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/agents", tags=["agents"], responses=DOCUMENTED)


class NotReadyReasonMissing(InvalidInput):
    """示忙 needs a reason."""

    code = "agent.reason_missing"


class NotReadyReasonUnknown(InvalidInput):
    """The line has a list of what an agent may be not ready for; figures are kept by it."""

    code = "agent.reason_unknown"


class ExtensionMissing(InvalidInput):
    """No extension was given and the agent has no seat of their own."""

    code = "agent.extension_missing"


class AgentOut(BaseModel):
    """An agent as distribution sees it; moments are milliseconds since 1970-01-01 UTC."""

    model_config = ConfigDict(from_attributes=True)

    agent: str
    extension: str
    groups: dict[str, int]
    state: AgentState
    reason: str
    since_ms: int
    pending: AgentState | None
    deadline_ms: int | None
    call: str | None


class SignIn(BaseModel):
    """签入 at a seat."""

    model_config = ConfigDict(extra="forbid")

    extension: Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")] | None = Field(
        None, description="分机; without it the agent's own seat."
    )


class NotReady(BaseModel):
    """示忙 with its reason, e.g. 小休."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MoreTime(BaseModel):
    """So many seconds more."""

    model_config = ConfigDict(extra="forbid")

    seconds: int = Field(ge=1, le=600)


def _one_of(services: Parts) -> str:
    return f"one of {'、'.join(services.settings.acd.not_ready_reasons)}"


async def in_epoch(acd: Acd, step: Callable[[], Awaitable[object]]) -> None:
    """Take a step of distribution; joins the site's epoch first if it has changed since this process joined one.

    Raises PartUnavailable while no voice process has opened one.
    """
    try:
        await step()
    except EpochChanged:
        await acd.load()
        try:
            await step()
        except EpochChanged:
            raise PartUnavailable(
                "distribution has not begun", remedy="start a voice process: hotline run voice"
            ) from None


async def _view(acd: Acd, agent: str) -> AgentView:
    view = await acd.agent(agent)
    if view is None:
        return AgentView(
            agent=agent,
            extension="",
            host="",
            queue="",
            groups={},
            state=AgentState.SIGNED_OUT,
            reason="",
            since_ms=0,
            idle_since_ms=0,
            pending=None,
            pending_reason="",
            deadline_ms=None,
            call=None,
            reservation=None,
        )
    return view


async def _keep(
    session: Transaction, services: Parts, view: AgentView, wanted: AgentState, reason: str = ""
) -> AgentView:
    """What the agent asked for outlives Redis."""
    await presence.save(session, Presence(view.agent, view.extension, view.groups, wanted, reason), services.clock)
    return view


@router.get("", response_model=list[AgentOut], dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)])
async def list_agents(services: Parts) -> list[AgentView]:
    """Every agent distribution knows."""
    return await services.acd.agents()


@router.get("/me", response_model=AgentOut)
async def me(agent: CurrentAgent, services: Parts) -> AgentView:
    """The agent's own state."""
    return await _view(services.acd, agent.work_number)


@router.post("/me/sign-in", response_model=AgentOut)
async def sign_in(body: SignIn, agent: CurrentAgent, session: Transaction, services: Parts) -> AgentView:
    """签入: not ready at first. An older session of the same agent ends; a seat in use by another is refused."""
    extension = body.extension or agent.extension
    if extension is None:
        raise ExtensionMissing("no extension was given and the agent has none", remedy="name the seat's extension")
    await in_epoch(services.acd, lambda: services.acd.sign_in(agent.work_number, extension, agent.groups))
    view = await _view(services.acd, agent.work_number)
    return await _keep(session, services, view, AgentState.NOT_READY, "signed_in")


@router.post("/me/ready", response_model=AgentOut)
async def ready(agent: CurrentAgent, session: Transaction, services: Parts) -> AgentView:
    """示闲. In a call it takes back what was asked for after it."""
    await in_epoch(services.acd, lambda: services.acd.set_ready(agent.work_number))
    return await _keep(session, services, await _view(services.acd, agent.work_number), AgentState.READY)


@router.post("/me/not-ready", response_model=AgentOut)
async def not_ready(body: NotReady, agent: CurrentAgent, session: Transaction, services: Parts) -> AgentView:
    """示忙. In a call it takes effect after it."""
    if not body.reason:
        raise NotReadyReasonMissing("say why", remedy=_one_of(services))
    if body.reason not in services.settings.acd.not_ready_reasons:
        raise NotReadyReasonUnknown("no such reason", remedy=_one_of(services))
    await in_epoch(services.acd, lambda: services.acd.set_not_ready(agent.work_number, body.reason))
    return await _keep(
        session, services, await _view(services.acd, agent.work_number), AgentState.NOT_READY, body.reason
    )


@router.get(
    "/reasons", response_model=list[str], dependencies=[roles(Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.ADMIN)]
)
async def reasons(services: Parts) -> list[str]:
    """What an agent may be not ready (示忙) for."""
    return list(services.settings.acd.not_ready_reasons)


@router.post("/me/extend-wrap-up", response_model=AgentOut)
async def extend_wrap_up(body: MoreTime, agent: CurrentAgent, services: Parts) -> AgentView:
    """More time for 话后整理, up to the queue's longest; refused in another state and at the longest."""
    await in_epoch(services.acd, lambda: services.acd.extend_wrap_up(agent.work_number, body.seconds * 1000))
    return await _view(services.acd, agent.work_number)


@router.post("/me/end-wrap-up", response_model=AgentOut)
async def end_wrap_up(agent: CurrentAgent, services: Parts) -> AgentView:
    """话后整理 is done before its time; nothing happens in another state."""
    await in_epoch(services.acd, lambda: services.acd.end_wrap_up(agent.work_number))
    return await _view(services.acd, agent.work_number)


@router.post("/me/sign-out", response_model=AgentOut)
async def sign_out(agent: CurrentAgent, session: Transaction, services: Parts) -> AgentView:
    """签出. In a call it takes effect after it. Signing out twice is no fault."""

    async def step() -> None:
        try:
            await services.acd.sign_out(agent.work_number)
        except Conflict:
            if (await _view(services.acd, agent.work_number)).state is not AgentState.SIGNED_OUT:
                raise

    await in_epoch(services.acd, step)
    return await _keep(session, services, await _view(services.acd, agent.work_number), AgentState.SIGNED_OUT)
