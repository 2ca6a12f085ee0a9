"""RTP (RFC 3550) for one call: sends A-law from a loop of sound and keys (RFC 4733), keeps what it hears with its time
of arrival."""

from __future__ import annotations

import asyncio
import struct
import time

_FRAME_BYTES = 160
_FRAME_SECONDS = 0.02
_SILENCE = b"\xd5" * _FRAME_BYTES
_ALAW, _EVENT = 8, 101
_KEYS = "0123456789*#ABCD"
_KEY_ENDS = 3


class RtpStream(asyncio.DatagramProtocol):
    """One audio stream. `heard` is the A-law received, in order of arrival; `first_heard` its monotonic time.

    `latest_ms` is by how much this phone itself was late at worst with a frame it sent: the machine was busy.
    """

    def __init__(self) -> None:
        self.heard = bytearray()
        self.first_heard: float | None = None
        self.last_heard: float | None = None
        self.latest_ms = 0.0
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._sound = _SILENCE
        self._sequence = 0
        self._timestamp = 0
        self._ssrc = int.from_bytes(time.time_ns().to_bytes(8, "big")[4:], "big")
        self._gate = asyncio.Event()
        self._keys_down = 0

    async def open(self, host: str) -> None:
        """Bind a free port on `host`."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002
        if len(data) <= 12 or data[1] & 0x7F != _ALAW:
            return
        self.last_heard = time.monotonic()
        if self.first_heard is None:
            self.first_heard = self.last_heard
        self.heard += data[12:]
        self._gate.set()

    def start(self, peer: tuple[str, int]) -> None:
        """Begin (or go on) sending to `peer`."""
        self._peer = peer
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    def play(self, sound: bytes) -> None:
        """Send this A-law sound, over and over."""
        self._sound = sound or _SILENCE

    async def press(self, key: str, *, ms: int = 100) -> float:
        """Press a key for so long; its end is sent three times (RFC 4733, 2.5.1.4). Returns when first, in monotonic
        seconds. No sound is sent meanwhile: behind sound that is 150 ms further on, Asterisk takes what is left of a
        key for another one."""
        self._keys_down += 1
        try:
            return await self._press(key, ms)
        finally:
            self._keys_down -= 1

    async def _press(self, key: str, ms: int) -> float:
        since, ended = self._timestamp, 0.0
        frames = max(1, ms // 20)
        for frame in range(1, frames + _KEY_ENDS + 1):
            released = 0x80 if frame > frames else 0
            lasted = ms * 8 if released else min(frame * _FRAME_BYTES, ms * 8)
            event = struct.pack("!BBH", _KEYS.index(key), released | 10, lasted)
            self._packet(_EVENT | (0x80 if frame == 1 else 0), event, at=since)
            ended = ended or (time.monotonic() if released else 0.0)
            await asyncio.sleep(_FRAME_SECONDS)
        return ended

    def mark(self) -> int:
        """A point in `heard`, to slice from later."""
        return len(self.heard)

    async def hear(self, seconds: float, *, timeout: float = 10.0) -> bytes:
        """The next `seconds` of sound from now on. Raises TimeoutError."""
        start = self.mark()
        wanted = start + int(seconds * 8_000)
        async with asyncio.timeout(timeout):
            while len(self.heard) < wanted:
                self._gate.clear()
                await self._gate.wait()
        return bytes(self.heard[start:wanted])

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due, at = loop.time(), 0
        while True:
            frame = (self._sound[at : at + _FRAME_BYTES] + self._sound)[:_FRAME_BYTES]
            at = (at + _FRAME_BYTES) % len(self._sound)
            if self._keys_down:
                self._timestamp += _FRAME_BYTES
            else:
                self._packet(_ALAW, frame)
            due += _FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.latest_ms = max(self.latest_ms, (loop.time() - due) * 1_000)

    def _packet(self, payload_type: int, payload: bytes, *, at: int | None = None) -> None:
        """`at` is the timestamp of a packet that carries no time of its own on."""
        stamp = self._timestamp if at is None else at
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc)
        self._sequence += 1
        if at is None:
            self._timestamp += _FRAME_BYTES
        if self._transport is not None and self._peer is not None:
            self._transport.sendto(header + payload, self._peer)

    def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._transport is not None:
            self._transport.close()
