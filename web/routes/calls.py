"""Calls: the recent ones, and the story of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from calls import story
from calls.story import CallStory, CallSummary
from directory.models import Role
from directory.numbers import normalise
from hotline import ids
from web.access import Parts, roles
from web.problems import DOCUMENTED
from web.readings import Readings

router = APIRouter(
    prefix="/api/calls",
    tags=["calls"],
    responses=DOCUMENTED,
    dependencies=[
        roles(Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.VISIT_AGENT, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN)
    ],
)


class RecentCalls(BaseModel):
    """Newest first."""

    calls: list[CallSummary]


@router.get("/recent")
async def recent(
    reading: Readings,
    services: Parts,
    caller: Annotated[str | None, Query(max_length=64, description="Caller's number, in any form.")] = None,
    agent: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RecentCalls:
    """The newest calls, of everybody or of one caller or agent. That callers were shown or looked for is audited."""
    number = None if caller is None else normalise(caller, services.settings.site.area_code)
    work_number = None if agent is None else ids.agent_id(agent)
    calls = await story.recent_calls(reading.session, caller=number, agent=work_number, limit=limit)
    if number:
        await reading.searched("calls", found=len(calls), caller=number)
    else:
        await reading.listed("calls", (call.caller for call in calls))
    return RecentCalls(calls=calls)


@router.get("/{call}")
async def one(reading: Readings, call: Annotated[str, Path(max_length=64)]) -> CallStory:
    """Every fact of one call, oldest first. That its caller was shown is audited."""
    told = await story.story(reading.session, ids.call_id(call))
    await reading.listed(f"call:{call}", [told.summary.caller])
    return told
