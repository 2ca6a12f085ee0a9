"""People: entered with a password that is good for one thing, changed under a version, disabled at once, audited; and
an administrator is always left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from acd.presence import load as load_presence
from acd.service import Acd
from acd.states import AgentState
from directory import account_repository, audit
from directory.models import Role
from hotline.redis import connect as connect_redis
from tests.web.conftest import Caller, Units
from tests.web.people import PASSWORD
from tests.web.test_session import page_at, strict
from web.app import create_app
from web.services import Services

__all__ = ["strict"]

FIRST = "chuhe-2026-first"
NEW = {"login": "li.na", "name": "李娜", "roles": ["agent"], "work_number": "1088", "extension": "8088"}


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def put(caller: Caller, path: str, **body: Any) -> httpx.Response:
    return await caller.request("PUT", path, json=body)


async def entered(admin: Caller, **more: Any) -> dict[str, Any]:
    answer = await admin.post("/api/staff", **{**NEW, **more}, password=FIRST)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def audited(services: Services) -> list[tuple[str, str, str]]:
    async with services.database.transaction() as session:
        return [(row.actor, row.action, row.subject) for row in await audit.entries(session)]


async def test_a_first_password_is_good_for_choosing_another_one_alone(
    app: FastAPI, services: Services, admin: Caller
) -> None:
    made = await entered(admin)
    assert (made["work_number"], made["first_password"], made["version"]) == ("1088", True, 1)
    assert "password" not in made
    bearer = await admin.post("/api/auth/login", user="li.na", password=FIRST)
    assert (bearer.status_code, bearer.json()["code"]) == (401, "access.first_password")
    async with page_at(app) as page:
        assert (await page.sign_in("li.na", FIRST))["state"] == "password"
        for path in ("/api/auth/me", "/api/sessions", "/api/agents/me"):
            assert (await page.ask("GET", path)).status_code == 401, path
        same = await page.ask("POST", "/api/session/password", json={"password": FIRST, "new_password": FIRST})
        assert (same.status_code, same.json()["code"]) == (422, "password.weak")
        wrong = await page.ask("POST", "/api/session/password", json={"password": "x", "new_password": PASSWORD})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "access.sign_in_refused")
        assert (await page.ask("GET", "/api/session")).json()["state"] == "password"
        own = await page.ask("POST", "/api/session/password", json={"password": FIRST, "new_password": PASSWORD})
        assert page.told(own)["state"] == "open"
        assert (await page.ask("GET", "/api/auth/me")).json()["login"] == "li.na"
        assert (await page.sign_in("li.na"))["state"] == "open"
    assert (await admin.post("/api/auth/login", user="li.na", password=PASSWORD)).status_code == 200
    assert (await admin.get("/api/staff/li.na")).json()["first_password"] is False
    assert ("admin", "staff.entered", "user:li.na") in await audited(services)
    assert ("li.na", "password.changed", "user:li.na") in await audited(services)


async def test_the_second_step_comes_before_the_first_password(strict: FastAPI, admin: Caller) -> None:
    await entered(admin, roles=["admin"], work_number=None, extension=None)
    async with page_at(strict) as page:
        assert (await page.sign_in("li.na", FIRST))["state"] == "enrol"
        body = {"password": FIRST, "new_password": PASSWORD}
        early = await page.ask("POST", "/api/session/password", json=body)
        assert (early.status_code, early.json()["code"]) == (401, "access.unauthenticated")
        phone = pyotp.TOTP((await page.ask("POST", "/api/session/totp/enrol", json={})).json()["secret"])
        told = page.told(await page.ask("POST", "/api/session/totp", json={"code": phone.now()}))
        assert (told["state"], len(told["recovery_codes"])) == ("password", 10)
        assert (await page.ask("GET", "/api/staff")).status_code == 401
        async with page_at(strict) as other:
            assert (await other.sign_in("li.na", FIRST))["state"] == "totp"
            recovery = {"code": told["recovery_codes"][0]}
            assert other.told(await other.ask("POST", "/api/session/totp", json=recovery))["state"] == "password"
        assert page.told(await page.ask("POST", "/api/session/password", json=body))["state"] == "open"
        assert (await page.ask("GET", "/api/staff")).status_code == 200


async def test_a_forgotten_password_is_given_anew(app: FastAPI, services: Services, nobody: Caller) -> None:
    admin, agent = await nobody.as_("admin"), await nobody.as_("agent")
    for _ in range(5):
        await nobody.post("/api/auth/login", user="agent", password="wrong")
    assert (await admin.get("/api/staff/agent")).json()["locked"] is True
    assert (await put(admin, "/api/staff/agent/password", password="short")).json()["code"] == "password.weak"
    assert (await agent.get("/api/auth/me")).status_code == 200, "nothing has happened yet"
    assert (await put(admin, "/api/staff/agent/password", password=FIRST)).status_code == 204
    assert (await agent.get("/api/auth/me")).status_code == 401
    async with page_at(app) as page:
        assert (await page.sign_in("agent", FIRST))["state"] == "password"
    assert (await put(admin, "/api/staff/nobody/password", password=FIRST)).status_code == 404
    told = [row for row in await audited(services) if row[1] == "staff.password_given"]
    assert told == [("admin", "staff.password_given", "user:agent")]


async def test_rights_end_sessions_and_a_version_is_named(
    services: Services, nobody: Caller, admin: Caller, units: Units
) -> None:
    dispatcher = await nobody.as_("dispatcher")
    renamed = {"name": "赵派", "roles": ["dispatcher"]}
    assert (await put(admin, "/api/staff/dispatcher", **renamed)).status_code == 428
    saved = await put(admin, "/api/staff/dispatcher", **renamed, version=1)
    assert (saved.json()["version"], saved.headers["etag"]) == (2, '"2"')
    assert (await dispatcher.get("/api/auth/me")).json()["name"] == "赵派", "a name is no right"
    stale = await put(admin, "/api/staff/dispatcher", **renamed, version=1)
    assert (stale.status_code, stale.json()["code"]) == (409, "staff.stale")
    headed = {"name": "赵派", "roles": ["unit_head"], "unit_id": units.urban}
    extra = {"If-Match": '"2"'}
    saved = await admin.request("PUT", "/api/staff/dispatcher", json=headed, extra=extra)
    assert (saved.status_code, saved.json()["unit_id"]) == (200, units.urban)
    assert (await dispatcher.get("/api/auth/me")).status_code == 401
    async with services.database.transaction() as session:
        row = next(row for row in await audit.entries(session) if row.action == "staff.changed" and row.after)
    assert row.after is not None
    assert row.subject == "user:dispatcher"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"roles": []}, 422, "input.invalid"),
        ({"roles": ["nobody"]}, 422, "input.invalid"),
        ({"name": " "}, 422, "input.invalid"),
        ({"login": "Li Na"}, 422, "input.invalid"),
        ({"login": "agent"}, 409, "user.login_taken"),
        ({"work_number": "1001"}, 409, "user.work_number_taken"),
        ({"work_number": None, "extension": None}, 422, "input.invalid"),
        ({"work_number": None, "roles": ["auditor"]}, 422, "input.invalid"),
        ({"extension": "12345678901"}, 422, "input.invalid"),
        ({"roles": ["unit_handler"]}, 422, "input.invalid"),
        ({"unit_id": 2**30}, 422, "staff.unit_unknown"),
        ({"password": "short"}, 422, "password.weak"),
        ({"password": "li.na"}, 422, "password.weak"),
    ],
)
async def test_somebody_who_cannot_be_is_refused(
    services: Services, admin: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    before = (await admin.get("/api/staff")).json()
    answer = await admin.post("/api/staff", **{**NEW, "password": FIRST, **changes})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await admin.get("/api/staff")).json() == before
    assert FIRST not in answer.text


async def test_a_work_number_stays_its_persons(admin: Caller) -> None:
    body = {"name": "周", "roles": ["agent"], "work_number": "1077", "version": 1}
    assert (await put(admin, "/api/staff/agent", **body)).json()["code"] == "staff.work_number_fixed"
    # Who takes no calls any more keeps it: what was done under it stays theirs.
    gone = await put(admin, "/api/staff/agent", name="周", roles=["auditor"], version=1)
    assert gone.json()["code"] == "staff.work_number_fixed"
    kept = await put(admin, "/api/staff/agent", name="周", roles=["auditor"], work_number="1001", version=1)
    assert (kept.status_code, kept.json()["levels"]) == (200, {"general": 1})
    given = await put(admin, "/api/staff/auditor", name="吴", roles=["agent"], work_number="1066", version=1)
    assert (given.status_code, given.json()["work_number"]) == (200, "1066")
    taken = await put(admin, "/api/staff/dispatcher", name="郑", roles=["agent"], work_number="1066", version=1)
    assert (taken.status_code, taken.json()["code"]) == (409, "user.work_number_taken")


async def test_who_is_disabled_is_out_at_once(services: Services, nobody: Caller, admin: Caller, line: Acd) -> None:
    agent = await nobody.as_("agent")
    assert (await agent.post("/api/agents/me/sign-in")).status_code == 200
    gone = await admin.post("/api/staff/agent/disable", version=1)
    assert (gone.json()["disabled"], gone.json()["version"]) == (True, 2)
    assert (await agent.get("/api/auth/me")).status_code == 401
    assert (await nobody.post("/api/auth/login", user="agent", password=PASSWORD)).status_code == 401
    view = await line.agent("1001")
    assert view is None or view.state is AgentState.SIGNED_OUT
    async with services.database.transaction() as session:
        assert await load_presence(session) == []
    assert await services.feed.latest("1001") != "0-0", "the screens were told"
    assert (await admin.post("/api/staff/agent/enable", version=1)).json()["code"] == "staff.stale"
    assert (await admin.post("/api/staff/agent/enable", version=2)).json()["disabled"] is False
    await nobody.as_("agent")
    actions = [action for _, action, subject in await audited(services) if subject == "user:agent"]
    assert sorted(actions) == ["staff.disabled", "staff.enabled"]


async def test_who_takes_no_calls_any_more_leaves_distribution(nobody: Caller, admin: Caller, line: Acd) -> None:
    agent = await nobody.as_("agent")
    await agent.post("/api/agents/me/sign-in")
    saved = await put(admin, "/api/staff/agent", name="周", roles=["auditor"], work_number="1001", version=1)
    assert saved.status_code == 200
    view = await line.agent("1001")
    assert view is None or view.state is AgentState.SIGNED_OUT


async def test_somebody_is_disabled_although_distribution_cannot_be_told(services: Services, units: Units) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    acd = Acd(away, site="smx", process="ast1/web", clock=services.clock, policy=services.acd.policy)
    app = create_app(replace(services, redis=away, acd=acd))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        admin = await Caller(http).as_("admin")
        agent = await Caller(http).as_("agent")
        assert (await admin.post("/api/staff/agent/disable", version=1)).status_code == 200
        assert (await agent.get("/api/auth/me")).status_code == 401
    await away.aclose()


async def test_an_administrator_is_always_left(services: Services, admin: Caller) -> None:
    assert (await admin.post("/api/staff/second_admin/disable", version=1)).status_code == 200
    for refused in (
        await admin.post("/api/staff/admin/disable", version=1),
        await put(admin, "/api/staff/admin", name="管", roles=["auditor"], version=1),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "staff.last_admin")
    both = await put(admin, "/api/staff/admin", name="管", roles=["auditor", "admin"], version=1)
    assert both.status_code == 200


async def test_of_two_administrators_who_disable_one_another_one_stays(services: Services, nobody: Caller) -> None:
    first, second = await nobody.as_("admin"), await nobody.as_("second_admin")
    answers = await asyncio.gather(
        first.post("/api/staff/second_admin/disable", version=1), second.post("/api/staff/admin/disable", version=1)
    )
    # The one who comes second is refused as the last one, or has no session left to ask with.
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1] in (401, 409)
    async with services.database.transaction() as session:
        assert await account_repository.other_holders(session, Role.ADMIN, 0) == 1


async def test_whom_one_is_told_of(nobody: Caller, units: Units) -> None:
    async def told(login: str) -> set[str]:
        return {one["login"] for one in (await (await nobody.as_(login)).get("/api/staff")).json()}

    everybody = await told("admin")
    assert {role.value for role in Role} <= everybody
    assert await told("auditor") == everybody
    assert await told("supervisor") == {"agent", "expert", "second", "visitor"}
    assert await told("unit_head") == set(), "none of their unit takes calls"
    admin = await nobody.as_("admin")
    await entered(admin, roles=["expert"], unit_id=units.labour)
    assert await told("unit_head") == {"li.na"}
    assert "li.na" not in await told("other_unit")
