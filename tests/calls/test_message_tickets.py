"""A message becomes a ticket, once: with its words if there is an engine, and honestly without them if not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from calls.callback_models import Transcription, VoiceMessageRow
from calls.message_tickets import MessageTickets
from calls.models import JournalRow
from hotline.clock import ManualClock
from hotline.database import Database
from media.errors import NotTranscribed
from media.sound import Pcm
from media.transcribe import Transcriber, local_transcriber
from ticketing import repository
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.schemas import TicketFile
from ticketing.vocabulary import Source

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALL = "ast1-1763761000.1"
SOUND = bytes([0xD5, 0x55]) * 8_000


class Listener:
    """An engine that hears what it is told to hear."""

    engine = "listener/1"

    def __init__(self, words: str) -> None:
        self.words = words
        self.heard: list[tuple[int, int]] = []

    def transcribe(self, sound: Pcm, rate: int) -> str:
        self.heard.append((len(sound), rate))
        if not self.words:
            raise NotTranscribed("nothing was said")
        return self.words


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def jobs(
    database: Database, kept: Path, transcriber: Transcriber | None = None, *, host: str = "ast1"
) -> MessageTickets:
    clock = ManualClock(NOW)
    return MessageTickets(
        host=host,
        kept=kept,
        database=database,
        desk=IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=clock),
        transcriber=transcriber,
        clock=clock,
        process=f"{host}/jobs",
    )


async def left(
    database: Database, kept: Path, call: str = CALL, *, at: datetime = NOW, caller: str | None = "+8613812345678"
) -> None:
    (kept / f"{call}.alaw").write_bytes(SOUND)
    async with database.transaction() as session:
        session.add(
            VoiceMessageRow(
                call_id=call,
                caller=caller,
                line="12333",
                left_at=at,
                duration_ms=2000,
                host="ast1",
                sha256=hashlib.sha256(SOUND).hexdigest(),
            )
        )


async def message(database: Database) -> VoiceMessageRow:
    async with database.transaction() as session:
        return (await session.scalars(select(VoiceMessageRow))).one()


async def file(database: Database) -> TicketFile:
    """The one ticket there is."""
    async with database.transaction() as session:
        (number,) = (await session.scalars(select(TicketRow.number))).all()
        return await repository.file(session, number)


async def test_without_an_engine_the_ticket_says_so(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path)
    assert await jobs(database, tmp_path).step() == 1
    ticket, row = await file(database), await message(database)
    assert (ticket.ticket.source, ticket.ticket.caller_number) == (Source.VOICE_MESSAGE, "+8613812345678")
    assert (ticket.ticket.hotline, ticket.calls, ticket.ticket.registered_by) == ("12333", (CALL,), "voice-message")
    assert "未转写" in ticket.ticket.content
    assert f"/api/messages/{row.id}/sound" in ticket.ticket.content
    assert (row.transcription, row.transcript, row.transcribed_by) == (Transcription.NONE, None, None)
    assert row.ticket == ticket.ticket.number
    async with database.transaction() as session:
        (fact,) = (await session.scalars(select(JournalRow))).all()
    assert (fact.kind, fact.call_id, fact.attributes) == ("ticket", CALL, {"ticket": ticket.ticket.number})


async def test_the_words_an_engine_heard_are_on_the_ticket(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path)
    engine = Listener("小区停水三天了")
    assert await jobs(database, tmp_path, engine).step() == 1
    row = await message(database)
    assert (row.transcription, row.transcript, row.transcribed_by) == ("done", "小区停水三天了", "listener/1")
    assert "小区停水三天了" in (await file(database)).ticket.content
    assert engine.heard == [(16_000, 8_000)]


async def test_an_engine_that_hears_nothing_leaves_it_to_people(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path)
    await jobs(database, tmp_path, Listener("")).step()
    assert (await message(database)).transcription == Transcription.FAILED
    assert "转写未成功" in (await file(database)).ticket.content


@pytest.mark.parametrize("sound", [None, SOUND[:100]])
async def test_a_message_whose_sound_is_gone_or_changed_is_a_ticket_all_the_same(
    database: Database, tmp_path: Path, sound: bytes | None
) -> None:
    await left(database, tmp_path)
    path = tmp_path / f"{CALL}.alaw"
    path.unlink() if sound is None else path.write_bytes(sound)
    engine = Listener("听不到")
    assert await jobs(database, tmp_path, engine).step() == 1
    assert (await message(database)).transcription == Transcription.FAILED
    assert engine.heard == []


async def test_however_many_look_there_is_one_ticket(database: Database, tmp_path: Path) -> None:
    for number in range(3):
        await left(database, tmp_path, f"ast1-1763761000.{number}")
    both = await asyncio.gather(*(jobs(database, tmp_path).step() for _ in range(3)))
    assert sum(both) == 3
    assert await jobs(database, tmp_path).step() == 0
    async with database.transaction() as session:
        assert len((await session.scalars(select(TicketRow))).all()) == 3


async def test_each_host_writes_up_its_own(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path)
    assert await jobs(database, tmp_path, host="ast2").step() == 0
    assert (await message(database)).ticket is None


async def test_a_message_from_before_there_were_tickets_stays_one(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path, at=NOW - timedelta(days=31))
    assert await jobs(database, tmp_path).step() == 0


async def test_a_withheld_number_is_no_number_on_the_ticket(database: Database, tmp_path: Path) -> None:
    await left(database, tmp_path, caller=None)
    assert await jobs(database, tmp_path).step() == 1
    assert (await file(database)).ticket.caller_number == ""


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_no_model_is_no_engine(folder: str) -> None:
    assert local_transcriber(folder) is None
