"""Limits by the wall clock and by the calendar day: dispatch, passing on, urgent matters, warnings."""

from __future__ import annotations

from functools import partial
from typing import Any

from directory.models import Role
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import UNITS, local
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()


async def _same_day(desks: Desks, moment: str, how: str) -> None:
    number = await desks.accepted()
    await desks.ends(number, "dispatch", "2026-08-03 24:00")
    desks.at(moment)
    await desks.dispatch(number)
    await desks.ended(number, "dispatch", how)


SCENARIOS("2026-08-03 23:57", "accepted 23:57 and dispatched 23:59 is the same day")(
    partial(_same_day, moment="2026-08-03 23:59", how="met")
)
SCENARIOS("2026-08-03 23:58", "accepted 23:58, dispatched 00:03 is a same-day miss")(
    partial(_same_day, moment="2026-08-04 00:03", how="late")
)


async def _passed_on(desks: Desks, moment: str, how: str, kind: str) -> None:
    number = await desks.accepted(type=kind)
    desks.at(moment)
    await desks.dispatch(number)
    await desks.ended(number, "pass_on", how)
    await desks.ended(number, "dispatch", "met")


SCENARIOS("2026-08-05 10:00", "a complaint is passed on within thirty minutes")(
    partial(_passed_on, moment="2026-08-05 10:29", how="met", kind="complaint")
)
SCENARIOS("2026-08-05 11:00", "a report passed on after thirty minutes is late, though of the same day")(
    partial(_passed_on, moment="2026-08-05 11:30", how="late", kind="report")
)


@SCENARIOS("2026-08-05 12:00", "a request for help has no clock of passing on")
async def _not_passed_on(desks: Desks) -> None:
    kinds = {clock["kind"] for clock in (await desks.file(await desks.dispatched()))["clocks"]}
    assert kinds == {"dispatch", "handling", "return"}, kinds


@SCENARIOS("2026-09-30 19:50", "urgent, handed over 2026-09-30 20:00: due 2026-10-01 08:00, a holiday stops nothing")
async def _urgent(desks: Desks) -> None:
    number = await desks.accepted(urgency="urgent")
    desks.at("2026-09-30 20:05")
    took_it: dict[str, Any] = {"handed_over_to": "值班员王工"}
    for wrong in ("2026-09-30 19:49", "2026-09-30 20:06"):
        said = took_it | {"handed_over_at": local(wrong).isoformat()}
        await desks.refused(desks.dispatch(number, **said), "ticket.handed_over_when")
    told_at = local("2026-09-30 20:00").isoformat()
    await desks.refused(desks.dispatch(number, handed_over_at=told_at), "ticket.nobody_took_it")
    await desks.dispatch(number, handed_over_at=told_at, **took_it)
    details = (await desks.file(number))["history"][-1]["details"]
    assert details["handed_over_to"] == "值班员王工", details
    await desks.ends(number, "handling", "2026-10-01 08:00")
    await desks.at("2026-10-01 05:00").office.jobs()
    await desks.at("2026-10-01 08:00").office.jobs()
    assert await desks.notices(number) == [
        ("warning", local("2026-10-01 05:00")),
        ("overdue", local("2026-10-01 08:00")),
    ]


@SCENARIOS("2026-02-16 23:30", "urgent on New Year's Eve, handed over as it is dispatched: twelve hours from then")
async def _urgent_at_dispatch(desks: Desks) -> None:
    await desks.ends(await desks.dispatched(urgency="urgent"), "handling", "2026-02-17 11:30")


@SCENARIOS("2026-07-06 00:00", "told once at three quarters and once at the end, whoever looks and however late")
async def _told(desks: Desks) -> None:
    number = await desks.handling()
    await desks.ends(number, "handling", "2026-07-13 24:00")
    await desks.at("2026-07-11 23:59").office.jobs()
    assert await desks.notices(number) == []
    await desks.at("2026-07-12 00:00").office.jobs()
    await desks.office.jobs()
    assert await desks.notices(number) == [("warning", local("2026-07-12 00:00"))]
    await desks.at("2026-07-15 08:00").office.jobs()
    await desks.office.jobs()
    assert (await desks.notices(number))[1:] == [("overdue", local("2026-07-15 08:00"))]


@SCENARIOS("2026-07-16 09:00", "overdue: one supervision, to be answered within a working day")
async def _supervised(desks: Desks) -> None:
    number = await desks.handling()
    await desks.at("2026-07-24 08:00").office.jobs()
    await desks.office.jobs()
    (order,) = await desks.supervisor.get("/api/supervisions", number=number)
    assert (order["ground"], order["raised_by"]) == ("overdue", "system")
    assert order["unit_id"] == desks.office.units[UNITS[0]]
    rows = await desks.office.rows("SELECT deadline FROM ticket_supervision WHERE id = $1", order["id"])
    assert rows[0]["deadline"] == local("2026-07-27 24:00"), "Friday's is answered by Monday"
    await desks.refused(
        desks.handler(UNITS[1]).post(
            f"/api/supervisions/{order['id']}/actions", action="answer", version=order["version"], note="不是我们"
        ),
        "ticket.other_side",
    )


@SCENARIOS("2026-08-06 09:00", "a supervision's deadline is still to come")
async def _deadline(desks: Desks) -> None:
    number = await desks.handling()
    order = {"ground": "other", "form": "phone", "deadline": local("2026-08-06 09:00").isoformat()}
    inspector = desks.office.someone(Role.INSPECTOR)
    await desks.refused(inspector.act(number, "supervise", note="请说明", supervision=order), "ticket.deadline_passed")
    order["deadline"] = local("2026-08-06 09:01").isoformat()
    await inspector.act(number, "supervise", note="请说明", supervision=order)
