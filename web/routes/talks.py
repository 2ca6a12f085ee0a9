"""Talks: hold, consult, three-way, transfer, take back. What came of it is told on the agent's screen (`talk`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, ConfigDict, Field

from calls.handover import LONGEST_LOCATION, LONGEST_SUMMARY, SAYABLE
from calls.talk.states import Command
from hotline import ids
from hotline.errors import InvalidInput
from web.access import CurrentAgent, Parts
from web.problems import DOCUMENTED
from web.routes.agents import in_epoch

router = APIRouter(prefix="/api/talks", tags=["talks"], responses=DOCUMENTED)

_WITH_TARGET = frozenset({Command.CONSULT, Command.THREE_WAY, Command.BLIND})


class TargetMissing(InvalidInput):
    """Whom to call was not said."""

    code = "talk.target_missing"


class Asked(BaseModel):
    """With whom, or where to."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, Field(pattern=r"^[a-z]{1,16}:[A-Za-z0-9_-]{1,48}$")] | None = Field(
        None, description="The directory's key, e.g. line:12366; for consult, three_way and blind."
    )
    queue: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] | None = Field(
        None, description="The group's queue; for to_queue."
    )
    menu: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] | None = Field(
        None, description="The menu the citizen goes through; for to_menu."
    )
    ticket: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,40}$")] = Field(
        "", description="Goes with the call (数据随话务); empty: the newest that the call is linked to."
    )
    summary: Annotated[str, Field(max_length=LONGEST_SUMMARY, pattern=SAYABLE)] = ""
    location: Annotated[str, Field(max_length=LONGEST_LOCATION, pattern=SAYABLE)] = ""


class LostPhone(BaseModel):
    """Told to the process that has the call."""

    call: str


class AskedFor(BaseModel):
    """Told to the process that has the call."""

    call: str
    command: Command


@router.post("/{call}/phone-lost", status_code=status.HTTP_202_ACCEPTED)
async def phone_lost(call: Annotated[str, Path(max_length=64)], agent: CurrentAgent, services: Parts) -> LostPhone:
    """The agent's page was loaded anew, or opened elsewhere: the leg to its phone is dead, and Asterisk would notice
    seconds later. It is ended, and the citizen rings the same agent again. Refused if the agent is not in the talk."""
    message = {"type": "phone_lost"}
    await in_epoch(services.acd, lambda: services.acd.say(ids.call_id(call), agent.work_number, message))
    return LostPhone(call=call)


@router.post("/{call}/{command}", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    call: Annotated[str, Path(max_length=64)],
    command: Command,
    agent: CurrentAgent,
    services: Parts,
    body: Asked | None = None,
) -> AskedFor:
    """Ask for something in the agent's own talk. Refused if the agent is not in it; whatever else is in the way, and
    every change of the talk, comes as a frame."""
    asked = body or Asked()
    if (asked.target is None) is (command in _WITH_TARGET):
        raise TargetMissing("say whom to call, for consult, three_way and blind only", remedy="GET /api/targets")
    if (asked.queue is None) is (command is Command.TO_QUEUE):
        raise TargetMissing("say which queue, for to_queue only", remedy="GET /api/queues")
    if (asked.menu is None) is (command is Command.TO_MENU):
        raise TargetMissing("say which menu, for to_menu only", remedy="GET /api/menus")
    message = {"type": "talk", "command": command.value, "target": asked.target or "", "queue": asked.queue or ""}
    message |= {"menu": asked.menu or ""}
    message |= {"ticket": asked.ticket, "summary": asked.summary, "location": asked.location}
    await in_epoch(services.acd, lambda: services.acd.say(ids.call_id(call), agent.work_number, message))
    return AskedFor(call=call, command=command)
