"""Transfer targets, contacts and platforms over REST: what agents choose from, and what administrators lay down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from acd.service import Acd
from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import ManualClock
from hotline.redis import connect as connect_redis
from hotline.settings import Trunk
from tests.web.conftest import Caller, Units
from tests.web.test_administration import audited, delete, put
from web.services import Services

FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


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


@pytest.fixture
async def agent(nobody: Caller) -> Caller:
    return await nobody.as_("agent")


async def refreshed(services: Services, answer: httpx.Response, status: int = 200) -> Any:
    """The web process' directory is as new as the change."""
    assert answer.status_code == status, answer.text
    await services.directory.refresh()
    return answer.json()


TAX_NUMBERS = [
    {"endpoint": "branch-12366", "user": "99012366", "ring_seconds": 15, "schedule": None},
    {"endpoint": "carrier", "user": "03982800366", "ring_seconds": 20, "schedule": None},
]


async def numbers(
    caller: Caller, wanted: list[dict[str, Any]], line: str = "12366", *, tag: str | None = None
) -> httpx.Response:
    """On what was read just now, or on `tag`."""
    path = f"/api/targets/lines/{line}/numbers"
    tag = tag or (await caller.get(path)).headers["etag"]
    return await caller.request("PUT", path, json=wanted, extra={"If-Match": tag})


async def test_an_agent_sees_whom_a_call_can_go_to_and_how_they_stand(
    services: Services, admin: Caller, agent: Caller, line: Acd
) -> None:
    await refreshed(services, await numbers(admin, TAX_NUMBERS))
    found = {one["key"]: one for one in (await agent.get("/api/targets")).json()}
    assert found["line:12366"] == {
        "key": "line:12366",
        "kind": "branch",
        "kind_term": "分中心",
        "name": found["line:12366"]["name"],
        "unit": found["line:12366"]["unit"],
        "open_now": True,
        "numbers": 2,
        "ring_seconds": 35,
        "data": False,
        "standing": "free",
        "ready": None,
        "waiting": None,
        "agent": None,
        "talking": 0,
        "failures": [],
    }
    assert found["line:12367"]["standing"] == "closed", "it has no number yet"
    assert (found["queue:expert-12333"]["standing"], found["queue:expert-12333"]["ready"]) == ("closed", 0)
    assert (found["agent:1002"]["standing"], found["agent:1002"]["kind"]) == ("closed", "agent")
    await line.device_state("8002", reachable=True, in_use=False)
    await line.sign_in("1002", "8002", {"general": 1})
    await line.set_ready("1002")
    second = (await agent.get("/api/targets/agent:1002")).json()
    assert (second["standing"], second["agent"]) == ("free", "READY")
    assert (await agent.get("/api/targets/queue:general")).json()["ready"] == 1


async def test_they_are_found_by_name_number_unit_and_kind(services: Services, agent: Caller, line: Acd) -> None:
    async def keys(**params: Any) -> list[str]:
        return [one["key"] for one in (await agent.get("/api/targets", **params)).json()]

    assert "line:12366" in await keys(name="12366")
    assert "line:12366" in await keys(name="税务")
    assert set(await keys(kind="emergency")) == {"line:110", "line:119", "line:120", "line:122"}
    assert (await keys())[:4] == ["line:110", "line:119", "line:120", "line:122"]
    assert set(await keys(kind=["agent", "expert"])) == {"agent:1001", "agent:1002", "agent:1007", "agent:2001"}
    assert len(await keys(limit=2)) == 2
    assert await keys(name="没有这样的") == []


async def test_an_unknown_target_is_one_problem(agent: Caller, line: Acd) -> None:
    answer = await agent.get("/api/targets/line:99999")
    assert (answer.status_code, answer.json()["code"]) == (404, "target.unknown")


async def test_without_redis_what_the_journal_knows_is_shown(services: Services, agent: Caller) -> None:
    services.acd._redis = connect_redis("redis://127.0.0.1:1/0")
    found = {one["key"]: one for one in (await agent.get("/api/targets")).json()}
    assert found["queue:general"]["standing"] == "unknown"
    assert found["line:110"]["standing"] == "closed"
    await services.acd._redis.aclose()


async def test_numbers_of_a_line_are_replaced_and_audited(services: Services, admin: Caller) -> None:
    await refreshed(services, await numbers(admin, TAX_NUMBERS))
    assert (await admin.get("/api/targets/lines/12366/numbers")).json() == TAX_NUMBERS
    await refreshed(services, await numbers(admin, TAX_NUMBERS[1:]))
    assert (await admin.get("/api/targets/lines/12366/numbers")).json() == TAX_NUMBERS[1:]
    assert await audited(admin, subject="line:12366") == [("admin", "line.targets_saved", "line:12366")] * 2


