"""办理进度自助查询: a citizen asks how a ticket stands, without a login; a clerk gives out a new code (查询码)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from ticketing import people
from ticketing.procedures import answering
from ticketing.progress import typed_number
from ticketing.schemas import Body
from ticketing.visits import evaluating
from ticketing.visits.evaluating import Evaluation
from ticketing.vocabulary import Stage
from web.access import Parts, Work, roles
from web.administration import Administration, Reason
from web.problems import DOCUMENTED, Problem
from web.public_limits import ClientAddress, per_minute
from web.routes.tickets import Number

router = APIRouter(tags=["progress"], responses=DOCUMENTED)


class ProgressQuestion(BaseModel):
    """What a citizen was told at intake."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    number: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9 ]+$")] = Field(
        description="The ticket's number, with or without the letters at its beginning."
    )
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="The query code: six digits.")


class ProgressOut(BaseModel):
    """How a ticket stands."""

    number: str
    stage: Stage
    stage_term: str
    sentence: str
    """What the telephone reads aloud."""
    registered_at: datetime
    updated_at: datetime


class EvaluationIn(Evaluation):
    """A citizen's evaluation, with what shows that it is the citizen."""

    number: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9 ]+$")]
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class AskedOut(BaseModel):
    """What the unit that handles the matter must know (补充询问)."""

    id: int
    words: str
    asked_at: datetime
    due_at: datetime
    """Until when it waits."""


class AskedOfCitizenOut(BaseModel):
    """The question that waits for the citizen's answer; null: none does."""

    number: str
    question: AskedOut | None


class AnswerIn(ProgressQuestion):
    """A citizen's answer, with what shows that it is the citizen."""

    question: Annotated[int, Field(ge=1, lt=2**63, description="One of `POST /api/public/questions`.")]
    answer: Annotated[Body, Field(min_length=1, max_length=2_000)]


class NewCode(BaseModel):
    """Why there is a new code."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="Who asked for it, and how the citizen was known.")


class QueryCodeOut(BaseModel):
    """A query code, shown this once."""

    number: str
    typed_number: str
    """The digits that are typed on a telephone."""
    query_code: str


@router.post(
    "/api/public/progress",
    dependencies=[per_minute("progress")],
    responses={429: {"model": Problem, "description": "Too many questions from this address"}},
)
async def progress(question: ProgressQuestion, services: Parts, address: ClientAddress) -> ProgressOut:
    """How a ticket stands. One answer (404, `progress.refused`) to a wrong number, a wrong code, a ticket there is not
    and one that is locked after too many questions in vain."""
    found = await services.progress.look_up(question.number, question.code, way="web", caller=address)
    return ProgressOut(
        number=found.number,
        stage=found.stage,
        stage_term=found.stage.term,
        sentence=found.sentence,
        registered_at=found.registered_at,
        updated_at=found.updated_at,
    )


@router.post(
    "/api/public/evaluations",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[per_minute("evaluations")],
    responses={429: {"model": Problem, "description": "Too many from this address"}},
)
async def evaluate(body: EvaluationIn, services: Parts, address: ClientAddress) -> None:
    """A citizen evaluates how a ticket was handled (好差评), once for each handling, from the reply to the archive. The
    refusal (404, `progress.refused`) is that of progress."""
    found = await services.progress.look_up(body.number, body.code, way="web", caller=address)
    said = Evaluation.model_validate(body.model_dump(exclude={"number", "code"}))
    async with services.database.transaction() as session:
        await evaluating.own(session, found.number, said, at=services.clock.now())


@router.post(
    "/api/public/questions",
    dependencies=[per_minute("questions")],
    responses={429: {"model": Problem, "description": "Too many questions from this address"}},
)
async def questions(question: ProgressQuestion, services: Parts, address: ClientAddress) -> AskedOfCitizenOut:
    """What the unit asks the citizen of a ticket. The refusal (404, `progress.refused`) is that of progress."""
    found = await services.progress.look_up(question.number, question.code, way="web", caller=address)
    async with services.database.transaction() as session:
        row = await answering.asked(session, found.number)
    asked = None if row is None else AskedOut(id=row.id, words=row.words, asked_at=row.asked_at, due_at=row.due_at)
    return AskedOfCitizenOut(number=found.number, question=asked)


@router.post(
    "/api/public/answers",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[per_minute("answers")],
    responses={429: {"model": Problem, "description": "Too many from this address"}},
)
async def answer(body: AnswerIn, services: Parts, address: ClientAddress) -> None:
    """A citizen answers the unit's question, as by telephone: what the unit's time does is the same. 409 with
    `ticket.no_question_open` once nobody waits for it. The refusal (404, `progress.refused`) is that of progress."""
    found = await services.progress.look_up(body.number, body.code, way="web", caller=address)
    async with services.database.transaction() as session:
        await answering.own(session, found.number, body.question, body.answer, at=services.clock.now())


@router.post("/api/tickets/{number}/query-code", dependencies=[roles(*people.RATERS)])
async def new_code(number: Number, body: NewCode, change: Administration, work: Work) -> QueryCodeOut:
    """A new query code for a citizen who has lost it or was never told one; the former is void, a lock is lifted."""
    services = change.services
    desk = services.progress
    code = await desk.codes.again(change.session, number, by=change.actor, at=services.clock.now())
    work.afterwards(lambda: desk.lift_lock(number))
    await change.record("ticket.query_code", f"ticket:{number}", after={"reason": body.reason})
    return QueryCodeOut(number=number, typed_number=typed_number(number, services.settings.site.id), query_code=code)
