"""Queues, skills, hours and the audit log over REST, with real PostgreSQL, Redis and distribution."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from acd.presence import load as load_presence
from acd.queue_store import load_rules
from acd.service import Acd
from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import ManualClock
from hotline.redis import connect as connect_redis
from tests.web.conftest import Caller, Units
from web.app import create_app
from web.services import Services

FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LEVEL_4 = {
    "name": "人社专家",
    "steps": [
        {"after_ms": 0, "needs": ["expert-12333:4"]},
        {"after_ms": 20_000, "needs": ["expert-12333:2", "general"]},
    ],
    "tie_break": "most_proficient",
    "max_waiting": 50,
    "when_full": {"action": "queue", "queue": "general"},
}


@pytest.fixture
def services(services: Services) -> Services:
    """A Friday at noon in Sanmenxia."""
    return replace(services, clock=ManualClock(FRIDAY_NOON))


@pytest.fixture(autouse=True)
async def lines(services: Services, units: Units) -> None:
    """The city's lines."""
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=FRIDAY_NOON)
    await services.directory.refresh()


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def put(caller: Caller, path: str, **body: Any) -> httpx.Response:
    return await caller.request("PUT", path, json=body)


async def delete(caller: Caller, path: str, **params: Any) -> httpx.Response:
    return await caller.request("DELETE", path, params=params)


async def audited(caller: Caller, **params: Any) -> list[tuple[str, str, str]]:
    entries = (await caller.get("/api/audit", **params)).json()["entries"]
    return [(one["actor"], one["action"], one["subject"]) for one in reversed(entries)]


async def test_queues_are_there_before_anybody_lays_them_down(admin: Caller) -> None:
    queues = {one["queue"]: one for one in (await admin.get("/api/queues")).json()}
    assert {"general", "night", "enterprise", "expert-12333"} <= queues.keys()
    assert {(one["version"], one["has_default"]) for one in queues.values()} == {(0, True)}
    steps = queues["expert-12333"]["rule"]["steps"]
    assert [step["needs"] for step in steps] == [["expert-12333"], ["expert-12333", "general"]]
    assert (await admin.get("/api/queues/nowhere")).json()["code"] == "queue.unknown"


async def test_a_queue_says_whether_it_goes_back_to_a_default(admin: Caller) -> None:
    for queue, has_default in (("night", True), ("legal", False)):
        saved = await put(admin, f"/api/queues/{queue}", version=0, rule=LEVEL_4)
        assert saved.json()["has_default"] is has_default
        assert (await delete(admin, f"/api/queues/{queue}", version=1)).status_code == 204
        assert (queue in {one["queue"] for one in (await admin.get("/api/queues")).json()}) is has_default


