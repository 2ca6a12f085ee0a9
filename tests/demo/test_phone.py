"""Two demonstration phones talk to a scripted registrar and to each other over loopback, sound included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from server.demo.g711 import decode, tone
from server.demo.phone import Phone, PhoneCall
from server.demo.rtp import RtpStream
from server.demo.sip import Message, parse


class Server(asyncio.DatagramProtocol):
    """A registrar that asks for a password once, and hands everything else to the other phone."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Message] = []
        self.between: list[tuple[str, int]] = []
        self.drop = 0
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.drop:
            self.drop -= 1
            return
        message = parse(data)
        if message.method != "REGISTER":
            other = next(place for place in self.between if place != addr)
            self._transport.sendto(data, other)
            return
        self.asked.append(message)
        headers = [(n, v) for n, v in message.headers if n in ("via", "from", "to", "call-id", "cseq")]
        answer = Message(status=200, reason="OK", headers=headers)
        if not message.get("authorization"):
            challenge = ("www-authenticate", 'Digest realm="asterisk", nonce="n", qop="auth"')
            answer = Message(status=401, reason="Unauthorized", headers=[*headers, challenge])
        self._transport.sendto(answer.dump(), addr)

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    yield server
    server.close()


@pytest.fixture
async def phones(server: Server) -> AsyncIterator[tuple[Phone, Phone]]:
    caller = await Phone("13812345678", server=("127.0.0.1", server.port)).start()
    callee = await Phone("8001", server=("127.0.0.1", server.port), password="geheim").start()
    server.between = [("127.0.0.1", phone._port) for phone in (caller, callee)]
    yield caller, callee
    await caller.close()
    await callee.close()


async def within(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


async def test_register_answers_the_challenge(server: Server, phones: tuple[Phone, Phone]) -> None:
    await phones[1].register()
    first, second = server.asked
    assert first.get("authorization") == ""
    assert 'username="8001"' in second.get("authorization")
    assert "geheim" not in second.get("authorization")


async def test_a_lost_register_is_sent_again(server: Server, phones: tuple[Phone, Phone]) -> None:
    server.drop = 1
    await phones[1].register()
    assert len(server.asked) == 2


async def test_a_call_is_answered_heard_and_ended(phones: tuple[Phone, Phone]) -> None:
    caller, callee = phones
    call = await caller.call("8001", sound=tone(440, 0.1))
    await within(call.answered)
    taken = callee.calls[0]
    heard = decode(await taken.audio.hear(0.2)).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(int(np.argmax(spectrum)) * 8_000 / len(heard) - 440) <= 5
    assert list(call.log)[:1] == ["invite"]
    await taken.hang_up()
    await within(call.ended)
    assert (call.ended_by, taken.ended_by) == ("remote", "self")


async def test_a_call_is_refused(phones: tuple[Phone, Phone]) -> None:
    caller, callee = phones

    async def refuse(call: PhoneCall) -> None:
        await call.refuse(486, "Busy Here")

    callee.on_call = refuse
    call = await caller.call("8001")
    await within(call.ended)
    assert call.status == 486


async def test_a_call_is_cancelled_while_it_rings(phones: tuple[Phone, Phone]) -> None:
    caller, callee = phones

    async def ring(call: PhoneCall) -> None:
        await call.ring()

    callee.on_call = ring
    call = await caller.call("8001")
    async with asyncio.timeout(5):
        taken = await callee.incoming.get()
    while "ringing" not in call.log:
        await asyncio.sleep(0.005)
    await call.hang_up()
    await within(taken.ended)
    assert taken.ended_by == "remote"


async def test_what_is_no_audio_is_not_heard() -> None:
    stream = RtpStream()
    for packet in (
        b"",
        b"\x80\x08short",
        bytes([0x80, 101]) + bytes(20),
        bytes([0x80, 0x88]) + bytes(10) + b"\x55" * 4,
    ):
        stream.datagram_received(packet, ("127.0.0.1", 1))
    assert bytes(stream.heard) == b"\x55" * 4
