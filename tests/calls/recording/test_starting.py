"""What the voice process does for a recording: it tells the citizen, has the dialplan begin it, and stops it when
nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.recording.starting import called_options, dial_options
from calls.voice import VoiceProcess
from hotline.settings import Settings
from tests.calls.line import CallLine, until


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[CallLine]:
    opened = CallLine(redis_url, database_url, tmp_path)
    opened.recording = {}
    yield opened
    await opened.close()


@pytest.fixture
async def voice(line: CallLine) -> VoiceProcess:
    return await line.start()


async def test_the_citizen_is_told_and_the_tape_begins_before_the_ring(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    assert (await citizen.dialled_out())[2] == "gm(hl)U(hl-answered)B(hl-record^s^1)"
    assert citizen.heard == ["hotline/greeting.12300", "hotline/talk.recorded"]


async def test_after_an_agent_who_does_not_answer_nothing_is_recorded(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.fails(citizen.call, seat, "NOANSWER", 19)
    citizen.dial_ends("NOANSWER", 19)
    assert (await citizen.peer.command("EXEC StopMixMonitor"))[:2] == ["EXEC", "StopMixMonitor"]
    await until(lambda: ["SET", "VARIABLE", "HL_TAPE", ""] in citizen.peer.commands)


async def test_a_call_that_goes_elsewhere_is_not_recorded_here(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    assert (await citizen.dialled_out())[2] == "gm(hl)U(hl-answered)"
    assert "hotline/talk.recorded" not in citizen.heard


@pytest.mark.parametrize("keys", [{"enabled": False}, {"enabled": True, "announce": False}])
async def test_nobody_is_told_of_what_is_not_done(
    redis_url: str, database_url: str, tmp_path: Path, keys: dict[str, bool]
) -> None:
    line = CallLine(redis_url, database_url, tmp_path)
    line.recording = dict(keys)
    try:
        voice = await line.start()
        await line.agent("1001")
        citizen = line.citizen("12300")
        await citizen.enter(voice)
        options = (await citizen.dialled_out())[2]
        assert ("hl-record" in options) is keys["enabled"]
        assert citizen.heard == ["hotline/greeting.12300"]
    finally:
        await line.close()


def test_a_citizen_who_is_called_is_recorded_under_the_calls_id() -> None:
    on, off = Settings(), Settings(recording={"enabled": False})  # type: ignore[arg-type]
    assert called_options(on, "call-back-7.1") == "U(hl-record-called^call-back-7.1)"
    assert (called_options(off, "call-back-7.1"), dial_options(off)) == ("", "")
