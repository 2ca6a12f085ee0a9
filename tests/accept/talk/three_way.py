"""Item 2: three-way with a branch centre: who hears whom, and who may leave."""

from __future__ import annotations

import asyncio
import time

from server.demo.phone import Phone, PhoneCall
from tests.accept.first_call.basics import ended, next_call
from tests.accept.line import Line
from tests.accept.people import desk
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, Talk, answers, hears_exactly, rung, talking, third


async def _all_three(talk: Talk, there: PhoneCall) -> None:
    """Each hears exactly the other two."""
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen"),
        hears_exactly(talk.agent, CITIZEN, THIRD, who="the agent"),
        hears_exactly(there, CITIZEN, AGENT, who="the branch"),
    )


async def _conference(line: Line, branch: Phone) -> tuple[Talk, PhoneCall]:
    talk = await talking(line)
    await talk.ask("three_way", target="line:12366")
    there = await rung(branch)
    await talk.state("conference")
    await _all_three(talk, there)
    assert await talk.seat.state() == "CONFERENCE"
    return talk, there


async def _joined_after_ms(talk: Talk, there: PhoneCall) -> float:
    """From the branch's 200 OK to the moment Asterisk had it in the room."""
    answered = time.time() - (time.monotonic() - there.log["answered"])
    joined = next(fact["at"] for fact in await talk.told() if fact["state"] == "conference")
    return float((joined.timestamp() - answered) * 1000)


async def _with_an_expert(line: Line) -> None:
    """12333's experts (专家座席) are busy at first: citizen and agent talk on, then the next expert joins."""
    talk = await talking(line)
    expert = await desk(line, "2001", "8035", ready=False, on_call=answers)
    line.cleanup.append(expert.leave)
    await talk.ask("three_way", target="queue:expert-12333", summary="社保卡")
    await talk.state("join_calling")
    await talk.apart_never()
    await expert.ready()
    there = await next_call(expert)
    pop = await expert.frame("pop")
    assert pop.body["caller"] == talk.who.e164, pop.body
    assert pop.body["handover"]["summary"] == "社保卡", pop.body
    await talk.state("conference")
    await _all_three(talk, there)
    await expert.until_state("TALKING")
    await talk.ask("drop")
    await ended(there)
    await expert.until_state("WRAP_UP", "READY")
    await talk.apart_never()
    await talk.over()
    await talk.told()
    await expert.leave()


async def three_way(line: Line, scale: Scale) -> str:
    """Item 2."""
    joined = []
    branch = await third(line)
    # The agent leaves: citizen and branch go on.
    talk, there = await _conference(line, branch)
    await talk.ask("leave")
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, who="the branch")
    )
    await talk.seat.until_state("WRAP_UP", "READY")
    await ended(talk.agent)
    assert not talk.citizen.ended.is_set()
    await there.hang_up()
    await ended(talk.citizen)
    facts = await talk.told(("answered", "ended", "wrap_up"))
    joined.append(await _joined_after_ms(talk, there))
    assert [fact["kind"] for fact in facts].count("ended") == 1, facts
    await talk.seat.leave()
    # The branch leaves: citizen and agent go on.
    talk, there = await _conference(line, branch)
    await there.hang_up()
    await talk.state("talking", why="third_gone")
    await talk.apart_never()
    # Taken back: the branch is dropped.
    await talk.ask("three_way", target="line:12366")
    there = await rung(branch)
    await talk.state("conference")
    await _all_three(talk, there)
    await talk.ask("drop")
    await ended(there)
    await talk.apart_never()
    await talk.over()
    await talk.told()
    # The citizen leaves: all end.
    talk, there = await _conference(line, branch)
    await talk.citizen.hang_up()
    await asyncio.gather(ended(talk.agent), ended(there))
    joined.append(await _joined_after_ms(talk, there))
    await talk.seat.leave()
    # Consulted, then joined, then left: an attended transfer.
    talk = await talking(line)
    await talk.ask("consult", target="line:12366")
    there = await rung(branch)
    await talk.state("consult")
    await talk.ask("join")
    await talk.state("conference")
    await _all_three(talk, there)
    await talk.agent.hang_up()
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, who="the branch")
    )
    await talk.citizen.hang_up()
    await ended(there)
    await talk.seat.leave()
    await _with_an_expert(line)
    worst = max(joined)
    assert worst < 150 * scale(1, 4), f"joined {worst:.0f} ms after the branch's answer"
    return f"joined at most {worst:.0f} ms after the answer"
