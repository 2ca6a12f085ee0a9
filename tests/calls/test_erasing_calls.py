"""Who called is erased when its time is over or the citizen asks; calls, figures and the audit log stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text

from calls import erasing, story
from calls.call_out_models import CallOutRow, DoNotCallRow
from calls.callback_models import CallbackAttemptRow, CallbackRow, Transcription, VoiceMessageRow
from calls.erasing import CallErasing
from calls.erasing_tables import CallErasureRow
from calls.facts import Entry
from calls.handover_models import HandoverRow, ReceivedHandoverRow
from calls.ingest import insert_entries
from calls.nuisance_tables import Measure, NuisanceFlag
from calls.recording import keeping
from calls.recording.tables import RecordingRow
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.vulnerable import VulnerableCaller
from directory import audit
from directory.models.audit import AuditRow
from hotline import sealed
from hotline.clock import ManualClock
from hotline.database import Base, Database

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=1_100)
NUMBER, OTHER = "+8613812345678", "+8613987654321"


class Archive:
    """A database with calls of two citizens in every table that names one, and the job that erases."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url)
        self.clock = ManualClock(NOW)
        self.sounds = folder
        self.job = CallErasing(self.database, self.clock, host="ast1", sounds=folder)

    async def call(self, call: str, number: str, at: datetime) -> None:
        """A call that was answered, with what hangs on it; everything over."""
        ms = int(at.timestamp() * 1000)

        def fact(seq: int, kind: str, **attributes: Any) -> Entry:
            about = f"{kind}:{call}"
            return Entry(call, ms * 1000 + seq, about, kind, ms + seq, "ast1/voice-1", "1001", attributes)

        self.sounds.joinpath(f"{call}.alaw").write_bytes(b"\xd5" * 8_000)
        async with self.database.transaction() as session:
            entries = [
                fact(1, "entered", caller=number, dialled="12345", line="12345"),
                fact(2, "answered"),
                fact(3, "handover", caller=number, summary="文明路漏水", partner="police-110", target="line:110"),
                fact(4, "ended", outcome="answered"),
            ]
            await insert_entries(session, entries)
            told, process = {"called": number}, "ast1/voice-1"
            out = Entry(f"call-out-{call[5]}.1", 1, "call_out", "call_out", ms, process, None, told)
            await insert_entries(session, [out])
            sent = (await session.scalars(select(HandoverRow).where(HandoverRow.call_id == call))).one()
            sent.state, sent.closed_at, sent.payload = "delivered", at, {"caller": number}
            callback = CallbackRow(
                kind="missed", caller=number, line="12345", queue="", call_id=call, entered_ms=ms, head_start_ms=0,
                requested_at=at, state="answered", attempts=1, next_at=at, at_once=False, closed_at=at,
            )  # fmt: skip
            session.add(callback)
            round_ = VisitRoundRow(name="r", mode="agent", state="draft", made_by="x", made_at=at)
            session.add(round_)
            await session.flush()
            session.add_all(
                [
                    CallbackAttemptRow(
                        callback_id=callback.id, number=1, call_id=f"call-back-{call[5]}.1", caller_index=number,
                        agent="1001", dialled_at=at,
                    ),
                    VoiceMessageRow(
                        call_id=call, caller=number, line="12345", left_at=at, duration_ms=1_000, host="ast1",
                        sha256="x", transcription=Transcription.DONE, transcript="我家漏水", ticket="T1",
                    ),
                    CallOutRow(
                        purpose="visit", whom="citizen", number=number, shown="12345", agent="1001", state="ended",
                        requested_at=at, closed_at=at,
                    ),
                    ReceivedHandoverRow(
                        partner="police-110", partner_id=call, digest=b"x" * 32, received_at=at, caller=number,
                        case_number="C1", summary="文明路漏水", ticket="T1", call_id=call,
                    ),
                    VisitItemRow(
                        round_id=round_.id, position=0, ticket=call[:40], number=number, state="done", next_at=at,
                        closed_at=at,
                    ),
                    NuisanceFlag(
                        caller=number, measure=Measure.FLAG, reason="辱骂", flagged_by="1001",
                        flagged_at=at - timedelta(days=2), expires_at=at - timedelta(days=1),
                        lifted_at=at - timedelta(days=1), lifted_by="",
                    ),
                    RecordingRow(
                        call_id=call, segment=ms, host="ast1", state="sealed", started_ms=ms,
                        retain_until=NOW + timedelta(days=900),
                    ),
                ]
            )  # fmt: skip

    async def named(self, number: str) -> set[str]:
        """The tables that name this citizen, in clear or sealed."""
        index = sealed.keys().index(number).hex()
        found = set()
        async with self.database.transaction() as session:
            for table in Base.metadata.sorted_tables:
                rows = await session.execute(text(f'SELECT to_jsonb(t) FROM "{table.name}" AS t'))  # noqa: S608
                for row in rows.scalars():
                    for column, value in row.items():
                        if index in orjson.dumps(value).decode() or self._opens(table.name, column, value, number):
                            found.add(table.name)
        return found

    def _opens(self, table: str, column: str, value: Any, number: str) -> bool:
        if number[3:] in orjson.dumps(value).decode():
            return True
        if not (isinstance(value, str) and value.startswith("\\x01")):
            return False
        try:
            return number in sealed.keys().open(f"{table}.{column}", bytes.fromhex(value[2:]))
        except sealed.FieldBroken:
            return False

    async def audited(self) -> list[tuple[str, str, Any]]:
        async with self.database.transaction() as session:
            rows = await session.scalars(select(AuditRow).where(AuditRow.action == "calls.erased"))
            await audit.verify(session)
            return [(row.actor, row.subject, row.after) for row in rows]

    async def ask(self, number: str) -> int:
        async with self.database.transaction() as session:
            return (await erasing.ask(session, number, "本人申请", by="leader", at=self.clock.now())).id

    async def request(self, number: int) -> CallErasureRow:
        async with self.database.transaction() as session:
            return await session.get_one(CallErasureRow, number)

    async def recording(self, call: str) -> RecordingRow:
        async with self.database.transaction() as session:
            return (await keeping.of_call(session, call))[0]