async def test_numbers_rest_on_the_directory_that_was_read(admin: Caller, agent: Caller, line: Acd) -> None:
    path = "/api/targets/lines/12366/numbers"
    tag = (await admin.get(path)).headers["etag"]
    saved = await numbers(admin, TAX_NUMBERS)
    assert (saved.status_code, saved.headers["etag"] != tag) == (200, True)
    # This process knows it at once: its list shows it to who saved it.
    assert (await agent.get("/api/targets/line:12366")).json()["numbers"] == 2
    late = await numbers(admin, TAX_NUMBERS[:1], tag=tag)
    assert (late.status_code, late.json()["code"]) == (412, "directory.stale")
    blind = await admin.request("PUT", path, json=[])
    assert (blind.status_code, blind.json()["code"]) == (428, "http.precondition_required")
    assert (await admin.get(path)).json() == TAX_NUMBERS


async def test_the_trunks_are_those_of_the_settings(services: Services, admin: Caller) -> None:
    trunks = [{"name": "carrier", "contact": "127.0.0.2:5060"}, {"name": "branch-12366", "contact": "127.0.0.1:15101"}]
    asterisk = services.settings.asterisk.model_copy(update={"trunks": [Trunk.model_validate(one) for one in trunks]})
    object.__setattr__(services, "settings", services.settings.model_copy(update={"asterisk": asterisk}))
    assert (await admin.get("/api/targets/trunks")).json() == ["carrier", "branch-12366"]


@pytest.mark.parametrize(
    ("field", "value"), [("user", "110&PJSIP/1"), ("endpoint", "a/b"), ("ring_seconds", 121), ("schedule", "没有")]
)
async def test_a_number_that_cannot_be_dialled_is_refused(admin: Caller, field: str, value: Any) -> None:
    answer = await numbers(admin, [TAX_NUMBERS[0] | {field: value}])
    assert answer.status_code == 422
    assert (await admin.get("/api/targets/lines/12366/numbers")).json() == []


async def test_a_contact_is_entered_changed_and_taken_away(
    services: Services, admin: Caller, agent: Caller, units: Units, line: Acd
) -> None:
    body = {"unit_id": units.urban, "name": "李四", "number": "0398-2800001", "duty": "联络员"}
    made = await refreshed(services, await admin.post("/api/contacts", **body), 201)
    assert (made["number"], made["schedule"]) == ("+863982800001", None)
    target = (await agent.get(f"/api/targets/{made['key']}")).json()
    assert (target["kind"], target["unit"], target["standing"]) == ("contact", "市城管局", "free")
    assert target["name"] == "市城管局 联络员 李四"
    path = f"/api/contacts/{made['id']}"
    await refreshed(services, await put(admin, path, **body | {"name": "王五"}))
    assert [one["name"] for one in (await admin.get("/api/contacts", unit_id=units.urban)).json()] == ["王五"]
    assert (await admin.get("/api/contacts", unit_id=units.labour)).json() == []
    assert (await delete(admin, path)).status_code == 204
    assert (await delete(admin, path)).json()["code"] == "contact.unknown"
    subject = f"contact:{made['id']}"
    assert await audited(admin, subject=subject) == [
        ("admin", "contact.saved", subject),
        ("admin", "contact.saved", subject),
        ("admin", "contact.removed", subject),
    ]


