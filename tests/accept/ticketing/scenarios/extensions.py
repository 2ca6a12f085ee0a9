"""Extensions (延期, TH 16): a day before, five working days each, the second signed, then a meeting."""

from __future__ import annotations

from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import local
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()


@SCENARIOS("2026-09-30 10:00", "asked for at 10-12 23:59 is in time, at 10-13 00:00 it is too late")
async def _in_time(desks: Desks) -> None:
    early, late = await desks.handling(), await desks.handling()
    desks.at("2026-10-12 23:59")
    await desks.extended(early)
    await desks.ends(early, "handling", "2026-10-20 24:00")
    assert await desks.moves(early) == [("extension", local("2026-10-13 24:00"), local("2026-10-20 24:00"))]
    desks.at("2026-10-13 00:00")
    await desks.refused(desks.handler().act(late, "extend", note="需现场勘验"), "ticket.extension_too_late")
    await desks.ends(late, "handling", "2026-10-13 24:00")


@SCENARIOS("2026-09-30 11:00", "the second is signed by the leader in charge, the third refused, the meeting recorded")
async def _second_and_third(desks: Desks) -> None:
    number = await desks.handling()
    await desks.extended(number, signed=True)
    desks.at("2026-10-19 09:00")
    await desks.refused(desks.extended(number), "ticket.extension_unsigned")
    await desks.refused(desks.handler().act(number, "sign_extension"), "ticket.action_not_allowed")
    await desks.refused(desks.head().act(number, "sign_extension"), "ticket.action_not_allowed")
    await desks.leader().act(number, "sign_extension")
    await desks.dispatcher.act(number, "grant_extension")
    await desks.ends(number, "handling", "2026-10-27 24:00")
    desks.at("2026-10-26 09:00")
    await desks.refused(desks.handler().act(number, "extend", note="仍需时间"), "ticket.too_many_extensions")
    said = "专题协调会议定：水利局配合，限十月底前办结"
    meeting = desks.dispatcher.act(number, "meet", note=said, convener="分管副市长")
    await desks.refused(meeting, "ticket.no_meeting_reported")
    path = f"/api/tickets/{number}/meetings"
    await desks.leader().post(path, kind="special", report="两次延期后仍未解决：管网权属不清")
    await desks.dispatcher.act(number, "meet", note=said, convener="分管副市长")
    last = (await desks.file(number))["history"][-1]
    assert (last["action"], last["note"], last["details"]["convener"]) == ("meet", said, "分管副市长")
    await desks.ends(number, "handling", "2026-10-27 24:00")


@SCENARIOS("2026-09-21 09:00", "an extension over National Day, and one that is refused")
async def _over_national_day(desks: Desks) -> None:
    granted, refused = await desks.handling(), await desks.handling()
    await desks.ends(granted, "handling", "2026-09-29 24:00")
    desks.at("2026-09-28 23:00")
    await desks.extended(granted)
    await desks.ends(granted, "handling", "2026-10-12 24:00")
    await desks.handler().act(refused, "extend", note="人手不足")
    await desks.dispatcher.act(refused, "refuse_extension", note="理由不充分")
    await desks.ends(refused, "handling", "2026-09-29 24:00")
    assert await desks.moves(refused) == []


@SCENARIOS("2026-05-18 09:00", "extensions count per matter: re-handling gives a fresh clock and no third extension")
async def _per_matter(desks: Desks) -> None:
    number = await desks.handling()
    await desks.extended(number)
    await desks.extended(number, signed=True)
    await desks.replied(number)
    await desks.visitor.act(number, "visit", note="未解决", satisfaction="dissatisfied")
    await desks.visitor.act(number, "rehandle", note="理由正当，重办")
    await desks.dispatch(number)
    await desks.handler().act(number, "sign_for")
    await desks.ends(number, "handling", "2026-05-25 24:00")
    await desks.refused(desks.handler().act(number, "extend", note="仍需时间"), "ticket.too_many_extensions")


@SCENARIOS("2026-05-25 09:00", "overdue after the second extension raises a lead, which nobody has decided yet")
async def _shirking(desks: Desks) -> None:
    number = await desks.handling()
    await desks.extended(number)
    await desks.extended(number, signed=True)
    await desks.ends(number, "handling", "2026-06-15 24:00")
    await desks.at("2026-06-15 23:59").office.jobs()
    assert await desks.leads(number) == []
    await desks.at("2026-06-16 00:00").office.jobs()
    await desks.office.jobs()
    assert await desks.leads(number) == ["shirking"]
    (lead,) = await desks.inspector.get("/api/accountability-leads", number=number)
    assert lead["state"] == "raised"


@SCENARIOS("2026-05-27 09:00", "an urgent matter has its hours: an extension comes too late on its last day")
async def _urgent(desks: Desks) -> None:
    number = await desks.handling(urgency="urgent")
    await desks.ends(number, "handling", "2026-05-27 21:00")
    await desks.refused(desks.handler().act(number, "extend", note="抢修中"), "ticket.extension_too_late")
