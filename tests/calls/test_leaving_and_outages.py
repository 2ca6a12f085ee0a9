"""A voice process stops in order, or loses Redis: callers go on elsewhere, at their place."""

from __future__ import annotations

import asyncio

import pytest

from acd.states import AgentState, CallState
from calls.voice import VoiceProcess
from hotline import redis
from hotline.redis import Redis
from tests.calls.line import CallLine, until


async def test_on_an_orderly_stop_who_waits_goes_on_elsewhere_at_once(line: CallLine) -> None:
    first, second = await line.start("voice-1", drain_seconds=30.0), await line.start("voice-2")
    seat = await line.agent("1001")
    talking = line.citizen()
    await talking.enter(first)
    await talking.dialled_out()
    await line.asterisk.rings(talking.call, seat)
    await line.asterisk.bridges(talking.call)
    await line.agent_is("1001", AgentState.TALKING)
    waiting = line.citizen(entered_ms=line.clock.now_ms() - 60_000)
    await waiting.enter(first)
    await line.call_is(waiting.call, CallState.WAITING)

    stopping = asyncio.create_task(line.stop(first))
    await waiting.session_over()
    assert waiting.phases[-1] == "waiting"
    await waiting.enter(second, "waiting")
    other = await line.agent("1002")
    assert (await waiting.dialled_out())[0] == f"PJSIP/{other}"
    assert "abandoned" not in await line.kinds(waiting.call)

    # The talk goes on in the process that stops, for longer than its lease would last without heartbeats.
    await asyncio.sleep(0.8)
    assert not stopping.done()
    await line.asterisk.parts(talking.call)
    talking.dial_ends("ANSWER", 16)
    await talking.peer.command("HANGUP")
    await line.agent_is("1001", AgentState.WRAP_UP)
    async with asyncio.timeout(20):
        await stopping
    assert "adopted" not in await line.kinds(talking.call)


async def test_a_caller_who_is_being_greeted_leaves_after_the_greeting(line: CallLine) -> None:
    voice = await line.start("voice-1", drain_seconds=30.0)
    citizen = line.citizen()
    await citizen.enter(voice, hold=("CONTROL STREAM FILE",))
    await citizen.peer.command("CONTROL STREAM FILE")
    stopping = asyncio.create_task(line.stop(voice))
    await until(lambda: voice.board.leaving)
    citizen.peer.reply("200 result=0 endpos=8000")
    await citizen.session_over()
    await stopping
    assert citizen.phases == ["greeting", "waiting"]


@pytest.fixture
async def gone_redis() -> str:
    """Where no Redis is."""
    return "redis://127.0.0.1:1/0"


async def test_without_redis_callers_are_kept_for_the_grace_and_then_given_to_the_native_queue(
    line: CallLine, gone_redis: str
) -> None:
    voice = await line.start("voice-1", redis_url=gone_redis, redis_grace_seconds=0.7)
    citizen = line.citizen()
    began = line.clock.monotonic()
    await citizen.enter(voice)
    assert (await citizen.peer.command("SET VARIABLE HL_DEGRADE"))[3] == "yes"
    await citizen.session_over()
    assert line.clock.monotonic() - began > 0.4
    assert citizen.phases == ["greeting", "waiting"], "not done: the dialplan goes on with the caller"
    assert (await line.kinds(citizen.call)) == ["entered", "greeted"]


async def test_redis_that_goes_while_a_citizen_waits(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    former = voice.board.acd._redis
    nowhere: Redis = redis.connect("redis://127.0.0.1:1/0")
    voice.board.acd._redis = voice.board.acd._scripts._redis = nowhere
    assert (await citizen.peer.command("SET VARIABLE HL_DEGRADE"))[3] == "yes"
    voice.board.acd._redis = voice.board.acd._scripts._redis = former
    await nowhere.aclose()


async def test_a_short_absence_of_redis_is_sat_out(line: CallLine) -> None:
    voice = await line.start("voice-1", redis_grace_seconds=20.0)
    citizen = line.citizen()
    former = voice.board.acd._scripts._redis
    nowhere: Redis = redis.connect("redis://127.0.0.1:1/0")
    voice.board.acd._redis = voice.board.acd._scripts._redis = nowhere
    await citizen.enter(voice)
    await citizen.peer.command("SET MUSIC ON")
    await until(lambda: voice.board.redis_lost_since is not None)
    voice.board.acd._redis = voice.board.acd._scripts._redis = former
    await line.call_is(citizen.call, CallState.WAITING)
    await until(lambda: voice.board.redis_lost_since is None)
    assert "HL_DEGRADE" not in citizen.peer.variables
    await nowhere.aclose()
