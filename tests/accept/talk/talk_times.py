"""Item 5: how long each part of a talk lasted, by the journal and by the packets; three transfers are one story."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np

from server.demo.g711 import decode
from server.demo.phone import Phone, PhoneCall
from tests.accept.first_call.basics import answered, ended, next_call
from tests.accept.line import Line, database_rows, index_of
from tests.accept.people import Desk, desk
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, Talk, hears_exactly, rung, sings, talking, third

_RATE = 8_000
_FRAME = 160
_WINDOW = 480
"""60 ms: what a tone is told from another by."""
_LIMIT_MS = 100.0
_SHORTEST_MS = 300.0
"""A gap or a piece of tone that is shorter belongs to what is around it."""


def heard_for(alaw: bytes, tone: float) -> list[float]:
    """How long this tone was heard each time, in milliseconds."""
    samples = decode(alaw).astype(np.float64)
    frames = (len(samples) - _WINDOW) // _FRAME
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_FRAME][:frames] * np.hanning(_WINDOW)
    wave = np.exp(-2j * np.pi * tone * np.arange(_WINDOW) / _RATE)
    level = np.abs(windows @ wave)
    loud = level > 0.25 * np.percentile(level, 98)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(int)))
    spans: list[list[float]] = []
    for begin, end in edges.reshape(-1, 2) * (1000 * _FRAME / _RATE):
        if spans and begin - spans[-1][1] < _SHORTEST_MS:
            spans[-1][1] = end
        else:
            spans.append([begin, end])
    return [end - begin for begin, end in spans if end - begin >= _SHORTEST_MS]


async def talk_times(line: Line, scale: Scale) -> str:
    """Item 5."""
    branch = await third(line)
    worst = 0.0
    for _ in range(scale(3, 1)):
        talk = await talking(line)
        await asyncio.sleep(2.0)
        await talk.ask("hold")
        await talk.state("held")
        await asyncio.sleep(2.0)
        await talk.ask("retrieve")
        await talk.state("talking")
        await asyncio.sleep(2.0)
        await talk.ask("three_way", target="line:12366")
        there = await rung(branch)
        await talk.state("conference")
        await asyncio.sleep(2.0)
        await talk.ask("leave")
        await ended(talk.agent)
        await asyncio.sleep(2.0)
        await there.hang_up()
        await ended(talk.citizen)
        worst = max(worst, await _compared(talk))
        await talk.seat.leave()
    await _three_transfers(line, branch)
    return f"segments at most {worst:.0f} ms off; three transfers are one story"


async def _compared(talk: Talk) -> float:
    """The worst difference between journal and packets, in milliseconds."""
    facts = await talk.told(("answered", "ended"))
    at = [(str(fact.get("state", fact["kind"])), fact["at"].timestamp() * 1000) for fact in facts]
    with_agent, with_third = {"answered", "talking", "join_calling", "conference"}, {"conference", "passed"}
    sound = bytes(talk.citizen.audio.heard)
    worst = 0.0
    for name, states, tone in (("the agent", with_agent, AGENT), ("the branch", with_third, THIRD)):
        told: list[float] = []
        together = False
        for (state, begin), (_, end) in pairwise(at):
            if state in states and together:
                told[-1] += end - begin
            elif state in states:
                told.append(end - begin)
            together = state in states
        seen = heard_for(sound, tone)
        assert len(seen) == len(told), f"{name} was heard {len(seen)} times, the journal has {len(told)}: {at}"
        worst = max(worst, *(abs(a - b) for a, b in zip(seen, told, strict=True)))
        assert worst <= _LIMIT_MS, f"{name}: heard for {seen} ms, by the journal for {told} ms"
    return worst


async def _three_transfers(line: Line, branch: Phone) -> None:
    """To a group, to another agent, to a branch: one story, one caller, no double count."""
    talk = await talking(line)
    expert = await desk(line, "2001", "8035")
    line.cleanup.append(expert.leave)
    await talk.ask("to_queue", queue="expert-12333")
    there = await _takes(talk, expert)
    colleague = await desk(line, "1030", "8030")
    line.cleanup.append(colleague.leave)
    await expert.post(f"/api/talks/{talk.id}/to_queue", {"queue": "general"})
    await ended(there)
    there = await _takes(talk, colleague)
    await colleague.post(f"/api/talks/{talk.id}/blind", {"target": "line:12366"})
    await ended(there)
    at_branch = await rung(branch)
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(at_branch, CITIZEN, who="the branch")
    )
    await at_branch.hang_up()
    await ended(talk.citizen)
    facts = await talk.told(("entered", "queued", "answered", "wrap_up", "ended", "abandoned"))
    kinds = [fact["kind"] for fact in facts]
    counts = [kinds.count(kind) for kind in ("entered", "answered", "wrap_up", "ended", "abandoned")]
    assert counts == [1, 3, 3, 1, 0], kinds
    rows = await database_rows(
        line, "select call_id, outcome from call where caller_index = $1", index_of(talk.who.e164)
    )
    assert [(row["call_id"], row["outcome"]) for row in rows] == [(talk.id, "answered")], rows
    for seat in (talk.seat, expert, colleague):
        await seat.leave()


async def _takes(talk: Talk, seat: Desk) -> PhoneCall:
    there = await sings(await next_call(seat), AGENT)
    await answered(there)
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, who="the citizen"), hears_exactly(there, CITIZEN, who="the colleague")
    )
    await seat.until_state("TALKING")
    return there
