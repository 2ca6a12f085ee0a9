"""补充询问 answered by citizens themselves, online with number and query code, as they could by telephone.

The same step of the same table closes the question, so the unit's time runs on by the same rule (`questions`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import repository
from ticketing.handling import records
from ticketing.handling.records import Said
from ticketing.procedures import questions
from ticketing.procedures.errors import NoQuestionOpen
from ticketing.procedures.tables import QuestionRow
from ticketing.procedures.words import QuestionAction, QuestionState
from ticketing.visits.evaluating import CITIZEN


async def asked(session: AsyncSession, number: str) -> QuestionRow | None:
    """What a unit waits to be told, if it does. Raises TicketNotFound."""
    return await questions.open_of(session, (await repository.row(session, number)).id)


async def own(session: AsyncSession, number: str, question: int, words: str, *, at: datetime) -> QuestionRow:
    """The citizen's own answer; the same one sent again changes nothing.

    Raises TicketNotFound, RecordNotFound, NoQuestionOpen once it was answered otherwise, has lapsed or was withdrawn.
    The caller has made sure that it is the citizen, and commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, QuestionRow, question, ticket)
    if row.state == QuestionState.ANSWERED and row.answer == words:
        return row
    if row.state != QuestionState.ASKED:
        raise NoQuestionOpen(number, remedy="该询问已结束，如有补充请拨打12345")
    return await questions.act(
        session,
        number,
        question,
        QuestionAction.ANSWER,
        CITIZEN,
        version=row.version,
        at=at,
        said=Said(note=words),
    )