async def test_an_edited_step_reaches_who_polls_the_version(services: Services, admin: Caller) -> None:
    lines = services.directory.snapshot.expert_lines()

    async def rules() -> Any:
        async with services.database.transaction() as session:
            return await load_rules(session, lines, directory_version=services.directory.snapshot.version)

    before = await rules()
    saved = await put(admin, "/api/queues/expert-12333", version=0, rule=LEVEL_4)
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    assert saved.json()["rule"] | LEVEL_4 == saved.json()["rule"]
    after = await rules()
    assert after.version == before.version + 1
    assert [(step.after_ms, [str(need) for need in step.needs]) for step in after.rule("expert-12333").steps] == [
        (0, ["expert-12333:4"]),
        (20_000, ["expert-12333:2", "general"]),
    ]
    stale = await put(admin, "/api/queues/expert-12333", version=0, rule=LEVEL_4)
    assert (stale.status_code, stale.json()["code"]) == (409, "queue.stale")
    assert await rules() == after
    assert (await delete(admin, "/api/queues/expert-12333", version=9)).status_code == 409
    assert (await delete(admin, "/api/queues/expert-12333", version=1)).status_code == 204
    assert (await rules()).rule("expert-12333") == before.rule("expert-12333")
    assert await audited(admin) == [
        ("admin", "queue.saved", "queue:expert-12333"),
        ("admin", "queue.removed", "queue:expert-12333"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": []},
        {"steps": [{"after_ms": 1, "needs": ["general"]}]},
        {"steps": [{"after_ms": 0, "needs": []}]},
        {"steps": [{"after_ms": 0, "needs": ["general:10"]}]},
        {"steps": [{"after_ms": 0, "needs": ["general+general"]}]},
        {"steps": [{"after_ms": 0, "needs": ["no-such-group"]}]},
        {"steps": [{"after_ms": 0, "needs": ["general"]}, {"after_ms": 0, "needs": ["night"]}]},
        {"when_full": {"action": "queue", "queue": "nowhere"}},
        {"when_full": {"action": "queue"}},
        {"when_late": {"action": "callback", "queue": "general"}},
        {"wrap_up_ms": 400_000},
        {"max_waiting": -1},
        {"name": "\u0000"},
        {"unknown": 1},
    ],
)
async def test_a_rule_that_cannot_be_is_refused(admin: Caller, changes: dict[str, Any]) -> None:
    answer = await put(admin, "/api/queues/expert-12333", version=0, rule=LEVEL_4 | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")
    assert (await admin.get("/api/queues/expert-12333")).json()["version"] == 0
    assert await audited(admin) == []


async def test_a_queue_closes_at_night_and_on_holidays(services: Services, app: FastAPI, admin: Caller) -> None:
    every_day = [{"weekday": day, "opens": 480, "closes": 1200} for day in range(1, 8)]
    day = await put(admin, "/api/hours/schedules/白班", spans=every_day, follows_holidays=True)
    assert (day.status_code, day.json()["timezone"]) == (200, "Asia/Shanghai")
    opening = await put(admin, "/api/queues/general/opening", version=0, schedule="白班", closed_queue="night")
    assert opening.json()["opening"] == {"schedule": "白班", "closed_queue": "night", "version": 1}
    assert opening.json()["taken_by"] == "general"

    async def taken_by(moment: datetime) -> tuple[str, bool]:
        later = create_app(replace(services, clock=ManualClock(moment)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(later), base_url="http://web") as http:
            queue = (await Caller(http, admin.token).get("/api/queues/general")).json()
        return queue["taken_by"], queue["provisional"]

    assert await taken_by(FRIDAY_NOON.replace(hour=12, minute=1)) == ("night", False)
    closed = await put(admin, "/api/hours/schedules/白班/days/2026-11-20", spans=[], note="系统升级")
    assert closed.json()["special_days"] == [{"spans": [], "note": "系统升级", "day": "2026-11-20"}]
    assert await taken_by(FRIDAY_NOON) == ("night", False)
    cleared = await delete(admin, "/api/hours/schedules/白班/days/2026-11-20")
    assert cleared.json()["special_days"] == []
    assert await taken_by(FRIDAY_NOON) == ("general", False)
    stale = await put(admin, "/api/queues/general/opening", version=0, schedule="白班")
    assert (stale.status_code, stale.json()["code"]) == (409, "queue.stale")
    assert (await delete(admin, "/api/queues/general/opening", version=1)).status_code == 204
    assert await taken_by(FRIDAY_NOON.replace(hour=12, minute=1)) == ("general", False)
    assert [action for _, action, _ in await audited(admin)] == [
        "schedule.saved",
        "queue.opening_saved",
        "schedule.saved",
        "schedule.saved",
        "queue.opening_removed",
    ]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/queues/nowhere/opening", {"version": 0, "schedule": "白班"}, 404),
        ("/api/queues/general/opening", {"version": 0, "schedule": "没有"}, 404),
        ("/api/queues/general/opening", {"version": 0, "schedule": "没有", "closed_queue": "general"}, 422),
        ("/api/hours/schedules/白班", {"spans": [{"weekday": 1, "opens": 60, "closes": 60}]}, 422),
        ("/api/hours/schedules/白班", {"spans": [{"weekday": 8, "opens": 0, "closes": 60}]}, 422),
        ("/api/hours/schedules/白班", {"spans": [], "timezone": "Asia/Sanmenxia"}, 422),
        ("/api/hours/schedules/白班", {"spans": [{"weekday": 1, "opens": 0, "closes": 60}] * 2}, 422),
        ("/api/hours/schedules/白班/days/2026-10-01", {"spans": []}, 404),
        ("/api/hours/schedules/白班/days/2026-13-01", {"spans": []}, 422),
        ("/api/hours/workdays/years/1999", {"complete": True}, 422),
    ],
)
async def test_wrong_hours_are_refused(admin: Caller, path: str, body: dict[str, Any], status: int) -> None:
    answer = await put(admin, path, **body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def _day(told: dict[str, Any]) -> tuple[str, bool, bool, str]:
    return told["day"], told["worked"], told["here"], told["note"]


async def test_working_days(admin: Caller) -> None:
    async def due(start: str, days: int) -> tuple[str, bool]:
        found = (await admin.get("/api/hours/workdays/due", start=start, days=days)).json()
        return found["day"], found["provisional"]

    assert await due("2026-09-30", 5) == ("2026-10-13", False)
    ends = (await admin.get("/api/hours/workdays/due", start="2026-09-30", days=5)).json()["ends_at"]
    assert datetime.fromisoformat(ends) == datetime(2026, 10, 13, 16, 0, tzinfo=UTC)
    assert await due("2026-12-31", 1) == ("2027-01-01", True)
    laid_down = await put(admin, "/api/hours/workdays/2027-01-01", worked=False, note="元旦")
    assert _day(laid_down.json()) == ("2027-01-01", False, True, "元旦")
    assert await due("2026-12-31", 1) == ("2027-01-04", True)
    assert (await put(admin, "/api/hours/workdays/years/2027", complete=True)).status_code == 204
    assert await due("2026-12-31", 1) == ("2027-01-04", False)
    known = (await admin.get("/api/hours/workdays/years")).json()
    assert (known["complete"], known["known_until"]) == ([2027], "2027-12-28")
    effect = (await admin.get("/api/hours/workdays/2027-01-01/effect", worked=True)).json()
    assert effect == {"sooner": 0, "later": 0, "tickets": 0}
    back = await delete(admin, "/api/hours/workdays/2027-01-01")
    assert _day(back.json()) == ("2027-01-01", True, False, "")
    days = (await admin.get("/api/hours/workdays", first="2026-10-09", last="2026-10-11")).json()
    assert [(one["day"], one["worked"]) for one in days] == [
        ("2026-10-09", True),
        ("2026-10-10", True),
        ("2026-10-11", False),
    ]
    too_many = await admin.get("/api/hours/workdays", first="2026-01-01", last="2028-01-01")
    assert too_many.status_code == 422


async def test_levels_count_at_once_for_who_is_signed_in(
    services: Services, nobody: Caller, admin: Caller, line: Acd
) -> None:
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    assert (await supervisor.get("/api/skills/agents/1001")).json() == {"levels": {"general": 1}}
    assert (await agent.post("/api/agents/me/sign-in")).status_code == 200
    assert (await put(admin, "/api/skills/dialect-henan", name="河南话", kind="dialect")).json()["stored"] is True
    levels = {"general": 3, "dialect-henan": 9}
    assert (await put(supervisor, "/api/skills/agents/1001", levels=levels)).json() == {"levels": levels}
    assert (await agent.get("/api/agents/me")).json()["groups"] == levels
    async with services.database.transaction() as session:
        assert [dict(one.groups) for one in await load_presence(session)] == [levels]
    # Somebody who is not signed in gets them with the next sign-in.
    assert (await put(supervisor, "/api/skills/agents/1002", levels={"dialect-henan": 5})).status_code == 200
    second = await nobody.as_("second")
    await second.post("/api/agents/me/sign-in", extension="8002")
    assert (await second.get("/api/agents/me")).json()["groups"] == {"dialect-henan": 5}
    in_use = await delete(admin, "/api/skills/dialect-henan")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "skill.in_use")
    assert ("supervisor", "agent.levels", "agent:1002") in await audited(admin)


