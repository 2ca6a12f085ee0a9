"""Kind: real. Kamailio in front of two Asterisk hosts: who is let in, who gets which host, and what happens when one is
gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ami.client import AmiClient
from hotline.errors import SettingsError
from hotline.settings import Asterisk, Kamailio, Settings, project_root
from server.asterisk import secrets
from server.demo.g711 import tone
from server.demo.phone import Incoming, Phone, PhoneCall, answer_at_once
from server.demo.sip import Message
from server.provision import kamailio
from tests.accept.sound import is_tone
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import CARRIER, LiveAsterisk, free_port, until
from tests.asterisk_hosts import ADDRESSES, start_site

pytestmark = pytest.mark.real

ADDRESS = "127.0.0.13"
STRANGER = "127.0.0.66"
CITIZEN, AGENT = tone(600, 1.0), tone(900, 1.0)


@dataclass
class Front:
    """Two hosts, and the Kamailio before them."""

    hosts: tuple[LiveAsterisk, LiveAsterisk]
    settings: Settings

    @property
    def sip(self) -> tuple[str, int]:
        return ADDRESS, self.settings.kamailio.sip_port

    def seen(self) -> dict[str, bool]:
        return asyncio.run(kamailio.hosts_seen(self.settings))

    async def until_seen(self, **wanted: bool) -> None:
        """Wait until Kamailio has taken out, or back, what is wanted."""
        await asyncio.to_thread(until, lambda: self.seen() == wanted, f"Kamailio sees {wanted}")


def ready(host: LiveAsterisk, word: str = "yes") -> None:
    """What the host's watchdog says of its voice processes."""
    host.cli(f"dialplan set global HL_READY {word}")


