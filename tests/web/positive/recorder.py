"""Keeps what was asked and answered 2xx, and judges every answer by the document."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from acd.service import Acd
from tests.web.contract import Contract, document_of
from tests.web.hostile import Sent
from tests.web.people import PASSWORD, Units
from web.services import Services

Operation = tuple[str, str]


class Recorder:
    """One application with its people, and what they did."""

    def __init__(self, app: FastAPI, services: Services, line: Acd, units: Units) -> None:
        self.app = app
        self.services = services
        self.line = line
        self.units = units
        self.contract = Contract(document_of(app))
        self.good: dict[Operation, list[Sent]] = {}
        self.people: dict[Operation, set[str]] = {}
        """Logins that each operation was answered 2xx."""
        self.breaches: list[str] = []
        self._desks: dict[str, Desk] = {}
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web")

    async def at(self, login: str) -> Desk:
        """Somebody's desk; "" is a citizen's."""
        if login not in self._desks:
            desk = Desk(self, login)
            if login:
                answer = await desk.ask("POST", "/api/auth/login", json={"user": login, "password": PASSWORD})
                desk.token = str(answer["token"])
            self._desks[login] = desk
        return self._desks[login]

    def forget(self, login: str) -> None:
        """Whoever it was signs in anew the next time."""
        del self._desks[login]

    async def request(self, desk: Desk, method: str, path: str, **words: Any) -> httpx.Response:
        """Ask, judge, and keep it if the answer was 2xx."""
        headers = dict(words.pop("headers", {}))
        signed = {"Authorization": f"Bearer {desk.token}"} if desk.token else {}
        answer = await self._http.request(method, path, headers={**headers, **signed}, **words)
        there = urlsplit(str(answer.request.url))
        route = self.contract.route(method, there.path)
        assert route is not None, f"{method} {path} is in no document"
        if (why := self.contract.breach(method, route, answer)) is not None:
            self.breaches.append(f"{method} {route}: {why}")
        if answer.is_success:
            kind = answer.request.headers.get("content-type")
            kept = {"Content-Type": kind} if kind is not None else {}
            sent = Sent(method, route, there.path, there.query, {**headers, **kept}, answer.request.content)
            self.good.setdefault((method, route), []).append(sent)
            self.people.setdefault((method, route), set()).add(desk.login)
        return answer

    async def close(self) -> None:
        """Let go of the application."""
        await self._http.aclose()


class Desk:
    """Somebody who is signed in. Everything that is asked here is granted, or the story ends."""

    def __init__(self, recorder: Recorder, login: str) -> None:
        self._recorder = recorder
        self.login = login
        self.token = ""

    async def ask(self, method: str, path: str, **words: Any) -> Any:
        """The answer: JSON, or text; None where there is none."""
        answer = await self._recorder.request(self, method, path, **words)
        assert answer.is_success, f"{self.login}: {method} {path} {words}: {answer.status_code} {answer.text}"
        if not answer.content:
            return None
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text

    async def get(self, path: str, **params: Any) -> Any:
        return await self.ask("GET", path, params=params)

    async def post(self, path: str, **body: Any) -> Any:
        return await self.ask("POST", path, json=body)

    async def put(self, path: str, **body: Any) -> Any:
        return await self.ask("PUT", path, json=body)

    async def patch(self, path: str, **body: Any) -> Any:
        return await self.ask("PATCH", path, json=body)

    async def delete(self, path: str, **params: Any) -> Any:
        return await self.ask("DELETE", path, params=params)
