"""Menus over REST: two editors, publishing by one person or two, lines, the switch, figures, and who may do what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from directory.importer import SANMENXIA, import_hotlines
from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import ManualClock
from ivr import visits
from ivr.published import Published
from ivr.visits import Visit
from tests.web.conftest import PASSWORD, Caller, Units
from tests.web.test_administration import audited, delete, put
from web.app import create_app
from web.services import Services

MONDAY_NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
CASE = {"name": "到人工", "at": "2026-11-23T10:00", "line": "12345", "expect": {"at": "queue", "within_seconds": 12}}


def document(name: str = "直达", **more: Any) -> dict[str, Any]:
    nodes = {"start": {"type": "entry", "next": "human"}, "human": {"type": "queue"}}
    return {"flow": "main", "name": name, "entry": "start", "nodes": nodes, "cases": [CASE], **more}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY_NOON)


@pytest.fixture
def services(services: Services, clock: ManualClock) -> Services:
    return replace(services, clock=clock)


@pytest.fixture(autouse=True)
async def lines(services: Services, units: Units) -> None:
    """The city's lines, and a second administrator."""
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=MONDAY_NOON)
        wang = NewUser("wang", "王", frozenset({Role.ADMIN}))
        await add_user(session, wang, PASSWORD, passwords, now=MONDAY_NOON)
    await services.directory.refresh()


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


@pytest.fixture
async def wang(nobody: Caller) -> Caller:
    return await nobody.as_("wang")


@pytest.fixture
def menus(services: Services) -> Published:
    """A process that takes calls."""
    return Published(services.database, services.clock)


async def save(caller: Caller, wanted: Any, revision: int) -> httpx.Response:
    return await caller.request("PUT", "/api/menus/flows/main/draft", json=wanted, extra={"If-Match": f'"{revision}"'})


async def publish(caller: Caller, revision: int, **more: Any) -> httpx.Response:
    return await caller.post("/api/menus/flows/main/versions", revision=revision, **more)


async def in_force(menus: Published, line: str = "12345") -> int | None:
    await menus.refresh()
    pinned = menus.for_line(line)
    return pinned.version if pinned else None


async def test_from_a_draft_to_the_next_call(admin: Caller, menus: Published) -> None:
    saved = await save(admin, document(), 0)
    assert saved.status_code == 200, saved.text
    assert saved.json()["revision"] == 1
    assert saved.json()["verdict"]["sound"], saved.text
    assert saved.json()["verdict"]["cases"][0] | {"seconds": 0} == {
        **{"name": "到人工", "passed": True, "reasons": [], "end": "queue", "of": None, "seconds": 0}
    }
    assert saved.json()["verdict"]["coverage"]["share"] == 1.0
    read = await admin.get("/api/menus/flows/main/draft")
    assert (read.headers["etag"], read.json()["document"]["name"]) == ('"1"', "直达")
    answer = await publish(admin, 1, comment="首次发布")
    assert answer.status_code == 201, answer.text
    assert answer.json()["version"]["comment"] == "首次发布"
    assert await in_force(menus) is None
    assert (await put(admin, "/api/menus/lines/12345", flow="main")).status_code == 200
    assert await in_force(menus) == 1
    (flow,) = (await admin.get("/api/menus/flows")).json()
    assert (flow["version"], flow["changed"], flow["lines"]) == (1, False, ["12345"])
    whole = (await admin.get("/api/menus/flows/main/versions/1")).json()
    assert whole["document"] == read.json()["document"]
    assert await audited(admin, subject="menu:main") == [
        ("admin", "menu.saved", "menu:main"),
        ("admin", "menu.published", "menu:main"),
    ]


