"""The screen-pop is on the socket before Dial is sent, and never costs the citizen more than `pop_wait_ms`."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from acd.model import Offer
from acd.states import AgentState, CallState
from ami.events import DeviceState
from calls.live import LiveCall
from calls.pops import Pops, known_by_now
from calls.voice import VoiceProcess
from hotline import redis
from hotline.database import Database
from hotline.feed import AgentFeed, Published, inbox_key
from tests.calls.line import SITE, CallLine, until

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


async def popped(line: CallLine, call: str) -> dict[str, Any]:
    return next(row.attributes for row in await line.facts(call) if row.kind == "popped")


async def test_dial_waits_until_the_pop_is_written(line: CallLine) -> None:
    voice = await line.start(pop_wait_ms=2_000)
    order: list[str] = []
    seat = await line.agent("1001", ready=False, screen=False)
    await line.screen("1001", lambda frame: order.append(frame.kind))
    citizen = line.citizen()
    await citizen.enter(voice)
    await line.acd.set_ready("1001")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
    order.append("dial")
    assert order == ["pop", "dial"]
    assert (await popped(line, citizen.call))["written"]


async def test_a_screen_that_does_not_write_delays_the_citizen_no_longer_than_agreed(line: CallLine) -> None:
    voice = await line.start(pop_wait_ms=400)
    await line.agent("1001", ready=False, screen=False)
    await line.feed.screen_is_on("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.peer.command("SET MUSIC ON")
    began = line.clock.monotonic()
    await line.acd.set_ready("1001")
    await citizen.dialled_out()
    assert 0.4 <= line.clock.monotonic() - began < 1.4
    assert await popped(line, citizen.call) == {"written": False, "why_not": "not_written_in_time"}


async def test_an_offer_taken_back_while_its_pop_is_on_the_way_rings_nobody(line: CallLine) -> None:
    voice = await line.start(pop_wait_ms=400)
    seat = await line.agent("1001", screen=False)
    await line.feed.screen_is_on("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    # The ACD has heard that the phone is about to ring; nobody writes the pop.
    await line.agent_is("1001", AgentState.RINGING)
    await line.phone(seat, DeviceState.UNAVAILABLE)
    await line.call_is(citizen.call, CallState.WAITING)
    await citizen.peer.command("SET MUSIC ON")
    async with asyncio.timeout(20):
        while "offer_failed" not in await line.kinds(citizen.call):
            await asyncio.sleep(0.01)
    assert not any(command[:2] == ["EXEC", "Dial"] for command in citizen.peer.commands)


async def test_an_agent_without_a_screen_is_not_waited_for(line: CallLine) -> None:
    voice = await line.start(pop_wait_ms=2_000)
    await line.agent("1001", screen=False)
    citizen = line.citizen()
    began = line.clock.monotonic()
    await citizen.enter(voice)
    await citizen.dialled_out()
    assert line.clock.monotonic() - began < 1.5
    assert await popped(line, citizen.call) == {"written": False, "why_not": "no_screen"}


OFFER = Offer("1-1", 1, 0, "ast1-1763761000.1", "1001", "8001", "ast1", "general", "general", 0, 1)


class OvertakenFeed(AgentFeed):
    """The web process writes the frame before our own publish is answered."""

    pops: Pops

    async def show(self, agent: str, kind: str, body: dict[str, Any], *, reply_to: str) -> Published:
        frame = await super().show(agent, kind, body, reply_to=reply_to)
        self.pops.frame_written({"type": "frame_written", "agent": agent, "cursor": frame.cursor, "at_ms": 4711})
        return frame


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "mutant: thrown away"])
async def test_a_note_that_overtakes_our_publish_is_kept(line: CallLine, voice: VoiceProcess, kept: bool) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await until(lambda: citizen.call in voice.board.live)
    feed = OvertakenFeed(line.redis, SITE, line.clock)
    pops = feed.pops = Pops(
        feed=feed, database=line.database, clock=line.clock, process="ast1/voice-1", longest_wait_ms=200
    )
    if not kept:
        pops._early = cast(Any, Forgetful())
    await line.feed.screen_is_on("1001")
    shown = await pops.show(voice.board.live[citizen.call], OFFER, NOTHING_KNOWN)
    assert shown.written_ms == (4711 if kept else None)


class Forgetful(dict[tuple[str, str], int]):
    """Keeps nothing."""

    def __setitem__(self, key: tuple[str, str], value: int) -> None: ...


NOTHING_KNOWN: dict[str, Any] = {"open_tickets": [], "earlier_calls": []}


async def test_early_notes_are_bounded(line: CallLine, voice: VoiceProcess) -> None:
    for number in range(1_000):
        voice.board.pops.frame_written({"agent": "1001", "cursor": f"{number}-0", "at_ms": 1})
    assert len(voice.board.pops._early) == 256


async def test_history_that_fails_or_is_late_shows_an_empty_one(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await until(lambda: citizen.call in voice.board.live)
    live: LiveCall = voice.board.live[citizen.call]

    async def broken() -> dict[str, Any]:
        raise RuntimeError("nobody foresaw this")

    failed: asyncio.Task[dict[str, Any]] = asyncio.create_task(broken())
    await asyncio.wait({failed})
    late: asyncio.Task[dict[str, Any]] = asyncio.create_task(asyncio.sleep(60, {}))
    for history in (failed, late):
        await voice.board.pops.show(live, OFFER, known_by_now(history))
        frame = await line.feed.newest("1001", "pop")
        assert frame is not None
        assert (frame.body["open_tickets"], frame.body["earlier_calls"]) == ([], [])
    late.cancel()


async def test_earlier_calls_are_on_the_pop(line: CallLine, voice: VoiceProcess) -> None:
    first = line.citizen()
    await first.enter(voice)
    await until(lambda: "waiting" in first.phases)
    await first.hangs_up()
    await until(lambda: not voice.board.live)
    await line.facts(first.call)
    await line.agent("1001", ready=False)
    second = line.citizen()
    await second.enter(voice)
    await line.call_is(second.call, CallState.WAITING)
    await voice.board.pops.history(voice.board.live[second.call])  # its own was asked for before
    await line.acd.set_ready("1001")
    await second.dialled_out()
    pop = line.frames["1001"][0].body
    assert [(call["call"], call["outcome"]) for call in pop["earlier_calls"]] == [(first.call, "abandoned")]


async def test_without_postgresql_the_pop_says_that_the_history_is_not_known(
    line: CallLine, voice: VoiceProcess
) -> None:
    voice.board.pops._database = Database(NOWHERE)
    await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    assert line.frames["1001"][0].body["history_unavailable"] is True


async def test_without_redis_the_call_goes_on_without_a_pop(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await until(lambda: citizen.call in voice.board.live)
    away = redis.connect("redis://127.0.0.1:1/0")
    pops = Pops(
        feed=AgentFeed(away, SITE, line.clock),
        database=line.database,
        clock=line.clock,
        process="ast1/voice-1",
        longest_wait_ms=200,
    )
    assert (await pops.show(voice.board.live[citizen.call], OFFER, NOTHING_KNOWN)).why_not == ("redis_unavailable")
    await pops.tell("1001", "call_ended", {})
    await away.aclose()


async def test_a_redis_that_hangs_does_not_hold_up_the_events_that_say_who_talks(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are delivered one after the other: a phone's state must not be waited for."""
    stuck = asyncio.Event()

    async def hangs(*args: Any, **named: Any) -> None:
        stuck.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(voice.board.acd, "device_state", hangs)
    async with asyncio.timeout(1):
        await line.phone("8001", DeviceState.INUSE)
        await stuck.wait()
        await line.phone("8001", DeviceState.NOT_INUSE)


def test_the_inbox_of_a_process_has_the_name_the_web_process_answers_to() -> None:
    assert inbox_key(SITE, "ast1/voice-1") == "{smx}:inbox:ast1/voice-1"
