"""Kind: real. What Asterisk records of a talk: one timeline through hold, conference, kick; both sides apart; silence
exactly in a pause; a phone that sends nothing; a disk that is full."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from calls.recording.room import Gate, free_bytes
from calls.recording.starting import TAPE
from server.demo.tones import is_tone
from tests.asterisk_config.voice_peer import Session
from tests.asterisk_fixtures import LiveAsterisk, start_asterisk
from tests.calls.recording.studio import (
    AGENT,
    BRANCH,
    CITIZEN,
    Studio,
    branch,
    first_ms,
    heard,
    longest_gap_ms,
    sides,
    strengths,
    studio,
    until,
)

pytestmark = pytest.mark.real

NEAR_MS = 150
"""How well times of the tape and the wall clock agree here; the machine may be busy."""
GAP_MS = 50
"""Longest gap on a tape, beside what the phone that sends was itself late."""
KEYS = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
"""Frequencies of key tones (ITU-T Q.23)."""


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAsterisk]:
    yield from start_asterisk(tmp_path_factory.mktemp("tape"), recording={"stop_free_mb": 0})


@pytest.fixture
async def here(asterisk: LiveAsterisk) -> AsyncIterator[Studio]:
    async with studio(asterisk) as opened:
        yield opened


async def into_a_room(here: Studio) -> None:
    """Both legs out of their bridge, as the talk's first move does."""
    call = here.asterisk.variable(here.channel, "HL_CALL")
    await here.ami.setvar("HL_CALL", str(call), here.seat_channel)
    await here.ami.redirect(
        here.channel,
        "hl-talk",
        "citizen",
        extra_channel=here.seat_channel,
        extra_context="hl-talk",
        extra_exten="agent",
    )


async def test_from_the_answer_on_each_side_is_on_its_channel(here: Studio) -> None:
    segment = int(str(here.asterisk.variable(here.channel, TAPE)))
    call = here.asterisk.variable(here.channel, "HL_CALL")
    await here.stays(2)
    here.now("over")
    await here.call.hang_up()
    tape = await here.tape()
    assert (tape.call, tape.segment) == (call, segment)
    left, right = sides(tape.path)
    citizen, agent = heard(left, CITIZEN), heard(right, AGENT)
    assert not heard(left, AGENT).any()
    assert not heard(right, CITIZEN).any()
    assert longest_gap_ms(citizen) <= GAP_MS + here.call.audio.latest_ms
    assert longest_gap_ms(agent) <= GAP_MS + here.seat.audio.latest_ms
    # The first syllable is there: its time is that of the answer.
    assert abs(segment + first_ms(agent) - here.walls["answered"]) <= NEAR_MS
    assert abs(segment + tape.length_ms - here.walls["over"]) <= NEAR_MS
    assert abs(tape.written_ms - here.walls["over"]) <= NEAR_MS


