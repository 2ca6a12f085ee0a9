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
from web.access import Parts, Transaction, roles
from web.problems import DOCUMENTED

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
    session: Transaction,
    services: Parts,
    caller: Annotated[str | None, Query(max_length=64, description="Caller's number, in any form.")] = None,
    agent: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RecentCalls:
    """The newest calls, of everybody or of one caller or agent."""
    number = None if caller is None else normalise(caller, services.settings.site.area_code)
    work_number = None if agent is None else ids.agent_id(agent)
    return RecentCalls(calls=await story.recent_calls(session, caller=number, agent=work_number, limit=limit))


@router.get("/{call}")
async def one(session: Transaction, call: Annotated[str, Path(max_length=64)]) -> CallStory:
    """Every fact of one call, oldest first."""
    return await story.story(session, ids.call_id(call))
