"""Redis forgets everything: calls, talks and agents are said again, under a new epoch."""

from __future__ import annotations

import pytest

from acd import presence
from acd.states import AgentState, CallState
from agi.counters import AgiCounters
from calls.epoch import next_epoch, rebuild
from calls.switchboard import Switchboard
from calls.voice import VoiceProcess
from hotline.clock import ManualClock
from hotline.database import Database
from tests.calls.line import CallLine, until

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


async def signed_in(line: CallLine, agent: str, seat: str, *, groups: tuple[str, ...] = ("general",)) -> None:
    """What the web process keeps of an agent's wish."""
    async with line.database.transaction() as session:
        wish = presence.Presence(agent, seat, dict.fromkeys(groups, 1), AgentState.READY)
        await presence.save(session, wish, line.clock)


async def flush(line: CallLine, voice: VoiceProcess) -> None:
    before = voice.board.acd.epoch
    await line.redis.flushall()
    await until(lambda: voice.board.acd.epoch > before)
    await line.join()


async def test_a_waiting_call_a_talk_and_an_agent_survive_a_flush(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    await signed_in(line, "1001", seat)
    talking = line.citizen()
    await talking.enter(voice)
    await talking.dialled_out()
    await line.asterisk.rings(talking.call, seat)
    await line.asterisk.bridges(talking.call)
    await line.agent_is("1001", AgentState.TALKING)
    waiting = line.citizen(entered_ms=line.clock.now_ms() - 50_000)
    await waiting.enter(voice)
    await line.call_is(waiting.call, CallState.WAITING)
    line.asterisk.devices["PJSIP/8002"] = line.asterisk.devices[f"PJSIP/{seat}"]
    await signed_in(line, "1002", "8002")

    await flush(line, voice)
    assert (await waiting.dialled_out())[0] == "PJSIP/8002", "the agent at rest is back, and serves who waited"
    await line.agent_is("1001", AgentState.TALKING)
    view = await line.acd.call(waiting.call)
    assert view is not None
    assert view.entered_ms == waiting.entered_ms

    await line.asterisk.parts(talking.call)
    talking.dial_ends("ANSWER", 16)
    await line.agent_is("1001", AgentState.WRAP_UP)


async def test_one_seat_in_dispute_does_not_keep_the_others_out(line: CallLine, voice: VoiceProcess) -> None:
    """An agent whose seat another has taken is refused; the waiting call is in the new epoch all the same."""
    waiting = line.citizen()
    await waiting.enter(voice)
    await line.call_is(waiting.call, CallState.WAITING)
    await line.agent("1009", ready=False)
    await signed_in(line, "1001", "8009")
    assert await rebuild(voice.board, voice.devices)


async def test_asterisk_away_does_not_keep_the_calls_out_of_the_new_epoch(line: CallLine, voice: VoiceProcess) -> None:
    waiting = line.citizen()
    await waiting.enter(voice)
    await line.call_is(waiting.call, CallState.WAITING)
    line.asterisk.connected = False
    await flush(line, voice)
    await line.call_is(waiting.call, CallState.WAITING)


async def test_the_number_rises_even_if_the_clock_goes_back(line: CallLine) -> None:
    board = line.board()
    clock = ManualClock(line.clock.now())
    board.clock = clock
    first = await next_epoch(board)
    clock.advance(-3_600)
    assert await next_epoch(board) == first + 1
    clock.advance(7_200)
    assert await next_epoch(board) == clock.now_ms()


async def test_without_postgresql_the_clock_has_to_do(line: CallLine) -> None:
    board = line.board()
    board.database = Database(NOWHERE)
    assert await next_epoch(board) == pytest.approx(line.clock.now_ms(), abs=5_000)
    await board.acd.load()
    assert await rebuild(board, _process(line, board).devices)


def _process(line: CallLine, board: Switchboard) -> VoiceProcess:
    unregister = line.asterisk.unregister
    return VoiceProcess(board, host="127.0.0.1", port=0, counters=AgiCounters(), unregister=unregister)
