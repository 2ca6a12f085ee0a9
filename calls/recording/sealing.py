"""Sealing: what Asterisk has recorded becomes a recording that is kept, in the jobs process of the same host.

Of a tape is kept what lies between the call's first answer and its end, as the journal has them; a tape of a call that
nobody answered is thrown away unheard. Nothing is removed before what takes its place is on the disk and in the
database, and every step may be taken again, so a process may die in any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls.facts import Entry, Kind, seq_at
from calls.ingest import insert_entries
from calls.models import CallRow, JournalRow
from calls.recording.files import Tape, Vault, tapes
from calls.recording.metrics import RecordingMetrics
from calls.recording.parts import LONGEST_GAP_MS, Kept, Talk, part_kept, silences_to_restore
from calls.recording.states import RecordingState, moved
from calls.recording.tables import RecordingRow
from hotline.clock import Clock, from_ms
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.keys import own_keys
from hotline.settings import Settings
from media.recording import Sealed, seal

_log = structlog.get_logger(__name__)

_QUIET_MS: Final = 3_000
"""A channel that lives is recorded fifty times a second: so long without a word, and it is over."""
_NEVER_ENDED_MS: Final = 180_000
"""A call whose end nobody has told for so long after its last sound is sealed as it is."""
_AGAIN_MS: Final = 30_000
"""From an attempt to seal that failed to the next."""
_MISSING_SECONDS: Final = 60.0
_MISSING_AFTER: Final = timedelta(minutes=5)
_MISSING_WITHIN: Final = timedelta(hours=2)
_LANE: Final = 46
"""Numbers within a millisecond: above the few that an owner of the call takes."""

NOTHING: Final = "nothing_recorded"
"""Why a talk's recording is DAMAGED from the beginning: there is none, the disk had no room."""


