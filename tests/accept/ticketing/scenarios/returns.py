"""Returns (退单, TH 15): two working days, the centre decides, a second dispute is ruled by others."""

from __future__ import annotations

from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import UNITS
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()
_WHY = {"note": "不属我局职责", "basis": "三定方案第五条"}


@SCENARIOS("2026-02-13 16:00", "delivered 2026-02-13: returned at 02-24 23:59 in time, at 02-25 00:00 overdue")
async def _window(desks: Desks) -> None:
    early, late = await desks.handling(), await desks.handling()
    desks.at("2026-02-24 23:59")
    await desks.handler().act(early, "return", **_WHY)
    await desks.ended(early, "return", "met")
    desks.at("2026-02-25 00:00")
    await desks.handler().act(late, "return", **_WHY)
    await desks.ended(late, "return", "late")
    assert await desks.state(late) == "return_asked", "the paper is taken all the same"


@SCENARIOS("2026-03-09 09:00", "returned and dispatched anew: a fresh clock, the same day, the age of the demand stays")
async def _anew(desks: Desks) -> None:
    number = await desks.handling()
    before = (await desks.file(number))["ticket"]["registered_at"]
    desks.at("2026-03-11 10:00")
    await desks.handler().act(number, "return", **_WHY)
    desks.at("2026-03-12 09:00")
    await desks.dispatcher.act(number, "agree_return")
    await desks.ended(number, "handling", "withdrawn", UNITS[0])
    await desks.ends(number, "dispatch", "2026-03-12 24:00")
    await desks.dispatch(number, to=UNITS[1])
    await desks.ends(number, "handling", "2026-03-19 24:00", UNITS[1])
    assert (await desks.file(number))["ticket"]["registered_at"] == before
    await desks.at("2026-03-18 12:00").office.jobs()
    await desks.ended(number, "handling", "withdrawn", UNITS[0])


@SCENARIOS("2026-03-16 09:00", "the centre refuses a return: the clock of the handling ran on meanwhile")
async def _refused(desks: Desks) -> None:
    number = await desks.handling()
    desks.at("2026-03-18 17:00")
    await desks.handler().act(number, "return", **_WHY)
    desks.at("2026-03-20 10:00")
    await desks.dispatcher.act(number, "refuse_return", note="属你局职责")
    await desks.ends(number, "handling", "2026-03-23 24:00")
    await desks.ended(number, "handling", None)


@SCENARIOS("2026-03-24 09:00", "the second dispute is ruled by 编制; the ruling binds centre and unit")
async def _ruled(desks: Desks) -> None:
    number = await desks.handling()
    await desks.handler().act(number, "return", **_WHY)
    await desks.dispatcher.act(number, "agree_return")
    await desks.dispatch(number, to=UNITS[1])
    await desks.handler(UNITS[1]).act(number, "return", **_WHY)
    await desks.refused(desks.dispatcher.act(number, "agree_return"), "ticket.ruling_pending")
    (ruling,) = await desks.dispatcher.get(f"/api/tickets/{number}/rulings")
    path = f"/api/tickets/{number}/rulings/{ruling['id']}/actions"
    asked = await desks.dispatcher.post(
        path, action="submit", version=ruling["version"], authority="staffing", note="两局均称不属其职责"
    )
    unit = desks.office.units[UNITS[0]]
    await desks.dispatcher.post(
        path, action="rule", version=asked["version"], unit=unit, ruled_by="市委编办", document="三编办〔2026〕7号"
    )
    await desks.refused(desks.dispatcher.act(number, "refuse_return", note="属你局"), "ticket.ruling_binds")
    await desks.dispatcher.act(number, "agree_return")
    await desks.refused(desks.dispatch(number, to=UNITS[2]), "ticket.ruling_binds")
    await desks.dispatch(number, to=UNITS[0])
    await desks.ends(number, "handling", "2026-03-31 24:00", UNITS[0])
    await desks.refused(desks.handler().act(number, "return", **_WHY), "ticket.ruling_binds")


@SCENARIOS("2026-03-25 09:00", "no return without a basis, none by another unit")
async def _without_basis(desks: Desks) -> None:
    number = await desks.handling()
    await desks.refused(desks.handler().act(number, "return", note="不属我局"), "ticket.detail_missing")
    other = desks.handler(UNITS[1])
    version = (await desks.file(number))["ticket"]["version"]
    await desks.refused(
        other.post(f"/api/tickets/{number}/actions", action="return", version=version, **_WHY), "ticket.other_unit"
    )