async def test_the_second_of_two_editors_is_shown_both_sides(admin: Caller, wang: Caller) -> None:
    await save(admin, document("原"), 0)
    answers = await asyncio.gather(save(admin, document("甲"), 1), save(wang, document("乙"), 1))
    (late,) = (one for one in answers if one.status_code == 412)
    assert sorted(one.status_code for one in answers) == [200, 412]
    clash = late.json()
    assert clash["code"] == "menu.stale"
    assert clash["base"]["name"] == "原"
    assert {clash["mine"]["name"], clash["theirs"]["document"]["name"]} == {"甲", "乙"}
    loser = wang if clash["mine"]["name"] == "乙" else admin
    (stash,) = (await loser.get("/api/menus/flows/main/stashes")).json()
    assert (stash["id"], stash["base_revision"]) == (clash["stash"], 1)
    assert (await save(loser, clash["mine"], clash["theirs"]["revision"])).status_code == 200
    assert (await delete(loser, f"/api/menus/flows/main/stashes/{stash['id']}")).status_code == 204
    assert (await loser.get("/api/menus/flows/main/stashes")).json() == []


async def test_errors_and_failing_cases_refuse_and_each_is_named(admin: Caller) -> None:
    fails = {**CASE, "name": "转税务", "expect": {"at": "transfer", "of": "line:12366"}}
    broken = document(cases=[CASE, fails])
    broken["nodes"]["start"]["next"] = "nowhere"
    answer = await save(admin, broken, 0)
    verdict = answer.json()["verdict"]
    assert not verdict["sound"]
    assert {one["name"]: one["passed"] for one in verdict["cases"]}["转税务"] is False
    refused = await publish(admin, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "menu.not_sound")
    named = {one["where"] for one in refused.json()["wrong"]}
    errors = {one["id"] for one in verdict["findings"] if one["severity"] == "error"}
    assert errors
    assert named == errors | {"case:到人工", "case:转税务"}
    assert (await admin.get("/api/menus/flows/main/versions")).json() == []


async def test_warnings_are_acknowledged_by_their_ids(admin: Caller) -> None:
    wanted = document()
    wanted["nodes"]["start"]["next"] = "ask"
    wanted["nodes"]["ask"] = {"type": "web", "url": "http://unit.example/x", "next": "human", "on_failure": "human"}
    wanted["cases"] = []
    await save(admin, wanted, 0)
    refused = await publish(admin, 1)
    assert refused.json()["code"] == "menu.not_acknowledged", refused.text
    ids = [one["where"] for one in refused.json()["wrong"]]
    answer = await publish(admin, 1, acknowledged=ids)
    assert answer.status_code == 201, answer.text
    assert [one["id"] for one in answer.json()["version"]["acknowledged"]] == ids


async def test_a_scheduled_version_a_rollback_and_the_history(
    admin: Caller, menus: Published, clock: ManualClock
) -> None:
    await save(admin, document("一"), 0)
    await publish(admin, 1)
    await put(admin, "/api/menus/lines/12345", flow="main")
    await save(admin, document("二"), 1)
    later = (MONDAY_NOON + timedelta(hours=1)).isoformat()
    assert (await publish(admin, 2, effective_at=later)).status_code == 201
    await save(admin, document("三"), 2)
    await publish(admin, 3, effective_at=(MONDAY_NOON + timedelta(hours=2)).isoformat())
    assert (await delete(admin, "/api/menus/flows/main/versions/3")).status_code == 204
    assert await in_force(menus) == 1
    clock.advance(3600)
    assert await in_force(menus) == 2
    clock.advance(3600)
    assert await in_force(menus) == 2
    back = await admin.post("/api/menus/flows/main/rollback", from_version=2, comment="有误")
    assert (back.status_code, back.json()["restores"]) == (201, 1)
    assert await in_force(menus) == 4
    again = await admin.post("/api/menus/flows/main/rollback", from_version=2)
    assert (again.status_code, again.json()["code"]) == (409, "menu.stale")
    told = (await admin.get("/api/menus/flows/main/versions")).json()
    assert [(one["version"]["version"], one["standing"]) for one in told] == [
        *((4, "in_force"), (3, "withdrawn"), (2, "past"), (1, "past"))
    ]


