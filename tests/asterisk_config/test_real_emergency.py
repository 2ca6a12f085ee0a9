"""Kind: real. An emergency's caller hears where the call goes while it is already ringing there."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from hotline.settings import project_root
from server.asterisk.render import EmergencyRoute
from server.asterisk.ringback import ringback
from server.demo.g711 import tone
from server.demo.phone import Incoming, Phone, PhoneCall
from server.demo.sip import media_address, offer_sdp, tag_of
from tests.accept.sound import likeness
from tests.asterisk_fixtures import CARRIER, LiveAsterisk, start_asterisk

pytestmark = pytest.mark.real

AT_ONCE = 0.1
"""Seconds from the citizen's INVITE to the one at the desk: a few milliseconds, and room for a busy machine."""

# Only 110 has its announcement: 119 shows what happens when a file is missing, 120 when the first target is gone.
ROUTES = (
    EmergencyRoute("110", "police", "1101", 20),
    EmergencyRoute("119", "police", "1191", 20),
    EmergencyRoute("120", "branch", "1201", 3),
    EmergencyRoute("120", "police", "1202", 20),
)
GREETING = project_root() / "media/prompts/zh/greeting.110.alaw"
CITIZEN, DESK, EARLY = tone(1004, 0.5), tone(620, 0.5), tone(1700, 0.5)
RING = ringback()[:8_000]


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAsterisk]:
    var = tmp_path_factory.mktemp("emergency")
    prompts = var / "media/prompts/zh"
    prompts.mkdir(parents=True)
    shutil.copy(GREETING, prompts)
    shutil.copy(GREETING, prompts / "greeting.120.alaw")
    yield from start_asterisk(var, emergency=ROUTES)


@asynccontextmanager
async def desk(asterisk: LiveAsterisk, on_call: Incoming) -> AsyncIterator[Phone]:
    """The emergency desk behind the trunk `police`."""
    phone = await Phone("desk", server=asterisk.sip, port=asterisk.trunk_port("police"), on_call=on_call).start()
    try:
        yield phone
    finally:
        await phone.close()


@asynccontextmanager
async def citizen(asterisk: LiveAsterisk, dialled: str) -> AsyncIterator[PhoneCall]:
    phone = await Phone("13800000000", server=asterisk.sip, host=CARRIER).start()
    try:
        yield await phone.call(dialled, sound=CITIZEN)
    finally:
        await phone.close()


async def only_ring(call: PhoneCall) -> None:
    call.audio.play(DESK)
    await call.ring()


async def heard(call: PhoneCall, sound: bytes, *, seconds: float = 8.0) -> None:
    """Wait until `call` has heard `sound`."""
    deadline = time.monotonic() + seconds
    while likeness(bytes(call.audio.heard), sound) < 0.9:
        assert time.monotonic() < deadline, "not heard"
        await call.audio.hear(0.2)


async def talk(a: PhoneCall, b: PhoneCall) -> None:
    """Both hear each other."""
    async with asyncio.timeout(5):
        await a.answered.wait()
    for ear, sound in ((a, DESK), (b, CITIZEN)):
        await heard(ear, sound[:1_600])
        assert likeness(await ear.audio.hear(0.5), sound[:1_600]) > 0.9


async def test_the_announcement_is_heard_while_the_desk_rings_already(asterisk: LiveAsterisk) -> None:
    async with desk(asterisk, only_ring) as police, citizen(asterisk, "110") as call:
        rings = await asyncio.wait_for(police.incoming.get(), 5)
        assert rings.log["invite"] - call.log["invite"] < AT_ONCE

        await heard(call, GREETING.read_bytes())
        await heard(call, RING)
        # Nothing was answered for that: the call is not charged, and a desk that is busy can still be told from others.
        assert not call.answered.is_set()

        await rings.answer()
        await talk(call, rings)
        await rings.hang_up()
        await asyncio.wait_for(call.ended.wait(), 5)


async def test_a_desk_that_answers_at_once_is_heard_at_once(asterisk: LiveAsterisk) -> None:
    async def answers(call: PhoneCall) -> None:
        call.audio.play(DESK)
        await call.answer()

    async with desk(asterisk, answers) as police, citizen(asterisk, "110") as call:
        rings = await asyncio.wait_for(police.incoming.get(), 5)
        await asyncio.wait_for(call.answered.wait(), 5)
        assert call.log["answered"] - call.log["invite"] < 1.0
        await talk(call, rings)
        assert likeness(bytes(call.audio.heard), GREETING.read_bytes()) < 0.5


async def test_a_desk_that_sends_sound_before_it_answers_harms_neither_announcement_nor_talk(
    asterisk: LiveAsterisk,
) -> None:
    async def sounds_early(call: PhoneCall) -> None:
        call.audio.play(EARLY)
        call.audio.start(media_address(call.invite.body))
        body = offer_sdp(call.phone.host, call.audio.port)
        call.phone.reply(call.invite, 183, "Session Progress", tag=tag_of(call.local), contact=True, body=body)

    async with desk(asterisk, sounds_early) as police, citizen(asterisk, "110") as call:
        rings = await asyncio.wait_for(police.incoming.get(), 5)
        await heard(call, GREETING.read_bytes())
        assert not call.answered.is_set()
        rings.audio.play(DESK)
        await rings.answer()
        await talk(call, rings)


async def test_without_its_file_the_call_goes_out_and_ringing_is_heard(asterisk: LiveAsterisk) -> None:
    async with desk(asterisk, only_ring) as police, citizen(asterisk, "119") as call:
        rings = await asyncio.wait_for(police.incoming.get(), 5)
        assert rings.log["invite"] - call.log["invite"] < AT_ONCE
        await heard(call, RING)
        assert likeness(bytes(call.audio.heard), GREETING.read_bytes()) < 0.5
        await rings.answer()
        await talk(call, rings)


async def test_the_next_target_is_rung_when_the_first_is_gone(asterisk: LiveAsterisk) -> None:
    async with desk(asterisk, only_ring) as police, citizen(asterisk, "120") as call:
        rings = await asyncio.wait_for(police.incoming.get(), 10)
        assert "1202@" in rings.invite.uri
        await heard(call, GREETING.read_bytes())
        await rings.answer()
        await talk(call, rings)
