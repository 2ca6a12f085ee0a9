"""Real recordings for the pages: two tones, sealed as calls are, with the call and the agent they are of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calls.models import CallRow, JournalRow
from calls.recording.files import Vault
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from hotline.clock import to_ms
from hotline.keys import own_keys
from media.recording import seal
from web.services import Services

CITIZEN: Final = "+8613812345678"
CITIZEN_HZ, OTHERS_HZ = 440, 1_000
_RATE: Final = 8_000


@dataclass(frozen=True)
class Kept:
    """A recording, and where its file is."""

    id: int
    call: str
    path: Path


async def keep(services: Services, place: int, *, seconds: int, agent: str = "1001", gap_ms: int = 0) -> Kept:
    """A sealed recording of a talk `place` hours ago: the citizen hums low, whoever answered high."""
    at = services.clock.now() - timedelta(hours=place, minutes=1)
    call, segment = f"ast1-1763761000.{place}", to_ms(at)
    vault = Vault.of(services.settings)
    raw = services.settings.var_dir / f"raw-{place}"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(_second().tobytes() * seconds)
    path = vault.sealed(call, segment)
    sealed = seal(raw, path, own_keys(vault.key_file), subject=f"{call}/{segment}", sound="mp3")
    row = _row(call, segment, at, RecordingState.SEALED)
    row.length_ms, row.gap_ms, row.sound, row.size = sealed.length_ms, gap_ms, "mp3", sealed.size
    row.sha256, row.key_id, row.sealed_at = sealed.sha256, sealed.key_id, at
    row.peaks_citizen, row.peaks_others = sealed.peaks
    return Kept(await _entered(services, row, at, agent), call, path)


async def note(services: Services, place: int, state: RecordingState, why: str | None = None) -> int:
    """A recording of which there is no sound; its id."""
    at = services.clock.now() - timedelta(hours=place, minutes=1)
    row = _row(f"ast1-1763761000.{place}", to_ms(at), at, state)
    row.why = why
    if state is RecordingState.ERASED:
        row.erased_at = at
    return await _entered(services, row, at, "1001")


def _second() -> NDArray[np.int16]:
    """Both tones for a second, which is a whole number of their periods."""
    time = np.arange(_RATE) / _RATE
    tones = [9_000 * np.sin(2 * np.pi * tone * time) for tone in (CITIZEN_HZ, OTHERS_HZ)]
    return np.stack(tones, axis=1).astype("<i2")


def _row(call: str, segment: int, at: datetime, state: RecordingState) -> RecordingRow:
    until = at + timedelta(days=30)
    return RecordingRow(
        call_id=call, segment=segment, host="ast1", state=state.value, started_ms=segment, retain_until=until
    )


async def _entered(services: Services, row: RecordingRow, at: datetime, agent: str) -> int:
    async with services.database.transaction() as session:
        session.add(row)
        session.add(CallRow(call_id=row.call_id, caller=CITIZEN, line="12345", entered_at=at))
        answered = JournalRow(
            call_id=row.call_id,
            seq=1,
            fact="answered",
            kind="answered",
            at=at,
            process="x",
            agent=agent,
            attributes={},
        )
        session.add(answered)
        await session.flush()
        return row.id
