"""Who writes menus in a test: administrators at their pages, over REST like everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.line import PASSWORD, Line
from tests.accept.people import log_in

_PATIENCE_SECONDS = 10.0
Document = dict[str, Any]
"""A flow as it is written."""


@dataclass(frozen=True)
class Refused:
    """A request that was refused: its status, and what is said of it."""

    status: int
    told: Any

    @property
    def code(self) -> str:
        return str(self.told.get("code", ""))


class Editor:
    """An administrator who is signed in. What lines use is put back at the item's end."""

    def __init__(self, line: Line, http: httpx.AsyncClient, login: str) -> None:
        self._line = line
        self.http = http
        self.login = login

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """What this address answers; fails when it refuses."""
        answer = await self.try_to(method, path, **more)
        assert not isinstance(answer, Refused), f"{method} {path}: {answer}"
        return answer

    async def try_to(self, method: str, path: str, **more: Any) -> Any:
        """The same, and a refusal is an answer too."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        answer = await self.http.request(method, f"/api{path}", **more)
        while answer.status_code == 503 and time.monotonic() < deadline:
            # A part is away for a moment: a page tries again.
            await asyncio.sleep(0.2)
            answer = await self.http.request(method, f"/api{path}", **more)
        told = answer.json() if answer.content else None
        return told if answer.status_code < 300 else Refused(answer.status_code, told)

    async def save(self, document: Document, revision: int | None = None) -> Any:
        """Save a draft over the revision that was read; none: over whatever is there. Returns what is said of it."""
        flow = document["flow"]
        if revision is None:
            present = await self.try_to("GET", f"/menus/flows/{flow}/draft")
            revision = 0 if isinstance(present, Refused) else present["revision"]
        headers = {"If-Match": f'"{revision}"'}
        return await self.try_to("PUT", f"/menus/flows/{flow}/draft", json=document, headers=headers)

    async def publish(self, flow: str, saved: Mapping[str, Any], *, comment: str = "验收") -> Any:
        """Publish what was saved, with every warning taken note of."""
        warnings = [one["id"] for one in saved["verdict"]["findings"] if one["severity"] == "warning"]
        body = {"revision": saved["revision"], "comment": comment, "acknowledged": warnings}
        return await self.try_to("POST", f"/menus/flows/{flow}/versions", json=body)

    async def release(self, document: Document) -> int:
        """Save and publish; returns the version, which is the one in force if that is the same. Fails when refused."""
        saved = await self.save(document)
        assert not isinstance(saved, Refused), f"{document['flow']} is not saved: {saved}"
        released = await self.publish(document["flow"], saved)
        if isinstance(released, Refused) and released.code == "menu.nothing_new":
            found = await self.ask("GET", f"/menus/flows/{document['flow']}/versions")
            return int(next(one["version"]["version"] for one in found if one["standing"] == "in_force"))
        assert not isinstance(released, Refused), f"{document['flow']} is not published: {released}"
        return int(released["version"]["version"])

    async def roll_back(self, flow: str, *, from_version: int) -> int:
        """Back to the version before; returns the new one."""
        body = {"from_version": from_version, "comment": "回退"}
        return int((await self.ask("POST", f"/menus/flows/{flow}/rollback", json=body))["version"])

    async def assign(self, number: str, flow: str) -> None:
        """Let a line use a flow until the item's end."""
        await self.ask("PUT", f"/menus/lines/{number}", json={"flow": flow})

        async def put_back() -> None:
            await self.ask("PUT", f"/menus/lines/{number}", json={"flow": None})

        self._line.cleanup.append(put_back)


async def editor(line: Line, login: str = "admin") -> Editor:
    """Sign somebody in: the demonstration's administrator, a second one (`admin-2`), a supervisor (3001, 3002)."""
    if login == "admin-2":
        await _give_login(line, login)
    http = httpx.AsyncClient(base_url=line.web, timeout=20.0, trust_env=False)
    line.cleanup.append(http.aclose)
    await log_in(http, login)
    return Editor(line, http, login)


async def _give_login(line: Line, login: str) -> None:
    async with line.database.transaction() as session:
        from directory import account_repository

        if await account_repository.user(session, login) is None:
            new = NewUser(login, f"管理员{login}", frozenset({Role.ADMIN}))
            await add_user(session, new, PASSWORD, Passwords(), now=SystemClock().now())


def say_then(flow: str, text: str, **more: Any) -> Document:
    """The shortest flow: something is said, then a human."""
    nodes = {
        "start": {"type": "entry", "next": "hello"},
        "hello": {"type": "say", "prompt": text, "next": "human"},
        "human": {"type": "queue"},
    }
    return {"flow": flow, "name": "验收", "entry": "start", "nodes": nodes | more}
