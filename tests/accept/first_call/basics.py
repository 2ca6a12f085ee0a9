"""A whole call, and steps other items share."""

from __future__ import annotations

import asyncio
import time

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.line import Line, eventually
from tests.accept.people import Desk, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import is_tone, likeness

CITIZEN_TONE = 440.0
AGENT_TONE = 660.0


async def answered(call: PhoneCall, *, seconds: float = 20.0) -> None:
    """Wait until a phone's call is answered."""
    await asyncio.wait_for(call.answered.wait(), seconds)


async def ended(call: PhoneCall, *, seconds: float = 20.0) -> None:
    """Wait until a phone's call is over."""
    await asyncio.wait_for(call.ended.wait(), seconds)


async def next_call(seat: Desk, *, seconds: float = 20.0) -> PhoneCall:
    """The next call that rings a seat's phone."""
    return await asyncio.wait_for(seat.phone.incoming.get(), seconds)


async def talk_and_leave(agent: PhoneCall) -> None:
    """The agent's side of a short talk, long enough to be one."""
    await answered(agent)
    await hears(agent, CITIZEN_TONE)
    await asyncio.sleep(1.0)
    await agent.hang_up()


async def hears(call: PhoneCall, frequency: float, *, seconds: float = 8.0) -> None:
    """Wait until this party hears this tone."""

    async def look() -> bool:
        return is_tone(await call.audio.hear(0.5), frequency)

    await eventually(look, f"{frequency:g} Hz is heard", seconds=seconds)


async def whole_call(line: Line, scale: Scale) -> str:
    """Item 1."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0), display="张三")
    at_seat = await next_call(seat)
    at_seat.audio.play(tone(AGENT_TONE, 1.0))
    pop = await seat.frame("pop")
    lead_ms = await _pop_before_ring(line, pop.body["call"], at_seat)
    assert pop.body["caller"] == who.e164
    assert pop.body["dialled"] == "12345"
    await answered(call)
    await answered(at_seat)
    await hears(at_seat, CITIZEN_TONE)
    await hears(call, AGENT_TONE)
    call_id = pop.body["call"]
    await seat.until_state("TALKING")
    ticket = await seat.post(
        "/api/tickets",
        {
            "type": "help",
            "title": "路灯不亮",
            "content": "小区门口路灯坏了",
            "call": call_id,
            "caller_number": who.e164,
        },
    )
    await asyncio.sleep(scale(5, 1))
    await at_seat.hang_up()
    await seat.until_state("WRAP_UP")
    await ended(call)
    # The citizen is thanked after the agent has left.
    thanks = await _prompt(line, "bye.thanks")
    assert likeness(bytes(call.audio.heard), thanks) > 0.8, "no thanks at the end"
    await seat.until_state("READY", seconds=line.settings.acd.wrap_up_seconds + 3)
    told = await line.story_of(call_id, until="wrap_up")
    kinds = [event.kind for event in told.events]
    for kind in ("entered", "greeted", "queued", "reserved", "popped", "ringing", "answered", "ended", "ticket"):
        assert kinds.count(kind) == 1, f"{kind} is {kinds.count(kind)} times in {kinds}"
    file = (await seat.http.get(f"/api/tickets/{ticket['number']}")).json()
    assert file["calls"] == [call_id]
    again = await who.dial("12345")
    second = await seat.frame("pop", since=pop.at + 0.01)
    assert [t["number"] for t in second.body["open_tickets"]] == [ticket["number"]]
    assert [c["call"] for c in second.body["earlier_calls"]] == [call_id]
    await again.hang_up()
    return f"pop {lead_ms:.0f} ms before INVITE, ticket {ticket['number']}"


async def _pop_before_ring(line: Line, call_id: str, at_seat: PhoneCall) -> float:
    """By the clock of the machine: when the frame was on the socket, and when the INVITE was at the phone. Returns
    milliseconds between them."""
    told = await line.story_of(call_id, until="ringing")
    popped = next(event for event in told.events if event.kind == "popped")
    assert popped.attributes["written"], f"the phone rang before the pop was on the screen: {popped.attributes}"
    rang = time.time() - (time.monotonic() - at_seat.log["invite"])
    lead_ms = (rang - popped.at.timestamp()) * 1000
    # The journal keeps whole milliseconds.
    assert lead_ms > -1, "the phone rang before the pop was on the screen"
    return lead_ms


async def _prompt(line: Line, key: str) -> bytes:
    from media.store import PromptStore

    return PromptStore().sound(key)
