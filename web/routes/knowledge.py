"""The knowledge base (知识库) for who answers citizens: search, the answer in force, error reports, what was used."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from ticketing import people
from ticketing.knowledge import answers, editing, finding
from ticketing.knowledge.finding import Found, Staleness
from ticketing.knowledge.schemas import EntryCode, Note, Report
from ticketing.schemas import CallId, UnitId
from web.access import CurrentActor, Parts, Transaction, roles
from web.problems import DOCUMENTED
from web.services import Services

router = APIRouter(tags=["knowledge"], responses=DOCUMENTED)

_READERS = tuple(Role)
_USERS = people.RATERS
_OF_CALLS = _USERS | {Role.INSPECTOR, Role.AUDITOR, Role.ADMIN}
_KEEPERS = editing.WRITERS | {Role.INSPECTOR, Role.AUDITOR, Role.ADMIN}

Code = Annotated[EntryCode, Path(description="The entry's code.")]
Question = Annotated[str, Query(min_length=1, max_length=60, description="What is asked for, in Chinese.")]


class AnswerOut(BaseModel):
    """An answer that holds today."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    version: int
    title: str
    answer: str
    spoken: str
    category: str
    unit: str
    public: bool
    valid_from: date
    valid_until: date | None
    review_on: date
    exact: bool
    """Whether it holds all that was asked for as it was typed; false: only much of it."""


class StaleOut(BaseModel):
    """An entry that somebody has to look at, and why."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    title: str
    unit: str
    review_on: date
    valid_until: date | None
    open_reports: int
    why: tuple[Staleness, ...]


class ReportIn(BaseModel):
    """纠错: what is wrong with a version."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, lt=2**31)
    note: Note


class UseIn(BaseModel):
    """An answer was given in a call."""

    model_config = ConfigDict(extra="forbid")

    call: CallId


class UseOut(BaseModel):
    """An answer that was given in a call, in the version of that time."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    version: int
    title: str
    by: str
    """A work number (工号), or `menu`: read aloud by the telephone."""
    at: datetime


def today(services: Services) -> date:
    """The city's day."""
    return answers.today(services.clock.now(), ZoneInfo(services.settings.site.timezone))


def out(found: Found) -> AnswerOut:
    """As the API gives it."""
    return AnswerOut.model_validate(found)


@router.get("/api/knowledge", dependencies=[roles(*_READERS)])
async def search(
    *,
    q: Question,
    session: Transaction,
    services: Parts,
    unit_id: Annotated[UnitId | None, Query()] = None,
    category: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> list[AnswerOut]:
    """Answers that hold every word of the question, best first; where there is none, the nearest ones."""
    found = await finding.find(
        session, q, today=today(services), unit_id=unit_id, category=category, limit=limit, offset=offset
    )
    return [out(one) for one in found]


@router.get("/api/knowledge/stale", dependencies=[roles(*_KEEPERS)])
async def stale(actor: CurrentActor, session: Transaction, services: Parts) -> list[StaleOut]:
    """What has to be looked at, the longest overdue first. People of a unit see their unit's."""
    own = None if actor.roles & (_KEEPERS - editing.OF_ITS_UNIT) else actor.unit_id
    found = await finding.stale(session, today=today(services), unit_id=own)
    return [StaleOut.model_validate(one) for one in found]


@router.get("/api/knowledge/entries/{code}/answer", dependencies=[roles(*_READERS)])
async def answer(code: Code, session: Transaction, services: Parts) -> AnswerOut:
    """What the entry says today; 404 when it has no answer that holds."""
    return out(await finding.current(session, code, today=today(services)))


@router.post(
    "/api/knowledge/entries/{code}/reports", status_code=status.HTTP_201_CREATED, dependencies=[roles(*_READERS)]
)
async def report(code: Code, body: ReportIn, actor: CurrentActor, session: Transaction, services: Parts) -> Report:
    """纠错: tell who keeps the entry that it is wrong."""
    return await editing.report(
        session, code, version=body.version, note=body.note, by=actor.user, at=services.clock.now()
    )


@router.post(
    "/api/knowledge/entries/{code}/uses", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_USERS)]
)
async def used(code: Code, body: UseIn, actor: CurrentActor, session: Transaction, services: Parts) -> None:
    """Keep that this answer, as it is today, was given in a call."""
    found = await finding.current(session, code, today=today(services))
    await answers.record_use(
        session, call=body.call, version_id=found.version_id, by=actor.user, at=services.clock.now()
    )


@router.get("/api/calls/{call}/answers", dependencies=[roles(*_OF_CALLS)])
async def given(call: CallId, session: Transaction) -> list[UseOut]:
    """Which answers were given in a call, in order."""
    return [UseOut.model_validate(one) for one in await answers.uses_of(session, call)]
