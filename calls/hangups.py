"""The last word on calls that nobody of ours saw end: served by the native queue, or by a process that died.

Every voice process hears every hang-up on its Asterisk. For each citizen's channel it makes sure, a little later,
that the journal has an end; "a call ends once" is a rule of the journal, so two that say it do no harm.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from agi.variables import CALL, PHASE, Phase
from ami.events import Hangup
from calls.facts import CALLBACK_PROMISED, Kind
from calls.live import Scribe
from calls.models import JournalRow
from calls.survey_states import SurveyState
from calls.switchboard import Switchboard

_log = structlog.get_logger(__name__)

_GRACE_SECONDS = 15.0
"""Longer than what a worker itself waits for a confirmation: its own word on the end comes first, jobs or no jobs."""

_LOOKED_FOR = (Kind.ANSWERED, Kind.ENDED, Kind.ABANDONED, Kind.CALLBACK_REQUESTED, Kind.SURVEY)


@dataclass(frozen=True, slots=True)
class _Ended:
    call: str
    at_ms: int
    phase: str
    seen: float


class Hangups:
    """Closes the story of calls that ended unseen."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._ended: dict[str, _Ended] = {}
        board.ami.subscribe(Hangup, self._hangup)

    async def _hangup(self, event: Hangup) -> None:
        call = event.variables.get(CALL, "")
        if call and call == event.uniqueid:
            phase = event.variables.get(PHASE, "")
            self._ended[call] = _Ended(call, self._board.clock.now_ms(), phase, self._board.clock.monotonic())

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            try:
                await self.step()
            except (SQLAlchemyError, OSError, TimeoutError):
                _log.info("hangups.database_unavailable", waiting=len(self._ended))

    async def step(self) -> None:
        """Write the end of calls that hung up a while ago and have none."""
        limit = self._board.clock.monotonic() - _GRACE_SECONDS
        due = [ended for ended in self._ended.values() if ended.seen <= limit][:500]
        if not due:
            return
        query = select(JournalRow.call_id, JournalRow.kind).where(
            JournalRow.call_id.in_([ended.call for ended in due]),
            JournalRow.kind.in_(_LOOKED_FOR),
        )
        async with self._board.database.transaction() as session:
            told: dict[str, set[str]] = defaultdict(set)
            for row in await session.execute(query):
                told[row.call_id].add(row.kind)
        for ended in due:
            if not {Kind.ENDED, Kind.ABANDONED} & told[ended.call]:
                self._close(ended, told[ended.call])
            if ended.phase == Phase.SURVEY and Kind.SURVEY not in told[ended.call]:
                self._survey_lost(ended)
            del self._ended[ended.call]

    def _close(self, ended: _Ended, told: set[str]) -> None:
        board = self._board
        scribe = Scribe(board.journal, board.clock, call=ended.call, process=board.process)
        # The dialplan is done with a call that nobody answered once it has promised to call back.
        unanswered = ended.phase == Phase.DONE and Kind.ANSWERED not in told
        if unanswered or Kind.CALLBACK_REQUESTED in told:
            scribe.write(Kind.ENDED, at_ms=ended.at_ms, outcome=CALLBACK_PROMISED, unseen=True)
        elif ended.phase in (Phase.TALKED, Phase.AWAY, Phase.SURVEY, Phase.DONE):
            scribe.write(Kind.ENDED, at_ms=ended.at_ms, outcome="answered", unseen=True)
        else:
            scribe.write(Kind.ABANDONED, at_ms=ended.at_ms, unseen=True)

    def _survey_lost(self, ended: _Ended) -> None:
        """The citizen was asked, and nobody lived to say what came of it."""
        board = self._board
        scribe = Scribe(board.journal, board.clock, call=ended.call, process=board.process)
        scribe.write(Kind.SURVEY, at_ms=ended.at_ms, outcome=SurveyState.LOST.value, unseen=True)
