"""Who is on the line in a test: citizens, agents at their desks, branch centres."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from server.demo.phone import Incoming, Phone, PhoneCall, answer_at_once
from tests.accept.line import CARRIER, PASSWORD, Line, eventually

_numbers = itertools.count(13_800_000_001)
_tokens: dict[tuple[str, str], str] = {}
"""By address of the line and login: a password is slow to check on purpose, and an agent sits down many times."""


def citizen_number() -> str:
    """A mobile number nobody else in this run has, as the carrier presents it."""
    return str(next(_numbers))


@dataclass
class Citizen:
    """A citizen on the carrier's trunk."""

    number: str
    phone: Phone

    @property
    def e164(self) -> str:
        return f"+86{self.number}"

    async def dial(self, number: str, **more: Any) -> PhoneCall:
        return await self.phone.call(number, **more)


async def citizen(line: Line, number: str = "") -> Citizen:
    """A citizen with a number of their own."""
    number = number or citizen_number()
    phone = await Phone(number, server=line.sip, host=CARRIER).start()
    line.cleanup.append(phone.close)
    return Citizen(number, phone)


@dataclass
class Frame:
    """A frame on the agent's screen and when it was there (monotonic)."""

    kind: str
    body: dict[str, Any]
    cursor: str
    at: float


@dataclass
class Desk:
    """An agent: a registered desk phone, and a screen on the WebSocket."""

    line: Line
    agent: str
    extension: str
    phone: Phone
    http: httpx.AsyncClient
    token: str
    frames: list[Frame] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        deadline = time.monotonic() + 5.0
        answer = await self.http.post(path, json=body)
        while answer.status_code == 503 and time.monotonic() < deadline:
            # A part is away for a moment: a page tries again.
            await asyncio.sleep(0.2)
            answer = await self.http.post(path, json=body)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def sign_in(self) -> None:
        await self.post("/api/agents/me/sign-in", {"extension": self.extension})

    async def ready(self) -> None:
        await self.post("/api/agents/me/ready")

    async def not_ready(self, reason: str = "小休") -> None:
        await self.post("/api/agents/me/not-ready", {"reason": reason})

    async def state(self) -> str:
        answer = await self.http.get("/api/agents/me")
        return str(answer.json()["state"])

    async def until_state(self, *states: str, seconds: float = 10.0) -> None:
        """Wait until the agent is in one of these states."""

        seen = ""

        async def look() -> bool:
            nonlocal seen
            seen = await self.state()
            return seen in states

        try:
            await eventually(look, f"agent {self.agent} is {' or '.join(states)}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}, and is {seen}") from None

    async def frame(self, kind: str, *, call: str = "", since: float = 0.0, seconds: float = 15.0) -> Frame:
        """The first frame of this kind (about this call), waiting for it."""

        async def look() -> Frame | None:
            return next(
                (
                    frame
                    for frame in self.frames
                    if frame.kind == kind and frame.at >= since and (not call or frame.body.get("call") == call)
                ),
                None,
            )

        found: Frame = await eventually(look, f"a {kind} on the screen of {self.agent}", seconds=seconds, every=0.01)
        return found

    async def open_screen(self) -> None:
        """Open the screen; from then on it comes back by itself, as a page does, from the last frame it had."""
        self._reader = asyncio.create_task(self._keep_screen())
        await self.frame("hello")

    async def close_screen(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _keep_screen(self) -> None:
        address = self.line.web.replace("http", "ws") + "/ws/agent"
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(address) as socket:
                    cursor = next((frame.cursor for frame in reversed(self.frames) if frame.cursor), "")
                    await socket.send(json.dumps({"token": self.token} | ({"cursor": cursor} if cursor else {})))
                    async for text in socket:
                        self._shown(json.loads(text))
            await asyncio.sleep(0.2)

    def _shown(self, message: dict[str, Any]) -> None:
        self.frames.append(Frame(message["kind"], message["body"] or {}, message.get("cursor") or "", time.monotonic()))

    async def leave(self) -> None:
        """Sign out and go home; a second time does nothing."""
        if self.http.is_closed:
            return
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            await self.post("/api/agents/me/sign-out")
        await self.close_screen()
        await self.http.aclose()
        await self.phone.close()


async def log_in(http: httpx.AsyncClient, login: str) -> str:
    """A token of this login, which the client sends from now on; one that is still good is taken again."""
    known = (str(http.base_url), login)
    if token := _tokens.get(known):
        http.headers["Authorization"] = f"Bearer {token}"
        if (await http.get("/api/auth/me")).status_code == 200:
            return token
    answer = await http.post("/api/auth/login", json={"user": login, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token = _tokens[known] = str(answer.json()["token"])
    http.headers["Authorization"] = f"Bearer {token}"
    return token


async def desk(
    line: Line,
    agent: str,
    extension: str,
    *,
    ready: bool = True,
    screen: bool = True,
    on_call: Incoming = answer_at_once,
) -> Desk:
    """An agent at a seat: phone registered, signed in, screen open; ready unless told otherwise."""
    phone = await Phone(extension, server=line.sip, password=line.phone_password(extension), on_call=on_call).start()
    await phone.register()
    http = httpx.AsyncClient(base_url=line.web, timeout=10.0, trust_env=False)
    token = await log_in(http, agent)
    seat = Desk(line, agent, extension, phone, http, token)
    if screen:
        await seat.open_screen()
    await seat.sign_in()
    if ready:
        await seat.ready()
        # A call that waits already may take the agent in the same instant.
        await seat.until_state("READY", "RESERVED", "RINGING", "TALKING")
    return seat


async def branch(line: Line, trunk: str, on_call: Incoming = answer_at_once) -> Phone:
    """The far side of a trunk: a branch centre, a line's own platform, an emergency desk."""
    phone = await Phone(trunk, server=line.sip, port=line.trunk_ports[trunk], on_call=on_call).start()
    line.cleanup.append(phone.close)
    return phone
