"""Browsers' sessions: the cookie, what a page must show with every change, and sockets of our own pages alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from acd.service import Acd
from directory import audit
from directory.models import Role
from directory.sessions import SessionPolicy, Sessions
from tests.web.conftest import Caller, served
from tests.web.people import PASSWORD, Units, quick_passwords
from web.app import create_app
from web.browser import COOKIE, CSRF_HEADER
from web.services import Services


class Page:
    """A browser with one of our pages: its cookies, and the token it was told."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.csrf = ""

    async def sign_in(self, user: str, password: str = PASSWORD) -> dict[str, Any]:
        answer = await self.http.post("/api/session", json={"user": user, "password": password})
        assert answer.status_code == 200, answer.text
        return self.told(answer)

    def told(self, answer: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = answer.json()
        self.csrf = body["csrf"]
        return body

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        return await self.http.request(method, path, headers={CSRF_HEADER: self.csrf} | (headers or {}), **more)


@asynccontextmanager
async def page_at(app: FastAPI, base: str = "http://127.0.0.1") -> AsyncIterator[Page]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as http:
        yield Page(http)


@pytest.fixture
async def page(app: FastAPI) -> AsyncIterator[Page]:
    async with page_at(app) as page:
        yield page


@pytest.fixture
def strict(services: Services, units: Units) -> FastAPI:
    """Administrators need a second step here."""
    policy = SessionPolicy(second_step=frozenset({Role.ADMIN}))
    sessions = Sessions(services.database, quick_passwords(), services.clock, policy)
    return create_app(replace(services, sessions=sessions))


async def test_a_browser_signs_in_and_out(page: Page) -> None:
    assert (await page.http.get("/api/session")).status_code == 401
    told = await page.sign_in("agent")
    assert told["state"] == "open"
    assert told["person"]["work_number"] == "1001"
    now = (await page.ask("GET", "/api/session")).json()
    assert now["csrf"] == page.csrf
    assert now["expires_at"] > now["idle_at"]
    assert (await page.ask("GET", "/api/auth/me")).json()["login"] == "agent"
    assert (await page.ask("DELETE", "/api/session")).status_code == 204
    assert COOKIE not in page.http.cookies
    assert (await page.ask("GET", "/api/session")).status_code == 401


@pytest.mark.parametrize(
    ("base", "secure"),
    [("http://127.0.0.1", False), ("http://localhost:8080", False), ("http://[::1]", False), ("http://10.0.0.5", True)],
)
async def test_the_cookie_is_for_our_pages_alone(app: FastAPI, base: str, secure: bool) -> None:
    async with page_at(app, base) as page:
        answer = await page.http.post("/api/session", json={"user": "agent", "password": PASSWORD})
    given = answer.headers["set-cookie"].lower()
    assert all(part in given for part in (f"{COOKIE}=", "httponly", "samesite=strict", "path=/"))
    assert ("secure" in given) is secure
    assert answer.headers["cache-control"] == "no-store"


async def test_one_answer_to_every_refusal(page: Page) -> None:
    answers = []
    for user, password in [("agent", "wrong")] * 6 + [("agent", PASSWORD), ("nobody", "wrong"), ("nobody", PASSWORD)]:
        answers.append(await page.http.post("/api/session", json={"user": user, "password": password}))
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert answers[0].json()["code"] == "access.sign_in_refused"


@pytest.mark.parametrize(
    "headers",
    [
        {CSRF_HEADER: ""},
        {CSRF_HEADER: "0" * 64},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:81"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_what_no_page_of_ours_asked_for_changes_nothing(page: Page, headers: dict[str, str]) -> None:
    await page.sign_in("agent")
    for method, path in (
        ("DELETE", "/api/session"),
        ("DELETE", "/api/sessions/1"),
        ("POST", "/api/agents/me/ready"),
        ("POST", "/api/auth/logout"),
        ("POST", "/api/session/totp"),
    ):
        answer = await page.ask(method, path, headers=headers, json={"code": "1"})
        assert (answer.status_code, answer.json()["code"]) == (403, "access.forged"), (method, path, answer.text)
    assert (await page.ask("GET", "/api/session")).status_code == 200
    if "Origin" in headers or "Sec-Fetch-Site" in headers:
        body = {"user": "agent", "password": PASSWORD}
        assert (await page.http.post("/api/session", json=body, headers=headers)).status_code == 403


async def test_our_own_pages_say_where_they_are(page: Page) -> None:
    await page.sign_in("agent")
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert (await page.ask("DELETE", "/api/session", headers=own)).status_code == 204


async def test_a_proxy_that_hides_the_host_is_told_of(services: Services, units: Units) -> None:
    keys = services.settings
    web = keys.web.model_copy(update={"origin": "https://hotline.example"})
    app = create_app(replace(services, settings=keys.model_copy(update={"web": web})))
    async with page_at(app) as page:
        await page.sign_in("agent")
        assert (await page.ask("DELETE", "/api/sessions/1", headers={"Origin": "http://127.0.0.1"})).status_code == 403
        own = await page.ask("DELETE", "/api/session", headers={"Origin": "https://hotline.example"})
        assert own.status_code == 204


async def test_a_bearer_token_needs_no_page(page: Page, nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    foreign = {"Origin": "https://evil.example"}
    assert (await agent.request("POST", "/api/auth/logout", extra=foreign)).status_code == 204


async def test_a_cookie_is_no_bearer_token(page: Page, nobody: Caller) -> None:
    await page.sign_in("agent")
    stolen = Caller(page.http, page.http.cookies[COOKIE])
    assert (await stolen.get("/api/auth/me")).status_code == 401
    agent = await nobody.as_("agent")
    page.http.cookies.set(COOKIE, agent.token)
    assert (await page.http.get("/api/auth/me")).status_code == 401


async def test_signing_in_anew_ends_the_session_before(page: Page) -> None:
    await page.sign_in("agent")
    before = page.http.cookies[COOKIE]
    await page.sign_in("agent")
    assert page.http.cookies[COOKIE] != before
    assert len((await page.ask("GET", "/api/sessions")).json()) == 1


async def test_sessions_of_ones_own_are_seen_and_ended(app: FastAPI, page: Page, nobody: Caller) -> None:
    await nobody.as_("agent")
    await page.sign_in("agent")
    async with page_at(app) as other:
        await other.sign_in("agent")
        listed = (await page.ask("GET", "/api/sessions")).json()
        assert [(one["browser"], one["current"]) for one in listed] == [(False, False), (True, True), (True, False)]
        assert (await page.ask("DELETE", f"/api/sessions/{listed[2]['id']}")).status_code == 204
        assert (await other.ask("GET", "/api/session")).status_code == 401
        await other.sign_in("supervisor")
        foreign = await other.ask("DELETE", f"/api/sessions/{listed[1]['id']}")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "session.unknown")


async def test_a_second_step_from_first_sign_in_to_lost_phone(strict: FastAPI, services: Services) -> None:
    async with page_at(strict) as page, page_at(strict) as colleague:
        told = await page.sign_in("admin")
        assert told["state"] == "enrol"
        assert (await page.ask("GET", "/api/auth/me")).status_code == 401, "not open yet"
        assert (await page.ask("GET", "/api/session")).json()["state"] == "enrol"
        answer = await page.ask("POST", "/api/session/totp/enrol", json={})
        assert answer.headers["cache-control"] == "no-store"
        phone = pyotp.TOTP(answer.json()["secret"])
        wrong = await page.ask("POST", "/api/session/totp", json={"code": "abc"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "second_step.code_wrong")
        before = page.http.cookies[COOKIE], page.csrf
        told = page.told(await page.ask("POST", "/api/session/totp", json={"code": phone.now()}))
        assert (told["state"], len(told["recovery_codes"])) == ("open", 10)
        assert before[0] != page.http.cookies[COOKIE]
        assert before[1] != page.csrf
        assert (await page.ask("GET", "/api/auth/me")).status_code == 200

        assert (await colleague.sign_in("admin"))["state"] == "totp"
        refused = await colleague.ask("POST", "/api/session/totp", json={"code": phone.now()})
        assert (refused.status_code, refused.json()["code"]) == (401, "access.sign_in_refused"), "it was used"
        recovery = {"code": told["recovery_codes"][0]}
        assert colleague.told(await colleague.ask("POST", "/api/session/totp", json=recovery))["state"] == "open"

        await colleague.ask("DELETE", "/api/session")
        body = {"user": "admin", "password": PASSWORD}
        bearer = await colleague.http.post("/api/auth/login", json=body)
        assert (bearer.status_code, bearer.json()["code"]) == (401, "access.second_step")
        bearer = await colleague.http.post("/api/auth/login", json=body | {"code": told["recovery_codes"][1]})
        assert bearer.status_code == 200

        assert (await page.ask("DELETE", "/api/users/admin/second-step")).json() == {"changed": True}
        assert (await page.ask("GET", "/api/session")).status_code == 401, "every session ends"
        assert (await page.sign_in("admin"))["state"] == "enrol"
    async with services.database.transaction() as session:
        done = {row.action for row in await audit.entries(session)}
    assert {"second_step.confirmed", "second_step.reset"} <= done


async def test_an_administrator_lifts_a_lock(page: Page, nobody: Caller) -> None:
    for _ in range(5):
        await page.http.post("/api/session", json={"user": "agent", "password": "wrong"})
    assert (await page.http.post("/api/session", json={"user": "agent", "password": PASSWORD})).status_code == 401
    admin = await nobody.as_("admin")
    assert (await admin.request("DELETE", "/api/users/agent/lock")).json() == {"changed": True}
    assert (await admin.request("DELETE", "/api/users/agent/lock")).json() == {"changed": False}
    assert (await admin.request("DELETE", "/api/users/nobody/lock")).status_code == 404
    await page.sign_in("agent")


async def test_an_address_that_tries_login_after_login_waits(services: Services, units: Units) -> None:
    keys = services.settings
    sign_in = keys.sign_in.model_copy(update={"address_attempts": 3})
    app = create_app(replace(services, settings=keys.model_copy(update={"sign_in": sign_in})))
    async with page_at(app) as page:
        for number in range(3):
            await page.sign_in("agent")
            answer = await page.http.post("/api/session", json={"user": f"nobody{number}", "password": "wrong"})
            assert answer.status_code == 401
        for path in ("/api/session", "/api/auth/login"):
            answer = await page.http.post(path, json={"user": "agent", "password": PASSWORD})
            assert (answer.status_code, answer.json()["code"]) == (429, "access.too_many")
    async with services.database.transaction() as session:
        (row,) = [row for row in await audit.entries(session) if row.action == "address.locked"]
    assert "127.0.0.1" not in row.subject


async def test_a_new_password_ends_the_other_sessions(app: FastAPI, page: Page) -> None:
    await page.sign_in("agent")
    async with page_at(app) as other:
        await other.sign_in("agent")
        body = {"password": PASSWORD, "new_password": "another horse"}
        page.told(await page.ask("POST", "/api/session/password", json=body))
        assert (await page.ask("GET", "/api/session")).status_code == 200
        assert (await other.ask("GET", "/api/session")).status_code == 401
        await other.sign_in("agent", "another horse")


async def test_every_answer_forbids_what_a_page_might_do_with_it(page: Page) -> None:
    for path in ("/api/session", "/healthz", "/api/nowhere", "/openapi.json", "/metrics"):
        headers = (await page.http.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    viewer = (await page.http.get("/docs")).headers["content-security-policy"]
    assert "sandbox" in viewer
    assert "allow-same-origin" not in viewer


async def cookie_of(app: FastAPI, user: str) -> str:
    async with page_at(app) as page:
        await page.sign_in(user)
        return f"{COOKIE}={page.http.cookies[COOKIE]}"


@pytest.mark.parametrize(("path", "user"), [("/ws/agent", "agent"), ("/ws/figures", "supervisor")])
async def test_a_page_of_ours_opens_a_socket_by_its_cookie(
    app: FastAPI, port: int, line: Acd, path: str, user: str
) -> None:
    cookie = await cookie_of(app, user)
    url, own = f"ws://127.0.0.1:{port}{path}", f"http://127.0.0.1:{port}"
    async with connect(url, origin=own, additional_headers={"Cookie": cookie}, open_timeout=30) as socket:  # type: ignore[arg-type]
        assert json.loads(await socket.recv())["kind"] == "hello"
    # A page of another site has the cookie too: it is asked for a token, which it has not.
    async with connect(
        url,
        origin="https://evil.example",  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie},
        open_timeout=30,
    ) as socket:
        await socket.send("{}")
        assert json.loads(await socket.recv())["body"]["code"] == "access.unauthenticated"
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_an_agents_socket_ends_with_its_session(app: FastAPI, line: Acd) -> None:
    async with served(app) as port, page_at(app) as page:
        await page.sign_in("agent")
        cookie = f"{COOKIE}={page.http.cookies[COOKIE]}"
        own = f"http://127.0.0.1:{port}"
        async with connect(
            f"ws://127.0.0.1:{port}/ws/agent",
            origin=own,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
            open_timeout=30,
        ) as socket:
            assert json.loads(await socket.recv())["kind"] == "hello"
            await page.ask("DELETE", "/api/session")
            async with asyncio.timeout(20):
                await socket.wait_closed()
            assert socket.close_code == 4401
