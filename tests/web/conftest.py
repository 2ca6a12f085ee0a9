"""The web process with real PostgreSQL, Redis and distribution; over ASGI for REST, over uvicorn for sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import redis.asyncio as aioredis
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from acd.service import Acd
from directory.loader import CurrentDirectory
from directory.sessions import SessionPolicy, Sessions
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.redis import connect as connect_redis
from hotline.settings import Settings
from hotline.tasks import end
from hotline.witness import Witness, witness_file
from tests.web.people import PASSWORD, POLICY, Units, quick_passwords, settle, voice
from web.app import create_app
from web.services import Services

SOON = 5.0
"""Seconds within which anything awaited must have happened."""

CALL = "ast1-1763761000.12"


@pytest.fixture
async def services(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    clock = SystemClock()
    settings = Settings(var_dir=tmp_path)
    database = Database(database_url, pool_size=20, witness=Witness(witness_file(settings)))
    redis = connect_redis(redis_url)
    blocking = connect_redis(redis_url, timeout=None)
    passwords = quick_passwords()
    acd = Acd(redis, site="smx", process="ast1/web", clock=clock, policy=POLICY)
    yield Services(
        settings=settings,
        database=database,
        redis=redis,
        blocking_redis=blocking,
        acd=acd,
        directory=CurrentDirectory(database, settings, tmp_path / "directory.json"),
        sessions=Sessions(database, passwords, clock, SessionPolicy()),
        clock=clock,
    )
    await redis.aclose()
    await blocking.aclose()
    await database.close()


@pytest.fixture
async def units(services: Services) -> Units:
    """People of every role, and their units."""
    return await settle(services)


@pytest.fixture
async def line(services: Services) -> Acd:
    """A voice process that has opened the site's epoch."""
    return await voice(services)


@pytest.fixture
def app(services: Services, units: Units) -> FastAPI:
    return create_app(services)


PATIENT = httpx.Timeout(60.0)
"""For whoever works beside a browser: two cores do what they can."""


class Caller:
    """Somebody with a token, or without."""

    def __init__(self, http: httpx.AsyncClient, token: str = "") -> None:
        self._http = http
        self.token = token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def request(
        self, method: str, path: str, *, extra: dict[str, str] | None = None, **arguments: Any
    ) -> httpx.Response:
        return await self._http.request(method, path, headers={**self._headers, **(extra or {})}, **arguments)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.request("GET", path, params=params)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.request("POST", path, json=body)

    async def as_(self, user: str) -> Self:
        """The same way in, signed in as `user`."""
        answer = await self._http.post("/api/auth/login", json={"user": user, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return type(self)(self._http, answer.json()["token"])


@pytest.fixture
async def nobody(app: FastAPI) -> AsyncIterator[Caller]:
    """REST without a login."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        yield Caller(http)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def served(app: FastAPI, port: int = 0) -> AsyncIterator[int]:
    """The application on a real port, as `hotline run web` serves it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = _Server(uvicorn.Config(app, ws="websockets-sansio", log_config=None, access_log=False))
    running = asyncio.create_task(server.serve([listener]))
    try:
        async with asyncio.timeout(SOON):
            await server.up.wait()
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await running
        listener.close()


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with served(app) as port:
        yield port


class Screen:
    """The client's end of an agent's socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.cursor: str | None = None

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next message, or the next of a kind."""
        async with asyncio.timeout(SOON):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                self.cursor = message["cursor"] or self.cursor
                if kind in (None, message["kind"]):
                    return message


@contextlib.asynccontextmanager
async def screen(port: int, token: str, cursor: str | None = None) -> AsyncIterator[Screen]:
    """A socket that has sent its first message; its hello is still to be read."""
    async with connect(f"ws://127.0.0.1:{port}/ws/agent", open_timeout=30) as connection:
        await connection.send(json.dumps({"token": token, "cursor": cursor}))
        yield Screen(connection)


@contextlib.asynccontextmanager
async def redis_away(url: str) -> AsyncIterator[None]:
    """Every other client of this Redis is cut off again and again: one that only reconnects does not get through."""
    client: aioredis.Redis = aioredis.from_url(url)

    async def cut() -> None:
        while True:
            await client.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.002)

    cutting = asyncio.create_task(cut())
    try:
        yield
    finally:
        await end([cutting])
        await client.aclose()
