"""Which extension an agent's browser phone has."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.states import AgentState
from directory.models import AgentProfile
from directory.users import Agent
from hotline.errors import Conflict
from hotline.settings import Settings
from web.services import Services


class SeatTaken(Conflict):
    """Another agent sits there, or it is another agent's own."""

    code = "phone.seat_taken"


class PhoneKind(StrEnum):
    """What rings at a seat."""

    BROWSER = "browser"
    DESK = "desk"
    NONE = "none"


def kind_of(settings: Settings, extension: str | None) -> PhoneKind:
    """What rings at this extension of our Asterisk."""
    if not extension:
        return PhoneKind.NONE
    asterisk, number = settings.asterisk, int(extension)
    if asterisk.webrtc_from <= number < asterisk.webrtc_from + asterisk.webrtc_count:
        return PhoneKind.BROWSER
    if asterisk.extensions_from <= number < asterisk.extensions_from + asterisk.extensions_count:
        return PhoneKind.DESK
    return PhoneKind.NONE


async def extension_of(session: AsyncSession, services: Services, agent: Agent, wanted: str | None) -> str | None:
    """Where the agent sits; not signed in (签入) yet: the one `wanted`, or their own. Raises SeatTaken."""
    view = await services.acd.agent(agent.work_number)
    if view is not None and view.state is not AgentState.SIGNED_OUT and view.extension:
        if wanted not in (None, view.extension):
            raise SeatTaken("signed in at another extension", remedy="sign out (签出) first")
        return view.extension
    if wanted is None or wanted == agent.extension:
        return agent.extension
    await refuse_taken(session, services, wanted, but=agent.work_number)
    return wanted


async def refuse_taken(session: AsyncSession, services: Services, wanted: str, *, but: str = "") -> None:
    """Raises SeatTaken for an extension that is somebody's own, or at which somebody but this agent sits."""
    owners = select(AgentProfile.work_number).where(AgentProfile.default_extension == wanted)
    if await session.scalar(owners) is not None:
        raise SeatTaken("this extension is another agent's own")
    for other in await services.acd.agents():
        if other.extension == wanted and other.state is not AgentState.SIGNED_OUT and other.agent != but:
            raise SeatTaken("another agent sits at this extension")
