"""Item 1: hold and retrieve, consult and back."""

from __future__ import annotations

import asyncio

from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.talk.parties import (
    AGENT,
    THIRD,
    hears_exactly,
    hears_music,
    is_silent,
    rung,
    talking,
    third,
)


async def hold_and_consult(line: Line, scale: Scale) -> str:
    """Item 1."""
    times = scale(3, 1)
    talk = await talking(line)
    for _ in range(times):
        await talk.ask("hold")
        await talk.state("held")
        await asyncio.gather(
            hears_music(talk.citizen, who="the citizen"), is_silent(talk.agent, who="the agent on hold")
        )
        assert await talk.seat.state() == "HOLD"
        await talk.ask("retrieve")
        await talk.state("talking")
        await talk.apart_never()
    branch = await third(line)
    await talk.ask("consult", target="line:12366")
    there = await rung(branch)
    await talk.state("consult")
    await asyncio.gather(
        hears_music(talk.citizen, who="the citizen"),
        hears_exactly(talk.agent, THIRD, who="the agent"),
        hears_exactly(there, AGENT, who="the branch"),
    )
    assert await talk.seat.state() == "CONSULT"
    await talk.ask("drop")
    await talk.state("talking")
    await asyncio.wait_for(there.ended.wait(), 5)
    await talk.apart_never()
    await talk.over()
    states = [fact["state"] for fact in await talk.told()]
    expected = ["held", "talking"] * times + ["consult_calling", "consult", "talking", "ended"]
    assert states == expected, states
    return f"{times} holds, one consultation"