@contextlib.contextmanager
def stopped(host: LiveAsterisk) -> Iterator[None]:
    """A host that answers nothing, as one that lost its network."""
    os.kill(host.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(host.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    sip, trunk = (free_port(socket.SOCK_DGRAM, ADDRESS) for _ in range(2))
    carrier = {
        "name": "carrier",
        "contact": f"{ADDRESS}:{sip}",
        "identify": [f"{ADDRESS}:{trunk}"],
        "inbound": True,
    }
    site = start_site(tmp_path_factory.mktemp("front"), trunks=[carrier])
    with contextlib.closing(site):
        hosts = next(site)
        for host in hosts:
            ready(host)
        keys = Kamailio(
            private=True,
            bind=ADDRESS,
            sip_port=sip,
            trunk_port=trunk,
            carriers=[CARRIER],
            seats=["127.0.0.0/30"],
            probe_seconds=1,
        )
        settings = hosts[0].settings.model_copy(update={"kamailio": keys})
        argv = kamailio.prepare(settings)
        with (settings.var_dir / "kamailio.log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=project_root(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        started = Front(hosts, settings)
        try:
            until(lambda: started.seen() == {"ast1": True, "ast2": True}, "Kamailio is up")
            yield started
        finally:
            process.terminate()
            process.wait(10)


def _holds(session: Session) -> None:
    session.ask("ANSWER")
    session.ask('EXEC MusicOnHold "hl,20"')


@asynccontextmanager
async def voices(front: Front) -> AsyncIterator[tuple[VoicePeer, VoicePeer]]:
    """A voice process on each port of each host; the first of each host is given."""
    with contextlib.ExitStack() as stack:
        peers = [
            stack.enter_context(VoicePeer(host.settings.voice.fastagi_port + n, _holds))
            for host in front.hosts
            for n in (0, 1)
        ]
        yield peers[0], peers[2]
        for host in front.hosts:
            await asyncio.to_thread(host.cli, "channel request hangup all")


@asynccontextmanager
async def phone_at(front: Front, user: str, address: str, on_call: Incoming = answer_at_once) -> AsyncIterator[Phone]:
    password = secrets.load(front.settings).phone(user)
    phone = await Phone(user, server=front.sip, host=address, password=password, on_call=on_call).start()
    try:
        yield phone
    finally:
        await phone.close()


async def _answered(call: PhoneCall, seconds: float = 8) -> None:
    async with asyncio.timeout(seconds):
        await call.answered.wait()


async def _where(front: Front, number: str) -> list[str]:
    """Systemnames of the hosts that have a call of this caller."""

    def look() -> list[str]:
        return [
            host.settings.asterisk.systemname
            for host in front.hosts
            if number in host.cli("core show channels concise")
        ]

    found: list[str] = await asyncio.to_thread(until, look, "a host has the call")
    return found


def _idle(host: LiveAsterisk) -> None:
    until(lambda: host.channel("PJSIP") is None, "the call ended")


async def test_calls_go_to_the_hosts_in_turn_and_end_where_they_are(front: Front) -> None:
    async with voices(front):
        places = []
        for n in range(4):
            async with phone_at(front, f"1380000010{n}", CARRIER) as phone:
                call = await phone.call("12345", sound=CITIZEN)
                await _answered(call)
                (place,) = await _where(front, phone.user)
                places.append(place)
                # BYE finds the host by the recorded route.
                await call.hang_up()
                host = front.hosts[0 if place == "ast1" else 1]
                await asyncio.to_thread(_idle, host)
        assert sorted(places) == ["ast1", "ast1", "ast2", "ast2"], places


async def test_a_host_that_answers_nothing_costs_the_citizen_two_seconds_once(front: Front) -> None:
    async with voices(front):
        with stopped(front.hosts[1]):
            took = []
            for n in range(4):
                async with phone_at(front, f"1380000020{n}", CARRIER) as phone:
                    began = time.monotonic()
                    call = await phone.call("12345")
                    await _answered(call)
                    took.append(time.monotonic() - began)
                    await call.hang_up()
            assert max(took) < 3.0, took
            assert sum(seconds > 0.5 for seconds in took) <= 1, f"the dead host was tried again: {took}"
            await front.until_seen(ast1=True, ast2=False)
        await front.until_seen(ast1=True, ast2=True)


async def test_a_seats_phone_registers_with_its_home_is_called_there_and_moves_when_that_is_gone(front: Front) -> None:
    async def answers(call: PhoneCall) -> None:
        call.audio.play(AGENT)
        await answer_at_once(call)

    def homes(seat: str) -> list[str]:
        return [
            host.settings.asterisk.systemname
            for host in front.hosts
            if f"{seat}/sip:" in host.cli("pjsip show contacts")
        ]

    async with phone_at(front, "8001", "127.0.0.1", answers) as phone:
        await phone.register()
        (home,) = await asyncio.to_thread(homes, "8001")
        await phone.register()
        assert await asyncio.to_thread(homes, "8001") == [home], "a second registration went elsewhere"
        at_home = front.hosts[0 if home == "ast1" else 1]
        other = front.hosts[1 if home == "ast1" else 0]
        await _is_called(at_home, phone)
        with stopped(at_home):
            await _registers(phone)
            there = await asyncio.to_thread(other.cli, "pjsip show contacts")
            assert "8001/sip:" in there
            await _is_called(other, phone)
        await front.until_seen(ast1=True, ast2=True)
        await phone.register(expires=0)


async def _registers(phone: Phone, *, seconds: float = 10) -> None:
    """As phones do: again, when it is refused. The first one may find out that its home is gone only between its two
    requests, and the next host did not ask what it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await phone.register()
        except RuntimeError:
            assert time.monotonic() < deadline, "the phone is not let in"


async def _is_called(host: LiveAsterisk, phone: Phone) -> None:
    """The host calls the phone; both hear each other, and the phone's BYE arrives."""
    keys = host.settings.asterisk
    ami = AmiClient(host="127.0.0.1", port=keys.ami_port, user=keys.ami_user, secret=secrets.load(host.settings).ami)
    await ami.start()
    try:
        await ami.wait_connected(5)
        await ami.originate("PJSIP/8001", channel_id=f"t-{time.monotonic_ns()}", app="MusicOnHold", data="hl")
        call = await asyncio.wait_for(phone.incoming.get(), 5)
        await asyncio.wait_for(call.acknowledged.wait(), 5)
        await call.hang_up()
    finally:
        await ami.close()
    await asyncio.to_thread(until, lambda: host.channel("8001") is None, "the phone's BYE arrives")


async def _register(front: Front, user: str, address: str, *, to: str = "") -> int:
    """The status a REGISTER without a password gets; 0 for none within a second."""
    async with phone_at(front, user, address) as phone:
        uri = f"sip:{ADDRESS}:{front.sip[1]}"
        message = Message(
            method="REGISTER",
            uri=uri,
            headers=[
                ("via", phone.via()),
                ("max-forwards", "70"),
                ("from", f"<sip:{user}@{ADDRESS}>;tag=1"),
                ("to", f"<sip:{to or user}@{ADDRESS}>"),
                ("call-id", f"{user}-{to}-{time.monotonic()}"),
                ("cseq", "1 REGISTER"),
                ("contact", f"<{phone.contact}>"),
            ],
        )
        try:
            return (await phone._ask(message, seconds=1.0)).status
        except TimeoutError:
            return 0


@pytest.mark.parametrize(
    ("user", "to", "address", "status"),
    [
        ("8001", "", "127.0.0.1", 401),
        ("7999", "", "127.0.0.1", 403),
        ("host", "", "127.0.0.1", 403),
        ("carrier", "", "127.0.0.1", 403),
        ("8001", "8002", "127.0.0.1", 403),
        ("8001", "", CARRIER, 405),
        ("8001", "", STRANGER, 0),
    ],
)
async def test_who_may_register(front: Front, user: str, to: str, address: str, status: int) -> None:
    assert await _register(front, user, address, to=to) == status


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 403), (STRANGER, 0), (ADDRESSES[0], 404)])
async def test_nobody_but_the_carrier_calls(front: Front, address: str, status: int) -> None:
    async with phone_at(front, "13900000000", address) as phone:
        call = await phone.call("12345")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(call.ended.wait(), 1.5)
        assert call.status == status


