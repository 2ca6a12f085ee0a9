"""Item 3: the voice process is killed in every state of a talk: nobody is dropped, and the agent has a way on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from acd.model import AcdPolicy
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.redis import connect
from server.demo.g711 import tone
from server.demo.phone import Phone, PhoneCall
from tests.accept.first_call.basics import ended
from tests.accept.line import Line, eventually
from tests.accept.scenario import Scale
from tests.accept.talk.parties import (
    AGENT,
    CITIZEN,
    THIRD,
    Talk,
    answers,
    hears_exactly,
    hears_music,
    rung,
    talking,
    third,
)

_BACK_SECONDS = 15.0
"""Until another process has adopted the talk: the lease, and a look at the channels."""


async def killed_in_every_state(line: Line, scale: Scale) -> str:
    """Item 3."""
    branch = await third(line)
    stories: list[Callable[[Line, Phone], Awaitable[None]]] = [_held, _consulting, _conference, _blind]
    if scale.full:
        stories += [_talking, _consult_rings, _three_way_rings, _passed]
    for story in stories:
        branch.on_call = answers
        await story(line, branch)
    return f"{len(stories)} states"


async def _kill_owner(talk: Talk) -> None:
    line = talk.line
    redis = connect(line.settings.redis.url)
    try:
        acd = Acd(redis, site=line.settings.site.id, process="test/look", clock=SystemClock(), policy=AcdPolicy())
        view = await acd.call(talk.id)
        assert view is not None
        os.kill(line.stack.pid(view.owner.partition("/")[2]), signal.SIGKILL)
    finally:
        await redis.aclose()


async def _works_again(talk: Talk, command: str, state: str, **body: str) -> None:
    """The agent asks until somebody hears: a page shows that nothing came, and the agent clicks again."""

    async def asked() -> bool:
        await talk.ask(command, **body)
        try:
            await talk.state(state, seconds=1.5)
        except AssertionError:
            return False
        return True

    await eventually(asked, f"{command} works again", seconds=_BACK_SECONDS)


async def _end(talk: Talk) -> None:
    """The talk goes on as every other, and its story is whole."""
    await talk.apart_never()
    await talk.over()
    facts = await talk.told(("answered", "ended", "wrap_up", "abandoned"))
    kinds = [fact["kind"] for fact in facts]
    counts = [kinds.count(kind) for kind in ("answered", "wrap_up", "ended", "abandoned")]
    assert counts == [1, 1, 1, 0], kinds


async def _talking(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    await _kill_owner(talk)
    await _works_again(talk, "hold", "held")
    await hears_music(talk.citizen, who="the citizen")
    await talk.ask("retrieve")
    await talk.state("talking")
    await _end(talk)


async def _held(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    await talk.ask("hold")
    await talk.state("held")
    await _kill_owner(talk)
    await _works_again(talk, "retrieve", "talking")
    await _end(talk)


async def _consulting(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    await talk.ask("consult", target="line:12366")
    there = await rung(branch)
    await talk.state("consult")
    await _kill_owner(talk)
    await asyncio.gather(
        hears_exactly(talk.agent, THIRD, who="the agent"), hears_exactly(there, AGENT, who="the branch")
    )
    await _works_again(talk, "drop", "talking")
    await ended(there)
    await _end(talk)


async def _conference(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    await talk.ask("three_way", target="line:12366")
    there = await rung(branch)
    await talk.state("conference")
    await _kill_owner(talk)
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen"),
        hears_exactly(talk.agent, CITIZEN, THIRD, who="the agent"),
    )
    await _works_again(talk, "drop", "talking")
    await ended(there)
    await _end(talk)


async def _rings_for_long(call: PhoneCall) -> None:
    call.audio.play(tone(THIRD, 1.0))
    await call.ring()


async def _consult_rings(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    branch.on_call = _rings_for_long
    await talk.ask("consult", target="line:12366")
    there = await rung(branch)
    await talk.state("consult_calling")
    await _kill_owner(talk)
    await there.answer()
    await asyncio.gather(
        hears_exactly(talk.agent, THIRD, who="the agent"), hears_exactly(there, AGENT, who="the branch")
    )
    await _works_again(talk, "drop", "talking")
    await _end(talk)


async def _three_way_rings(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    branch.on_call = _rings_for_long
    await talk.ask("three_way", target="line:12366")
    there = await rung(branch)
    await talk.state("join_calling")
    await _kill_owner(talk)
    await there.refuse(486, "Busy Here")
    await _works_again(talk, "hold", "held")
    await talk.ask("retrieve")
    await talk.state("talking")
    await _end(talk)


async def _blind(line: Line, branch: Phone) -> None:
    """The agent has left: the citizen and the branch find each other all the same."""
    talk = await talking(line)
    branch.on_call = _rings_for_long
    await talk.ask("blind", target="line:12366")
    there = await rung(branch)
    await ended(talk.agent)
    await _kill_voices(line)
    await there.answer()
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen", seconds=_BACK_SECONDS),
        hears_exactly(there, CITIZEN, who="the branch", seconds=_BACK_SECONDS),
    )
    await there.hang_up()
    await ended(talk.citizen)
    await talk.seat.leave()


async def _passed(line: Line, branch: Phone) -> None:
    talk = await talking(line)
    await talk.ask("three_way", target="line:12366")
    there = await rung(branch)
    await talk.state("conference")
    await talk.ask("leave")
    await ended(talk.agent)
    await _kill_voices(line)
    await asyncio.gather(
        hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, who="the branch")
    )
    await there.hang_up()
    await ended(talk.citizen)
    await talk.told()
    await talk.seat.leave()


async def _kill_voices(line: Line) -> None:
    """Whose a call is whose agent has left, the ACD does not know: all are killed, one after the other."""
    for number in range(1, line.settings.voice.processes + 1):
        os.kill(line.stack.pid(f"voice-{number}"), signal.SIGKILL)
