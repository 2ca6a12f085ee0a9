"""Promises to call back that the classic AGI script wrote while all of ours was dead: taken in exactly once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import SQLAlchemyError

from agi.spool import CallbackRequest, CallbackSpool
from calls.facts import Entry, Kind
from calls.ingest import insert_entries
from calls.models import CallbackRequestRow
from directory.numbers import caller
from hotline.clock import from_ms
from hotline.database import Database

_log = structlog.get_logger(__name__)

_ENTRIES_PER_MS = 1_000


class CallbackIntake:
    """Moves callback requests from the Asterisk host's spool into PostgreSQL."""

    def __init__(self, *, spool: Path, database: Database, area_code: str, process: str) -> None:
        self._spool = CallbackSpool(spool)
        self._database = database
        self._area_code = area_code
        self._process = process

    async def run(self) -> None:
        """Look once a second until cancelled, through outages of the database."""
        while True:
            try:
                await self.step()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("callbacks.intake_waits", reason=type(error).__name__)
            await asyncio.sleep(1.0)

    async def step(self) -> int:
        """Take in what lies there; returns how many. A file is removed only after its row is committed."""
        taken = 0
        for path, request in self._spool.requests():
            async with self._database.transaction() as session:
                await session.execute(self._row(request))
                await insert_entries(session, [self._fact(request)])
            self._spool.remove(path)
            taken += 1
        return taken

    def _row(self, request: CallbackRequest) -> Insert:
        return (
            insert(CallbackRequestRow)
            .values(
                call_id=request.call,
                caller=caller(request.caller, self._area_code).number,
                dialled=request.dialled,
                reason=request.reason,
                entered_at=from_ms(request.entered_ms),
                requested_at=from_ms(request.requested_ms),
                state="open",
            )
            .on_conflict_do_nothing(index_elements=["call_id"])
        )

    def _fact(self, request: CallbackRequest) -> Entry:
        return Entry(
            call_id=request.call,
            seq=request.requested_ms * _ENTRIES_PER_MS,
            fact=Kind.CALLBACK_REQUESTED.value,
            kind=Kind.CALLBACK_REQUESTED.value,
            at_ms=request.requested_ms,
            process=self._process,
            attributes={"reason": request.reason},
        )