class Sealer:
    """Seals what lies recorded on this host."""

    def __init__(
        self,
        *,
        settings: Settings,
        recorded: Path,
        vault: Vault,
        database: Database,
        process: str,
        clock: Clock,
        metrics: RecordingMetrics,
    ) -> None:
        self._settings = settings
        self._recorded = recorded
        self._vault = vault
        self._database = database
        self._process = process
        self._host = process.partition("/")[0]
        self._clock = clock
        self._metrics = metrics
        self._failed_ms: dict[str, int] = {}
        """When a tape could not be sealed, by its name."""

    async def run(self) -> None:
        """Look once a second until cancelled, through outages of the database and full disks."""
        looked = float("-inf")
        while True:
            await asyncio.sleep(1.0)
            try:
                await self.step()
                if self._settings.recording.enabled and self._clock.monotonic() - looked >= _MISSING_SECONDS:
                    looked = self._clock.monotonic()
                    await self.note_missing()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("recording.sealing_waits", reason=type(error).__name__)

    async def step(self) -> int:
        """Seal what is over; returns how many."""
        found = await asyncio.to_thread(tapes, self._recorded)
        self._metrics.unsealed.set(len(found))
        if not found:
            return 0
        talks = await self._talks({tape.call for tape in found})
        await self._note_begun([tape for tape in found if tape.call in talks and talks[tape.call].answered_ms])
        sealed = 0
        for tape in found:
            talk = talks.get(tape.call, Talk(None, None))
            if self._over(tape, talk):
                sealed += await self._finish(tape, talk, found)
        return sealed

    async def _talks(self, calls: set[str]) -> dict[str, Talk]:
        async with self._database.transaction() as session:
            rows = await session.execute(
                select(CallRow.call_id, CallRow.answered_at, CallRow.ended_at).where(CallRow.call_id.in_(calls))
            )
            return {call: Talk(_ms(answered), _ms(ended)) for call, answered, ended in rows}

    def _over(self, tape: Tape, talk: Talk) -> bool:
        now_ms = self._clock.now_ms()
        quiet_ms = now_ms - tape.written_ms
        if quiet_ms < _QUIET_MS or now_ms - self._failed_ms.get(tape.path.name, 0) < _AGAIN_MS:
            return False
        return talk.ended_ms is not None or quiet_ms >= _NEVER_ENDED_MS

    async def _note_begun(self, begun: Sequence[Tape]) -> None:
        """A row for each tape of a talk: it is recorded, and not yet to be heard."""
        if not begun:
            return
        rows = [self._row(tape.call, tape.segment, RecordingState.RECORDING) for tape in begun]
        async with self._database.transaction() as session:
            await session.execute(insert(RecordingRow).values(rows).on_conflict_do_nothing())

    def _row(self, call: str, segment: int, state: RecordingState) -> dict[str, Any]:
        kept_for = timedelta(days=self._settings.recording.retention_days)
        return {
            "call_id": call,
            "segment": segment,
            "host": self._host,
            "state": state.value,
            "started_ms": segment,
            "length_ms": 0,
            "gap_ms": 0,
            "size": 0,
            "retain_until": from_ms(segment) + kept_for,
        }

    async def _finish(self, tape: Tape, talk: Talk, found: Sequence[Tape]) -> bool:
        """Whether a recording came of it."""
        try:
            silences = await self._silences(tape)
        except OSError:
            return False
        tape = replace(tape, length_ms=tape.length_ms + sum(lasts_ms for _, lasts_ms in silences))
        siblings = [other.segment for other in found if other.call == tape.call]
        part = part_kept(
            tape,
            talk,
            earlier_end_ms=await self._earlier_end(tape),
            later=any(segment > tape.segment for segment in siblings),
        )
        if part is None and (tape.length_ms or talk.answered_ms is None):
            return await self._throw_away(tape)
        try:
            if part is None or not tape.length_ms:
                await self._damaged(tape, talk)
            else:
                await self._seal(tape, part, silences)
        except (HotlineError, OSError) as error:
            self._failed_ms[tape.path.name] = self._clock.now_ms()
            self._metrics.failed.inc()
            _log.error("recording.not_sealed", call=tape.call, reason=getattr(error, "code", type(error).__name__))
            return False
        await asyncio.to_thread(tape.path.unlink, missing_ok=True)
        self._failed_ms.pop(tape.path.name, None)
        return True

    async def _earlier_end(self, tape: Tape) -> int | None:
        async with self._database.transaction() as session:
            row = await session.scalar(
                select(RecordingRow)
                .where(
                    RecordingRow.call_id == tape.call,
                    RecordingRow.segment < tape.segment,
                    RecordingRow.state == RecordingState.SEALED.value,
                )
                .order_by(RecordingRow.segment.desc())
                .limit(1)
            )
            return None if row is None else row.started_ms + row.length_ms

    async def _throw_away(self, tape: Tape) -> bool:
        """Nobody answered, or the talk was over: what was recorded is nobody's business."""
        async with self._database.transaction() as session:
            await session.execute(
                delete(RecordingRow).where(
                    RecordingRow.call_id == tape.call,
                    RecordingRow.segment == tape.segment,
                    RecordingRow.state == RecordingState.RECORDING.value,
                )
            )
        await asyncio.to_thread(tape.path.unlink, missing_ok=True)
        return False

    async def _silences(self, tape: Tape) -> list[tuple[int, int]]:
        """What the pauses of the call have lost of their time."""
        async with self._database.transaction() as session:
            rows = await session.execute(
                select(JournalRow.at, JournalRow.attributes)
                .where(JournalRow.call_id == tape.call, JournalRow.kind == Kind.RECORDING.value)
                .order_by(JournalRow.at, JournalRow.seq)
            )
            told = [(_ms(at) or 0, attributes.get("state")) for at, attributes in rows]
        pauses: list[tuple[int, int]] = []
        begun_ms: int | None = None
        for at_ms, state in told:
            if state == "paused" and begun_ms is None:
                begun_ms = at_ms
            elif state == "resumed" and begun_ms is not None:
                pauses.append((begun_ms, at_ms))
                begun_ms = None
        return await asyncio.to_thread(silences_to_restore, tape, pauses) if pauses else []

    async def _seal(self, tape: Tape, part: Kept, silences: Sequence[tuple[int, int]]) -> None:
        """Raises EncoderUnavailable, KeyFileUnusable, OSError."""
        keys = self._settings.recording
        sealed = await asyncio.to_thread(self._sealed, tape, part, silences)
        gap_ms = part.gap_ms + max(0, part.to_ms - part.from_ms - sealed.length_ms)
        async with self._database.transaction() as session:
            row = await self._locked(session, tape)
            row.state = moved(row.state, RecordingState.SEALED)
            row.started_ms = tape.segment + part.from_ms
            row.length_ms, row.gap_ms = sealed.length_ms, gap_ms
            row.sound, row.size = keys.format, sealed.size
            row.sha256, row.key_id = sealed.sha256, sealed.key_id
            row.peaks_citizen, row.peaks_others = sealed.peaks
            row.sealed_at = self._clock.now()
            await self._tell(session, row)
        self._metrics.sealed.inc()
        if gap_ms > keys.gap_ms:
            self._metrics.gaps.inc()
            _log.error("recording.gap", call=tape.call, gap_ms=gap_ms)

    def _sealed(self, tape: Tape, part: Kept, silences: Sequence[tuple[int, int]]) -> Sealed:
        return seal(
            tape.path,
            self._vault.sealed(tape.call, tape.segment),
            own_keys(self._vault.key_file),
            subject=f"{tape.call}/{tape.segment}",
            sound=self._settings.recording.format,
            from_ms=part.from_ms,
            to_ms=part.to_ms,
            silences=silences,
        )

    async def _damaged(self, tape: Tape, talk: Talk) -> None:
        """A tape without a sound: there was no room for it."""
        async with self._database.transaction() as session:
            row = await self._locked(session, tape)
            row.state = moved(row.state, RecordingState.DAMAGED)
            row.why = NOTHING
            row.gap_ms = min(max(0, (talk.ended_ms or 0) - (talk.answered_ms or 0)), LONGEST_GAP_MS)
            await self._tell(session, row)
        self._metrics.missing.inc()
        _log.error("recording.nothing_recorded", call=tape.call)

    async def _locked(self, session: AsyncSession, tape: Tape) -> RecordingRow:
        """The row of a tape that is not sealed. One that was before its tape could be removed is sealed again."""
        values = self._row(tape.call, tape.segment, RecordingState.RECORDING)
        await session.execute(insert(RecordingRow).values(values).on_conflict_do_nothing())
        row = await session.scalar(
            select(RecordingRow)
            .where(RecordingRow.call_id == tape.call, RecordingRow.segment == tape.segment)
            .with_for_update()
        )
        assert row is not None  # noqa: S101 - inserted above
        if row.state == RecordingState.SEALED.value:
            row.state = RecordingState.RECORDING.value
        return row

    async def _tell(self, session: AsyncSession, row: RecordingRow) -> None:
        await insert_entries(
            session,
            [
                Entry(
                    call_id=row.call_id,
                    seq=seq_at(row.started_ms, _LANE),
                    fact=f"{Kind.RECORDING.value}:{row.segment}",
                    kind=Kind.RECORDING.value,
                    at_ms=row.started_ms,
                    process=self._process,
                    attributes={
                        "state": row.state,
                        "segment": row.segment,
                        "length_ms": row.length_ms,
                        "gap_ms": row.gap_ms,
                    },
                )
            ],
        )

    async def note_missing(self) -> int:
        """Talks of this host's agents that were not recorded at all are told of; returns how many."""
        now = self._clock.now()
        recorded = {tape.call for tape in await asyncio.to_thread(tapes, self._recorded)}
        async with self._database.transaction() as session:
            rows = await session.execute(
                select(CallRow.call_id, CallRow.answered_at, CallRow.ended_at)
                .outerjoin(RecordingRow, RecordingRow.call_id == CallRow.call_id)
                .where(
                    RecordingRow.id.is_(None),
                    CallRow.agent.is_not(None),
                    CallRow.answered_at.is_not(None),
                    CallRow.call_id.startswith(f"{self._host}-", autoescape=True),
                    CallRow.ended_at.between(now - _MISSING_WITHIN, now - _MISSING_AFTER),
                )
            )
            missing = [(call, _ms(answered) or 0, _ms(ended) or 0) for call, answered, ended in rows]
            missing = [one for one in missing if one[0] not in recorded]
            for call, answered_ms, ended_ms in missing:
                values = self._row(call, answered_ms, RecordingState.DAMAGED)
                row = RecordingRow(**values | {"why": NOTHING, "gap_ms": min(ended_ms - answered_ms, LONGEST_GAP_MS)})
                session.add(row)
                await session.flush()
                await self._tell(session, row)
        for call, _, _ in missing:
            self._metrics.missing.inc()
            _log.error("recording.nothing_recorded", call=call)
        return len(missing)


def _ms(at: Any) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