EVERYWHERE = {
    "call", "call_journal", "callback", "callback_attempt", "voice_message", "call_out", "handover",
    "handover_received", "visit_item", "nuisance_flag",
}  # fmt: skip


@pytest.fixture
async def archive(database_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    archive = Archive(database_url, tmp_path)
    yield archive
    await archive.database.close()


async def test_what_was_kept_long_enough_goes_and_the_rest_stays(archive: Archive) -> None:
    await archive.call("ast1-1.1", NUMBER, OLD)
    await archive.call("ast1-2.1", OTHER, NOW - timedelta(days=10))
    assert await archive.named(NUMBER) == await archive.named(OTHER) == EVERYWHERE
    assert await archive.job.step() > 0
    assert await archive.named(NUMBER) == set()
    assert await archive.named(OTHER) == EVERYWHERE
    assert not (archive.sounds / "ast1-1.1.alaw").exists()
    assert (archive.sounds / "ast1-2.1.alaw").exists()
    assert await archive.job.step() == 0
    async with archive.database.transaction() as session:
        told = await story.story(session, "ast1-1.1")
    assert (told.summary.caller, told.summary.line, told.summary.outcome) == (None, "12345", "answered")
    assert [event.kind for event in told.events] == ["entered", "answered", "handover", "ended"]
    # Recordings have a time of their own.
    assert (await archive.recording("ast1-1.1")).retain_until > NOW
    told_of = await archive.audited()
    assert {subject for _, subject, _ in told_of} >= {"calls", "callback", "call_out"}
    assert all(actor == "retention" and after["why"] == "retention" for actor, _, after in told_of)


async def test_a_citizen_is_forgotten_when_they_ask(archive: Archive) -> None:
    await archive.call("ast1-1.1", NUMBER, NOW - timedelta(days=10))
    await archive.call("ast1-2.1", OTHER, NOW - timedelta(days=10))
    async with archive.database.transaction() as session:
        session.add(VulnerableCaller(caller=NUMBER, reason="独居老人", marked_by="leader", marked_at=NOW))
        session.add(DoNotCallRow(number=NUMBER, reason="本人要求", added_by="leader", added_at=NOW))
    request = await archive.ask(NUMBER)
    await archive.job.step()
    # The list of those who are not called goes on, by the index alone; the tickets' part is the tickets'.
    assert await archive.named(NUMBER) == {"do_not_call", "personal_erasure"}
    assert await archive.named(OTHER) == EVERYWHERE
    row = await archive.request(request)
    assert (row.person, row.done_at) == (None, NOW)
    assert row.records >= len(EVERYWHERE) - 2
    assert (await archive.recording("ast1-1.1")).retain_until == NOW
    assert (await archive.recording("ast1-2.1")).retain_until > NOW
    assert all(after["why"] == f"request:{request}" for _, _, after in await archive.audited())


async def test_a_legal_hold_and_an_open_promise_keep_their_citizen(archive: Archive) -> None:
    await archive.call("ast1-1.1", NUMBER, OLD)
    async with archive.database.transaction() as session:
        (recording,) = await keeping.of_call(session, "ast1-1.1")
        keeping.hold(recording, by="leader", reason="公安机关调查", at=NOW)
        promise = (await session.scalars(select(CallbackRow))).one()
        promise.state, promise.closed_at = "open", None
    request = await archive.ask(NUMBER)
    await archive.job.step()
    assert {"call", "call_journal", "voice_message", "callback", "call_erasure"} <= await archive.named(NUMBER)
    assert (await archive.recording("ast1-1.1")).retain_until > NOW
    assert (await archive.request(request)).done_at is None

    async with archive.database.transaction() as session:
        (recording,) = await keeping.of_call(session, "ast1-1.1")
        keeping.lift(recording)
        promise = (await session.scalars(select(CallbackRow))).one()
        promise.state, promise.closed_at = "answered", NOW
    await archive.job.step()
    assert await archive.named(NUMBER) == {"personal_erasure"}
    assert (await archive.request(request)).done_at == NOW
