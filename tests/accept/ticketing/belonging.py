"""Item 4: demands that belong together, come from elsewhere, or must not be known: as the requirements say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from hotline import signing
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import UNITS, Office, office

_LEAK = {"type": "help", "title": "解放路12号门前水管漏水", "content": "解放路12号门前自来水管爆裂，水流满街"}
_CALLERS = tuple(f"1380398000{i}" for i in range(5))


async def belonging(line: Line, _scale: Scale) -> str:
    """Every story in an office of its own time; all of them in one database, as in life."""
    async with office(line) as here:
        desks = Desks(here)
        here.begin("2026-03-02 09:00")
        await five_callers(desks)
        here.begin("2026-04-13 09:00")
        await late_before_the_merge(desks)
        here.begin("2026-06-01 09:00")
        await confidential_report(desks)
        here.begin("2026-07-06 09:00")
        await second_dissatisfied(desks)
        here.begin("2026-11-10 09:00")
        await months(desks)
        here.begin("2026-05-11 09:00")
        await province(desks)
    return "five callers, a late child, a report, dissatisfied twice, months across a year's end, the province"


async def five_callers(desks: Desks) -> None:
    """One leak: the main ticket has the clock, every caller their own number, reply, callback and evaluation."""
    main = await desks.accepted(**_LEAK, caller_number=_CALLERS[0])
    children = [await desks.registered(**_LEAK, caller_number=caller) for caller in _CALLERS[1:]]
    likely = await desks.agent.get(f"/api/tickets/{children[0]}/duplicates")
    assert main in {one["number"] for one in likely}, likely
    # Merged as early as registered, and as late as in another unit's hands.
    await desks.agent_acts(children[2], "accept")
    await desks.agent_acts(children[3], "accept")
    await desks.dispatch(children[3], to=UNITS[1])
    for child in children:
        await _merge(desks, child, main)
    await desks.dispatch(main)
    await desks.handler().act(main, "sign_for")
    await desks.ends(main, "handling", "2026-03-09 24:00")
    await desks.at("2026-03-16 09:00").office.jobs()
    assert [kind for kind, _ in await desks.notices(main)] == ["overdue"]
    for child in children:
        running = [clock for clock in (await desks.file(child))["clocks"] if clock["ended"] is None]
        assert (running, await _told_of(desks, child)) == ([], []), f"{child} is overdue while it is merged"
    await desks.refused(desks.visitor.act(children[0], "take_reply"), "ticket.no_reply_offered")
    await desks.replied(main, overdue_cause="complex")
    said = ("satisfied", "very_satisfied", "fairly_satisfied", "dissatisfied")
    for child, opinion in zip(children, said, strict=True):
        await desks.visitor.act(child, "take_reply")
        await desks.visitor.act(child, "visit", note="已逐一回访", satisfaction=opinion)
    # Whoever is not content goes on alone, and keeps nobody else.
    await desks.visitor.act(children[3], "rehandle", note="自家门前仍在漏")
    for child in children[:3]:
        await desks.visitor.act(child, "close")
    await desks.at("2026-03-16 23:45").office.jobs()
    assert [await desks.state(child) for child in children] == ["archived"] * 3 + ["to_dispatch"]
    assert await desks.state(main) == "replied", "the main ticket's own caller is not asked yet"
    rows = await desks.office.rows(
        "SELECT count(*) FROM ticket_history h JOIN ticket t ON t.id = h.ticket_id"
        " WHERE t.number = ANY($1) AND h.action = 'visit'",
        children,
    )
    assert rows[0][0] == len(children), "a callback each"


async def late_before_the_merge(desks: Desks) -> None:
    """A merge forgives nothing, and adds nothing; what leaves the merge has its day again."""
    main, child = await desks.handling(**_LEAK), await desks.handling(**_LEAK, to=UNITS[1])
    desks.at("2026-04-21 00:00")
    await _merge(desks, child, main)
    await desks.ended(child, "handling", "late")
    await desks.at("2026-05-10 09:00").office.jobs()
    assert await _told_of(desks, child) == []
    await desks.dispatcher.act(child, "unmerge", note="不是同一处")
    await desks.ends(child, "dispatch", "2026-05-10 24:00")
    other = await desks.accepted(**_LEAK)
    await desks.refused(_merge(desks, other, other), "ticket.merge_with_itself")
    await _merge(desks, other, main)
    await desks.refused(_merge(desks, child, other), "ticket.merge_of_merged")


async def province(desks: Desks) -> None:
    """The province sends a ticket thrice and out of order: one ticket of ours, in the newest state."""
    platform = Platform(desks.office, "province")
    await desks.admin.ask("PUT", "/api/partners/province", json={"name": "省级12345平台", "kind": "province"})
    await desks.office.services.directory.refresh()
    second = platform.ticket(2, title="噪声扰民，夜间施工", content="第二版")
    told = await platform.send(second)
    number = told["ticket"]
    first = await platform.send(platform.ticket(1, title="噪声扰民", content="第一版"))
    again = await platform.send(second)
    assert {told["ticket"], first["ticket"], again["ticket"]} == {number}
    assert (told["outcome"], first["outcome"], again["outcome"]) == ("created", "outdated", "created")
    assert (await desks.file(number))["ticket"]["content"] == "第二版"
    await desks.agent_acts(number, "accept")
    await desks.dispatch(number)
    third = platform.ticket(3, title="噪声扰民，夜间施工", content="第三版：昨夜又施工到两点")
    assert (await platform.send(third))["newest"] == 3
    assert (await platform.send(third))["newest"] == 3
    file = await desks.file(number)
    assert file["ticket"]["source"] == "province"
    assert (file["ticket"]["state"], file["ticket"]["content"]) == ("to_sign", "第三版：昨夜又施工到两点")
    assert [entry["action"] for entry in file["history"]] == ["register", "accept", "dispatch", "supplement"]
    changed = await platform.answer(platform.ticket(3, title="别的内容", content=""))
    assert changed.status_code == 409, changed.text
    forged = await Platform(desks.office, "province", key="not-the-key-that-was-agreed").answer(second)
    assert forged.status_code == 401, forged.text
    rows = await desks.office.rows("SELECT count(*) FROM ticket WHERE source = 'province'")
    assert rows[0][0] == 1


async def confidential_report(desks: Desks) -> None:
    """The unit does not learn who reports; the accused unit, and those below, do not get it by any way."""
    units = desks.office.units
    secret = {"caller_number": "13903980009", "caller_name": "王守信"}
    number = await desks.accepted(
        type="report",
        title="举报市城管局执法人员收受好处",
        content="王守信（13903980009）反映执法人员收受好处",
        confidentiality="confidential",
        **secret,
    )
    named = await desks.dispatcher.post(f"/api/tickets/{number}/accused", units=[units[UNITS[1]]])
    assert named == {"units": [units[UNITS[1]]], "routed": False}
    await desks.refused(desks.dispatch(number, to=UNITS[1]), "ticket.accused_unit")
    await desks.refused(desks.dispatch(number, to=UNITS[0], assisting=(UNITS[1],)), "ticket.accused_unit")
    theirs = await desks.handling(to=UNITS[1])
    await desks.refused(_merge(desks, number, theirs), "ticket.accused_unit")
    await desks.dispatch(number)
    await desks.handler().act(number, "sign_for")
    accused = await desks.handler(UNITS[1]).raw("GET", f"/api/tickets/{number}")
    assert accused.status_code == 403, accused.text
    listed = await desks.handler(UNITS[1]).raw("GET", "/api/tickets")
    assert number not in listed.text
    for path in (f"/api/tickets/{number}", "/api/tickets", f"/api/tickets/{number}/relations"):
        seen = await desks.handler().raw("GET", path)
        assert seen.status_code == 200, seen.text
        for told in secret.values():
            assert told not in seen.text, f"{path} tells the unit: {told}"
    # Named too late: it shows, and the centre takes the report back.
    late = await desks.handling(type="report", title="举报收受好处", to=UNITS[2])
    told = await desks.dispatcher.post(f"/api/tickets/{late}/accused", units=[units[UNITS[2]]])
    assert told["routed"] is True
    await desks.dispatcher.act(late, "recall", note="涉及被举报单位")
    assert (await desks.handler(UNITS[2]).raw("GET", f"/api/tickets/{late}")).status_code == 403
    await desks.refused(desks.dispatch(late, to=UNITS[2]), "ticket.accused_unit")


async def second_dissatisfied(desks: Desks) -> None:
    """The second dissatisfied evaluation raises one lead; people find it, never who raised it."""
    number = await desks.handling()
    for handled in range(2):
        await desks.replied(number)
        await desks.visitor.act(number, "visit", note="仍未解决", satisfaction="very_dissatisfied")
        await desks.visitor.act(number, "evaluate", satisfaction="dissatisfied")
        assert await desks.leads(number) == ["dissatisfied_twice"] * handled
        await desks.refused(desks.visitor.act(number, "close"), "ticket.not_to_close")
        await desks.visitor.act(number, "rehandle", note="理由正当")
        await desks.dispatch(number)
        await desks.handler().act(number, "sign_for")
    (lead,) = await desks.inspector.get("/api/accountability-leads", number=number)
    assert (lead["state"], lead["unit_id"], lead["raised_by"]) == ("raised", desks.office.units[UNITS[0]], "system")
    path = f"/api/accountability-leads/{lead['id']}/actions"
    await desks.refused(
        desks.inspector.post(path, action="establish", version=lead["version"], note="属实"),
        "ticket.action_not_possible",
    )
    looked = await desks.inspector.post(path, action="investigate", version=lead["version"])
    await desks.inspector.post(path, action="dismiss", version=looked["version"], note="已及时处置")
    unit = await desks.head().raw("GET", "/api/accountability-leads")
    assert unit.status_code == 403, "not for the units they are about"


async def months(desks: Desks) -> None:
    """The same matter complained of in November, December and January raises one lead; a gap raises none."""
    told: dict[str, list[str]] = {"row": [], "gap": []}
    leads: dict[str, list[Any]] = {"row": [], "gap": []}
    for month in ("2026-11-10 09:00", "2026-12-10 09:00", "2027-01-11 09:00", "2027-02-10 09:00"):
        desks.at(month)
        for matter, numbers in told.items():
            if matter == "gap" and month.startswith("2026-12"):
                continue
            number = await desks.handling(type="complaint", title=f"{matter}：楼下饭店油烟扰民")
            if numbers:
                answer = await desks.agent.post(f"/api/tickets/{number}/repeats", earlier=numbers[-1])
                leads[matter].append(answer["lead"])
            numbers.append(number)
            await desks.closed(number)
    first, second, third = leads["row"]
    assert (first, third) == (None, None), "two months are none, a fourth is the same lead"
    assert (second["first_month"], second["last_month"]) == ("2026-11-01", "2027-01-01"), second
    assert await desks.leads(told["row"][2]) == ["repeated_months"]
    query = "SELECT last_month::text FROM ticket_accountability_lead WHERE id = $1"
    (row,) = await desks.office.rows(query, second["id"])
    assert row["last_month"] == "2027-02-01"
    assert leads["gap"] == [None, None], "November, January, February are no three in a row"


class Platform:
    """Another platform, which signs what it sends."""

    def __init__(self, here: Office, code: str, key: str = "") -> None:
        self._office = here
        self._code = code
        self._key = key.encode() or here.services.partner_keys.change(code).encode()
        self._sent = 0

    @staticmethod
    def ticket(version: int, **fields: str) -> Mapping[str, Any]:
        """A ticket of theirs in this version."""
        return {"number": "HN-2026-0077", "version": version, "ticket": {"type": "complaint", **fields}}

    async def answer(self, said: Mapping[str, Any]) -> httpx.Response:
        self._sent += 1
        body = json.dumps(said, ensure_ascii=False).encode()
        request = signing.Request("POST", "/api/exchange/incoming", body)
        now = int(self._office.clock.now().timestamp())
        headers = signing.headers(self._key, request, sender=self._code, timestamp=now, id=f"m-{self._sent}")
        return await self._office.http.post(request.target, content=body, headers=headers)

    async def send(self, said: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.answer(said)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def _merge(desks: Desks, child: str, main: str) -> None:
    version = (await desks.file(child))["ticket"]["version"]
    await desks.dispatcher.post(f"/api/tickets/{child}/merge", version=version, parent=main, note="同一处漏水")


async def _told_of(desks: Desks, number: str) -> list[Any]:
    """Notices of any clock of the ticket."""
    return [
        notice for kind in ("dispatch", "pass_on", "handling", "return") for notice in await desks.notices(number, kind)
    ]
