"""Blind transfer and transfer to another group: the agent leaves at once, and the citizen is never left alone."""

from __future__ import annotations

import asyncio

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.first_call.basics import answered, ended, next_call
from tests.accept.line import Line
from tests.accept.people import desk
from tests.accept.scenario import Scale
from tests.accept.talk.parties import (
    AGENT,
    CITIZEN,
    THIRD,
    Talk,
    hears_exactly,
    hears_music,
    rung,
    sings,
    talking,
    third,
)


async def _rings_for_long(call: PhoneCall) -> None:
    call.audio.play(tone(THIRD, 1.0))
    await call.ring()


async def _busy(call: PhoneCall) -> None:
    await call.refuse(486, "Busy Here")


async def passing_on(line: Line, scale: Scale) -> str:
    """Item 3, the ways on on which the agent does not wait."""
    await _blind(line)
    await _blind_in_vain(line)
    await _to_another_group(line)
    return "blind, blind in vain, to another group"


async def _blind(line: Line) -> None:
    talk = await talking(line)
    branch = await third(line, on_call=_rings_for_long)
    await talk.ask("blind", target="line:12366")
    there = await rung(branch)
    await ended(talk.agent)
    await talk.seat.until_state("WRAP_UP", "READY")
    await hears_music(talk.citizen, who="the citizen")
    await there.answer()
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, who="the branch")
    )
    await there.hang_up()
    await ended(talk.citizen)
    facts = await talk.told(("answered", "ended", "wrap_up"))
    states = [fact["state"] for fact in facts if fact["kind"] == "talk"]
    assert states == ["blind_calling", "passed", "ended"], states
    kinds = [fact["kind"] for fact in facts]
    assert (kinds.count("answered"), kinds.count("wrap_up"), kinds.count("ended")) == (1, 1, 1), kinds
    await talk.seat.leave()
    branch.on_call = _busy
    await branch.close()


async def _blind_in_vain(line: Line) -> None:
    """Nobody there: the citizen goes to an agent, the one who knows the matter first, at the place they had."""
    talk = await talking(line)
    # The trunk of this branch is down: nobody has a phone there.
    await talk.ask("blind", target="line:12367")
    await ended(talk.agent)
    again = await sings(await next_call(talk.seat, seconds=25), AGENT)
    await answered(again)
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, who="the citizen"), hears_exactly(again, CITIZEN, who="the agent")
    )
    await talk.seat.until_state("TALKING")
    await again.hang_up()
    await ended(talk.citizen)
    await _one_story(talk, answers=2)
    await talk.seat.leave()


async def _to_another_group(line: Line) -> None:
    talk = await talking(line)
    expert = await desk(line, "2001", "8035")
    line.cleanup.append(expert.leave)
    await talk.ask("to_queue", queue="expert-12333")
    await ended(talk.agent)
    there = await sings(await next_call(expert), AGENT)
    await answered(there)
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, who="the citizen"), hears_exactly(there, CITIZEN, who="the expert")
    )
    await expert.until_state("TALKING")
    await there.hang_up()
    await ended(talk.citizen)
    await _one_story(talk, answers=2)
    for seat in (talk.seat, expert):
        await seat.leave()


async def _one_story(talk: Talk, *, answers: int) -> None:
    facts = await talk.told(("entered", "answered", "ended", "abandoned", "wrap_up"))
    kinds = [fact["kind"] for fact in facts]
    counts = [kinds.count(kind) for kind in ("entered", "answered", "wrap_up", "ended", "abandoned")]
    assert counts == [1, answers, answers, 1, 0], kinds
