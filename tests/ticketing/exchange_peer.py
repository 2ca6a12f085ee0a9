"""Another system's end of the exchange: a real HTTP server on loopback that takes, refuses, hangs, fails or is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import uvicorn
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.clock import Clock
from hotline.database import Database
from hotline.signing import Claim, Request, claimed, verify
from hotline.tasks import end
from tests.ticketing.conftest import MORNING
from ticketing.exchange import receivers
from ticketing.exchange.receivers import Receiver
from ticketing.exchange.runner import PushPolicy, PushRunner
from ticketing.exchange.tables import ExchangeReceiverRow
from ticketing.exchange.words import Personal, Scope

KEY = "k" * 40
SOON = 20.0


class OneKey:
    """The file of keys, with the same key for everybody."""

    def of(self, _name: str, /) -> list[bytes]:
        return [KEY.encode()]


@dataclass(frozen=True)
class Taken:
    """A request that arrived and proved to be ours."""

    claim: Claim
    body: dict[str, Any]

    @property
    def what(self) -> tuple[str, int]:
        return self.body["ticket"]["number"], self.body["version"]


@dataclass
class Peer:
    """What arrived, in its order. `answers` says what is answered to a body: a status, or None to hang."""

    clock: Clock
    answers: Callable[[dict[str, Any]], int | None] = lambda _body: 204
    arrived: list[Taken] = field(default_factory=list)
    """All that was sent, whatever was answered."""
    taken: list[Taken] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=12345"

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._answer(scope, receive, send)
        finally:
            self.at_once -= 1

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        raw = b""
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        found = {name.decode().title(): value.decode() for name, value in scope["headers"]}
        claim = claimed(found)
        target = f"{scope['path']}?{scope['query_string'].decode()}"
        verify([KEY.encode()], claim, Request("POST", target, raw), now=self.clock.now().timestamp(), window_seconds=5)
        one = Taken(claim, json.loads(raw))
        status = self.answers(one.body)
        async with self.changed:
            self.arrived.append(one)
            if status is not None and status < 300:
                self.taken.append(one)
            self.changed.notify_all()
        if status is None:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until what has arrived fulfils a condition."""
        try:
            async with asyncio.timeout(SOON), self.changed:
                await self.changed.wait_for(ready)
        except TimeoutError:
            raise AssertionError(f"{what}: {[one.what for one in self.arrived]}") from None

    @property
    def told(self) -> list[Taken]:
        """Each event once, in the order in which it came first: one whose answer was late comes again."""
        return list({one.claim.id: one for one in self.taken}.values())

    async def has(self, count: int) -> None:
        """Wait until so many different events were taken."""
        await self.until(lambda: len({one.claim.id for one in self.taken}) >= count, f"not {count} events")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[Peer]:
    """The peer on a real port, the same one again if it had one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", peer.port))
    peer.port = listener.getsockname()[1]
    server = _Server(uvicorn.Config(peer, log_config=None, access_log=False, lifespan="off"))
    running = asyncio.create_task(server.serve([listener]))
    try:
        async with asyncio.timeout(SOON):
            await server.up.wait()
        yield peer
    finally:
        server.should_exit = server.force_exit = True
        await running
        listener.close()


POLICY = {
    "site": "smx",
    "answer_seconds": 0.5,
    "retry_seconds": 0.05,
    "longest_retry_seconds": 0.2,
    "park_after": 3,
    "alarm_minutes": 0.01,
    "at_once": 4,
}


def policy(**other: float) -> PushPolicy:
    """Short limits."""
    from datetime import timedelta

    keys: dict[str, Any] = POLICY | other
    return PushPolicy(
        site=keys["site"],
        answer_seconds=keys["answer_seconds"],
        retry=timedelta(seconds=keys["retry_seconds"]),
        longest_retry=timedelta(seconds=keys["longest_retry_seconds"]),
        park_after=int(keys["park_after"]),
        alarm_after=timedelta(minutes=keys["alarm_minutes"]),
        at_once=int(keys["at_once"]),
    )


@contextlib.asynccontextmanager
async def pushing(
    database: Database,
    clock: Clock,
    *,
    network: httpcore.AsyncNetworkBackend | None = None,
    **limits: float,
) -> AsyncIterator[PushRunner]:
    """The job, until the block ends."""
    runner = PushRunner(
        database=database,
        keys=OneKey(),
        clock=clock,
        policy=policy(**limits),
        network=network or httpcore.AnyIOBackend(),
    )
    running = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        await end([running])


async def enter(session: AsyncSession, code: str, webhook: str = "", **fields: Any) -> ExchangeReceiverRow:
    """A receiver that may know all of everything, unless said otherwise."""
    entry = Receiver(**{"name": code, "scope": Scope.ALL, "personal": Personal.FULL, "webhook": webhook, **fields})
    return await receivers.save(session, code, entry, named_hosts=["127.0.0.1"], since=MORNING)


def in_order(arrived: Iterable[Taken]) -> bool:
    """Whether each ticket's events came by rising position, repeats of what was there before left out."""
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for one in arrived:
        if one.claim.id in seen:
            continue
        seen.add(one.claim.id)
        number = one.body["ticket"]["number"]
        if one.body["position"] < newest.get(number, 0):
            return False
        newest[number] = one.body["position"]
    return True
