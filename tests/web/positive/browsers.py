"""Pages: a browser's session from sign-in to sign-out, and the phone in it."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp

from directory.models import Role
from directory.users import NewUser, add_user
from tests.web.people import PASSWORD, quick_passwords
from tests.web.positive.recorder import Recorder
from web.browser import COOKIE, CSRF_HEADER

LOGIN = "pages"


class _Page:
    """A browser. The cookie is for TLS here, and nothing of ours is: it is carried by hand."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._headers: dict[str, str] = {}

    async def ask(self, method: str, path: str, **body: Any) -> Any:
        nobody = await self._recorder.at("")
        words: dict[str, Any] = {"json": body} if method == "POST" else {}
        answer = await self._recorder.request(nobody, method, path, headers=self._headers, **words)
        assert answer.is_success, answer.text
        self._take(answer)
        return answer.json() if answer.content else None

    def _take(self, answer: httpx.Response) -> None:
        if given := answer.headers.get("set-cookie", ""):
            token = given.partition(";")[0].partition("=")[2]
            self._headers = {"Cookie": f"{COOKIE}={token}"}
            if answer.content:
                self._headers[CSRF_HEADER] = answer.json()["csrf"]


async def sessions(r: Recorder) -> None:
    """Password, a second step, a new password, out; and an administrator who helps."""
    async with r.services.database.transaction() as session:
        new = NewUser(LOGIN, "页面", frozenset({Role.DISPATCHER}))
        await add_user(session, new, PASSWORD, quick_passwords(), now=r.services.clock.now())
    page = _Page(r)
    await page.ask("POST", "/api/session", user=LOGIN, password=PASSWORD)
    enrolment = await page.ask("POST", "/api/session/totp/enrol", password=PASSWORD)
    await page.ask("POST", "/api/session/totp", code=pyotp.TOTP(enrolment["secret"]).now())
    await page.ask("POST", "/api/session/password", password=PASSWORD, new_password="another horse")
    await page.ask("GET", "/api/session")
    await page.ask("DELETE", "/api/session")
    admin = await r.at("admin")
    await admin.delete(f"/api/users/{LOGIN}/lock")
    await admin.delete(f"/api/users/{LOGIN}/second-step")
    await admin.get("/api/staff")
    new = {"login": "newcomer", "password": "a first password", "name": "新来", "roles": ["dispatcher"]}
    made = await admin.post("/api/staff", **new)
    changed = {"name": "新人", "roles": ["dispatcher", "agent"], "work_number": "1099", "version": made["version"]}
    made = await admin.put("/api/staff/newcomer", **changed)
    await admin.put("/api/staff/newcomer/password", password="another first one")
    gone = await admin.post("/api/staff/newcomer/disable", version=made["version"])
    await admin.post("/api/staff/newcomer/enable", version=gone["version"])
    await admin.get("/api/staff/newcomer")
    second = await r.at("second")
    await second.get("/api/sessions")
    await second.post("/api/auth/login", user="second", password=PASSWORD)
    mine = await second.get("/api/sessions")
    await second.delete(f"/api/sessions/{mine[-1]['id']}")


async def phones(r: Recorder) -> None:
    """An agent's phone, whatever it is."""
    agent = await r.at("agent")
    assert (await agent.get("/api/phone"))["kind"] == "desk"
