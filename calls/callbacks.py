"""Promises to call back that the classic AGI script wrote while all of ours was dead: taken in exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.dialects.postgresql import Insert, insert

from agi.spool import CallbackRequest, CallbackSpool
from calls.entry import entry_facts
from calls.facts import CALLBACK_PROMISED, Entry, Kind, seq_at
from calls.ingest import insert_entries
from calls.models import CallbackRequestRow
from directory.loader import CurrentDirectory
from directory.numbers import caller
from hotline.clock import from_ms
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.tasks import through_outages

_log = structlog.get_logger(__name__)

_LANE = 45
"""Numbers within a millisecond: above the few that an owner of the call takes."""


class CallbackIntake:
    """Moves callback requests from the Asterisk host's spool into PostgreSQL."""

    def __init__(self, *, spool: Path, database: Database, directory: CurrentDirectory, process: str) -> None:
        self._spool = CallbackSpool(spool)
        self._database = database
        self._directory = directory
        self._process = process

    async def run(self) -> None:
        """Look once a second until cancelled, through outages of the database."""
        await through_outages(self.step, every=1.0, waits="callbacks.intake_waits", also=(PartUnavailable,))

    async def step(self) -> int:
        """Take in what lies there; returns how many. A file is removed only after its row is committed."""
        taken = 0
        for path, request in self._spool.requests():
            await self._directory.refresh()
            async with self._database.transaction() as session:
                await session.execute(self._row(request))
                await insert_entries(session, self._facts(request))
            self._spool.remove(path)
            taken += 1
        return taken

    def _row(self, request: CallbackRequest) -> Insert:
        return (
            insert(CallbackRequestRow)
            .values(
                call_id=request.call,
                caller=caller(request.caller, self._directory.snapshot.area_code).number,
                dialled=request.dialled,
                reason=request.reason,
                entered_at=from_ms(request.entered_ms),
                requested_at=from_ms(request.requested_ms),
                state="open",
            )
            .on_conflict_do_nothing(index_elements=["call_id"])
        )

    def _facts(self, request: CallbackRequest) -> list[Entry]:
        """The whole story: nobody else has one of this call to tell, but for what happened before all of ours died."""
        entered = entry_facts(
            self._directory.snapshot,
            presented=request.caller,
            dialled=request.dialled,
            entered_ms=request.entered_ms,
        )
        return [
            self._fact(request, 0, Kind.ENTERED, request.entered_ms, entered),
            self._fact(request, 1, Kind.CALLBACK_REQUESTED, request.requested_ms, {"reason": request.reason}),
            # All that follows is the spoken promise.
            self._fact(request, 2, Kind.ENDED, request.requested_ms, {"outcome": CALLBACK_PROMISED}),
        ]

    def _fact(self, request: CallbackRequest, number: int, kind: Kind, at_ms: int, attributes: dict[str, Any]) -> Entry:
        return Entry(
            call_id=request.call,
            seq=seq_at(at_ms, _LANE + number),
            fact=kind.value,
            kind=kind.value,
            at_ms=at_ms,
            process=self._process,
            attributes=attributes,
        )
