"""How tickets end: answered, refused, visited, handled again, closed and archived the same day; and policies."""

from __future__ import annotations

from datetime import date

from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import CITY, local
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()


@SCENARIOS("2026-08-10 17:00", "closed at 17:00, rated until the archive at 23:30 of the same day, never opened again")
async def _archived(desks: Desks) -> None:
    number = await desks.handling()
    await desks.closed(number)
    await desks.at("2026-08-10 23:29").office.jobs()
    assert await desks.state(number) == "closed"
    await desks.visitor.act(number, "evaluate", satisfaction="very_satisfied")
    await desks.at("2026-08-10 23:30").office.jobs()
    assert await desks.state(number) == "archived"
    await desks.office.jobs()
    assert [h["action"] for h in (await desks.file(number))["history"]].count("archive") == 1
    for action, said in (("evaluate", {"satisfaction": "dissatisfied"}), ("rehandle", {"note": "重办"})):
        await desks.refused(desks.visitor.act(number, action, **said), "ticket.action_not_possible")


@SCENARIOS("2026-08-11 23:40", "closed at 23:40: archived within the minutes left of the day")
async def _archived_late(desks: Desks) -> None:
    number = await desks.handling()
    await desks.closed(number)
    await desks.at("2026-08-11 23:41").office.jobs()
    assert await desks.state(number) == "archived", "closed today and not archived today"
    (kept,) = await desks.office.rows("SELECT archived_at FROM ticket_archive WHERE number = $1", number)
    assert kept["archived_at"].astimezone(CITY).date() == date(2026, 8, 11)


@SCENARIOS("2026-08-12 09:00", "answered directly: closed at once, archived the same day, never late")
async def _direct(desks: Desks) -> None:
    number = await desks.registered(type="consult", title="社保卡补办要带什么材料")
    version = (await desks.file(number))["ticket"]["version"]
    await desks.agent.post(f"/api/tickets/{number}/answer", version=version, answer="带身份证到就近网点")
    assert (await desks.file(number))["clocks"] == []
    await desks.at("2026-08-12 23:30").office.jobs()
    assert await desks.state(number) == "archived"


@SCENARIOS("2026-08-13 09:00", "refused with ground, basis and where to go instead; archived only when told")
async def _refused(desks: Desks) -> None:
    number = await desks.registered()
    version = (await desks.file(number))["ticket"]["version"]
    await desks.agent.post(
        f"/api/tickets/{number}/refuse", version=version, ground="other_procedure", note="案件已由法院受理"
    )
    await desks.refused(desks.supervisor.act(number, "archive"), "ticket.citizen_not_told")
    (notice,) = await desks.agent.get("/api/citizen-notices", number=number)
    assert "第十条第（三）项" in notice["text"], notice
    assert "诉讼" in notice["text"], notice
    await desks.agent.post(f"/api/citizen-notices/{notice['id']}/told", how="phone")
    await desks.refused(desks.agent.post(f"/api/citizen-notices/{notice['id']}/told", how="sms"), "ticket.told_already")
    await desks.supervisor.act(number, "archive")


@SCENARIOS(
    "2026-08-14 09:00", "dissatisfied with good reason: handled again, and a third time, each with a fresh clock"
)
async def _again(desks: Desks) -> None:
    number = await desks.handling()
    for moment, due in (("2026-08-17 09:00", "2026-08-24 24:00"), ("2026-08-18 09:00", "2026-08-25 24:00")):
        await desks.replied(number)
        await desks.visitor.act(number, "visit", note="水还在漏", satisfaction="dissatisfied")
        desks.at(moment)
        await desks.visitor.act(number, "rehandle", note="理由正当")
        await desks.ended(number, "handling", "met")
        await desks.dispatch(number)
        await desks.ends(number, "handling", due)
        await desks.handler().act(number, "sign_for")
    assert await desks.leads(number) == ["dissatisfied_twice"]
    await desks.closed(number)


@SCENARIOS("2026-08-17 10:00", "saying twice of one handling that one is dissatisfied is one evaluation")
async def _said_twice(desks: Desks) -> None:
    number = await desks.handling()
    await desks.replied(number)
    await desks.visitor.act(number, "visit", note="水还在漏", satisfaction="dissatisfied")
    await desks.visitor.act(number, "evaluate", satisfaction="very_dissatisfied")
    assert await desks.leads(number) == []
    await desks.refused(desks.visitor.act(number, "close"), "ticket.not_to_close")


@SCENARIOS("2026-08-19 10:00", "taken back from a unit: withdrawn there, and dispatched within the same day again")
async def _recalled(desks: Desks) -> None:
    number = await desks.handling()
    desks.at("2026-08-20 10:00")
    await desks.dispatcher.act(number, "recall", note="误派")
    await desks.ended(number, "handling", "withdrawn")
    await desks.ends(number, "dispatch", "2026-08-20 24:00")
    await desks.at("2026-09-01 08:00").office.jobs()
    assert await desks.notices(number) == []
    assert [kind for kind, _ in await desks.notices(number, "dispatch")] == ["overdue"]


@SCENARIOS("2026-10-28 23:59", "registered a minute before a new policy: the old one until its end, whatever comes")
async def _policy(desks: Desks) -> None:
    before = await desks.accepted()
    await desks.office.rows(
        "INSERT INTO ticket_policy (number, first_day, policy, note, made_by, made_at)"
        " SELECT 1, $1, $2::jsonb, '吕梁', 'supervisor', $3",
        date(2026, 10, 29),
        '{"return_days": 1, "general_days": 3, "extension_days": 3, "most_extensions": 3}',
        desks.office.clock.now(),
    )
    desks.at("2026-10-29 00:00")
    after = await desks.accepted()
    for number in (before, after):
        await desks.dispatch(number)
        await desks.handler().act(number, "sign_for")
    await desks.ends(before, "handling", "2026-11-05 24:00")
    await desks.ends(before, "return", "2026-11-02 24:00")
    await desks.ends(after, "handling", "2026-11-03 24:00")
    await desks.ends(after, "return", "2026-10-30 24:00")
    await desks.extended(after)
    await desks.ends(after, "handling", "2026-11-06 24:00")
    assert await desks.moves(after) == [("extension", local("2026-11-03 24:00"), local("2026-11-06 24:00"))]
    # The policy is withdrawn for the days to come: what began under it keeps it.
    await desks.office.rows(
        "INSERT INTO ticket_policy (number, first_day, policy, note, made_by, made_at)"
        " VALUES (2, $1, '{}'::jsonb, '恢复', 'supervisor', $2)",
        date(2026, 10, 30),
        desks.office.clock.now(),
    )
    desks.at("2026-10-30 08:00")
    await desks.extended(after, signed=True)
    await desks.ends(after, "handling", "2026-11-11 24:00")
    await desks.ends(await desks.dispatched(), "handling", "2026-11-06 24:00")