async def test_a_number_on_duty_opens_a_closed_contact(
    services: Services, admin: Caller, agent: Caller, units: Units, line: Acd
) -> None:
    await put(admin, "/api/hours/schedules/夜间", spans=[{"weekday": 7, "opens": 0, "closes": 60}])
    body = {"unit_id": units.urban, "name": "李四", "number": "03982800001", "schedule": "夜间"}
    made = await refreshed(services, await admin.post("/api/contacts", **body), 201)
    assert (await agent.get(f"/api/targets/{made['key']}")).json()["standing"] == "closed"
    duty = {"unit_id": units.urban, "from_day": "2026-11-20", "to_day": "2026-11-22", "number": "13800000001"}
    entered = await refreshed(services, await admin.post("/api/duty-numbers", **duty), 201)
    target = (await agent.get(f"/api/targets/{made['key']}")).json()
    assert (target["standing"], target["numbers"]) == ("free", 1)
    path = f"/api/duty-numbers/{entered['id']}"
    moved = {"from_day": "2026-11-21"}
    assert (await refreshed(services, await put(admin, path, **duty | moved)))["from_day"] == "2026-11-21"
    assert (await agent.get(f"/api/targets/{made['key']}")).json()["standing"] == "closed"
    assert [one["id"] for one in (await admin.get("/api/duty-numbers")).json()] == [entered["id"]]
    assert (await delete(admin, path)).status_code == 204
    assert (await delete(admin, path)).status_code == 404
    assert len(await audited(admin, subject="duty")) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "110"}, "contact.number_not_dialled"),
        ({"number": "不是号码"}, "number.invalid"),
        ({"unit_id": 999_999}, "record.not_found"),
        ({"schedule": "没有"}, "schedule.unknown"),
        ({"name": ""}, "input.invalid"),
    ],
)
async def test_a_contact_that_cannot_be_meant_is_refused(
    admin: Caller, units: Units, change: dict[str, Any], code: str
) -> None:
    body = {"unit_id": units.urban, "name": "李四", "number": "03982800001"} | change
    answer = await admin.post("/api/contacts", **body)
    assert answer.json()["code"] == code, answer.text
    assert (await admin.get("/api/contacts")).json() == []


PROVINCE = {
    "name": "省级12345平台",
    "kind": "province",
    "line": None,
    "numbers": [{"endpoint": "province", "user": "99012345", "ring_seconds": 20, "schedule": None}],
    "schedule": None,
    "trunk": "province",
    "webhook": "https://province.example/handovers",
    "enabled": True,
}


async def test_a_platform_is_entered_and_is_a_target(
    services: Services, admin: Caller, agent: Caller, line: Acd
) -> None:
    made = await refreshed(services, await put(admin, "/api/partners/province", **PROVINCE))
    assert made == PROVINCE | {"code": "province", "has_key": False}
    target = (await agent.get("/api/targets/partner:province")).json()
    assert (target["kind"], target["data"], target["numbers"]) == ("province", True, 1)
    services.partner_keys.change("province")
    assert [one["has_key"] for one in (await admin.get("/api/partners")).json()] == [True]
    await refreshed(services, await put(admin, "/api/partners/province", **PROVINCE | {"enabled": False}))
    assert (await agent.get("/api/targets/partner:province")).status_code == 404
    assert (await delete(admin, "/api/partners/province")).status_code == 204
    assert (await delete(admin, "/api/partners/province")).json()["code"] == "partner.unknown"
    told = await audited(admin, subject="partner:province")
    assert [action for _, action, _ in told] == ["partner.saved", "partner.saved", "partner.removed"]
    assert "key" not in (await admin.get("/api/audit", subject="partner:province")).text.replace("request_key", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook": "ftp://a"}, "partner.webhook_invalid"),
        ({"line": "99999", "numbers": []}, "line.unknown"),
        ({"line": "12366"}, "input.invalid"),
        ({"kind": "nothing"}, "input.invalid"),
    ],
)
async def test_a_platform_that_cannot_be_meant_is_refused(admin: Caller, change: dict[str, Any], code: str) -> None:
    answer = await put(admin, "/api/partners/province", **PROVINCE | change)
    assert answer.json()["code"] == code, answer.text


@pytest.mark.parametrize(
    ("user", "method", "path", "allowed"),
    [
        ("agent", "GET", "/api/targets", True),
        ("unit_handler", "GET", "/api/targets", False),
        ("agent", "PUT", "/api/targets/lines/12366/numbers", False),
        ("agent", "GET", "/api/contacts", False),
        ("supervisor", "GET", "/api/contacts", True),
        ("supervisor", "POST", "/api/contacts", False),
        ("supervisor", "POST", "/api/duty-numbers", False),
        ("supervisor", "PUT", "/api/partners/province", False),
        ("supervisor", "DELETE", "/api/partners/province", False),
        ("agent", "GET", "/api/partners", False),
        ("agent", "GET", "/api/handovers", False),
        ("agent", "POST", f"/api/handovers/{'0' * 32}/now", False),
    ],
)
@pytest.mark.usefixtures("line")
async def test_who_may(nobody: Caller, user: str, method: str, path: str, allowed: bool) -> None:
    answer = await (await nobody.as_(user)).request(method, path, json={} if method in ("PUT", "POST") else None)
    assert (answer.status_code == 200) is allowed, answer.text
    if not allowed:
        assert answer.status_code in (403, 422)
    if method == "GET" and not allowed:
        assert answer.json()["code"] == "access.denied"
    assert (await nobody.request(method, path, json={})).status_code in (401, 422)