@pytest.mark.parametrize(
    ("agent", "levels", "status"),
    [
        ("1001", {"no-such-group": 1}, 422),
        ("1001", {"general": 10}, 422),
        ("1001", {"general": 0}, 422),
        ("1001", {"Bad Name": 1}, 422),
        ("9999", {"general": 1}, 404),
    ],
)
async def test_levels_that_cannot_be(admin: Caller, line: Acd, agent: str, levels: dict[str, int], status: int) -> None:
    assert (await put(admin, f"/api/skills/agents/{agent}", levels=levels)).status_code == status
    assert (await admin.get("/api/skills/agents/1001")).json() == {"levels": {"general": 1}}


async def test_levels_are_not_kept_while_distribution_cannot_be_told(services: Services, units: Units) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    acd = Acd(away, site="smx", process="ast1/web", clock=services.clock, policy=services.acd.policy)
    app = create_app(replace(services, redis=away, acd=acd))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        admin = await Caller(http).as_("admin")
        answer = await put(admin, "/api/skills/agents/1001", levels={"general": 9})
        assert (answer.status_code, answer.json()["code"]) == (503, "part.unavailable")
        assert (await admin.get("/api/skills/agents/1001")).json() == {"levels": {"general": 1}}
        # The rules can be read and changed all the same.
        queue = await put(admin, "/api/queues/expert-12333", version=0, rule=LEVEL_4)
        assert (queue.status_code, queue.json()["waiting"]) == (200, None)
    await away.aclose()


async def test_skill_groups(admin: Caller) -> None:
    groups = {one["group"]: one for one in (await admin.get("/api/skills")).json()}
    assert groups["expert-12333"]["kind"] == "expert"
    assert "人力资源" in groups["expert-12333"]["name"]
    await put(admin, "/api/skills/lang-en", name="英语", kind="language")
    assert (await delete(admin, "/api/skills/lang-en")).status_code == 204
    assert (await delete(admin, "/api/skills/lang-en")).json()["code"] == "skill.unknown"
    assert (await put(admin, "/api/skills/lang-en", name="英语", kind="nonsense")).status_code == 422


async def test_the_audit_log_is_read_and_verified(services: Services, nobody: Caller, admin: Caller) -> None:
    auditor = await nobody.as_("auditor")
    for version in range(3):
        await put(admin, "/api/queues/night", version=version, rule=LEVEL_4 | {"name": f"夜间{version}"})
    page = (await auditor.get("/api/audit", subject="queue:night", limit=2)).json()
    newest = page["entries"][0]
    assert (newest["before"]["name"], newest["after"]["name"]) == ("夜间1", "夜间2")
    rest = (await auditor.get("/api/audit", subject="queue", before=page["next"])).json()
    assert ([one["after"]["name"] for one in rest["entries"]], rest["next"]) == (["夜间0"], None)
    good = (await auditor.get("/api/audit/verify", seq=newest["seq"], hash=newest["hash"])).json()
    told = {"seq": 3, "hash": newest["hash"], "why": "", "witnessed": 3, "pending": 0}
    assert good == {"intact": True} | told
    async with services.database.transaction() as session:
        await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER append_only"))
        await session.execute(text("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"))
    bad = (await auditor.get("/api/audit/verify")).json()
    assert (bad["intact"], bad["seq"]) == (False, 2)
