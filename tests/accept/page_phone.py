"""A browser phone's way to Asterisk, without the browser: SIP over a WebSocket (RFC 7118), sound as a desk phone's."""

from __future__ import annotations

import asyncio
import contextlib
import re

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from server.demo.phone import Incoming, Phone, answer_at_once
from server.demo.sip import Message, new_token
from tests.accept.line import Line


class PagePhone(Phone):
    """A phone in a page. Its endpoint has to speak plain RTP: encryption is the browser's part."""

    def __init__(self, line: Line, extension: str, *, on_call: Incoming = answer_at_once) -> None:
        super().__init__(extension, server=line.sip, password=line.phone_password(extension), on_call=on_call)
        self._page = f"ws://127.0.0.1:{line.settings.asterisk.http_port}/ws"
        self._name = f"{new_token()}.invalid"
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._works: list[asyncio.Task[None]] = []

    async def start(self) -> PagePhone:
        self._socket = await connect(self._page, subprotocols=[Subprotocol("sip")], ping_interval=None)
        self._works = [asyncio.create_task(self._read(self._socket)), asyncio.create_task(self._write(self._socket))]
        return self

    def send(self, message: Message) -> None:
        self._outgoing.put_nowait(message.dump())

    def drop(self) -> None:
        """The page is gone, or its connection: nobody is told."""
        super().drop()
        for work in self._works:
            work.cancel()
        if self._socket is not None:
            self._socket.transport.abort()

    async def close(self) -> None:
        await super().close()
        self.drop()

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self._name};transport=ws"

    def via(self) -> str:
        return f"SIP/2.0/WS {self._name};branch=z9hG4bK{new_token()};rport"

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                told = text if isinstance(text, str) else text.decode()
                # Asterisk names the address of its default route here. A browser finds the way by ICE.
                near = re.sub(r"(?m)^c=IN IP4 \S+", f"c=IN IP4 {self.host}", told)
                self.datagram_received(near.encode(), ("", 0))

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send((await self._outgoing.get()).decode())
