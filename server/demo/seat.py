"""An agent's seat (座席) for the demonstration: a registered desk phone, and a screen on the WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from acd.states import AgentState
from hotline.errors import Conflict, HotlineError, PartUnavailable
from hotline.settings import Settings
from server.asterisk import secrets
from server.commands.agent_requests import Requests
from server.demo.phone import Incoming, Phone, answer_at_once

_SIGN_OUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame on the agent's screen; `at` is the monotonic time at which it was there."""

    kind: str
    body: dict[str, Any]
    at: float


def sip_server(settings: Settings) -> tuple[str, int]:
    """Where phones of this machine find Asterisk."""
    bind = settings.asterisk.bind
    return ("127.0.0.1" if bind == "0.0.0.0" else bind), settings.asterisk.sip_port  # noqa: S104 - compared, not bound


def web_address(settings: Settings) -> str:
    """Base URL of the web process as this machine reaches it."""
    bind = settings.web.bind
    return f"http://{'127.0.0.1' if bind == '0.0.0.0' else bind}:{settings.web.port}"  # noqa: S104 - compared, not bound


async def desk_phone(settings: Settings, extension: str, *, on_call: Incoming = answer_at_once) -> Phone:
    """A phone registered as this extension. Raises PartUnavailable when Asterisk does not take it."""
    password = secrets.load(settings).phone(extension)
    phone = await Phone(extension, server=sip_server(settings), password=password, on_call=on_call).start()
    try:
        await phone.register()
    except (RuntimeError, TimeoutError) as error:
        await phone.close()
        raise PartUnavailable(
            f"Asterisk did not register extension {extension}: {str(error) or 'no answer'}",
            remedy="hotline doctor; the extension must be one of asterisk.extensions_from and _count in hotline.toml",
        ) from None
    return phone


async def hang_up_the_phone(phone: Phone) -> None:
    """Unregister and close, so that no seat looks reachable afterwards."""
    with contextlib.suppress(RuntimeError, TimeoutError):
        await phone.register(expires=0)
    await phone.close()


class Seat:
    """An agent at work. `open` signs in, `leave` signs out; between them every frame of the screen is kept."""

    def __init__(self, requests: Requests, phone: Phone, agent: str, extension: str) -> None:
        self.rest = requests
        self.phone = phone
        self.agent = agent
        self.extension = extension
        self.frames: list[Frame] = []
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()

    @classmethod
    async def open(
        cls, settings: Settings, requests: Requests, *, agent: str, extension: str, on_call: Incoming = answer_at_once
    ) -> Seat:
        """Phone registered, screen open, signed in, not ready yet. `requests` is logged in as this agent.

        Raises Conflict when the agent works somewhere already: nobody is pushed off their seat by a demonstration.
        """
        at_work = await requests.get("/api/agents/me")
        if at_work["state"] != AgentState.SIGNED_OUT:
            raise Conflict(
                f"agent {agent} is signed in at extension {at_work['extension']}",
                remedy=f"sign out there (`signout` in `hotline agent -u {agent}`), then try again",
            )
        seat = cls(requests, await desk_phone(settings, extension, on_call=on_call), agent, extension)
        try:
            await seat._open_screen(web_address(settings))
            await requests.post("/api/agents/me/sign-in", {"extension": extension})
        except BaseException:
            with contextlib.suppress(HotlineError):
                await seat.leave()
            raise
        return seat

    async def ready(self, *, seconds: float = 10.0) -> None:
        """示闲: until distribution says that calls may come. Raises PartUnavailable."""
        since = time.monotonic()
        answer = await self.rest.post("/api/agents/me/ready")
        if answer["state"] != AgentState.READY:
            await self.state(AgentState.READY, since=since, seconds=seconds)

    async def state(self, *wanted: AgentState, since: float, seconds: float = 10.0) -> Frame:
        """The first change to one of these states after `since` (monotonic)."""
        return await self.frame("agent_state", since=since, seconds=seconds, having={"state": wanted})

    async def frame(
        self, kind: str, *, since: float = 0.0, seconds: float = 15.0, having: dict[str, tuple[str, ...]] | None = None
    ) -> Frame:
        """The first frame of this kind whose fields are among the values given. Raises PartUnavailable."""

        def fits(frame: Frame) -> bool:
            named = frame.kind == kind and frame.at >= since
            return named and all(frame.body.get(name) in values for name, values in (having or {}).items())

        def found() -> Frame | None:
            return next((frame for frame in self.frames if fits(frame)), None)

        try:
            async with asyncio.timeout(seconds), self._news:
                while (frame := found()) is None:
                    await self._news.wait()
                return frame
        except TimeoutError:
            what = f" {having}" if having else ""
            raise PartUnavailable(
                f"within {seconds:g} s no {kind}{what} came to the screen of agent {self.agent}",
                remedy="hotline doctor; the logs are in log/ under var_dir (web.log, voice-1.log, voice-2.log)",
            ) from None

    async def leave(self) -> None:
        """Sign out in whatever state, close the screen, unregister the phone. Raises HotlineError when the agent
        could not be signed out; screen and phone are closed all the same."""
        since = time.monotonic()
        try:
            await self.phone_down()
            answer = await self.rest.post("/api/agents/me/sign-out")
            if answer["state"] != AgentState.SIGNED_OUT:
                # A call is on: signing out takes effect after it and its after-call work.
                after = await self.state(
                    AgentState.SIGNED_OUT, AgentState.WRAP_UP, since=since, seconds=_SIGN_OUT_SECONDS
                )
                if after.body["state"] == AgentState.WRAP_UP:
                    await self.rest.post("/api/agents/me/sign-out")
        finally:
            if self._reader is not None:
                self._reader.cancel()
            if self._socket is not None:
                await self._socket.close()
            await hang_up_the_phone(self.phone)

    async def phone_down(self) -> None:
        """Put the receiver down, whatever the phone is doing."""
        for call in self.phone.calls:
            await call.hang_up()

    async def _open_screen(self, web: str) -> None:
        try:
            self._socket = await connect(f"ws{web.removeprefix('http')}/ws/agent", proxy=None)
            await self._socket.send(orjson.dumps({"token": self.rest.token}).decode())
        except (ConnectionClosed, InvalidHandshake, OSError) as error:
            raise PartUnavailable(
                f"the agent's screen could not be opened ({type(error).__name__})", remedy="hotline doctor"
            ) from None
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.frame("hello")

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                message = orjson.loads(text)
                async with self._news:
                    self.frames.append(Frame(message["kind"], message["body"] or {}, time.monotonic()))
                    self._news.notify_all()
