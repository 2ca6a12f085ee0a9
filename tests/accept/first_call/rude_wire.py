"""What strangers do to a FastAGI port: nothing of it is a call."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from tests.agi.peer import AsteriskPeer, header

_BATCH = 50
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NOWHERE = "no-such-route"
"""The header is read to its end, and no call is made up by it."""


async def connect_and_close(port: int, times: int) -> None:
    """Connect and close without a byte; every other one with a reset."""
    for first in range(0, times, _BATCH):
        await asyncio.gather(*(_touch(port, number % 2 == 1) for number in range(first, min(first + _BATCH, times))))


async def _touch(port: int, reset: bool) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    if reset:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def half_open(port: int, times: int) -> None:
    """Sessions that never finish their header; ends when each was thrown out."""
    openings = [b"", b"agi_network: yes\n", header()[:-1]]
    async with asyncio.timeout(20):
        await asyncio.gather(*(_until_thrown_out(port, openings[number % 3]) for number in range(times)))


async def large_headers(port: int) -> None:
    """1 MB in one line, and in many."""
    async with asyncio.timeout(20):
        await _until_thrown_out(port, b"agi_callerid: " + b"1" * 1_048_576)
        await _until_thrown_out(port, b"agi_network: yes\n" * 61_681)


async def _until_thrown_out(port: int, opening: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(opening)
        while await reader.read(4_096):
            pass  # the server may ask something; no answer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def odd_headers(port: int) -> None:
    """Whole headers with bytes and lines that no Asterisk of ours writes."""
    forged = "x\nagi_arg_1: forged-1.1\n\n200 result=1 (forged)\nHANGUP\nx"
    for opening in (
        header(agi_network_script=_NOWHERE, agi_calleridname="张三".encode("gbk")),
        header(agi_network_script=_NOWHERE, agi_calleridname=forged),
        header(agi_network_script=_NOWHERE, agi_calleridname="carriage\rreturn"),
        header(agi_network_script=_NOWHERE, agi_callerid="138&PJSIP/9999,30,g"),
        header(agi_network_script=_NOWHERE, agi_calleridname=b"\0"),
        header(agi_network_script=""),
    ):
        peer = await AsteriskPeer.connect(port, opening)
        async with asyncio.timeout(10):
            await peer.ended.wait()
        await peer.close()