async def test_two_persons_where_the_policy_asks_for_two(services: Services, units: Units) -> None:
    settings = services.settings.model_copy(
        update={"menus": services.settings.menus.model_copy(update={"second_approver": True})}
    )
    app = create_app(replace(services, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        admin, wang = [await Caller(http).as_(user) for user in ("admin", "wang")]
        await save(admin, document(), 0)
        answer = await publish(admin, 1, comment="请复核")
        assert (answer.status_code, answer.json()["version"]) == (202, None)
        proposal = answer.json()["proposal"]["id"]
        own = await admin.post(f"/api/menus/proposals/{proposal}/approve")
        assert (own.status_code, own.json()["code"]) == (403, "menu.own_proposal")
        approved = await wang.post(f"/api/menus/proposals/{proposal}/approve")
        assert (approved.json()["author"], approved.json()["approved_by"]) == ("admin", "wang")
        await save(admin, document("二"), 1)
        second = (await publish(admin, 2)).json()["proposal"]["id"]
        declined = await wang.post(f"/api/menus/proposals/{second}/decline", reason="不妥")
        assert declined.json()["decision"] == "refused"
        told = (await wang.get("/api/menus/proposals")).json()
        assert [one["decision"] for one in told] == ["refused", "approved"]


async def test_lines_and_the_switch(nobody: Caller, admin: Caller, menus: Published) -> None:
    await save(admin, document(), 0)
    refused = await put(admin, "/api/menus/lines/12345", flow="main")
    assert refused.json()["code"] == "menu.not_published"
    await publish(admin, 1)
    assert (await put(admin, "/api/menus/lines/99999", flow="main")).json()["code"] == "menu.line_unknown"
    for line in ("12345", "12333"):
        await put(admin, f"/api/menus/lines/{line}", flow="main")
    supervisor = await nobody.as_("supervisor")
    assert (await put(supervisor, "/api/menus/switches/12333", reason="临时")).status_code == 204
    assert [await in_force(menus, line) for line in ("12345", "12333")] == [1, None]
    assert (await put(supervisor, "/api/menus/switches/all", reason="演练")).status_code == 204
    assert [await in_force(menus, line) for line in ("12345", "12333")] == [None, None]
    assert {one["line"] for one in (await supervisor.get("/api/menus/switches")).json()} == {"all", "12333"}
    shown = {one["line"]: one for one in (await supervisor.get("/api/menus/lines")).json()}
    assert (shown["12345"]["flow"], shown["12345"]["off"], shown["12366"]["flow"]) == ("main", True, None)
    for line in ("all", "12333"):
        assert (await delete(supervisor, f"/api/menus/switches/{line}")).status_code == 204
    assert [await in_force(menus, line) for line in ("12345", "12333")] == [1, 1]
    later = (MONDAY_NOON + timedelta(hours=1)).isoformat()
    planned = (await put(admin, "/api/menus/lines/12345", flow=None, effective_at=later)).json()
    assert (await delete(admin, f"/api/menus/assignments/{planned['id']}")).status_code == 204
    assert [one["flow"] for one in (await admin.get("/api/menus/lines/12345")).json()] == ["main"]


async def test_a_caller_is_taken_through_a_draft(admin: Caller) -> None:
    wanted = document()
    wanted["nodes"]["start"]["next"] = "ask"
    wanted["nodes"]["ask"] = {
        "type": "menu",
        "prompt": "社保请按一",
        "options": {"1": {"label": "社保", "next": "experts"}},
        "on_timeout": "human",
        "on_wrong": "human",
    }
    wanted["nodes"]["experts"] = {"type": "queue", "queue": "expert-12333"}
    await save(admin, wanted, 0)
    played = (await admin.post("/api/menus/flows/main/simulate", keys=["1"], at="2026-11-23T10:00:00+08:00")).json()
    assert (played["at"], played["of"]) == ("queue", "expert-12333")
    assert played["path"][1] == "main.ask: key 1"
    assert [one["text"] for one in played["transcript"] if one["what"] == "say"] == ["社保请按一"]
    assert "ask: on_timeout" in played["branches_left"]
    wanted["nodes"]["ask"]["options"]["1"]["next"] = "human"
    unsaved = (await admin.post("/api/menus/flows/main/simulate", keys=["1"], document=wanted)).json()
    assert (unsaved["at"], unsaved["of"], unsaved["asked"]) == ("queue", None, None)
    silent = (await admin.post("/api/menus/flows/main/simulate")).json()
    assert silent["asked"] == {"flow": "main", "node": "ask", "told": 1, "left": 1}


async def test_figures_of_a_flow(services: Services, admin: Caller) -> None:
    async with services.database.transaction() as session:
        await visits.keep(session, [Visit("c1", 1, MONDAY_NOON, "main", 1, "ask", "key 1", 2500)])
    period = {"begin": MONDAY_NOON.isoformat(), "end": (MONDAY_NOON + timedelta(hours=1)).isoformat()}
    told = (await admin.get("/api/menus/flows/main/figures", **period)).json()
    assert told["calls"] == {"1": 1}
    assert told["branches"] == [
        {
            **{"version": 1, "node": "ask", "branch": "key 1", "visits": 1},
            **{"mean_ms": 2500.0, "p50_ms": 2500.0, "p95_ms": 2500.0},
        }
    ]


async def test_a_document_that_is_no_flow_is_refused_part_by_part(admin: Caller) -> None:
    bad = document()
    bad["nodes"]["human"]["type"] = "hologram"
    bad["surprise"] = 1
    answer = await save(admin, bad, 0)
    assert (answer.status_code, answer.json()["code"]) == (422, "menu.file_unreadable")
    why = {one["where"]: one["why"] for one in answer.json()["wrong"]}
    assert why.keys() == {"nodes.human", "surprise"}
    assert why["nodes.human"].startswith("nodes.human：没有“hologram”这种类型；可用的有")
    assert why["surprise"] == "surprise：没有这样的字段；检查拼写和缩进，或删除它"
    other = await save(admin, {**document(), "flow": "other"}, 0)
    assert other.json()["code"] == "menu.other_flow"
    missing = await admin.request("PUT", "/api/menus/flows/main/draft", json=document())
    assert (missing.status_code, missing.json()["code"]) == (428, "http.precondition_required")


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("GET", "/api/menus/flows", None, {"supervisor", "auditor", "admin"}),
        ("PUT", "/api/menus/flows/main/draft", document(), {"admin"}),
        ("POST", "/api/menus/flows/main/versions", {"revision": 1}, {"admin"}),
        ("POST", "/api/menus/flows/main/rollback", {"from_version": 1}, {"admin"}),
        ("POST", "/api/menus/proposals/1/approve", None, {"admin"}),
        ("PUT", "/api/menus/lines/12345", {"flow": None}, {"admin"}),
        ("PUT", "/api/menus/switches/all", {"reason": "演练"}, {"supervisor", "admin"}),
        ("GET", "/api/menus/flows/main/stashes", None, {"admin"}),
    ],
)
async def test_who_may_do_what(nobody: Caller, method: str, path: str, body: Any, allowed: set[str]) -> None:
    extra = {"If-Match": '"0"'}
    assert (await nobody.request(method, path, json=body, extra=extra)).status_code == 401
    refused = set()
    for role in Role:
        caller = await nobody.as_(role.value)
        if (await caller.request(method, path, json=body, extra=extra)).status_code == 403:
            refused.add(role.value)
    assert {role.value for role in Role} - refused == allowed


def test_the_api_describes_every_route_of_menus(app: FastAPI) -> None:
    paths = [path for path in app.openapi()["paths"] if path.startswith("/api/menus")]
    assert len(paths) >= 15
