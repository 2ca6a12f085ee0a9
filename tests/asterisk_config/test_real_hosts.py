"""Kind: real. Two Asterisk hosts: a citizen's call on one, the agent's phone registered with the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from acd.states import Outcome
from calls.agent_leg import agent_leg
from hotline.errors import PartUnavailable
from server.asterisk import secrets
from server.asterisk.check import check
from server.asterisk.registrar import unregister
from server.demo.g711 import tone
from server.demo.phone import Incoming, Phone, PhoneCall, answer_at_once
from tests.accept.sound import is_tone
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import CARRIER, LiveAsterisk, make_media, place_call, until
from tests.asterisk_hosts import ADDRESSES, site_settings, start_site

pytestmark = pytest.mark.real

CITIZEN, AGENT = tone(600, 1.0), tone(900, 1.0)
OPTIONS = "gm(hl)U(hl-answered)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveAsterisk, LiveAsterisk]]:
    yield from start_site(tmp_path_factory.mktemp("site"))


@dataclass
class Ended:
    """How a Dial ended, as the voice process of the caller's host reads it."""

    call: str
    status: str
    cause: int
    outcome: Outcome
    phase: str


class Dialler:
    """A voice process of the caller's host that dials one seat at the other host, for so many seconds."""

    def __init__(self, host: LiveAsterisk, seat: str, peer: str, seconds: int) -> None:
        self.ended: queue.Queue[Ended] = queue.Queue()
        self._host, self._seat, self._peer, self._seconds = host, seat, peer, seconds

    def play(self, session: Session) -> None:
        call = session.arguments[0]
        leg = agent_leg(self._host.settings.asterisk, self._seat, self._peer, call)
        assert leg is not None
        session.ask("ANSWER")
        session.ask(f'EXEC Dial "{leg.destination},{self._seconds},{OPTIONS}{leg.options}"')

        def variable(name: str) -> str:
            return session.ask(f"GET VARIABLE {name}").partition("(")[2].removesuffix(")")

        status, cause, phase = variable("DIALSTATUS"), variable("HANGUPCAUSE"), variable("HL_PHASE")
        number = int(cause) if cause.isdecimal() else 0
        silent = status == "NOANSWER" and number == 0 and not variable("RINGTIME_MS")
        self.ended.put(Ended(call, status, number, leg.outcome(status, number, silent=silent), phase))
        session.ask("SET VARIABLE HL_PHASE done")


@asynccontextmanager
async def calling(
    host: LiveAsterisk, seat: str = "8001", *, peer: str = "ast2", seconds: int = 20
) -> AsyncIterator[tuple[PhoneCall, Dialler]]:
    dialler = Dialler(host, seat, peer, seconds)
    phone = await Phone("13800000000", server=host.sip, host=CARRIER).start()
    with VoicePeer(host.settings.voice.fastagi_port, dialler.play), \
         VoicePeer(host.settings.voice.fastagi_port + 1, dialler.play):  # fmt: skip
        try:
            yield await phone.call("12345", sound=CITIZEN), dialler
        finally:
            await phone.close()
            await asyncio.to_thread(until, lambda: host.channel("PJSIP") is None, "the call is gone")


@asynccontextmanager
async def seat_at(host: LiveAsterisk, on_call: Incoming, seat: str = "8001") -> AsyncIterator[Phone]:
    password = secrets.load(host.settings).phone(seat)
    phone = await Phone(seat, server=host.sip, password=password, on_call=on_call).start()
    await phone.register()
    try:
        yield phone
    finally:
        await phone.register(expires=0)
        await phone.close()


async def _ended(dialler: Dialler, seconds: float = 12) -> Ended:
    return await asyncio.to_thread(dialler.ended.get, True, seconds)


async def test_they_talk_across_the_hosts_and_the_agents_leg_knows_the_call(
    site: tuple[LiveAsterisk, LiveAsterisk],
) -> None:
    async def answers(call: PhoneCall) -> None:
        call.audio.play(AGENT)
        await answer_at_once(call)

    async with seat_at(site[1], answers) as phone, calling(site[0]) as (citizen, dialler):
        agent = await asyncio.wait_for(phone.incoming.get(), 10)
        assert "13800000000" in agent.invite.get("from")
        await citizen.audio.hear(0.5)
        assert is_tone(await agent.audio.hear(0.6), 600)
        assert is_tone(await citizen.audio.hear(0.6), 900)
        incoming = await asyncio.to_thread(site[1].channel, "host-ast1")
        call = await asyncio.to_thread(site[1].variable, str(incoming), "HL_CALL")
        await agent.hang_up()
        end = await _ended(dialler)
        assert call == end.call
        assert call.startswith("ast1-")
        assert (end.status, end.phase) == ("ANSWER", "talked")


async def _busy(call: PhoneCall) -> None:
    await call.refuse(486, "Busy Here")


async def _declines(call: PhoneCall) -> None:
    await call.ring()
    await call.refuse(603, "Decline")


async def _unavailable(call: PhoneCall) -> None:
    await call.refuse(480, "Temporarily Unavailable")


async def _times_out(call: PhoneCall) -> None:
    await call.refuse(408, "Request Timeout")


async def _fails(call: PhoneCall) -> None:
    await call.refuse(500, "Server Internal Error")


