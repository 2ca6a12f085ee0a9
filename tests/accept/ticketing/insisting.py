"""Clients that insist: whatever dies behind the API, they ask again until there is an answer, and remember what was
acknowledged to them."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.line import PASSWORD, Line

_AGAIN_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0


@dataclass
class Acknowledged:
    """What the API said yes to."""

    registered: dict[str, str] = field(default_factory=dict)
    """Request key -> number."""
    actions: list[tuple[str, int, str]] = field(default_factory=list)
    """Number, the version after, the action."""
    contacts: list[int] = field(default_factory=list)
    again: int = 0
    """Requests that had no answer and were sent again."""

    @property
    def count(self) -> int:
        return len(self.registered) + len(self.actions) + len(self.contacts)


async def hire(line: Line) -> int:
    """Somebody for each part of the load; returns the id of their unit."""
    now, passwords = SystemClock().now(), Passwords()
    async with line.database.transaction() as session:
        unit = Unit(name="市水务局（验收）", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        people = [
            NewUser("load-agent", "话务员", frozenset({Role.AGENT}), None, Agent("1901", {"general": 1})),
            NewUser("load-dispatcher", "派单员", frozenset({Role.DISPATCHER})),
            NewUser("load-handler", "承办人", frozenset({Role.UNIT_HANDLER}), unit.id),
            NewUser("load-head", "负责人", frozenset({Role.UNIT_HEAD}), unit.id),
            NewUser("load-admin", "管理员", frozenset({Role.ADMIN})),
        ]
        for one in people:
            await add_user(session, one, PASSWORD, passwords, now=now)
        return unit.id


class Insisting:
    """One login over real HTTP. Every method returns only with an answer."""

    def __init__(self, http: httpx.AsyncClient, login: str, kept: Acknowledged) -> None:
        self._http = http
        self._login = login
        self._kept = kept
        self._token = ""

    async def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        """Asked again until it is answered by 2xx or 4xx; fails after a minute and a half without."""
        until = time.monotonic() + _PATIENCE_SECONDS
        last = ""
        while True:
            try:
                headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
                answer = await self._http.request(method, path, headers=headers, **words)
                if answer.status_code == 401:
                    await self._sign_in()
                elif answer.status_code < 500:
                    return answer
                last = answer.text
            except httpx.TransportError as error:
                last = type(error).__name__
            self._kept.again += 1
            assert time.monotonic() < until, f"no answer for {_PATIENCE_SECONDS:g} s: {method} {path}: {last}"
            await asyncio.sleep(_AGAIN_SECONDS)

    async def register(self, key: str, **fields: Any) -> str:
        """With a request key: a repeat gets the first one's ticket."""
        answer = await self.ask("POST", "/api/tickets", json={"request_key": key, **fields})
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["number"]
        self._kept.registered[key] = number
        return number

    async def act(self, number: str, action: str, **details: Any) -> None:
        """By the version: a repeat of what was done already is told to be stale, and the history says why."""
        file = await self._file(number)
        version = file["ticket"]["version"]
        words = {"action": action, "version": version, **details}
        answer = await self.ask("POST", f"/api/tickets/{number}/actions", json=words)
        if answer.status_code == 409:
            after = next(entry for entry in (await self._file(number))["history"] if entry["version"] == version + 1)
            assert after["action"] == action, f"{answer.text}: {after}"
            return
        assert answer.status_code == 200, answer.text
        self._kept.actions.append((number, version + 1, action))

    async def contact(self, number: str) -> None:
        """The citizen was told."""
        now = SystemClock().now().isoformat()
        said = {"at": now, "way": "phone", "by": "张工", "outcome": "answered"}
        answer = await self.ask("POST", f"/api/tickets/{number}/contacts", json=said)
        assert answer.status_code == 201, answer.text
        self._kept.contacts.append(answer.json()["id"])

    async def _file(self, number: str) -> dict[str, Any]:
        answer = await self.ask("GET", f"/api/tickets/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def _sign_in(self) -> None:
        answer = await self._http.post("/api/auth/login", json={"user": self._login, "password": PASSWORD})
        if answer.status_code == 200:
            self._token = answer.json()["token"]


class Office:
    """Everybody of the load, over one pool of connections."""

    def __init__(self, http: httpx.AsyncClient, unit: int) -> None:
        self.kept = Acknowledged()
        self.unit = unit
        self.agent, self.dispatcher, self.handler, self.head, self.admin = (
            Insisting(http, f"load-{who}", self.kept) for who in ("agent", "dispatcher", "handler", "head", "admin")
        )
        self.left_alone: list[str] = []
        """Dispatched, and nobody signs for them."""

    async def life(self, key: str, chance: random.Random) -> None:
        """A demand comes in and goes to the unit, which handles it or lets it lie."""
        number = await self.agent.register(key, type="help", title=f"水管漏水 {key}", caller_number="13803980001")
        await self.agent.act(number, "accept")
        await self.dispatcher.act(number, "dispatch", lead_unit=self.unit)
        if chance.random() < 0.4:
            self.left_alone.append(number)
            return
        await self.handler.act(number, "sign_for")
        await self.handler.contact(number)
        await self.handler.act(number, "reply", note="已修复")
        await self.head.act(number, "approve_reply")
