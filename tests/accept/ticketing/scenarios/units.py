"""What units do in their time: signing, replying, assisting; and who must be another person."""

from __future__ import annotations

from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import UNITS, local
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()


@SCENARIOS("2026-09-30 12:00", "replied 10-13 23:59 is in time; a minute later it is late and names its cause")
async def _reply(desks: Desks) -> None:
    early, late = await desks.handling(), await desks.handling()
    desks.at("2026-10-13 23:59")
    await desks.replied(early)
    await desks.ended(early, "handling", "met")
    desks.at("2026-10-14 00:00")
    await desks.citizen_answered(late)
    await desks.handler().act(late, "reply", note="已修复")
    await desks.refused(desks.head().act(late, "approve_reply"), "ticket.overdue_cause_missing")
    await desks.head().act(late, "approve_reply", overdue_cause="own_delay")
    clock = await desks.clock(late, "handling")
    assert (clock["ended"], clock["overdue_cause"]) == ("late", "own_delay")


@SCENARIOS("2026-04-13 09:00", "a reply in time has no cause of being late; the head reviews what another wrote")
async def _review(desks: Desks) -> None:
    number = await desks.handling()
    await desks.handler().act(number, "reply", note="已修复")
    await desks.refused(desks.head().act(number, "approve_reply"), "ticket.citizen_not_answered")
    await desks.citizen_answered(number)
    await desks.refused(desks.head().act(number, "approve_reply", overdue_cause="complex"), "ticket.detail_unexpected")
    await desks.refused(desks.handler().act(number, "approve_reply"), "ticket.action_not_allowed")
    await desks.head().act(number, "reject_reply", note="请写明时间")
    await desks.head().act(number, "reply", note="四月十三日已修复")
    await desks.refused(desks.head().act(number, "approve_reply"), "ticket.same_person")
    await desks.ended(number, "handling", None)


@SCENARIOS("2026-09-18 14:00", "signing: by Sunday 09-20 24:00, which is worked; a minute later raises a lead")
async def _signing(desks: Desks) -> None:
    early, late = await desks.dispatched(), await desks.dispatched()
    desks.at("2026-09-20 23:59")
    await desks.handler().act(early, "sign_for")
    desks.at("2026-09-21 00:00")
    await desks.handler().act(late, "sign_for")
    assert (await desks.leads(early), await desks.leads(late)) == ([], ["late_receipt"])


@SCENARIOS("2026-06-01 09:00", "not signing delays nothing: the handling runs from the delivery")
async def _unsigned(desks: Desks) -> None:
    number = await desks.dispatched()
    desks.at("2026-06-08 09:00")
    await desks.handler().act(number, "sign_for")
    await desks.ends(number, "handling", "2026-06-08 24:00")


@SCENARIOS("2026-06-02 09:00", "an assisting unit has a clock of its own, which the lead unit's report does not end")
async def _assisting(desks: Desks) -> None:
    number = await desks.handling(assisting=(UNITS[1],))
    await desks.ends(number, "handling", "2026-06-09 24:00", UNITS[1])
    await desks.extended(number)
    await desks.ends(number, "handling", "2026-06-16 24:00", UNITS[0])
    await desks.ends(number, "handling", "2026-06-09 24:00", UNITS[1])
    await desks.replied(number)
    await desks.ended(number, "handling", "met", UNITS[0])
    await desks.ended(number, "handling", None, UNITS[1])
    desks.at("2026-06-10 00:00")
    (part,) = [p for p in (await desks.file(number))["assignments"] if p["part"] == "assist"]
    path = f"/api/tickets/{number}/parts/{part['id']}/actions"
    other = desks.handler(UNITS[1])
    signed = await other.post(path, action="sign_for", version=part["version"])
    late = {"action": "reply", "version": signed["version"], "note": "已配合"}
    await desks.refused(other.post(path, **late), "ticket.overdue_cause_missing")
    await other.post(path, **late, overdue_cause="complex")
    await desks.ended(number, "handling", "late", UNITS[1])


@SCENARIOS("2026-06-03 09:00", "an assisting unit does not sign for the lead unit, nor return its part")
async def _other_unit(desks: Desks) -> None:
    number = await desks.dispatched(assisting=(UNITS[1],))
    for action, said in (("sign_for", {}), ("return", {"note": "不", "basis": "无"})):
        await desks.refused(desks.handler(UNITS[1]).act(number, action, **said), "ticket.other_unit")


@SCENARIOS("2026-06-04 09:00", "a confidential caller: the unit calls only masked, so the centre answers")
async def _confidential(desks: Desks) -> None:
    number = await desks.handling(confidentiality="confidential", caller_number="13803980001", caller_name="李四平")
    seen = (await desks.handler().get(f"/api/tickets/{number}"))["ticket"]
    assert "13803980001" not in str(seen), seen
    assert "李四平" not in str(seen), seen
    contact = {"at": local("2026-06-04 09:00").isoformat(), "way": "phone", "by": "张工", "outcome": "answered"}
    await desks.refused(
        desks.handler().post(f"/api/tickets/{number}/contacts", **contact), "ticket.caller_confidential"
    )
    await desks.handler().act(number, "reply", note="已查处")
    await desks.head().act(number, "approve_reply")
    await desks.visitor.act(number, "visit", note="已回访", satisfaction="satisfied")
    await desks.refused(desks.visitor.act(number, "close"), "ticket.citizen_not_answered")
    await desks.visitor.post(f"/api/tickets/{number}/contacts", **contact)
    await desks.visitor.act(number, "close")
