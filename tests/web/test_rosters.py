"""Rosters over REST: a week laid down, what a unit may do, who is missing, a swap from wish to approval."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from acd.service import Acd
from directory import audit
from directory.models import Role
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from tests.web.conftest import PASSWORD, Caller, Units
from web.services import Services

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _plan(services: Services, *agents: str, days: int = 1, **changes: Any) -> dict[str, Any]:
    first = services.clock.now().astimezone(SHANGHAI).date() + timedelta(days=2)
    body = {
        "agents": list(agents),
        "group": "general",
        "first": first.isoformat(),
        "last": (first + timedelta(days=days - 1)).isoformat(),
        "begins": "22:00",
        "ends": "06:00",
    }
    return body | changes


async def _on_now(services: Services, caller: Caller, agent: str, group: str) -> None:
    begins = services.clock.now().astimezone(SHANGHAI) - timedelta(hours=1)
    answer = await caller.post(
        "/api/rosters/shifts",
        agents=[agent],
        group=group,
        first=begins.date().isoformat(),
        last=begins.date().isoformat(),
        begins=begins.strftime("%H:%M"),
        ends=(begins + timedelta(hours=3)).strftime("%H:%M"),
    )
    assert answer.status_code == 201, answer.text


async def test_a_week_is_laid_down_and_read(services: Services, units: Units, nobody: Caller) -> None:
    supervisor, agent = await nobody.as_("supervisor"), await nobody.as_("agent")
    made = await supervisor.post("/api/rosters/shifts", **_plan(services, "1001", "1002", days=7))
    assert made.status_code == 201
    assert len(made.json()) == 14
    again = await supervisor.post("/api/rosters/shifts", **_plan(services, "1002"))
    assert (again.status_code, again.json()["code"]) == (409, "roster.overlap")
    weekend = await supervisor.post(
        "/api/rosters/shifts", **_plan(services, "1001", days=7, weekdays=[6, 7], begins="08:00", ends="12:00")
    )
    assert len(weekend.json()) == 2
    begin = services.clock.now()
    params = {"begin": begin.isoformat(), "end": (begin + timedelta(days=14)).isoformat()}
    assert len((await agent.get("/api/rosters/shifts", **params, agent="1001")).json()) == 9
    gone = made.json()[0]
    assert (await supervisor.request("DELETE", f"/api/rosters/shifts/{gone['id']}")).status_code == 204
    assert len((await agent.get("/api/rosters/shifts", **params, agent="1001")).json()) == 8
    async with services.database.transaction() as session:
        newest = await audit.entries(session, subject="roster")
        assert [(one.actor, one.action) for one in newest] == [
            ("supervisor", "roster.cancelled"),
            ("supervisor", "roster.assigned"),
            ("supervisor", "roster.assigned"),
        ]
        cancelled: Any = newest[0].before
        laid_down: Any = newest[2].after
        assert (cancelled["agent"], len(laid_down)) == ("1001", 14)
    long = await supervisor.get("/api/rosters/shifts", begin="2026-01-01T00:00:00Z", end="2027-01-01T00:00:00Z")
    assert (long.status_code, long.json()["code"]) == (422, "input.invalid")


async def test_a_unit_sends_its_own_experts_and_sees_no_others(
    services: Services, units: Units, line: Acd, nobody: Caller
) -> None:
    async with services.database.transaction() as session:
        sent = NewUser(
            "zhuanjia", "社保专家", frozenset({Role.EXPERT}), units.labour, Agent("2002", {"expert-12333": 1})
        )
        await add_user(session, sent, PASSWORD, Passwords(), now=services.clock.now())
    head, other = await nobody.as_("unit_head"), await nobody.as_("other_unit")
    await _on_now(services, head, "2002", "expert-12333")
    await _on_now(services, await nobody.as_("supervisor"), "1001", "general")
    assert [one["agent"] for one in (await head.get("/api/rosters/due")).json()] == ["2002"]
    assert (await other.get("/api/rosters/due")).json() == []
    assert [one["shift"]["agent"] for one in (await head.get("/api/rosters/missing")).json()] == ["2002"]
    refused = await head.post("/api/rosters/shifts", **_plan(services, "1001"))
    assert (refused.status_code, refused.json()["code"]) == (403, "roster.not_your_unit")


async def test_a_units_handler_with_a_seat_plans_no_others_either(
    services: Services, units: Units, nobody: Caller
) -> None:
    async with services.database.transaction() as session:
        both = frozenset({Role.EXPERT, Role.UNIT_HANDLER})
        sent = NewUser("both", "社保专家", both, units.labour, Agent("2002", {"expert-12333": 1}))
        await add_user(session, sent, PASSWORD, Passwords(), now=services.clock.now())
    supervisor, handler = await nobody.as_("supervisor"), await nobody.as_("both")
    (theirs,) = (await supervisor.post("/api/rosters/shifts", **_plan(services, "1001"))).json()
    for refused in (
        await handler.post("/api/rosters/shifts", **_plan(services, "1002")),
        await handler.request("DELETE", f"/api/rosters/shifts/{theirs['id']}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "roster.not_your_unit")
    assert (await handler.get("/api/rosters/due", at=theirs["starts_at"])).json() == []
    own = _plan(services, "2002", group="expert-12333")
    assert (await handler.post("/api/rosters/shifts", **own)).status_code == 201


async def test_who_signs_in_is_no_longer_missing(services: Services, units: Units, line: Acd, nobody: Caller) -> None:
    supervisor, agent = await nobody.as_("supervisor"), await nobody.as_("agent")
    await _on_now(services, supervisor, "1001", "general")
    (missing,) = (await supervisor.get("/api/rosters/missing")).json()
    assert (missing["shift"]["agent"], missing["shift"]["name"]) == ("1001", "AGENT")
    assert 3_600 <= missing["late_s"] < 3_700
    await agent.post("/api/agents/me/sign-in")
    assert (await supervisor.get("/api/rosters/missing")).json() == []
    await agent.post("/api/agents/me/sign-out")
    assert len((await supervisor.get("/api/rosters/missing")).json()) == 1


async def test_a_swap_from_wish_to_approval(services: Services, units: Units, nobody: Caller) -> None:
    supervisor, agent, second = [await nobody.as_(who) for who in ("supervisor", "agent", "second")]
    (mine,) = (await supervisor.post("/api/rosters/shifts", **_plan(services, "1001"))).json()
    morning = _plan(services, "1002", begins="08:00", ends="12:00")
    (theirs,) = (await supervisor.post("/api/rosters/shifts", **morning)).json()
    offer = {"shift_id": mine["id"], "to_agent": "1002", "back_shift_id": theirs["id"]}
    wish = await agent.post("/api/rosters/swaps", **offer, reason="换班")
    assert wish.status_code == 201
    told = wish.json()
    assert (told["name"], told["to_name"], told["back_group"]) == ("AGENT", "二号", "general")
    assert (told["back_starts_at"], told["back_ends_at"]) == (theirs["starts_at"], theirs["ends_at"])
    swap = wish.json()["id"]
    early = await supervisor.post(f"/api/rosters/swaps/{swap}/approve")
    assert (early.status_code, early.json()["code"]) == (409, "roster.swap_closed")
    foreign = await agent.post(f"/api/rosters/swaps/{swap}/agree")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "roster.not_your_shift")
    assert (await second.post(f"/api/rosters/swaps/{swap}/agree")).json()["state"] == "agreed"
    assert [one["id"] for one in (await supervisor.get("/api/rosters/swaps", state="agreed")).json()] == [swap]
    done = (await supervisor.post(f"/api/rosters/swaps/{swap}/approve")).json()
    assert (done["state"], done["decided_by"]) == ("approved", "supervisor")
    async with services.database.transaction() as session:
        newest = (await audit.entries(session, subject="roster"))[0]
        decided: Any = newest.after
        assert (newest.action, decided["to_agent"]) == ("roster.swap_approved", "1002")
    at = mine["starts_at"]
    assert [one["agent"] for one in (await supervisor.get("/api/rosters/due", at=at)).json()] == ["1002"]
    assert len((await second.get("/api/rosters/swaps")).json()) == 1
    expert = await nobody.as_("expert")
    assert (await expert.get("/api/rosters/swaps")).json() == []


async def test_a_swap_refused_and_one_withdrawn(services: Services, units: Units, nobody: Caller) -> None:
    supervisor, agent = await nobody.as_("supervisor"), await nobody.as_("agent")
    (mine,) = (await supervisor.post("/api/rosters/shifts", **_plan(services, "1001"))).json()
    for end, by in (("refuse", supervisor), ("withdraw", agent)):
        wish = (await agent.post("/api/rosters/swaps", shift_id=mine["id"], to_agent="1002")).json()
        assert (wish["back_shift_id"], wish["back_group"], wish["back_starts_at"]) == (None, None, None)
        assert (await by.post(f"/api/rosters/swaps/{wish['id']}/{end}")).status_code == 200
        again = await by.post(f"/api/rosters/swaps/{wish['id']}/{end}")
        assert (again.status_code, again.json()["code"]) == (409, "roster.swap_closed")
    states = [one["state"] for one in (await agent.get("/api/rosters/swaps")).json()]
    assert states == ["refused", "withdrawn"]