@pytest.mark.parametrize("address", ["127.0.0.1", CARRIER])
async def test_an_outsiders_route_leads_to_the_hosts_only(front: Front, address: str) -> None:
    target = await Phone("victim", server=front.sip, host=STRANGER).start()
    async with phone_at(front, "13900000001", address) as phone:
        for tagged in (True, False):
            message = Message(
                method="INVITE",
                uri=target.contact,
                headers=[
                    ("via", phone.via()),
                    ("route", f"<sip:{ADDRESS}:{front.sip[1]};lr>"),
                    ("max-forwards", "70"),
                    ("from", "<sip:13900000001@example.org>;tag=1"),
                    ("to", f"<{target.contact}>{';tag=2' if tagged else ''}"),
                    ("call-id", f"route-{address}-{tagged}"),
                    ("cseq", "1 INVITE"),
                    ("contact", f"<{phone.contact}>"),
                ],
            )
            with contextlib.suppress(TimeoutError):
                await phone._ask(message, seconds=1.5)
    assert target.calls == []
    await target.close()


async def test_the_hosts_addresses_are_not_shown_outside(front: Front) -> None:
    heard: list[str] = []

    class Listening(Phone):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            heard.append(data.decode().partition("\r\n\r\n")[0])
            super().datagram_received(data, addr)

    async with voices(front):
        phone = await Listening("13800000301", server=front.sip, host=CARRIER).start()
        call = await phone.call("12345")
        await _answered(call)
        await call.hang_up()
        await phone.close()
    assert heard
    assert not [text for text in heard for address in ADDRESSES if address in text], heard


def test_kamailio_and_a_host_may_not_share_an_address(tmp_path: Path) -> None:
    asterisk = Asterisk(bind="10.0.0.1")
    with pytest.raises(SettingsError, match=r"kamailio\.bind"):
        kamailio.render(Settings(var_dir=tmp_path, asterisk=asterisk, kamailio=Kamailio(bind="10.0.0.1")))


async def test_they_hear_each_other_by_way_of_kamailio(front: Front) -> None:
    """A citizen through Kamailio, dialled on to a seat that registered through Kamailio."""

    def dials(session: Session) -> None:
        session.ask("ANSWER")
        session.ask('EXEC Dial "PJSIP/8002,10,gm(hl)"')
        session.ask("SET VARIABLE HL_PHASE done")

    async def answers(call: PhoneCall) -> None:
        call.audio.play(AGENT)
        await answer_at_once(call)

    await front.until_seen(ast1=True, ast2=True)
    async with phone_at(front, "8002", "127.0.0.1", answers) as seat, phone_at(front, "13800000401", CARRIER) as who:
        await seat.register()
        with contextlib.ExitStack() as stack:
            for host in front.hosts:
                for n in (0, 1):
                    stack.enter_context(VoicePeer(host.settings.voice.fastagi_port + n, dials))
            # In turn, so the second or third comes to the host that has the seat's registration.
            calls = [await who.call("12345", sound=CITIZEN) for _ in range(3)]
            agent = await asyncio.wait_for(seat.incoming.get(), 8)
            await asyncio.wait_for(agent.acknowledged.wait(), 5)
            assert is_tone((await agent.audio.hear(0.8))[-4000:], 600)
            # The host without the registration sends its callers away, some perhaps not yet.
            heard = await asyncio.gather(*(call.audio.hear(0.8) for call in calls), return_exceptions=True)
            assert any(isinstance(sound, bytes) and is_tone(sound[-4000:], 900) for sound in heard)
            await agent.hang_up()
            for call in calls:
                await asyncio.wait_for(call.ended.wait(), 8)
        await seat.register(expires=0)


async def test_a_host_that_is_not_ready_gets_calls_only_when_none_is(front: Front) -> None:
    async def places(calls: int) -> set[str]:
        found = []
        async with phone_at(front, "13800000501", CARRIER) as phone:
            for _ in range(calls):
                call = await phone.call("12345")
                await _answered(call)
                found += await _where(front, phone.user)
                await call.hang_up()
                for host in front.hosts:
                    await asyncio.to_thread(_idle, host)
        return set(found)

    async with voices(front):
        await asyncio.to_thread(ready, front.hosts[0], "no")
        await front.until_seen(ast1=False, ast2=True)
        assert await places(3) == {"ast2"}
        await asyncio.to_thread(ready, front.hosts[1], "no")
        await front.until_seen(ast1=False, ast2=False)
        assert await places(4) == {"ast1", "ast2"}, "nobody is ready, and a citizen is turned away or sent astray"
        for host in front.hosts:
            await asyncio.to_thread(ready, host)
        await front.until_seen(ast1=True, ast2=True)
