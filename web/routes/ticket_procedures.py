"""法定程序, 补充询问, 不可抗力: what the time of the unit that leads depends on."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict

from ticketing import repository
from ticketing.handling.contacts import OF_THE_CENTRE
from ticketing.handling.records import Said
from ticketing.models import TicketRow
from ticketing.people import CENTRE, UNIT
from ticketing.procedures import force_majeure, questions, statutory
from ticketing.procedures.force_majeure import MAJEURE_MOVES
from ticketing.procedures.questions import QUESTION_MOVES
from ticketing.procedures.statutory import STATUTORY_MOVES, StatutoryReport, StatutorySaid
from ticketing.procedures.tables import MajeureRow, QuestionRow, StatutoryRow
from ticketing.procedures.words import (
    MajeureAction,
    MajeureState,
    QuestionAction,
    QuestionState,
    StatutoryAction,
    StatutoryKind,
    StatutoryState,
)
from ticketing.schemas import Actor
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.problems import DOCUMENTED
from web.readings import without_caller
from web.routes.ticket_parts import RecordId
from web.routes.tickets import READERS, Number, Version, check_reader, hides_caller

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class StatutoryAct(StatutorySaid):
    """One step of a procedure with what it needs."""

    action: StatutoryAction
    version: Version = None


class StatutoryOut(BaseModel):
    """A statutory procedure as it stands; its clock is among the ticket's."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    unit_id: int
    state: StatutoryState
    version: int
    kind: StatutoryKind
    basis: str
    entered_on: date
    document: str
    ends_on: date
    words: str
    reported_by: str
    reported_at: datetime
    state_term: str = ""
    kind_term: str = ""
    possible: list[StatutoryAction] = []


class QuestionIn(BaseModel):
    """What the unit must know."""

    model_config = ConfigDict(extra="forbid")

    words: questions.Words


class QuestionAct(Said):
    """One step of a question; the note of `answer` is what the citizen said."""

    action: QuestionAction
    version: Version = None


class QuestionOut(BaseModel):
    """A question to the citizen. `pauses`: the unit's limit stands still while it is open."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    unit_id: int
    state: QuestionState
    version: int
    words: str
    pauses: bool
    due_at: datetime
    asked_by: str
    asked_at: datetime
    answer: str
    closed_at: datetime | None
    state_term: str = ""
    possible: list[QuestionAction] = []


class MajeureIn(BaseModel):
    """What keeps the unit from acting."""

    model_config = ConfigDict(extra="forbid")

    facts: force_majeure.Facts


class MajeureAct(Said):
    """One step of a claim."""

    action: MajeureAction
    version: Version = None


class MajeureOut(BaseModel):
    """A claim of force majeure."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    unit_id: int
    state: MajeureState
    version: int
    facts: str
    claimed_by: str
    claimed_at: datetime
    state_term: str = ""
    possible: list[MajeureAction] = []


def _statutory(row: StatutoryRow, actor: Actor) -> StatutoryOut:
    out = StatutoryOut.model_validate(row)
    possible = STATUTORY_MOVES.possible(out.state, actor.roles, frozenset())
    taken_here = [one for one in possible if one not in statutory.WITH_THE_TICKET]
    return out.model_copy(update={"state_term": out.state.term, "kind_term": out.kind.term, "possible": taken_here})


def _question(row: QuestionRow, ticket: TicketRow, actor: Actor) -> QuestionOut:
    out = QuestionOut.model_validate(row)
    possible = QUESTION_MOVES.possible(out.state, actor.roles, questions.sides_of(row, actor))
    taken_here = [one for one in possible if one is not QuestionAction.LAPSE]
    hidden = hides_caller(ticket.confidentiality, actor)
    return out.model_copy(
        update={
            "state_term": out.state.term,
            "possible": taken_here,
            "answer": without_caller(out.answer, ticket) if hidden else out.answer,
        }
    )


def _majeure(row: MajeureRow, actor: Actor) -> MajeureOut:
    out = MajeureOut.model_validate(row)
    possible = list(MAJEURE_MOVES.possible(out.state, actor.roles, frozenset()))
    return out.model_copy(update={"state_term": out.state.term, "possible": possible})


@router.get("/{number}/statutory-procedures")
async def procedures(number: Number, actor: CurrentActor, session: Transaction) -> list[StatutoryOut]:
    """Statutory procedures of a ticket, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_statutory(row, actor) for row in await statutory.of(session, ticket.id)]


@router.post("/{number}/statutory-procedures", status_code=status.HTTP_201_CREATED, dependencies=[roles(*UNIT)])
async def enter(
    number: Number, body: StatutoryReport, actor: CurrentActor, session: Transaction, services: Parts
) -> StatutoryOut:
    """The unit that leads has entered the procedure (TH 16): from now on the law's own limit runs."""
    return _statutory(await statutory.report(session, number, body, actor, at=services.clock.now()), actor)


@router.post("/{number}/statutory-procedures/{procedure}/actions", dependencies=[roles(*CENTRE)])
async def act_statutory(
    number: Number,
    procedure: RecordId,
    body: StatutoryAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> StatutoryOut:
    """Accept it, refuse it (the general limit runs on), or prolong it by law."""
    row = await statutory.act(
        session,
        number,
        procedure,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=StatutorySaid.model_validate(body.model_dump(exclude={"action", "version"})),
    )
    return _statutory(row, actor)


@router.get("/{number}/questions")
async def asked(number: Number, actor: CurrentActor, session: Transaction) -> list[QuestionOut]:
    """Questions to the citizen, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_question(row, ticket, actor) for row in await questions.of(session, ticket.id)]


@router.post("/{number}/questions", status_code=status.HTTP_201_CREATED, dependencies=[roles(*UNIT)])
async def ask(
    number: Number, body: QuestionIn, actor: CurrentActor, session: Transaction, services: Parts
) -> QuestionOut:
    """The unit that leads asks the citizen; the centre asks on."""
    row = await questions.ask(session, number, body.words, actor, at=services.clock.now())
    return _question(row, await repository.row(session, number), actor)


@router.post("/{number}/questions/{question}/actions", dependencies=[roles(*(OF_THE_CENTRE | UNIT))])
async def act_question(
    number: Number,
    question: RecordId,
    body: QuestionAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> QuestionOut:
    """The centre writes the answer down; the unit takes its question back."""
    row = await questions.act(
        session,
        number,
        question,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=Said(note=body.note),
    )
    return _question(row, await repository.row(session, number), actor)


@router.get("/{number}/force-majeure")
async def claims(number: Number, actor: CurrentActor, session: Transaction) -> list[MajeureOut]:
    """Claims of force majeure, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_majeure(row, actor) for row in await force_majeure.of(session, ticket.id)]


@router.post("/{number}/force-majeure", status_code=status.HTTP_201_CREATED, dependencies=[roles(*UNIT)])
async def claim(
    number: Number, body: MajeureIn, actor: CurrentActor, session: Transaction, services: Parts
) -> MajeureOut:
    """The unit that leads cannot keep the hours of an urgent matter (TH 16)."""
    return _majeure(await force_majeure.claim(session, number, body.facts, actor, at=services.clock.now()), actor)


@router.post("/{number}/force-majeure/{majeure}/actions", dependencies=[roles(*CENTRE)])
async def act_majeure(
    number: Number,
    majeure: RecordId,
    body: MajeureAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> MajeureOut:
    """The centre finds it so (the general limit takes the place of the hours) or not."""
    row = await force_majeure.act(
        session,
        number,
        majeure,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=Said(note=body.note),
    )
    return _majeure(row, actor)
