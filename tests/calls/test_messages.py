"""Messages citizens leave instead of waiting."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from acd.states import AgentState, CallState
from agi.session import AgiSession
from calls.callback_models import VoiceMessageRow
from calls.live import LiveCall
from calls.message_files import MessageFolders
from calls.messages import MessageIntake, MessageResult, take_message
from calls.voice import VoiceProcess
from hotline.database import Database
from hotline.errors import PartUnavailable
from tests.agi.peer import until
from tests.calls.callback_line import waits
from tests.calls.line import CallLine, Citizen

SOUND = bytes([0xD5, 0x55]) * 8_000
"""Two seconds."""


@pytest.fixture
def folders(voice: VoiceProcess, tmp_path: Path) -> MessageFolders:
    """Where Asterisk would write, by two names for the same place."""
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    voice.board.messages = MessageFolders(recorded=recorded, inside="/spool/messages", kept=tmp_path / "messages")
    return voice.board.messages


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded is taken in when the test says so."""

    async def rest(_self: MessageIntake) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(MessageIntake, "run", rest)


class Speaker:
    """A citizen who has chosen to leave a message."""

    def __init__(self, citizen: Citizen, live: LiveCall, folders: MessageFolders) -> None:
        self.citizen = citizen
        self.live = live
        self.recorded = folders.recorded / f"{citizen.call}.alaw"
        self.result: asyncio.Task[MessageResult]

    async def begins(self, voice: VoiceProcess, session: AgiSession) -> None:
        self.citizen.peer.hold("RECORD FILE")
        self.result = asyncio.create_task(take_message(voice.board, self.live, session))
        self.command = await self.citizen.peer.command("RECORD FILE")

    def falls_silent(self) -> None:
        self.citizen.peer.reply("200 result=0 (timeout) endpos=16000")


async def speaker(line: CallLine, voice: VoiceProcess, folders: MessageFolders) -> Speaker:
    """In the middle of speaking. The session is one of its own, so that the waiting call does not answer for it."""
    citizen = await waits(line, voice)
    live = voice.board.live[citizen.call]
    sessions: list[AgiSession] = []
    held = asyncio.Event()

    async def hold(session: AgiSession) -> None:
        sessions.append(session)
        await held.wait()

    voice.server._routes = {**voice.server._routes, "inbound": hold}
    second = line.citizen(entered_ms=citizen.entered_ms)
    second.call, second.entry = citizen.call, citizen.entry
    await second.enter(voice, hold=("RECORD FILE",))
    await until(lambda: bool(sessions))
    spoken = Speaker(second, live, folders)
    await spoken.begins(voice, sessions[0])
    return spoken


async def rows(line: CallLine) -> list[VoiceMessageRow]:
    async with line.database.transaction() as session:
        return list(await session.scalars(select(VoiceMessageRow)))


async def test_what_was_said_is_kept_with_its_hash(
    line: CallLine, voice: VoiceProcess, folders: MessageFolders
) -> None:
    spoken = await speaker(line, voice, folders)
    call = spoken.citizen.call
    assert spoken.citizen.heard == ["hotline/wait.message.begin", "tones/beep"]
    assert spoken.command == ["RECORD", "FILE", f"/spool/messages/{call}", "alaw", "#", "120000", "s=6"]
    # No agent is kept by somebody who speaks to a machine.
    await line.call_is(call, CallState.ENDED)
    spoken.recorded.write_bytes(SOUND)
    spoken.falls_silent()
    assert await spoken.result == MessageResult(kept=True, caller_here=True, duration_ms=2000)
    assert await MessageIntake(voice.board).step() == 1
    assert await MessageIntake(voice.board).step() == 0
    (row,) = await rows(line)
    assert (row.call_id, row.caller, row.duration_ms, row.host) == (call, "+8613812345678", 2000, "ast1")
    assert folders.sound(call).read_bytes() == SOUND
    assert row.sha256 == hashlib.sha256(SOUND).hexdigest()
    assert list(folders.recorded.iterdir()) == []
    kinds = [(fact.kind, fact.attributes.get("outcome")) for fact in await line.facts(call)]
    assert kinds[-2:] == [("message", None), ("ended", "message")]


async def test_a_citizen_who_hangs_up_in_the_middle(
    line: CallLine, voice: VoiceProcess, folders: MessageFolders
) -> None:
    spoken = await speaker(line, voice, folders)
    spoken.recorded.write_bytes(SOUND)
    spoken.citizen.peer.reply("200 result=-1 (hangup) endpos=16000")
    spoken.citizen.peer.send(b"HANGUP\n")
    await spoken.citizen.peer.close()
    assert await spoken.result == MessageResult(kept=True, caller_here=False, duration_ms=2000)
    assert await MessageIntake(voice.board).step() == 1
    assert len(await rows(line)) == 1


async def test_nothing_said_is_no_message_and_the_place_is_there_again(
    line: CallLine, voice: VoiceProcess, folders: MessageFolders
) -> None:
    spoken = await speaker(line, voice, folders)
    spoken.recorded.write_bytes(SOUND[:4000])
    spoken.falls_silent()
    assert await spoken.result == MessageResult(kept=False, caller_here=True)
    assert await MessageIntake(voice.board).step() == 0
    assert await rows(line) == []
    assert list(folders.recorded.iterdir()) == []
    assert "message" not in await line.kinds(spoken.citizen.call)


async def test_a_message_of_a_process_that_died_is_taken_in_once_nobody_speaks(
    line: CallLine, voice: VoiceProcess, folders: MessageFolders
) -> None:
    call = "ast1-1763761000.800"
    note = {"call": call, "caller": None, "line": "12345", "left_ms": line.clock.now_ms(), "done": False}
    (folders.recorded / f"{call}.json").write_text(json.dumps(note))
    sound = folders.recorded / f"{call}.alaw"
    sound.write_bytes(SOUND)
    assert await MessageIntake(voice.board).step() == 0
    long_ago = time.time() - 60
    for path in folders.recorded.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert await MessageIntake(voice.board).step() == 1
    (row,) = await rows(line)
    assert (row.call_id, row.caller) == (call, None)


async def test_the_database_away_loses_nothing(line: CallLine, voice: VoiceProcess, folders: MessageFolders) -> None:
    spoken = await speaker(line, voice, folders)
    spoken.recorded.write_bytes(SOUND)
    spoken.falls_silent()
    there, voice.board.database = voice.board.database, Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    assert (await spoken.result).kept
    with pytest.raises(OSError):  # noqa: PT011 - whatever the driver makes of a refused connection
        await MessageIntake(voice.board).step()
    voice.board.database = there
    assert await MessageIntake(voice.board).step() == 1
    assert len(await rows(line)) == 1


async def test_a_note_that_is_none_holds_nothing_up(
    line: CallLine, voice: VoiceProcess, folders: MessageFolders
) -> None:
    (folders.recorded / "a.json").write_text("{")
    spoken = await speaker(line, voice, folders)
    spoken.recorded.write_bytes(SOUND)
    spoken.falls_silent()
    await spoken.result
    assert await MessageIntake(voice.board).step() == 1


async def test_nowhere_to_record(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    voice.board.messages = None
    await line.agent("1001", ready=False)
    with pytest.raises(PartUnavailable):
        await take_message(voice.board, voice.board.live[citizen.call], None)  # type: ignore[arg-type]
    await line.call_is(citizen.call, CallState.WAITING)
    assert await line.state("1001") is AgentState.NOT_READY
