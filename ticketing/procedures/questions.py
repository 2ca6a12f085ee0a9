"""补充询问: the lead unit asks the citizen for what it must know; the centre asks on and writes the answer down, or
the citizen answers online (`answering`).

The unit's time goes on meanwhile, unless the city's policy lets that of a general matter stand still. An urgent matter
never waits. A question that nobody answers in its days lapses, and the unit goes on without.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

import structlog
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from hotline.clock import Clock
from hotline.database import Database
from hotline.tasks import through_outages
from ticketing import clock_pauses, clocks, repository
from ticketing.clocks import Rules
from ticketing.handling import records
from ticketing.handling.contacts import OF_THE_CENTRE
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind, Side
from ticketing.models import TicketRow
from ticketing.people import CENTRE, DESK, UNIT, VISITORS
from ticketing.procedures.errors import QuestionOpen
from ticketing.procedures.leading import lead_part
from ticketing.procedures.tables import QuestionRow
from ticketing.procedures.words import QuestionAction, QuestionState
from ticketing.schemas import Actor, Body
from ticketing.vocabulary import Action, Urgency

_log = structlog.get_logger(__name__)

_S, _A = QuestionState, QuestionAction
_NOTE = frozenset({"note"})
_BATCH: Final = 50
_PAUSE_SECONDS: Final = 10.0
LAPSER: Final = Actor("system", frozenset({Role.SUPERVISOR}))

QUESTION_MOVES: Final = Moves(
    RecordKind.QUESTION,
    MappingProxyType(
        {
            (_S.ASKED, _A.ANSWER): Move(_S.ANSWERED, OF_THE_CENTRE, needs=_NOTE),
            (_S.ASKED, _A.LAPSE): Move(_S.LAPSED, CENTRE),
            (_S.ASKED, _A.WITHDRAW): Move(_S.WITHDRAWN, CENTRE | DESK | VISITORS | UNIT, Side.OWN),
        }
    ),
)

_ENDS: Final = frozenset(
    {
        Action.REPLY,
        Action.RETURN,
        Action.RECALL,
        Action.MERGE,
        Action.REFUSE,
    }
)
"""With these the unit does not wait for an answer any more."""

Words = Annotated[Body, Field(min_length=1)]


async def ask(session: AsyncSession, number: str, words: str, actor: Actor, *, at: datetime) -> QuestionRow:
    """Raises TicketNotFound, ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible, QuestionOpen."""
    ticket = await records.locked_ticket(session, number)
    part = await lead_part(session, ticket, actor, what=RecordKind.QUESTION.term)
    if await open_of(session, ticket.id) is not None:
        raise QuestionOpen(number)
    rules = await Rules.of(session, ticket)
    running = await clocks.of_the_lead(session, ticket)
    pauses = rules.policy.question_pauses and ticket.urgency == Urgency.GENERAL and bool(running)
    if pauses:
        clock_pauses.pause(running, at)
    row = QuestionRow(
        ticket_id=ticket.id,
        unit_id=part.unit_id,
        state=QuestionState.ASKED.value,
        version=1,
        words=words,
        pauses=pauses,
        due_at=rules.limits.questioning(at, rules.policy).ends_at,
        asked_by=actor.user,
        asked_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    number: str,
    question_id: int,
    action: QuestionAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
) -> QuestionRow:
    """One step. Raises what `records.step` raises, TicketNotFound, RecordNotFound. The caller commits."""
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, QuestionRow, question_id, ticket)
    await _close(session, ticket, row, action, actor, version=version, at=at, said=said)
    return row


def sides_of(row: QuestionRow, actor: Actor) -> frozenset[Side]:
    """Whether it is the person's unit that asks."""
    return frozenset({Side.OWN} if actor.unit_id == row.unit_id else ())


async def before(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor, at: datetime) -> None:
    """What an open question forbids, and what ends it. Raises QuestionOpen."""
    if action is not Action.EXTEND and action not in _ENDS:
        return
    row = await open_of(session, ticket.id)
    if row is None:
        return
    if action is Action.EXTEND:
        if row.pauses:
            raise QuestionOpen("the limit stands still until the citizen has answered")
        return
    await _close(
        session,
        ticket,
        row,
        QuestionAction.WITHDRAW,
        actor,
        version=row.version,
        at=at,
        said=Said(),
        sides=frozenset({Side.OWN}),
    )


async def open_of(session: AsyncSession, ticket_id: int) -> QuestionRow | None:
    """The one that waits for an answer."""
    wanted = select(QuestionRow).where(
        QuestionRow.ticket_id == ticket_id, QuestionRow.state == QuestionState.ASKED.value
    )
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def of(session: AsyncSession, ticket_id: int) -> Sequence[QuestionRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, QuestionRow, ticket_id)


async def _close(
    session: AsyncSession,
    ticket: TicketRow,
    row: QuestionRow,
    action: QuestionAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
    sides: frozenset[Side] | None = None,
) -> None:
    await records.step(
        session,
        QUESTION_MOVES,
        row,
        action,
        actor,
        sides=sides_of(row, actor) if sides is None else sides,
        version=version,
        at=at,
        said=said,
        answer=said.note if action is QuestionAction.ANSWER else "",
        closed_at=at,
    )
    if row.pauses:
        running = await clocks.of_the_lead(session, ticket)
        # What comes after the question's days is the unit's own time, however late it is noticed that they have gone.
        await clock_pauses.resume(session, ticket, running, by=actor.user, at=min(row.due_at, at))


class Lapsing:
    """Ends questions whose days have gone, in the jobs process. Any number may look: each takes what no other has."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every ten seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="questions.wait")

    async def step(self) -> int:
        """Everything that is due; returns how many have lapsed."""
        lapsed = 0
        while True:
            async with self._database.transaction() as session:
                some = await self._some(session)
            lapsed += some
            if some < _BATCH:
                return lapsed

    async def _some(self, session: AsyncSession) -> int:
        now = self._clock.now()
        # The ticket first, as everybody who works on it locks it.
        due = (
            select(TicketRow, QuestionRow.id)
            .join(QuestionRow, QuestionRow.ticket_id == TicketRow.id)
            .where(QuestionRow.state == QuestionState.ASKED.value, QuestionRow.due_at <= now)
            .order_by(QuestionRow.due_at)
            .limit(_BATCH)
            .with_for_update(of=TicketRow, skip_locked=True, key_share=True)
        )
        rows = (await session.execute(due)).all()
        for ticket, question in rows:
            row = await records.found(session, QuestionRow, question, ticket)
            if row.state == QuestionState.ASKED:
                # From its own end on the time runs again, however late that is noticed.
                await _close(
                    session,
                    ticket,
                    row,
                    QuestionAction.LAPSE,
                    LAPSER,
                    version=row.version,
                    at=min(row.due_at, now),
                    said=Said(),
                )
        if rows:
            _log.info("questions.lapsed", questions=len(rows))
        return len(rows)
