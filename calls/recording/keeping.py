"""What becomes of recordings that are kept: heard, verified, held by law (依法保全), erased when their time is over."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls.recording.files import Vault
from calls.recording.metrics import RecordingMetrics
from calls.recording.states import RecordingState, moved
from calls.recording.tables import RecordingRow
from directory import audit
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import Conflict, NotFound
from hotline.keys import read_keys
from media.cipher import SealedFile
from media.errors import SealBroken

_log = structlog.get_logger(__name__)

_ERASE_SECONDS: Final = 600.0
_ERASED_BY: Final = "retention"
_BATCH: Final = 200
_PIECE: Final = 1024 * 1024
FILE_GONE: Final = "file_gone"
CHANGED: Final = "changed"
"""Why a recording is DAMAGED that was once sealed."""


class RecordingHeld(Conflict):
    """A recording under a legal hold is not erased."""

    code = "recording.held"


class NotToBeHeard(NotFound):
    """The recording is still being made, was erased, or is damaged."""

    code = "recording.not_to_be_heard"


class RecordingElsewhere(NotFound):
    """The file is on another host of the site."""

    code = "recording.elsewhere"


async def of_call(session: AsyncSession, call: str) -> Sequence[RecordingRow]:
    """The segments of a call, in order."""
    query = select(RecordingRow).where(RecordingRow.call_id == call).order_by(RecordingRow.segment)
    return list(await session.scalars(query))


async def recording(session: AsyncSession, number: int, *, lock: bool = False) -> RecordingRow:
    """One of them. Raises NotFound."""
    row = await session.get(RecordingRow, number, with_for_update=lock)
    if row is None:
        raise NotFound("no such recording")
    return row


def opened(vault: Vault, row: RecordingRow, host: str) -> SealedFile:
    """Its sealed file, to read from. Blocks for a moment.

    Raises NotToBeHeard, RecordingElsewhere, KeyMissing, KeyFileUnusable; SealBroken when it is gone or changed.
    """
    if row.state != RecordingState.SEALED.value or row.key_id is None:
        raise NotToBeHeard(f"it is {row.state}")
    path = vault.sealed(row.call_id, row.segment)
    try:
        return SealedFile(path, read_keys(vault.key_file), row.key_id, row.subject)
    except FileNotFoundError:
        if row.host != host:
            raise RecordingElsewhere(f"it is on {row.host}") from None
        raise SealBroken("the file is gone") from None


def fault_of(vault: Vault, row: RecordingRow) -> str:
    """What is wrong with the file of a sealed recording; empty: it is the one that was sealed. Reads all of it.

    Raises KeyMissing, KeyFileUnusable, OSError.
    """
    path = vault.sealed(row.call_id, row.segment)
    if not path.exists():
        return FILE_GONE
    if _sha256(path) != row.sha256:
        return CHANGED
    try:
        with SealedFile(path, read_keys(vault.key_file), row.key_id or "", row.subject) as file:
            file.verify()
    except SealBroken:
        return CHANGED
    return ""


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def found(row: RecordingRow, fault: str) -> None:
    """Note what a look at the file showed: damaged, or whole again."""
    state = RecordingState.DAMAGED if fault else RecordingState.SEALED
    if row.state != state.value:
        row.state = moved(row.state, state)
    row.why = fault or None


def hold(row: RecordingRow, *, by: str, reason: str, at: datetime) -> None:
    """Keep it whatever its time: `reason` names whose order that is. Raises Conflict when it is erased or held."""
    if row.state == RecordingState.ERASED.value:
        raise Conflict("it is erased")
    if row.held_at is not None:
        raise RecordingHeld("it is held already")
    row.held_at, row.held_by, row.hold_reason = at, by, reason


def lift(row: RecordingRow) -> None:
    """End a hold. Raises Conflict without one."""
    if row.held_at is None:
        raise Conflict("it is not held")
    row.held_at = row.held_by = row.hold_reason = None


async def due(session: AsyncSession, *, host: str, now: datetime, limit: int = _BATCH) -> list[RecordingRow]:
    """Recordings of a host whose time is over, the oldest first; those under a hold are not among them."""
    query = (
        select(RecordingRow)
        .where(
            RecordingRow.host == host,
            RecordingRow.held_at.is_(None),
            RecordingRow.state.in_((RecordingState.SEALED.value, RecordingState.DAMAGED.value)),
            RecordingRow.retain_until <= now,
        )
        .order_by(RecordingRow.retain_until, RecordingRow.id)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def erase(session: AsyncSession, vault: Vault, row: RecordingRow, *, by: str, now: datetime) -> None:
    """Take the file away; that there was one, and its hash, stay, and the audit log tells who did it. `row` is locked.

    Raises RecordingHeld, RecordingMoveRefused, OSError.
    """
    if row.held_at is not None:
        raise RecordingHeld("it is under a legal hold")
    row.state = moved(row.state, RecordingState.ERASED)
    row.erased_at = now
    row.peaks_citizen = row.peaks_others = None
    # Before the commit: a file without its row would never be found again.
    await asyncio.to_thread(vault.sealed(row.call_id, row.segment).unlink, missing_ok=True)
    await audit.record(session, at=now, actor=by, action="recording.erased", subject=f"recording:{row.id}")


async def erase_some(database: Database, vault: Vault, *, host: str, now: datetime, by: str) -> int:
    """Erase some of what is due, each in a transaction of its own; returns how many. Raises OSError."""
    async with database.transaction() as session:
        numbers = [row.id for row in await due(session, host=host, now=now)]
    erased = 0
    for number in numbers:
        async with database.transaction() as session:
            row = await recording(session, number, lock=True)
            # Somebody may have put a hold on it, or erased it, meanwhile.
            if row.held_at is None and row.state != RecordingState.ERASED.value:
                await erase(session, vault, row, by=by, now=now)
                erased += 1
    return erased


class Retention:
    """Erases what is due, in the jobs process of the host that has the files."""

    def __init__(self, *, vault: Vault, database: Database, host: str, clock: Clock, metrics: RecordingMetrics) -> None:
        self._vault = vault
        self._database = database
        self._host = host
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Look every ten minutes until cancelled."""
        while True:
            try:
                while await self.step():
                    pass
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("recording.retention_waits", reason=type(error).__name__)
            await asyncio.sleep(_ERASE_SECONDS)

    async def step(self) -> int:
        """Erase some; returns how many."""
        erased = await erase_some(self._database, self._vault, host=self._host, now=self._clock.now(), by=_ERASED_BY)
        self._metrics.erased.inc(erased)
        return erased