async def test_one_timeline_through_conference_hold_three_way_and_kick(here: Studio, asterisk: LiveAsterisk) -> None:
    async with branch(asterisk) as third:
        room = str(asterisk.variable(here.channel, "HL_CALL"))
        segment = int(str(asterisk.variable(here.channel, TAPE)))
        await here.stays(1)
        here.now("room")
        await into_a_room(here)
        await here.stays(1.5)
        here.now("held")
        await here.ami.redirect(here.channel, "hl-held")
        await here.stays(1.5)
        here.now("back")
        await here.ami.redirect(here.channel, "hl-talk", "citizen")
        await here.stays(1)
        await here.ami.originate(
            "PJSIP/1@branch", channel_id="test-third", context="hl-talk", exten="third", variables={"HL_CALL": room}
        )
        call = await asyncio.wait_for(third.incoming.get(), 10)
        await asyncio.wait_for(call.answered.wait(), 10)
        here.now("three")
        await here.stays(1.5)
        here.now("agent_left")
        await here.seat.hang_up()
        await here.stays(1.5)
        here.now("kicked")
        asterisk.cli(f"confbridge kick {room} {asterisk.channel('PJSIP/branch')}")
        await until(here.call.ended.is_set, "the citizen, alone, is thanked and let go")
        here.now("over")
        tape = await here.tape()

    left, right = sides(tape.path)
    at = {name: (wall - segment) // 20 for name, wall in here.walls.items()}
    settled = 20  # 400 ms for what happens, and for who joins, to be heard
    early = 8  # both clocks agree that well
    citizen, agent, other = heard(left, CITIZEN), heard(right, AGENT), heard(right, BRANCH)
    # Every frame of the whole call.
    assert longest_gap_ms(citizen) <= GAP_MS + here.call.audio.latest_ms
    assert citizen[at["room"] : at["over"] - settled].mean() > 0.98
    assert not (heard(left, AGENT) | heard(left, BRANCH)).any()
    assert not heard(right, CITIZEN).any()
    # The agent: but for the moment of the move, until the hold, and after it.
    assert agent[at["answered"] + settled : at["room"] - early].all()
    assert longest_gap_ms(agent[at["answered"] + settled : at["held"]]) <= 200
    assert agent[at["room"] + settled : at["held"] - early].all()
    assert not agent[at["held"] + settled : at["back"]].any()
    assert agent[at["back"] + settled : at["agent_left"] - early].all()
    assert not agent[at["agent_left"] + settled :].any()
    # The branch: from its answer until it is kicked.
    assert not other[: at["three"] - settled].any()
    assert other[at["three"] + settled : at["kicked"] - early].all()
    assert not other[at["kicked"] + settled :].any()
    assert abs(tape.segment + tape.length_ms - here.walls["over"]) <= 2 * NEAR_MS


async def test_a_pause_is_silent_on_both_sides_and_takes_its_time(here: Studio) -> None:
    segment = int(str(here.asterisk.variable(here.channel, TAPE)))
    await here.stays(1)
    here.now("paused")
    await here.ami.mixmonitor_mute(here.channel, on=True)
    await here.stays(1.5)
    here.now("resumed")
    await here.ami.mixmonitor_mute(here.channel, on=False)
    await here.stays(1)
    here.now("over")
    await here.call.hang_up()
    tape = await here.tape()
    left, right = sides(tape.path)
    assert abs(segment + tape.length_ms - here.walls["over"]) <= NEAR_MS
    for side, frequency, phone in ((left, CITIZEN, here.call), (right, AGENT, here.seat)):
        # A phone of ours that was held up was silent for so long by itself.
        near = NEAR_MS + phone.audio.latest_ms
        silent = ~heard(side, frequency)
        silent[: (here.walls["answered"] - segment) // 20 + 20] = False
        silent[(here.walls["over"] - segment) // 20 - 10 :] = False
        places = np.flatnonzero(silent)
        assert abs(segment + places[0] * 20 - here.walls["paused"]) <= near
        assert abs(segment + places[-1] * 20 - here.walls["resumed"]) <= near
        assert np.diff(places).max() == 1
        # Nothing at all, not only none of the tone.
        inside = side[(places[0] + 2) * 160 : (places[-1] - 2) * 160]
        assert np.abs(inside.astype(np.int32)).max() <= 8


async def test_keys_are_not_in_the_sound_wherever_they_are_pressed(here: Studio) -> None:
    # Nobody makes a sound but by keys.
    here.call.audio.play(b"")
    here.seat.audio.play(b"")
    segment = int(str(here.asterisk.variable(here.channel, TAPE)))
    await here.stays(0.5)
    here.now("quiet")
    for key in "159#0":
        await here.call.audio.press(key)
        await here.seat.audio.press(key)
    await into_a_room(here)
    await here.stays(0.5)
    for key in "159#0":
        await here.call.audio.press(key)
        await here.seat.audio.press(key)
    await here.stays(0.5)
    await here.call.hang_up()
    tape = await here.tape()
    log = (here.asterisk.layout.log / "messages.log").read_text()
    assert "DTMF" not in log
    for side in sides(tape.path):
        after = side[(here.walls["quiet"] - segment) * 8 :]
        assert len(after) > 2 * 8_000  # while both sides are silent for a key the tape stands still
        for frequency in KEYS:
            assert strengths(after, frequency).max() < 50, frequency


async def test_a_citizen_whose_phone_sends_no_sound_is_recorded_in_time(asterisk: LiveAsterisk) -> None:
    async with studio(asterisk, sound=False) as here:
        segment = int(str(asterisk.variable(here.channel, TAPE)))
        await here.stays(2)
        here.now("over")
        await here.call.hang_up()
        tape = await here.tape()
    left, right = sides(tape.path)
    assert abs(segment + tape.length_ms - here.walls["over"]) <= NEAR_MS
    assert not heard(left, CITIZEN).any()
    agent = heard(right, AGENT)
    assert longest_gap_ms(agent) <= GAP_MS + here.seat.audio.latest_ms
    assert abs(segment + first_ms(agent) - here.walls["answered"]) <= NEAR_MS


async def test_a_second_agent_is_on_the_same_tape_and_overwrites_nothing(asterisk: LiveAsterisk) -> None:
    """The agent hangs up, and the citizen goes on to another one."""

    def again(session: Session) -> None:
        session.ask('EXEC Dial "PJSIP/8001,20,gm(hl)B(hl-record^s^1)U(hl-answered)"')

    async with studio(asterisk, after=again) as here:
        segment = asterisk.variable(here.channel, TAPE)
        await here.stays(1)
        await here.seat.hang_up()
        second = await asyncio.wait_for(here.agent.incoming.get(), 10)
        second.audio.play(b"\xd5" * 160)
        await second.answer()
        await here.stays(1)
        assert asterisk.variable(here.channel, TAPE) == segment
        await here.call.hang_up()
        tape = await here.tape()
        assert str(tape.segment) == segment
        assert tape.length_ms > 2_000


async def test_after_an_agent_who_does_not_answer_the_wait_is_not_recorded(asterisk: LiveAsterisk) -> None:
    """As `calls.offering` does it: the next ring begins a segment of its own."""

    def again(session: Session) -> None:
        session.ask("EXEC StopMixMonitor")
        session.ask('SET VARIABLE HL_TAPE ""')
        session.ask("WAIT FOR DIGIT 1000")
        session.ask('EXEC Dial "PJSIP/8001,20,gm(hl)B(hl-record^s^1)U(hl-answered)"')

    async with studio(asterisk, after=again) as here:
        first = asterisk.variable(here.channel, TAPE)
        await here.seat.hang_up()
        second = await asyncio.wait_for(here.agent.incoming.get(), 10)
        await second.answer()
        await here.stays(0.5)
        assert asterisk.variable(here.channel, TAPE) != first
        await here.call.hang_up()
        await until(lambda: not asterisk.channel(), "the channel is gone")
        files = sorted(asterisk.layout.recordings.glob("*.raw"))
        assert len(files) == 2
        assert all(path.stat().st_size > 0 for path in files)


@contextmanager
def small_disk(folder: Path, owner: int | None, *, free: int) -> Iterator[Path]:
    """A real file system of 1 MB in the place of `folder`, with so many bytes left."""
    options = "size=1m" + (f",uid={owner},gid={owner}" if owner is not None else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        (folder / "filled").write_bytes(b"x" * (free_bytes([folder]) - free))
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_fills_up_costs_the_recording_and_not_the_call(asterisk: LiveAsterisk) -> None:
    layout = asterisk.layout
    log = layout.log / "messages.log"
    before = log.stat().st_size
    with small_disk(layout.recordings, layout.owner, free=64 * 1024):
        async with studio(asterisk) as here:
            (layout.recordings / "filled").write_bytes(b"x" * 0)
            (layout.recordings / "filled").write_bytes(b"x" * (free_bytes([layout.recordings]) - 64 * 1024))
            await until(lambda: free_bytes([layout.recordings]) == 0, "the disk is full")
            await here.stays(1)
            assert is_tone(await here.call.audio.hear(0.5), AGENT)
            assert is_tone(await here.seat.audio.hear(0.5), CITIZEN)
            await into_a_room(here)
            await here.stays(1)
            assert is_tone(await here.call.audio.hear(0.5), AGENT)
            assert is_tone(await here.seat.audio.hear(0.5), CITIZEN)
            await here.call.hang_up()
            tape = await here.tape()
            assert 0 < tape.length_ms < 6_000
    # Asterisk says so; not once for each of fifty frames a second, or the log would fill the next disk.
    said = log.read_bytes()[before:]
    assert len(said) < 100_000, len(said)


async def test_with_no_room_the_gate_is_shut_and_the_call_goes_on(asterisk: LiveAsterisk) -> None:
    layout = asterisk.layout
    with small_disk(layout.recordings, layout.owner, free=512 * 1024):
        async with studio(asterisk) as here:
            assert not await Gate(here.ami, recorded=layout.recordings, stop_free_mb=2).look()
        async with studio(asterisk) as here:
            await here.stays(0.5)
            assert is_tone(await here.call.audio.hear(0.5), AGENT)
            assert asterisk.variable(here.channel, TAPE) is None
            assert list(layout.recordings.glob("*.raw")) == []
            assert await Gate(here.ami, recorded=layout.recordings, stop_free_mb=0).look()
    async with studio(asterisk) as here:
        assert asterisk.variable(here.channel, TAPE)
