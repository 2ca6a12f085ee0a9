"""What follows from an answer after a talk: a callback for who was dissatisfied (不满意回访), the evaluation (评价) of
a ticket that was answered in the call.

Everything is decided once and written beside the answer, in the transaction that does it: any number of jobs processes
may look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls import callback_store as store
from calls.callback_policy import NotCallable, digits_to_dial
from calls.callback_states import CallbackKind
from calls.models import CallRow
from calls.nuisance import treatment_of
from calls.survey_policy import LEVELS, is_satisfied
from calls.survey_tables import FollowUp, SurveyRow, SurveyTicketRow, TicketVerdict
from directory.loader import CurrentDirectory
from directory.models import Role
from directory.modes import MAIN_LINE
from hotline.clock import Clock, to_ms
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Survey
from hotline.tasks import through_outages
from ticketing import lifecycle, repository
from ticketing.errors import StaleTicket
from ticketing.models import TicketCallRow, TicketRow
from ticketing.schemas import Actor, Details
from ticketing.vocabulary import Action, State

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 5.0
_BATCH: Final = 100
_WRITTEN_UP: Final = timedelta(days=2)
"""So long an answer waits for its call to get a ticket, and for a registered one to be answered."""

BY: Final = "survey"
"""Who acts on a ticket in the name of the citizen."""

_CITIZEN: Final = Actor(BY, frozenset({Role.AGENT}))
_ANSWERED: Final = frozenset({State.ANSWERED, State.CLOSED})


class SurveyFollowUps:
    """Looks at what citizens answered, and does what follows from it."""

    def __init__(self, *, database: Database, directory: CurrentDirectory, keys: Survey, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._keys = keys
        self._clock = clock

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="surveys.follow_ups_wait", also=(PartUnavailable,))

    async def step(self) -> None:
        """Everything once."""
        await self._directory.refresh()
        now = self._clock.now()
        async with self._database.transaction() as session:
            for answer in await _undecided(session):
                answer.follow_up, answer.callback_id = await self._decide(session, answer, now)
        async with self._database.transaction() as session:
            found = await _unlooked_tickets(session, now)
        for call, ticket in found:
            try:
                async with self._database.transaction() as session:
                    await _evaluate(session, call, ticket, now)
            except StaleTicket:
                # Somebody works on it at this moment: next time.
                _log.info("surveys.ticket_changed_meanwhile", call=call)

    async def _decide(self, session: AsyncSession, answer: SurveyRow, now: datetime) -> tuple[FollowUp, int | None]:
        if answer.level is None or is_satisfied(answer.level, self._keys):
            return FollowUp.SATISFIED, None
        if not self._keys.callback:
            return FollowUp.OFF, None
        call = await session.get(CallRow, answer.call_id)
        caller = call.caller if call is not None else None
        try:
            digits_to_dial(caller, self._directory.snapshot)
        except NotCallable:
            return FollowUp.NOT_CALLABLE, None
        if call is None or caller is None:
            return FollowUp.NOT_CALLABLE, None
        if await treatment_of(session, caller, call=answer.call_id, now=now) is not None:
            return FollowUp.NUISANCE, None
        row = await store.make(
            session,
            kind=CallbackKind.SURVEY,
            caller=caller,
            line=answer.line or MAIN_LINE,
            dialled=call.dialled,
            call_id=answer.call_id,
            entered_ms=to_ms(call.entered_at or answer.at),
            requested_at=answer.at,
            next_at=max(answer.at + timedelta(minutes=self._keys.callback_after_minutes), now),
        )
        if row is None:
            earlier = await store.open_of(session, caller)
            return FollowUp.FOLDED, earlier.id if earlier else None
        return FollowUp.PROMISED, row.id


async def _undecided(session: AsyncSession) -> Sequence[SurveyRow]:
    query = (
        select(SurveyRow)
        .where(SurveyRow.level.is_not(None), SurveyRow.follow_up.is_(None))
        .order_by(SurveyRow.at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(query)).all()


async def _unlooked_tickets(session: AsyncSession, now: datetime) -> list[tuple[str, int]]:
    """Answers and tickets of their calls that can be decided now: a registered ticket is still being written."""
    looked_at = exists().where(
        SurveyTicketRow.call_id == SurveyRow.call_id, SurveyTicketRow.ticket_id == TicketCallRow.ticket_id
    )
    query = (
        select(SurveyRow.call_id, TicketCallRow.ticket_id)
        .join(TicketCallRow, TicketCallRow.call_id == SurveyRow.call_id)
        .join(TicketRow, TicketRow.id == TicketCallRow.ticket_id)
        .where(
            SurveyRow.level.is_not(None),
            SurveyRow.at >= now - _WRITTEN_UP,
            TicketRow.state != State.REGISTERED.value,
            ~looked_at,
        )
        .order_by(SurveyRow.at)
        .limit(_BATCH)
    )
    return [(call, ticket) for call, ticket in await session.execute(query)]


async def _evaluate(session: AsyncSession, call: str, ticket_id: int, now: datetime) -> None:
    """Whoever writes the verdict first has it; what the ticket says follows in the same transaction."""
    answer, ticket = await session.get(SurveyRow, call), await session.get(TicketRow, ticket_id)
    if answer is None or answer.level is None or ticket is None:
        return
    file = await repository.file(session, ticket.number)
    answered_here = State(ticket.state) in _ANSWERED and not file.assignments
    verdict = TicketVerdict.EVALUATED if answered_here else TicketVerdict.CALL_ONLY
    statement = insert(SurveyTicketRow).values(call_id=call, ticket_id=ticket_id, verdict=verdict, at=now)
    kept = await session.scalar(statement.on_conflict_do_nothing().returning(SurveyTicketRow.verdict))
    if kept == TicketVerdict.EVALUATED:
        details = Details(note="电话按键评价", satisfaction=LEVELS[answer.level])
        await lifecycle.apply(
            session, ticket.number, Action.EVALUATE, _CITIZEN, version=ticket.version, at=now, details=details
        )
