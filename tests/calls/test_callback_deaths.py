"""A process dies with a promise in hand: another takes it over, at its place, and nobody is called twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from acd.states import AgentState, CallState
from calls import callback_store as store
from calls.callback_models import CallbackRow
from calls.callback_queue import accept
from calls.voice import VoiceProcess
from tests.agi.peer import until
from tests.calls.callback_line import AgentLeg, attempts, callback_is, callbacks, called, promise, waits
from tests.calls.line import CallLine


@pytest.fixture(autouse=True)
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough to be renewed, short enough to wait for."""
    monkeypatch.setattr(store, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr("calls.callback_runner._RENEW_SECONDS", 0.2)
    monkeypatch.setattr("calls.callback_runner._CLAIM_SECONDS", 0.2)


async def held_by(line: CallLine, process: VoiceProcess) -> CallbackRow:
    async with asyncio.timeout(20):
        while (row := (await callbacks(line))[0]).owner != process.board.process:
            await asyncio.sleep(0.01)
    return row


async def in_talk(line: CallLine) -> AgentLeg:
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    line.asterisk.channel(leg.leg, "Dial", bridged=True)
    await leg.citizen_answers()
    await line.agent_is("1001", AgentState.TALKING)
    return leg


async def test_one_promise_is_held_by_one_of_three(line: CallLine) -> None:
    processes = [await line.start(f"voice-{number}") for number in (1, 2, 3)]
    for number in range(6):
        await promise(line, kind="queued", caller=f"+861381111000{number}")
    await until(lambda: sum(process.callbacks.held for process in processes) == 6)
    for number in range(6):
        await callback_is(line, "waiting", index=number)
    assert len(await line.acd.waiting("general")) == 6


async def test_the_place_is_kept_when_the_process_dies(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    start = line.clock.now_ms() - 60_000
    ahead = await waits(line, second, number="13811110001", entered_ms=start)
    citizen = await waits(line, first, number="13811110002", entered_ms=start + 1000)
    behind = await waits(line, second, number="13811110003", entered_ms=start + 2000)
    promised = await accept(first.board, first.board.live[citizen.call])
    await citizen.hangs_up()
    await held_by(line, first)
    await line.kill(first)
    await held_by(line, second)
    await until(lambda: promised.call in second.board.live)

    async def order() -> list[str]:
        return [view.call for view in await line.acd.waiting("general") if not view.parked]

    async with asyncio.timeout(20):
        while await order() != [ahead.call, promised.call, behind.call]:
            await asyncio.sleep(0.02)
    await line.agent("1001")
    await ahead.dialled_out()
    await line.agent("1002")
    assert (await called(line)).call == promised.call


async def test_an_orderly_stop_hands_it_on_at_once(line: CallLine) -> None:
    first = await line.start("voice-1")
    await promise(line)
    await callback_is(line, "waiting")
    await line.stop(first)
    row = (await callbacks(line))[0]
    assert (row.state, row.owner) == ("open", None)


async def test_a_process_that_dies_while_the_agents_phone_rings(line: CallLine) -> None:
    first = await line.start("voice-1")
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await callback_is(line, "placing")
    line.asterisk.channel(leg.leg, "")
    second = await line.start("voice-2")
    await line.kill(first)
    await held_by(line, second)
    assert ("hangup", line.asterisk.live[leg.leg].channel) in line.asterisk.done
    await line.agent("1002")
    again = await called(line)
    assert again.call == leg.call
    assert await attempts(line) == []
    assert "abandoned" not in await line.kinds(leg.call)


async def test_a_talk_goes_on_when_its_process_dies_and_nobody_is_called_again(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    await promise(line)
    await line.agent("1001")
    leg = await in_talk(line)
    holder, other = (first, second) if first.callbacks.held else (second, first)
    await line.kill(holder)
    await until(lambda: leg.call in other.adoption)
    # Longer than lease and claims: it is a talk, not something to be taken over.
    await asyncio.sleep(2.0)
    assert await line.state("1001") is AgentState.TALKING
    assert other.callbacks.held == 0
    line.asterisk.live.pop(leg.leg)
    await line.agent_is("1001", AgentState.WRAP_UP)
    row = await callback_is(line, "answered")
    assert row.attempts == 1
    assert await attempts(line) == [(1, "answered")]
    assert line.asterisk.called.empty()


async def test_a_process_that_dies_while_the_citizens_phone_rings(line: CallLine) -> None:
    first = await line.start("voice-1")
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    line.asterisk.channel(leg.leg, "Dial")
    second = await line.start("voice-2")
    await line.kill(first)
    await until(lambda: leg.call in second.adoption)
    line.asterisk.live.pop(leg.leg)
    row = await callback_is(line, "open")
    # It is not known whether the phone rang: the citizen is left in peace for a while.
    assert (row.attempts, row.outcome) == (1, "lost")
    assert row.next_at > line.clock.now() + timedelta(minutes=10)
    assert await attempts(line) == [(1, "lost")]


async def test_an_orderly_stop_while_the_citizens_phone_rings_calls_nobody_twice(line: CallLine) -> None:
    first = await line.start("voice-1")
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    line.asterisk.channel(leg.leg, "Dial")
    await line.stop(first)
    (row,) = await callbacks(line)
    assert (row.state, row.attempts) == ("placing", 1)
    second = await line.start("voice-2")
    await until(lambda: leg.call in second.adoption)
    line.asterisk.live.pop(leg.leg)
    row = await callback_is(line, "open")
    assert (row.attempts, row.outcome) == (1, "lost")


async def test_a_citizen_who_answers_after_the_process_died(line: CallLine) -> None:
    first = await line.start("voice-1")
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    line.asterisk.channel(leg.leg, "Dial")
    second = await line.start("voice-2")
    await line.kill(first)
    await until(lambda: leg.call in second.adoption)
    line.asterisk.channel(leg.leg, "Dial", bridged=True)
    await leg.citizen_answers()
    await line.agent_is("1001", AgentState.TALKING)
    line.asterisk.live.pop(leg.leg)
    await line.agent_is("1001", AgentState.WRAP_UP)
    await line.facts(leg.call)
    row = await callback_is(line, "answered")
    assert row.attempts == 1


async def test_a_flush_of_redis_keeps_promise_and_place(line: CallLine) -> None:
    await line.start("voice-1")
    callback = await promise(line, kind="queued", entered_ms=line.clock.now_ms() - 90_000)
    await callback_is(line, "waiting")
    before = await line.acd.call(f"call-back-{callback}.1")
    await line.redis.flushall()
    async with asyncio.timeout(20):
        while await line.acd.stored_epoch() in (0, None):
            await asyncio.sleep(0.02)
    await line.join()
    await line.call_is(f"call-back-{callback}.1", CallState.WAITING)
    after = await line.acd.call(f"call-back-{callback}.1")
    assert before is not None
    assert after is not None
    assert (after.state, after.place_ms) == (CallState.WAITING, before.place_ms)


async def test_a_promise_the_queue_has_forgotten_joins_it_again(line: CallLine) -> None:
    voice = await line.start("voice-1")
    callback = await promise(line, kind="queued", entered_ms=line.clock.now_ms() - 90_000)
    await callback_is(line, "waiting")
    call = f"call-back-{callback}.1"
    await line.call_is(call, CallState.WAITING)
    before = await line.acd.call(call)
    await voice.board.acd.leave(call)
    await line.call_is(call, CallState.WAITING)
    after = await line.acd.call(call)
    assert before is not None
    assert after is not None
    assert after.place_ms == before.place_ms
