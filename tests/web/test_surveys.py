"""Answers after talks and 满意率, over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from calls.facts import Entry, Kind
from calls.ingest import insert_entries
from hotline.clock import to_ms
from tests.web.conftest import CALL, Caller
from web.services import Services


async def answered(services: Services, call: str, level: int | None, reason: str = "") -> None:
    """A citizen talked with 1001 and was asked."""
    at_ms = to_ms(services.clock.now())

    def fact(nth: int, kind: Kind, agent: str | None = "1001", **attributes: Any) -> Entry:
        return Entry(call, at_ms * 1000 + nth, kind.value, kind.value, at_ms, "ast1/voice-1", agent, attributes)

    outcome = "hung_up" if level is None else "rated"
    facts = [
        fact(0, Kind.ENTERED, None, caller="+8613812345678", line="12333", dialled="12333"),
        fact(1, Kind.ANSWERED),
        fact(2, Kind.SURVEY, outcome=outcome, level=level, source="ivr", queue="general"),
        *([fact(3, Kind.SURVEY_REASON, reason=reason)] if reason else []),
    ]
    async with services.database.transaction() as session:
        await insert_entries(session, facts)


def period(services: Services, **more: str) -> dict[str, str]:
    now = services.clock.now()
    return {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat(), **more}


async def test_what_was_answered_after_a_call(services: Services, nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    assert (await agent.get(f"/api/calls/{CALL}/survey")).json() is None
    await answered(services, CALL, 4, "unsolved")
    told = (await agent.get(f"/api/calls/{CALL}/survey")).json()
    assert (told["level"], told["satisfaction"], told["term"], told["satisfied"]) == (
        4,
        "dissatisfied",
        "不满意",
        False,
    )
    assert (told["reason"], told["reason_term"]) == ("unsolved", "问题没有解决")
    assert (told["agent"], told["queue"], told["line"], told["source"]) == ("1001", "general", "12333", "ivr")
    assert (await nobody.get(f"/api/calls/{CALL}/survey")).status_code == 401


async def test_what_was_answered_after_a_tickets_calls(services: Services, nobody: Caller) -> None:
    await services.directory.refresh()
    agent = await nobody.as_("agent")
    ticket = (await agent.post("/api/tickets", title="社保卡", call=CALL)).json()
    await answered(services, CALL, 1)
    (told,) = (await agent.get(f"/api/tickets/{ticket['number']}/surveys")).json()
    assert (told["call"], told["term"], told["verdict"]) == (CALL, "非常满意", None)


async def test_satisfaction_and_what_cannot_be_divided(services: Services, nobody: Caller) -> None:
    supervisor = await nobody.as_("supervisor")
    nothing = (await supervisor.get("/api/figures/satisfaction", **period(services))).json()
    assert (nothing["rows"], nothing["total"]["satisfaction"], nothing["total"]["participation"]) == ([], None, None)
    for number, level in enumerate((1, 3, 5, None)):
        await answered(services, f"ast1-1763761000.{number}", level)
    told = (await supervisor.get("/api/figures/satisfaction", **period(services, by="agent", step="whole"))).json()
    (row,) = told["rows"]
    assert (row["subject"], row["asked"], row["rated"], row["satisfied"]) == ("1001", 4, 3, 2)
    assert (row["satisfaction"], row["participation"]) == (2 / 3, 0.75)
    assert list(row["levels"].values()) == [1, 0, 1, 0, 1]
    assert (await (await nobody.as_("agent")).get("/api/figures/satisfaction", **period(services))).status_code == 403


async def test_who_was_dissatisfied(services: Services, nobody: Caller) -> None:
    for number, level in enumerate((5, 2, None)):
        await answered(services, f"ast1-1763761000.{number}", level)
    supervisor = await nobody.as_("supervisor")
    assert len((await supervisor.get("/api/surveys")).json()) == 3
    (one,) = (await supervisor.get("/api/surveys", dissatisfied=True, agent="1001")).json()
    assert (one["level"], one["outcome"]) == (5, "rated")
    assert (await supervisor.get("/api/surveys", before=one["at"], agent="1002")).json() == []
