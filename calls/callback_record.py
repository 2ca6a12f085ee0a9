"""What a voice process writes down of the promises it holds: each step in PostgreSQL before it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls import callback_store as store
from calls.callback_ids import attempt_id
from calls.callback_live import HeldCallback
from calls.callback_models import CallbackRow
from calls.callback_policy import CallbackPolicy
from calls.callback_states import CallbackMoved, CallbackOutcome, CallbackState
from calls.facts import Kind
from calls.live import Scribe
from calls.switchboard import Switchboard
from hotline.errors import Conflict, PartUnavailable

_log = structlog.get_logger(__name__)

_STEP_SECONDS: Final = 2.0
"""Longest wait for PostgreSQL while somebody is on the line."""

_RETRY_SECONDS: Final = 1.0
_ON_THE_LINE: Final = timedelta(seconds=30)
"""Until a citizen who is on the line with us is looked at again."""

_LANE: Final = 900
"""Of facts on the call the promise was made in, which others tell of."""


Write = Callable[[AsyncSession], Awaitable[None]]


class CitizenOnTheLine(Conflict):
    """The citizen is calling us at this moment: there is nobody to call."""

    code = "callback.citizen_on_the_line"


class CallbackRecord:
    """The record of one voice process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self.policy = CallbackPolicy.of(board.settings)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction that a citizen or an agent waits for. Raises PartUnavailable when PostgreSQL does not answer
        in time: what was asked may have been done all the same."""
        try:
            async with asyncio.timeout(_STEP_SECONDS), self._board.database.transaction() as session:
                yield session
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise PartUnavailable(f"PostgreSQL: {type(error).__name__}") from error

    async def placing(self, held: HeldCallback) -> None:
        """An agent is about to be called. Raises CitizenOnTheLine, CallbackMoved, PartUnavailable."""
        async with self.transaction() as session:
            if await store.on_the_line(session, held.row, self._now()):
                raise CitizenOnTheLine("the citizen is calling at this moment")
            await self._move(session, held.row, CallbackState.PLACING)

    async def waiting(self, held: HeldCallback) -> None:
        """The agent did not take it. Raises CallbackMoved, PartUnavailable."""
        async with self.transaction() as session:
            await self._move(session, held.row, CallbackState.WAITING)

    async def dialling(self, held: HeldCallback, agent: str) -> None:
        """The citizen is about to be dialled. Raises CallbackMoved, PartUnavailable: then nobody is."""
        async with self.transaction() as session:
            await store.begin_attempt(
                session,
                held.row.id,
                held.number,
                caller=held.row.caller,
                agent=agent,
                process=self._board.process,
                now=self._now(),
            )

    async def talking(self, held: HeldCallback) -> None:
        """The two talk. Nothing depends on this being written: the journal has it as well."""
        try:
            async with self.transaction() as session:
                await self._move(session, held.row, CallbackState.TALKING)
        except (CallbackMoved, PartUnavailable) as error:
            _log.info("callback.talk_not_recorded", call=held.live.call, code=error.code)

    async def over(self, held: HeldCallback, outcome: CallbackOutcome) -> None:
        """An attempt is over: kept, tried again later, or given up. Written as soon as PostgreSQL takes it."""
        row, number = held.row, held.number
        self._tell_original(row, number, outcome)

        async def write(session: AsyncSession) -> None:
            await self._after(session, row, number, outcome)

        await self._surely(held, write)

    async def recovered(self, row: CallbackRow, found: CallbackState) -> bool:
        """What a process that died had in hand and nobody has now. Whether it goes on in the queue; else it was kept,
        or nobody knows of a talk and it is tried again later. Raises CallbackMoved, PartUnavailable."""
        async with self.transaction() as session:
            if found is CallbackState.TALKING or await store.was_answered(session, row.id, row.attempts):
                outcome = CallbackOutcome.ANSWERED
            elif await store.left_unknown(session, row.id, row.attempts):
                outcome = CallbackOutcome.LOST
            else:
                await self._move(session, row, CallbackState.WAITING)
                return True
            await self._after(session, row, row.attempts, outcome)
        self._tell_original(row, row.attempts, outcome)
        if outcome is CallbackOutcome.LOST:
            self.tell_lost(row)
        return False

    def tell_lost(self, row: CallbackRow) -> None:
        """The journal of an attempt that nobody saw the end of has an end."""
        board = self._board
        call = attempt_id(row.id, row.attempts)
        scribe = Scribe(board.journal, board.clock, call=call, process=board.process, lane=_LANE)
        scribe.write(Kind.ENDED, outcome=CallbackOutcome.LOST, unseen=True)

    async def _after(self, session: AsyncSession, row: CallbackRow, attempts: int, outcome: CallbackOutcome) -> None:
        await store.end_attempt(session, row.id, attempts, outcome)
        if outcome is CallbackOutcome.ANSWERED:
            await self._move(session, row, CallbackState.ANSWERED, outcome=outcome)
        elif attempts >= self.policy.attempts:
            await self._move(session, row, CallbackState.EXHAUSTED, outcome=outcome)
        else:
            next_at = self.policy.earliest(row.kind, self._now() + self.policy.spacing)
            await self._move(session, row, CallbackState.OPEN, outcome=outcome, next_at=next_at)

    async def give_back(self, held: HeldCallback, *, after: timedelta = timedelta(0)) -> None:
        """For any process to take up again, at its place, after a while."""

        async def write(session: AsyncSession) -> None:
            await self._move(session, held.row, CallbackState.OPEN, next_at=self._now() + after)

        await self._surely(held, write)

    async def put_off(self, held: HeldCallback) -> None:
        """The citizen is on the line: their call decides what becomes of the promise."""
        await self.give_back(held, after=_ON_THE_LINE)

    async def give_up(self, held: HeldCallback, outcome: CallbackOutcome) -> None:
        """Nobody may be called. Written as soon as PostgreSQL takes it."""

        async def write(session: AsyncSession) -> None:
            await self._move(session, held.row, CallbackState.EXHAUSTED, outcome=outcome)

        self._tell_original(held.row, held.number, outcome)
        await self._surely(held, write)

    async def answered_elsewhere(self, held: HeldCallback) -> None:
        """It was kept by a process that did not live to write so."""

        async def write(session: AsyncSession) -> None:
            await store.end_attempt(session, held.row.id, held.row.attempts, CallbackOutcome.ANSWERED)
            await self._move(session, held.row, CallbackState.ANSWERED, outcome=CallbackOutcome.ANSWERED)

        await self._surely(held, write)

    def _tell_original(self, row: CallbackRow, number: int, outcome: CallbackOutcome) -> None:
        """The journal of the call it was promised in tells what became of it."""
        board = self._board
        scribe = Scribe(board.journal, board.clock, call=row.call_id, process=board.process, lane=_LANE)
        call = attempt_id(row.id, number)
        scribe.write(Kind.CALLBACK_OUTCOME, call, outcome=outcome, number=number, by=call)

    async def _surely(self, held: HeldCallback, write: Write) -> None:
        while True:
            try:
                async with self.transaction() as session:
                    await write(session)
                return
            except CallbackMoved:
                _log.info("callback.held_by_another", call=held.live.call)
                return
            except PartUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _move(self, session: AsyncSession, row: CallbackRow, to: CallbackState, **columns: object) -> None:
        await store.move(session, row.id, to, process=self._board.process, now=self._now(), **columns)

    def _now(self) -> datetime:
        return self._board.clock.now()
