"""An agent's calls of a day: what followed from each, what they add up to, and who may see whose."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from calls import agent_calls
from calls.agent_calls import Came, Direction, came_of
from calls.callback_models import CallbackRow
from calls.callback_states import CallbackState
from calls.figure_tables import AgentOfferRow
from calls.figures import Handling
from calls.models import CallRow
from directory import reads
from directory.models.audit import AuditRow
from tests.explain import plan_of
from tests.web import agent_day
from tests.web.agent_day import MINE, MISSED, OTHERS, OUT, ZONE
from tests.web.conftest import Caller
from web.services import Services


@pytest.fixture
async def noon(services: Services) -> datetime:
    return await agent_day.told(services)


async def test_a_day_of_an_agent(services: Services, nobody: Caller, noon: datetime) -> None:
    await services.directory.refresh()
    agent = await nobody.as_("agent")
    ticket = (await agent.post("/api/tickets", title="社保卡", call=MINE)).json()["number"]
    assert (await agent.post("/api/tickets", title="社保卡", call=MISSED)).status_code == 201
    callback = await agent_day.owed(services, noon)
    day = noon.date().isoformat()
    out, missed, mine = (await agent.get("/api/agents/me/calls", day=day)).json()
    told = {name: mine[name] for name in ("call", "direction", "came", "number", "line", "talk_ms", "ring_ms")}
    assert told == {
        "call": MINE,
        "direction": "in",
        "came": "talked",
        "number": "138****5678",
        "line": "12333",
        "talk_ms": 60_000,
        "ring_ms": 3_000,
    }
    assert (mine["level"], mine["term"], mine["satisfied"], mine["tickets"]) == (4, "不满意", False, [ticket])
    assert [one["callback"] for one in mine["owed"]] == [callback]
    assert (missed["call"], missed["came"], missed["talk_ms"]) == (MISSED, "no_answer", None)
    assert (missed["owed"], missed["tickets"], missed["level"]) == ([], [], None), "whoever took it has a ticket of it"
    assert (out["call"], out["direction"], out["came"], out["number"]) == (OUT, "out", "not_reached", "138****5678")
    sums = (await agent.get("/api/agents/me/calls/sums", day=day)).json()
    # As reports count: of a call of ours the talk is from the own phone on, 20 s here.
    assert sums == {
        "agent": "1001",
        "day": day,
        "offers": 3,
        "taken": 2,
        "talk_ms": 80_000,
        "mean_wrap_up_ms": 15_000,
        "rated": 1,
        "satisfaction": 0,
        "callbacks_owed": 1,
    }
    assert sum(one["talk_ms"] or 0 for one in (out, missed, mine)) == sums["talk_ms"]


async def test_a_callback_that_was_kept_is_not_owed(services: Services, nobody: Caller, noon: datetime) -> None:
    callback = await agent_day.owed(services, noon)
    async with services.database.transaction() as session:
        row = await session.get(CallbackRow, callback)
        assert row is not None
        row.state, row.closed_at = CallbackState.ANSWERED, noon + timedelta(hours=2)
    agent = await nobody.as_("agent")
    day = noon.date().isoformat()
    assert [one["owed"] for one in (await agent.get("/api/agents/me/calls", day=day)).json()] == [[], [], []]
    assert (await agent.get("/api/agents/me/calls/sums", day=day)).json()["callbacks_owed"] == 0


async def test_today_is_the_citys_and_may_be_empty(services: Services, nobody: Caller, noon: datetime) -> None:
    agent = await nobody.as_("agent")
    assert (await agent.get("/api/agents/me/calls")).json() == []
    sums = (await agent.get("/api/agents/me/calls/sums")).json()
    assert sums["day"] == services.clock.now().astimezone(ZONE).date().isoformat()
    assert (sums["taken"], sums["mean_wrap_up_ms"], sums["satisfaction"]) == (0, None, None)
    before = (noon - timedelta(days=1)).date().isoformat()
    assert (await agent.get("/api/agents/me/calls", day=before)).json() == []
    assert (await agent.get("/api/agents/me/calls", day="9999-12-31")).status_code == 422


async def test_page_by_page(nobody: Caller, noon: datetime) -> None:
    agent = await nobody.as_("agent")
    path: str | None = f"/api/agents/me/calls?day={noon.date().isoformat()}&limit=1"
    seen = []
    while path:
        answer = await agent.get(path) if "?" not in path else await agent.request("GET", path)
        seen += [one["call"] for one in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == [OUT, MISSED, MINE]


async def _audited(services: Services) -> list[AuditRow]:
    async with services.database.transaction() as session:
        await reads.chain(session)
        return list(await session.scalars(select(AuditRow).where(AuditRow.action == "calls.searched")))


async def test_one_sees_ones_own_and_a_supervisor_whose_they_name(
    services: Services, nobody: Caller, noon: datetime
) -> None:
    day: dict[str, Any] = {"day": noon.date().isoformat()}
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    for path in ("/api/agents/me/calls", "/api/agents/me/calls/sums"):
        assert (await agent.get(path, **day, agent="1002")).status_code == 403
        assert (await agent.get(path, **day, agent="1001")).status_code == 200
        assert (await supervisor.get(path, **day)).status_code == 422, "no work number, and nobody named"
        assert (await (await nobody.as_("visit_agent")).get(path, **day)).status_code == 403
        assert (await nobody.get(path, **day)).status_code == 401
    assert await _audited(services) == []
    (one,) = (await supervisor.get("/api/agents/me/calls", **day, agent="1002")).json()
    assert (one["call"], one["number"]) == (OTHERS, "138****5678")
    (row,) = await _audited(services)
    assert (row.actor, row.subject, row.after) == ("supervisor", "agent:1002", {**day, "found": 1})


_A_YEAR = """
INSERT INTO agent_offer (call_id, about, agent, starts_at, offered_at, handling, answered_at, wrap_up_ms)
SELECT 'year-' || n, 'offer', '1001', at, at, 'answered', at, 0
FROM (SELECT n, CAST(:from AS timestamptz) + n * interval '30 minutes' AS at FROM generate_series(1, 17000) n) halves
"""
"""Of one agent, a call every half hour."""


async def test_a_day_is_read_by_its_index(services: Services, noon: datetime) -> None:
    day = agent_calls.day_of(noon.date(), ZONE)
    async with services.database.transaction() as session:
        await session.execute(text(_A_YEAR), {"from": day.start - timedelta(days=365)})
        await session.execute(text("ANALYZE agent_offer"))
        plan = await plan_of(session, agent_calls.offered("1001", day), small=False)
    assert "ix_agent_offer_counted" in plan
    assert "starts_at >=" in plan.partition("Index Cond")[2].partition("\n")[0]


AT = datetime(2026, 11, 20, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("offer", "call", "direction", "came"),
    [
        (AgentOfferRow(handling=Handling.PENDING), CallRow(), Direction.IN, Came.RINGING),
        (AgentOfferRow(handling=Handling.PENDING), CallRow(ended_at=AT), Direction.IN, Came.WITHDRAWN),
        (AgentOfferRow(handling=Handling.ANSWERED), CallRow(answered_at=AT), Direction.IN, Came.TALKING),
        (AgentOfferRow(handling=Handling.ANSWERED, talk_ms=5), CallRow(answered_at=AT), Direction.IN, Came.TALKED),
        (AgentOfferRow(handling=Handling.ANSWERED), CallRow(), Direction.CALLBACK, Came.TALKING),
        (AgentOfferRow(handling=Handling.ANSWERED, talk_ms=5), CallRow(), Direction.CALLBACK, Came.NOT_REACHED),
        (AgentOfferRow(handling=Handling.ANSWERED, talk_ms=5), CallRow(answered_at=AT), Direction.OUT, Came.TALKED),
        (AgentOfferRow(handling=Handling.REJECTED), CallRow(), Direction.IN, Came.REJECTED),
    ],
)
def test_what_came_of_it(offer: AgentOfferRow, call: CallRow, direction: Direction, came: Came) -> None:
    assert came_of(offer, call, direction) is came
