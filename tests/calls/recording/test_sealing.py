"""From the tape to the recording: what is kept of it, what is told, and what becomes of it afterwards."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from calls.facts import Entry
from calls.ingest import insert_entries
from calls.models import JournalRow
from calls.recording import keeping
from calls.recording.files import Tape, Vault, tapes
from calls.recording.keeping import RecordingHeld, Retention
from calls.recording.metrics import RecordingMetrics
from calls.recording.parts import Kept, Talk, part_kept
from calls.recording.room import Room, RoomWatch, free_bytes
from calls.recording.sealing import Sealer
from calls.recording.states import RECORDING_MOVES, RecordingMoveRefused, RecordingState, moved
from calls.recording.tables import RecordingRow
from directory.models.audit import AuditRow
from hotline.clock import SystemClock, from_ms
from hotline.database import Database
from hotline.settings import Recording, Settings
from media.errors import SealBroken

CALL = "ast1-1763761000.12"
BEGAN = 1_763_761_005_000
"""When the tape begins; the agent answers 2 s later."""


@dataclass
class Site:
    """A host with a spool of tapes, a vault, a database, and hands on its clock."""

    settings: Settings
    database: Database
    recorded: Path
    clock: SystemClock = field(default_factory=SystemClock)
    metrics: RecordingMetrics = field(default_factory=lambda: RecordingMetrics(CollectorRegistry()))

    def __post_init__(self) -> None:
        self.vault = Vault.of(self.settings)
        self.sealer = self.new_sealer()

    def new_sealer(self) -> Sealer:
        return Sealer(
            settings=self.settings,
            recorded=self.recorded,
            vault=self.vault,
            database=self.database,
            process="ast1/jobs",
            clock=self.clock,
            metrics=self.metrics,
        )

    def tape(self, seconds: float, *, call: str = CALL, began: int = BEGAN, written: int | None = None) -> Path:
        """A tape that is over: noise on both sides."""
        path = self.recorded / f"{call}.{began}.raw"
        noise = np.random.default_rng(1).integers(-8_000, 8_000, (int(8_000 * seconds), 2)).astype("<i2")
        path.write_bytes(noise.tobytes())
        at = (began + int(seconds * 1000) if written is None else written) / 1000
        os.utime(path, (at, at))
        return path

    async def told(self, *facts: tuple[str, int], call: str = CALL, agent: str | None = "1001") -> None:
        """The journal has these facts."""
        entries = [
            Entry(call, at * 1000, kind, kind, at, "ast1/voice-1", agent if kind == "answered" else None, {})
            for kind, at in facts
        ]
        async with self.database.transaction() as session:
            await insert_entries(session, entries)

    async def rows(self) -> list[RecordingRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(RecordingRow).order_by(RecordingRow.segment)))

    async def facts(self) -> list[JournalRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(JournalRow).where(JournalRow.kind == "recording")))


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = Database(database_url)
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    yield Site(Settings(var_dir=tmp_path), database, recorded)
    await database.close()


async def test_what_lies_between_answer_and_end_is_kept(site: Site) -> None:
    path = site.tape(10)
    await site.told(("entered", BEGAN - 5_000), ("answered", BEGAN + 2_000), ("ended", BEGAN + 9_000))
    assert await site.sealer.step() == 1
    (row,) = await site.rows()
    assert (row.state, row.started_ms, row.length_ms, row.gap_ms) == ("sealed", BEGAN + 2_000, 7_000, 0)
    assert (row.host, row.sound, row.call_id, row.segment) == ("ast1", "mp3", CALL, BEGAN)
    assert len(row.peaks_citizen or b"") == len(row.peaks_others or b"") == 70
    assert row.retain_until == from_ms(BEGAN) + timedelta(days=site.settings.recording.retention_days)
    assert keeping.fault_of(site.vault, row) == ""
    assert not path.exists()
    (fact,) = await site.facts()
    assert fact.at == from_ms(BEGAN + 2_000)
    assert fact.attributes == {"state": "sealed", "segment": BEGAN, "length_ms": 7_000, "gap_ms": 0}
    assert await site.sealer.step() == 0


async def test_a_talk_that_goes_on_is_shown_as_being_recorded(site: Site) -> None:
    site.tape(4, written=site.clock.now_ms())
    await site.told(("answered", BEGAN + 2_000))
    assert await site.sealer.step() == 0
    (row,) = await site.rows()
    assert (row.state, row.size, row.sha256) == ("recording", 0, None)
    with pytest.raises(keeping.NotToBeHeard):
        keeping.opened(site.vault, row, "ast1")


async def test_the_wait_of_a_citizen_nobody_answered_is_thrown_away(site: Site) -> None:
    path = site.tape(4)
    await site.told(("entered", BEGAN), ("abandoned", BEGAN + 4_000))
    assert await site.sealer.step() == 0
    assert not path.exists()
    assert await site.rows() == []


async def test_a_call_whose_end_nobody_told_is_sealed_as_it_is_after_a_while(site: Site) -> None:
    path = site.tape(4, written=site.clock.now_ms() - 10_000)
    await site.told(("answered", BEGAN + 2_000))
    assert await site.sealer.step() == 0
    os.utime(path, (site.clock.now_ms() / 1000 - 200,) * 2)
    assert await site.sealer.step() == 1
    (row,) = await site.rows()
    assert (row.state, row.length_ms) == ("sealed", 2_000)


async def test_a_tape_of_a_call_the_journal_does_not_know_is_not_lost(site: Site) -> None:
    site.tape(4)
    assert await site.sealer.step() == 1
    (row,) = await site.rows()
    assert (row.state, row.started_ms, row.length_ms) == ("sealed", BEGAN, 4_000)


async def test_what_is_missing_is_told(site: Site) -> None:
    site.tape(6, written=BEGAN + 9_000)
    await site.told(("answered", BEGAN + 2_000), ("ended", BEGAN + 9_000))
    await site.sealer.step()
    (row,) = await site.rows()
    assert (row.length_ms, row.gap_ms) == (4_000, 3_000)
    assert site.metrics.gaps._value.get() == 1
    assert (await site.facts())[0].attributes["gap_ms"] == 3_000


async def test_time_that_a_pause_has_lost_is_put_back(site: Site) -> None:
    """3 s of a pause of 5 are on the tape: what comes after it is at its time again, and nothing is missing."""
    rng = np.random.default_rng(1)

    def noise(seconds: float) -> bytes:
        return rng.integers(1_000, 8_000, (int(8_000 * seconds), 2)).astype("<i2").tobytes()

    path = site.tape(0)
    path.write_bytes(noise(3) + bytes(32_000 * 3) + noise(2) + bytes(32_000 * 1) + noise(1))
    os.utime(path, ((BEGAN + 12_000) / 1000,) * 2)
    await site.told(("answered", BEGAN + 1_000), ("ended", BEGAN + 12_000))
    for number, (begun, over) in enumerate(((3_000, 8_000), (10_000, 11_000))):
        for at, state in ((begun, "paused"), (over, "resumed")):
            fact = f"recording:{state}.{number}"
            entry = Entry(CALL, (BEGAN + at) * 1000, fact, "recording", BEGAN + at, "x", None, {"state": state})
            async with site.database.transaction() as session:
                await insert_entries(session, [entry])
    await site.sealer.step()
    (row,) = await site.rows()
    assert (row.length_ms, row.gap_ms) == (11_000, 0)
    loud = [peak > 20 for peak in row.peaks_citizen or b""]
    assert loud == [True] * 20 + [False] * 50 + [True] * 20 + [False] * 10 + [True] * 10


async def test_segments_of_one_call_do_not_overwrite_each_other(site: Site) -> None:
    site.tape(4)
    site.tape(3, began=BEGAN + 6_000)
    await site.told(("answered", BEGAN + 1_000), ("ended", BEGAN + 9_000))
    assert await site.sealer.step() == 2
    first, second = await site.rows()
    assert (first.started_ms, first.length_ms, first.gap_ms) == (BEGAN + 1_000, 3_000, 0)
    # Between the two nothing was recorded.
    assert (second.started_ms, second.length_ms, second.gap_ms) == (BEGAN + 6_000, 3_000, 2_000)
    for row in (first, second):
        assert keeping.fault_of(site.vault, row) == ""
    assert len(await site.facts()) == 2


async def test_a_process_that_died_before_the_tape_was_removed_seals_it_again(site: Site) -> None:
    path = site.tape(4)
    content = path.read_bytes()
    await site.told(("answered", BEGAN + 1_000), ("ended", BEGAN + 4_000))
    await site.sealer.step()
    before = (await site.rows())[0].sha256
    path.write_bytes(content)
    os.utime(path, (BEGAN / 1000, BEGAN / 1000))
    assert await site.new_sealer().step() == 1
    (row,) = await site.rows()
    assert (row.state, row.length_ms) == ("sealed", 3_000)
    assert row.sha256 != before  # a salt of its own
    assert keeping.fault_of(site.vault, row) == ""
    assert not path.exists()


async def test_what_cannot_be_sealed_stays_and_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site.tape(4)
    await site.told(("answered", BEGAN + 1_000), ("ended", BEGAN + 4_000))
    site.vault.key_file.parent.mkdir()
    site.vault.key_file.write_bytes(b"")
    site.vault.key_file.chmod(0o644)
    assert await site.sealer.step() == 0
    assert path.exists()
    assert site.metrics.failed._value.get() == 1
    site.vault.key_file.unlink()
    # Not at once again, so that a full disk is not written to every second.
    assert await site.sealer.step() == 0
    assert await site.new_sealer().step() == 1


async def test_a_tape_without_sound_is_a_recording_that_is_damaged(site: Site) -> None:
    site.tape(0, written=BEGAN + 9_000)
    await site.told(("answered", BEGAN + 2_000), ("ended", BEGAN + 9_000))
    await site.sealer.step()
    (row,) = await site.rows()
    assert (row.state, row.why, row.gap_ms) == ("damaged", "nothing_recorded", 7_000)
    assert site.metrics.missing._value.get() == 1


async def test_a_talk_that_was_not_recorded_at_all_is_told_of_once(site: Site) -> None:
    now = site.clock.now_ms()
    await site.told(("answered", now - 700_000), ("ended", now - 600_000))
    # Too fresh to judge, another host's, and one that went to a branch.
    await site.told(("answered", now - 70_000), ("ended", now - 60_000), call="ast1-1763761000.13")
    await site.told(("answered", now - 700_000), ("ended", now - 600_000), call="ast2-1763761000.12")
    await site.told(("answered", now - 700_000), ("ended", now - 600_000), call="ast1-1763761000.14", agent=None)
    assert await site.sealer.note_missing() == 1
    assert await site.sealer.note_missing() == 0
    (row,) = await site.rows()
    assert (row.call_id, row.state, row.why, row.gap_ms) == (CALL, "damaged", "nothing_recorded", 100_000)
    assert (await site.facts())[0].attributes["state"] == "damaged"


def _tape(length_ms: int) -> Tape:
    return Tape(Path("x"), CALL, 1_000, length_ms, 1_000 + length_ms)


@pytest.mark.parametrize(
    ("talk", "kept"),
    [
        (Talk(None, None), Kept(0, 5_000, 0)),
        (Talk(None, 9_000), None),
        (Talk(2_000, None), Kept(1_000, 5_000, 0)),
        (Talk(2_000, 4_000), Kept(1_000, 3_000, 0)),
        (Talk(500, 4_000), Kept(0, 3_000, 500)),
        (Talk(2_000, 7_000), Kept(1_000, 5_000, 1_000)),
        (Talk(7_000, 8_000), None),
        (Talk(200, 900), None),
    ],
)
def test_the_part_of_a_tape_that_is_kept(talk: Talk, kept: Kept | None) -> None:
    assert part_kept(_tape(5_000), talk) == kept


def test_only_tapes_are_taken_for_tapes(tmp_path: Path) -> None:
    for name in ("x.raw", f"{CALL}.raw", f"{CALL}.12.raw", f"../{BEGAN}.raw".replace("/", "_"), f"{CALL}.{BEGAN}.wav"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / f"{CALL}.{BEGAN}.raw").write_bytes(b"x" * 320)
    (tmp_path / f"call-back-7.1.{BEGAN}.raw").write_bytes(b"")
    assert [(tape.call, tape.length_ms) for tape in tapes(tmp_path)] == [(CALL, 10), ("call-back-7.1", 0)]


# what becomes of it


async def sealed(site: Site) -> RecordingRow:
    site.tape(4)
    await site.told(("answered", BEGAN + 1_000), ("ended", BEGAN + 4_000))
    await site.sealer.step()
    return (await site.rows())[0]


def retention(site: Site) -> Retention:
    return Retention(vault=site.vault, database=site.database, host="ast1", clock=site.clock, metrics=site.metrics)


async def test_when_its_time_is_over_it_is_erased_and_that_it_was_there_stays(site: Site) -> None:
    row = await sealed(site)
    assert await retention(site).step() == 0
    async with site.database.transaction() as session:
        (await keeping.recording(session, row.id)).retain_until = site.clock.now()
    assert await retention(site).step() == 1
    (erased,) = await site.rows()
    assert (erased.state, erased.sha256, erased.peaks_citizen) == ("erased", row.sha256, None)
    assert not site.vault.sealed(CALL, BEGAN).exists()
    async with site.database.transaction() as session:
        (told,) = await session.scalars(select(AuditRow))
    assert (told.actor, told.action, told.subject) == ("retention", "recording.erased", f"recording:{row.id}")
    assert await retention(site).step() == 0


async def test_a_hold_is_stronger_than_time(site: Site) -> None:
    row = await sealed(site)
    async with site.database.transaction() as session:
        held = await keeping.recording(session, row.id, lock=True)
        held.retain_until = site.clock.now()
        keeping.hold(held, by="auditor", reason="法院调取", at=site.clock.now())
    assert await retention(site).step() == 0
    async with site.database.transaction() as session:
        held = await keeping.recording(session, row.id, lock=True)
        with pytest.raises(RecordingHeld):
            await keeping.erase(session, site.vault, held, by="x", now=site.clock.now())
        keeping.lift(held)
    assert await retention(site).step() == 1


async def test_another_hosts_recordings_are_left_to_it(site: Site) -> None:
    row = await sealed(site)
    async with site.database.transaction() as session:
        other = await keeping.recording(session, row.id)
        other.retain_until, other.host = site.clock.now(), "ast2"
    assert await retention(site).step() == 0


async def test_a_changed_file_is_found_and_one_put_back_is_whole_again(site: Site) -> None:
    row = await sealed(site)
    path = site.vault.sealed(CALL, BEGAN)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert keeping.fault_of(site.vault, row) == "changed"
    with pytest.raises(SealBroken):
        keeping.opened(site.vault, row, "ast1")
    keeping.found(row, "changed")
    assert (row.state, row.why) == ("damaged", "changed")
    path.unlink()
    assert keeping.fault_of(site.vault, row) == "file_gone"
    path.write_bytes(good)
    assert keeping.fault_of(site.vault, row) == ""
    keeping.found(row, "")
    assert (row.state, row.why) == ("sealed", None)


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    for state in RecordingState:
        for to in RecordingState:
            if to in RECORDING_MOVES[state]:
                assert moved(state.value, to) == to.value
            else:
                with pytest.raises(RecordingMoveRefused):
                    moved(state.value, to)


# room


@pytest.mark.parametrize(
    ("free_mb", "growth_mb", "why"),
    [
        (100_000, 0, ""),
        (100_000, 1_000, ""),
        (100_000, 20_000, "full in 5 days"),
        (4_000, 0, "little room is left"),
        (500, 0, "nothing is recorded any more"),
        (100_000, -50, ""),
    ],
)
def test_why_the_alarm_is_raised(free_mb: int, growth_mb: int, why: str) -> None:
    assert Room(free_mb * 1_000_000, growth_mb * 1_000_000).alarm(Recording()) == why


async def test_the_disk_is_watched_and_growth_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    row = await sealed(site)
    keys = Recording(low_free_mb=0, stop_free_mb=0, full_in_days=1)
    watch = RoomWatch(
        keys=keys,
        folders=(site.recorded, site.vault.folder),
        database=site.database,
        host="ast1",
        clock=site.clock,
        metrics=site.metrics,
    )
    assert await watch.look() == ""
    async with site.database.transaction() as session:
        (await keeping.recording(session, row.id)).size = 7 * 10**15
    assert await watch.look() == "full in 0 days"
    assert site.metrics.low._value.get() == 1
    assert site.metrics.free._value.get() > 0


def test_room_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path: Path) -> None:
    assert free_bytes([tmp_path / "a" / "b"]) > 0