async def _rings(call: PhoneCall) -> None:
    await call.ring()


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (_busy, Outcome.BUSY),
        (_declines, Outcome.REJECTED),
        (_unavailable, Outcome.NO_ANSWER),
        (_times_out, Outcome.NO_ANSWER),
        (_fails, Outcome.FAILED),
        (_rings, Outcome.NO_ANSWER),
    ],
)
@pytest.mark.parametrize("where", [1, 0], ids=["elsewhere", "here"])
async def test_what_a_phone_says_is_the_same_across_hosts(
    site: tuple[LiveAsterisk, LiveAsterisk], behaviour: Incoming, outcome: Outcome, where: int
) -> None:
    async with seat_at(site[where], behaviour), calling(site[0], peer=f"ast{where + 1}", seconds=2) as (_, dialler):
        end = await _ended(dialler)
        assert (end.outcome, end.phase) == (outcome, "entered"), end


@pytest.mark.parametrize("where", [1, 0], ids=["elsewhere", "here"])
async def test_a_phone_that_is_not_registered_is_named_as_that(
    site: tuple[LiveAsterisk, LiveAsterisk], where: int
) -> None:
    async with calling(site[0], "8002", peer=f"ast{where + 1}") as (_, dialler):
        assert (await _ended(dialler)).outcome is Outcome.UNREGISTERED


@pytest.mark.parametrize("dialled", ["12345", "110", "s", "hl-inbound", "8001%40carrier", "7999", "80011"])
async def test_a_peer_reaches_extensions_of_ours_and_nothing_else(
    site: tuple[LiveAsterisk, LiveAsterisk], dialled: str
) -> None:
    peer = await Phone("host", server=site[1].sip, host=ADDRESSES[0]).start()
    try:
        call = await peer.call(dialled)
        await asyncio.wait_for(call.ended.wait(), 5)
        assert (call.status, call.answered.is_set()) == (404, False)
    finally:
        await peer.close()


async def test_a_stranger_reaches_nobody(site: tuple[LiveAsterisk, LiveAsterisk]) -> None:
    async with seat_at(site[1], answer_at_once) as phone:
        stranger = await Phone("host", server=site[1].sip, host="127.0.0.99").start()
        try:
            call = await stranger.call("8001")
            await asyncio.wait_for(call.ended.wait(), 5)
            assert call.status in (401, 403)
            assert phone.calls == []
        finally:
            await stranger.close()


async def test_a_registration_is_taken_back_without_the_phone(site: tuple[LiveAsterisk, LiveAsterisk]) -> None:
    host = site[0]
    async with seat_at(host, answer_at_once, "8003"), seat_at(host, answer_at_once, "8004"):
        await unregister(host.settings, "8003")
        contacts = await asyncio.to_thread(host.cli, "pjsip show contacts")
        assert "8003/sip:" not in contacts
        assert "8004/sip:" in contacts
        # Where there is none it is as good as done.
        await unregister(host.settings, "8003")
        with pytest.raises(PartUnavailable):
            await unregister(host.settings, "7999")


async def test_two_who_say_nothing_are_not_taken_for_a_host_that_died(
    site: tuple[LiveAsterisk, LiveAsterisk], tmp_path: Path
) -> None:
    async def says_nothing(call: PhoneCall) -> None:
        await call.ring()
        await call.answer(sound=False)

    dialler = Dialler(site[0], "8001", "ast2", 20)
    async with seat_at(site[1], says_nothing) as phone:
        with contextlib.ExitStack() as stack:
            for n in (0, 1):
                stack.enter_context(VoicePeer(site[0].settings.voice.fastagi_port + n, dialler.play))
            # SIPp sends no sound at all.
            caller = place_call(site[0], tmp_path, "12345", seconds=30)
            try:
                agent = await asyncio.wait_for(phone.incoming.get(), 10)
                await asyncio.sleep(12)  # longer than the silence by which a dead host is known
                assert not agent.ended.is_set()
                await agent.hang_up()
                assert (await _ended(dialler)).status == "ANSWER"
            finally:
                caller.kill()
                caller.wait()


async def test_a_host_that_died_in_a_talk_leaves_the_agents_phone_free(
    site: tuple[LiveAsterisk, LiveAsterisk],
) -> None:
    async with seat_at(site[1], answer_at_once) as phone, calling(site[0]):
        agent = await asyncio.wait_for(phone.incoming.get(), 10)
        await asyncio.wait_for(agent.acknowledged.wait(), 5)
        os.kill(site[0].pid, signal.SIGSTOP)
        try:
            await asyncio.wait_for(agent.ended.wait(), 12)
        finally:
            os.kill(site[0].pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [3, 20])
async def test_a_host_that_answers_nothing_is_no_fault_of_its_agent(
    site: tuple[LiveAsterisk, LiveAsterisk], seconds: int
) -> None:
    async with seat_at(site[1], answer_at_once):
        os.kill(site[1].pid, signal.SIGSTOP)
        try:
            async with calling(site[0], seconds=seconds) as (_, dialler):
                assert (await _ended(dialler)).outcome in (Outcome.FAILED, Outcome.UNREGISTERED)
        finally:
            os.kill(site[1].pid, signal.SIGCONT)


def test_asterisk_has_no_complaint_about_its_peers(tmp_path: Path) -> None:
    settings = site_settings(tmp_path)[0]

    assert check(settings, media=make_media(tmp_path / "media")).faults == ()
