"""The public part of the knowledge base: citizens search it without a login."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from ticketing.knowledge import finding
from web.access import Parts, Transaction
from web.problems import DOCUMENTED, Problem
from web.public_limits import per_minute
from web.routes.knowledge import Code, Question, today

router = APIRouter(
    prefix="/api/public/knowledge",
    tags=["knowledge"],
    responses=DOCUMENTED | {429: {"model": Problem, "description": "Too many questions from this address"}},
    dependencies=[per_minute("knowledge")],
)


class PublicAnswer(BaseModel):
    """An answer that holds today, as citizens see it."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    title: str
    answer: str
    category: str
    unit: str
    valid_until: date | None
    exact: bool


@router.get("")
async def search(
    q: Question,
    session: Transaction,
    services: Parts,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000)] = 0,
) -> list[PublicAnswer]:
    """Public answers that hold every word of the question, best first; where there is none, the nearest ones."""
    found = await finding.find(session, q, today=today(services), public_only=True, limit=limit, offset=offset)
    return [PublicAnswer.model_validate(one) for one in found]


@router.get("/{code}")
async def one(code: Code, session: Transaction, services: Parts) -> PublicAnswer:
    """What a public entry says today."""
    found = await finding.current(session, code, today=today(services), public_only=True)
    return PublicAnswer.model_validate(found)
