"""What a voice process writes down of the calls out it holds: each step in PostgreSQL before it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls import call_out_store as store
from calls import calls_out, round_items, round_tickets, rounds
from calls.call_out_models import CallOutRow
from calls.call_out_policy import OutPolicy
from calls.call_out_states import CallOutMoved, CallOutState, NotPlaced, PartyOutcome, Whom
from calls.callback_ids import call_out_id
from calls.round_states import Result
from calls.switchboard import Switchboard
from hotline.errors import PartUnavailable

_log = structlog.get_logger(__name__)

_STEP_SECONDS: Final = 2.0
"""Longest wait for PostgreSQL while somebody is on the line."""

_RETRY_SECONDS: Final = 1.0

Write = Callable[[AsyncSession], Awaitable[None]]


class CallOutRecord:
    """The record of one voice process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction that somebody on the line waits for. Raises PartUnavailable when PostgreSQL does not answer in
        time: what was asked may have been done all the same."""
        try:
            async with asyncio.timeout(_STEP_SECONDS), self._board.database.transaction() as session:
                yield session
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise PartUnavailable(f"PostgreSQL: {type(error).__name__}") from error

    async def placing(self, row: CallOutRow) -> None:
        """The agent's own phone is about to ring. Raises CallOutMoved, PartUnavailable."""
        async with self.transaction() as session:
            await self._move(session, row, CallOutState.PLACING)

    async def dialling(self, row: CallOutRow) -> datetime:
        """The party is about to be dialled; returns the moment that is kept. Raises CallNotAllowed when the limits have
        turned against it meanwhile, CallOutMoved, PartUnavailable: then nobody is."""
        now = self._now()
        async with self.transaction() as session:
            await store.lock_number(session, row.number)
            if row.whom not in (Whom.CONTACT, Whom.DUTY):
                await calls_out.check_limits(session, row.number, await self._limits(session, row), now)
            await self._move(session, row, CallOutState.DIALLED, dialled_at=now)
            await round_tickets.link(session, row, now)
        return now

    async def _limits(self, session: AsyncSession, row: CallOutRow) -> OutPolicy:
        if row.item_id is None:
            return OutPolicy.of(self._board.settings)
        return (await rounds.policy_of(session, self._board.settings)).out

    async def talking(self, row: CallOutRow) -> None:
        """The party answered. Nothing depends on this being written: the journal has it as well."""
        try:
            async with self.transaction() as session:
                await self._move(session, row, CallOutState.TALKING)
        except (CallOutMoved, PartUnavailable) as error:
            _log.info("call_out.talk_not_recorded", call=call_out_id(row.id), code=error.code)

    async def not_placed(self, row: CallOutRow, why: NotPlaced) -> None:
        """The party was not called. Written as soon as PostgreSQL takes it, and told to the agent."""
        await self._close(row, CallOutState.NOT_PLACED, outcome=why)

    async def over(
        self,
        row: CallOutRow,
        outcome: PartyOutcome,
        *,
        talk_ms: int | None = None,
        cause: int | None = None,
        said: Result | None = None,
    ) -> None:
        """The call is over: on its row, on the item it was for, and on the agent's screen."""
        await self._close(row, CallOutState.ENDED, said=said, outcome=outcome, talk_ms=talk_ms, cause=cause)

    async def recover(self, row: CallOutRow, found: CallOutState) -> None:
        """What a process that died had in hand and nobody has now. Raises PartUnavailable."""
        if found in (CallOutState.REQUESTED, CallOutState.PLACING):
            await self.not_placed(row, NotPlaced.LOST if row.state == CallOutState.PLACING else NotPlaced.EXPIRED)
            return
        async with self.transaction() as session:
            answered, talk_ms = await store.told_by_journal(session, row.id)
        if answered or found is CallOutState.TALKING:
            await self.over(row, PartyOutcome.ANSWERED, talk_ms=talk_ms)
        else:
            await self.over(row, PartyOutcome.LOST)

    async def _close(self, row: CallOutRow, to: CallOutState, *, said: Result | None = None, **columns: Any) -> None:
        told: dict[str, Any] = {}

        async def write(session: AsyncSession) -> None:
            closed = await self._move(session, row, to, **columns)
            policy = await rounds.policy_of(session, self._board.settings)
            item = await round_items.call_over(session, closed, policy, self._now(), said=said)
            if item is not None:
                told["item"] = {"id": item.id, "state": item.state, "attempts": item.attempts}

        if await self._surely(row, write):
            await self.tell(row, to, **columns, **told)

    async def tell(self, row: CallOutRow, state: CallOutState, **more: Any) -> None:
        """A frame `call_out` for the agent's screen. No number in it: the screen has the ticket."""
        if row.agent is not None:
            body = {"id": row.id, "call": call_out_id(row.id), "ticket": row.ticket, "state": state.value}
            await self._board.pops.tell(row.agent, "call_out", body | more)

    async def _surely(self, row: CallOutRow, write: Write) -> bool:
        while True:
            try:
                async with self.transaction() as session:
                    await write(session)
                return True
            except CallOutMoved:
                _log.info("call_out.held_by_another", call=call_out_id(row.id))
                return False
            except PartUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _move(self, session: AsyncSession, row: CallOutRow, to: CallOutState, **columns: object) -> CallOutRow:
        return await store.move(session, row.id, to, process=self._board.process, now=self._now(), **columns)

    def _now(self) -> datetime:
        return self._board.clock.now()
