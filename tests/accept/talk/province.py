"""Item 2, the province's trunk in both directions: calls with their data, theirs to us and ours to them."""

from __future__ import annotations

import asyncio
import time

import httpx
import orjson

from calls.handover_keys import FILE, PartnerKeys
from calls.handover_signature import Signed, headers
from directory import repository
from hotline.clock import SystemClock
from server.demo.g711 import tone
from server.demo.phone import Phone, PhoneCall
from tests.accept.first_call.basics import answered, ended, next_call
from tests.accept.line import PROVINCE, Line, database_rows, eventually
from tests.accept.people import citizen_number, desk
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, answers, hears_exactly, rung, sings, talking, third
from tests.calls.webhook import KEY, Platform

_PARTNER = "province"
_RING_SECONDS = 0.8


async def province(line: Line, _scale: Scale) -> str:
    """Item 2, up and down."""
    async with Platform() as platform:
        await _takes_data(line, platform)
        lead_ms = await _up(line, platform)
    await _down(line)
    return f"ours had the data {lead_ms:.0f} ms before its phone was answered; theirs was on the pop"


async def _takes_data(line: Line, platform: Platform) -> None:
    PartnerKeys(line.settings.var_dir / FILE).change(_PARTNER, KEY)
    await database_rows(line, "update partners set webhook = $1 where code = $2", platform.webhook, _PARTNER)
    async with line.database.transaction() as session:
        await repository.changed(session, SystemClock().now())
        version = await repository.version(session)

    async with httpx.AsyncClient(base_url=line.web, trust_env=False) as http:

        async def known() -> bool:
            # An unsigned request is refused either way; what is waited for is the voice processes' copy.
            await http.post("/api/handovers")
            copies = [line.settings.var_dir / f"directory-voice-{n}.json" for n in (1, 2)]
            return all(copy.exists() and orjson.loads(copy.read_bytes())["version"] >= version for copy in copies)

        await eventually(known, "the directory's change is known to every process")


async def _rings_first(call: PhoneCall) -> None:
    await asyncio.sleep(_RING_SECONDS)
    await answers(call)


async def _up(line: Line, platform: Platform) -> float:
    """An agent calls the province in: each hears exactly the other two, and the province knew before."""
    far = await third(line, "province", _rings_first)
    talk = await talking(line)
    await talk.ask("three_way", target="partner:province", summary="跨市公积金转移", location="开发区")
    there = await rung(far)
    await talk.state("conference")
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen"),
        hears_exactly(talk.agent, CITIZEN, THIRD, who="the agent"),
        hears_exactly(there, CITIZEN, AGENT, who="the province"),
    )
    (told,) = await platform.arrived(1)
    assert (told.body["target"], told.body["caller"]) == ("partner:province", talk.who.e164), told.body
    assert (told.body["summary"], told.body["location"]) == ("跨市公积金转移", "开发区"), told.body
    assert told.at < there.log["answered"], "the province's phone was answered before the data came"
    await there.hang_up()
    await talk.state("talking", why="third_gone")
    await talk.apart_never()
    await talk.over()
    await far.close()
    return (there.log["answered"] - told.at) * 1000


async def _down(line: Line) -> None:
    """The province sends data and then the call: the agent sees both, and the call has the ticket."""
    number = citizen_number()
    body = orjson.dumps({"case_number": "HN-7", "summary": "噪声扰民", "caller": number, "type": "complaint"})
    signed = Signed(_PARTNER, int(time.time()), f"hn-{number}")
    async with httpx.AsyncClient(base_url=line.web, trust_env=False) as http:
        answer = await http.post("/api/handovers", content=body, headers=headers(KEY.encode(), signed, body))
        again = await http.post("/api/handovers", content=body, headers=headers(KEY.encode(), signed, body))
    assert (answer.status_code, again.json()) == (201, answer.json()), answer.text
    ticket = answer.json()["ticket"]
    seat = await desk(line, "1021", "8021")
    line.cleanup.append(seat.leave)
    phone = await Phone(number, server=line.sip, host=PROVINCE).start()
    line.cleanup.append(phone.close)
    call = await phone.call("12345", sound=tone(CITIZEN, 1.0))
    at_seat = await sings(await next_call(seat), AGENT)
    await answered(call)
    pop = (await seat.frame("pop")).body
    (shown,) = pop["handovers"]
    assert (shown["ticket"], shown["case_number"], shown["sure"]) == (ticket, "HN-7", True), shown
    await asyncio.gather(
        hears_exactly(call, AGENT, who="the citizen"), hears_exactly(at_seat, CITIZEN, who="the agent")
    )
    # Long enough to be a talk (decision 12).
    await call.audio.hear(1.5)
    await at_seat.hang_up()
    await ended(call)
    story = await line.story_of(pop["call"], until="ended")
    assert [event.attributes["ticket"] for event in story.events if event.kind == "ticket"] == [ticket]
    await seat.leave()
