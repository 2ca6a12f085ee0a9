"""Promises to call back, from the place in the queue to the talk."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from acd.states import AgentState, CallState
from calls import callback_store
from calls.callback_models import CallbackAttemptRow
from calls.callback_policy import NotCallable
from calls.callback_queue import accept
from calls.voice import VoiceProcess
from hotline.database import Database
from hotline.errors import PartUnavailable
from tests.agi.peer import until
from tests.calls.callback_line import AgentLeg, attempts, callback_is, callbacks, called, promise, waits
from tests.calls.line import CallLine, Citizen


async def accepted(voice: VoiceProcess, citizen: Citizen) -> str:
    """The citizen asks to be called back, hears goodbye and hangs up."""
    promised = await accept(voice.board, voice.board.live[citizen.call])
    await citizen.hangs_up()
    await until(lambda: citizen.call not in voice.board.live)
    return promised.call


async def test_the_agent_is_called_first_and_then_the_citizen(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    call = await accepted(voice, citizen)
    seat = await line.agent("1001")
    leg = await called(line)
    assert leg.called.phone == f"PJSIP/{seat}"
    assert line.asterisk.done[-1] == ("originate", f"PJSIP/{seat}", f"{call}-agent", "hl-callback", "13812345678")
    pop = next(frame for frame in line.frames["1001"] if frame.kind == "pop")
    assert pop.body["caller"] == "+8613812345678"
    assert (pop.body["callback"]["kind"], pop.body["callback"]["of"]) == ("queued", citizen.call)
    assert await line.state("1001") is AgentState.RINGING
    await leg.answers()
    assert await leg.dials() == ["PJSIP/13812345678@carrier", "40", "g"]
    assert ["SET", "VARIABLE", "CALLERID(num)", "12345"] in leg.peer.commands
    # A phone that rings is not a talk.
    assert await line.state("1001") is AgentState.RINGING
    await leg.citizen_answers()
    await line.agent_is("1001", AgentState.TALKING)
    await leg.citizen_hangs_up()
    await leg.is_hung_up()
    await line.agent_is("1001", AgentState.WRAP_UP)
    row = await callback_is(line, "answered")
    assert (row.agent, row.attempts, row.outcome) == ("1001", 1, "answered")
    assert await attempts(line) == [(1, "answered")]
    kinds = await line.kinds(call)
    assert kinds == [
        "callback", "queued", "reserved", "popped", "ringing", "callback_dialled", "answered", "ended", "wrap_up",
    ]  # fmt: skip
    ended = next(fact for fact in await line.facts(call) if fact.kind == "ended")
    assert ended.attributes["ended_by"] == "caller"
    told = [(f.kind, f.attributes.get("outcome")) for f in await line.facts(citizen.call)]
    assert told[-3:] == [
        ("callback_requested", None),
        ("ended", "callback_promised"),
        ("callback_outcome", "answered"),
    ]
    assert (await line.summary(call)).caller == "+8613812345678"


async def test_the_third_in_the_queue_is_served_third(line: CallLine, voice: VoiceProcess) -> None:
    start = line.clock.now_ms() - 60_000
    callers = [await waits(line, voice, number=f"1381234000{n}", entered_ms=start + 1000 * n) for n in range(5)]
    promised = await accept(voice.board, voice.board.live[callers[2].call])
    assert promised.position == 3
    await callers[2].hangs_up()
    assert [view.call for view in await line.acd.waiting("general")] == [
        callers[0].call, callers[1].call, promised.call, callers[3].call, callers[4].call,
    ]  # fmt: skip
    await line.agent("1001")
    await callers[0].dialled_out()
    await line.agent("1002")
    await callers[1].dialled_out()
    await line.agent("1003")
    leg = await called(line)
    assert leg.call == promised.call
    await line.agent("1004")
    await callers[3].dialled_out()


async def test_a_citizen_who_hears_goodbye_is_not_dialled_yet(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001", ready=False)
    citizen = await waits(line, voice)
    await accept(voice.board, voice.board.live[citizen.call])
    await line.acd.set_ready("1001")
    leg = await called(line)
    await leg.answers()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await leg.dials()
    await citizen.hangs_up()
    assert (await leg.dials())[0] == "PJSIP/13812345678@carrier"


async def test_without_the_database_nothing_is_promised_and_the_place_stays(
    line: CallLine, voice: VoiceProcess
) -> None:
    citizen = await waits(line, voice)
    live = voice.board.live[citizen.call]
    there, voice.board.database = voice.board.database, Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(PartUnavailable):
        await accept(voice.board, live)
    voice.board.database = there
    await line.call_is(citizen.call, CallState.WAITING)
    assert await callbacks(line) == []
    assert "callback_requested" not in await line.kinds(citizen.call)


@pytest.mark.parametrize("number", ["anonymous", "110", "12345", "0371-12345", "4008123456", "+8521234567"])
async def test_numbers_that_are_not_called_back(line: CallLine, voice: VoiceProcess, number: str) -> None:
    citizen = await waits(line, voice, number=number)
    with pytest.raises(NotCallable):
        await accept(voice.board, voice.board.live[citizen.call])
    assert await callbacks(line) == []
    await line.call_is(citizen.call, CallState.WAITING)


@pytest.mark.parametrize(
    ("status", "cause", "state"),
    [("BUSY", 17, AgentState.UNREACHABLE), ("NOANSWER", 0, AgentState.NOT_READY), ("BUSY", 21, AgentState.NOT_READY)],
)
async def test_an_agent_who_does_not_take_it_costs_no_place(
    line: CallLine, voice: VoiceProcess, status: str, cause: int, state: AgentState
) -> None:
    citizen = await waits(line, voice)
    call = await accepted(voice, citizen)
    await line.agent("1001")
    leg = await called(line)
    await leg.agent_fails(status, cause)
    await line.agent_is("1001", state)
    await line.call_is(call, CallState.WAITING)
    await callback_is(line, "waiting")
    await line.agent("1002")
    again = await called(line)
    assert (again.call, again.called.phone) == (call, "PJSIP/8002")
    assert await attempts(line) == []


async def test_a_phone_that_is_not_registered(line: CallLine, voice: VoiceProcess) -> None:
    line.asterisk.unregistered.add("PJSIP/8001")
    citizen = await waits(line, voice)
    call = await accepted(voice, citizen)
    await line.agent("1001")
    await line.agent_is("1001", AgentState.UNREACHABLE)
    failed = next(fact for fact in await line.facts(call) if fact.kind == "offer_failed")
    assert failed.attributes["outcome"] == "UNREGISTERED"


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [
        ("BUSY", 17, "busy"),
        ("NOANSWER", 0, "no_answer"),
        ("CHANUNAVAIL", 20, "unreachable"),
        ("CONGESTION", 34, "unreachable"),
    ],
)
async def test_a_citizen_who_is_not_reached_is_tried_again_later(
    line: CallLine, voice: VoiceProcess, status: str, cause: int, outcome: str
) -> None:
    callback = await promise(line, kind="queued")
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    await leg.citizen_fails(status, cause)
    await leg.is_hung_up()
    row = await callback_is(line, "open")
    # The agent is free at once and has no wrap-up for nothing.
    await line.agent_is("1001", AgentState.READY)
    assert (row.id, row.attempts, row.outcome, row.owner) == (callback, 1, outcome, None)
    assert timedelta(minutes=14) < row.next_at - line.clock.now() <= timedelta(minutes=15)
    ended = next(fact for fact in await line.facts(leg.call) if fact.kind == "ended")
    assert ended.attributes["outcome"] == outcome
    async with line.database.transaction() as session:
        (await session.merge(row)).at_once = True
        (await session.merge(row)).next_at = line.clock.now()
    again = await called(line)
    assert again.call == f"call-back-{callback}.2"


async def test_after_the_last_attempt_it_is_given_up(line: CallLine, voice: VoiceProcess) -> None:
    await promise(line, attempts=2)
    await line.agent("1001")
    leg = await called(line)
    assert leg.call.endswith(".3")
    await leg.answers()
    await leg.dials()
    await leg.citizen_fails("NOANSWER")
    row = await callback_is(line, "exhausted")
    assert (row.attempts, row.outcome) == (3, "no_answer")
    assert row.closed_at is not None


async def test_an_agent_who_leaves_while_the_citizens_phone_rings(line: CallLine, voice: VoiceProcess) -> None:
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    await leg.agent_hangs_up()
    row = await callback_is(line, "open")
    assert (row.attempts, row.outcome) == (1, "agent_left")


async def test_the_database_goes_away_just_before_the_citizen_is_dialled(line: CallLine, voice: VoiceProcess) -> None:
    callback = await promise(line)
    await line.agent("1001")
    leg = await called(line)
    there, voice.board.database = voice.board.database, Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    await leg.answers()
    await leg.is_hung_up()
    await line.agent_is("1001", AgentState.READY)
    assert not [command for command in leg.peer.commands if command[:2] == ["EXEC", "Dial"]]
    voice.board.database = there
    row = await callback_is(line, "open")
    assert (row.attempts, row.next_at > line.clock.now()) == (0, True)
    # Written, and the word that it was did not come through: the next attempt is another one.
    async with line.database.transaction() as session:
        again = await callback_store.found(session, callback)
        again.attempts, again.next_at, again.at_once = 1, line.clock.now(), True
        session.add(
            CallbackAttemptRow(
                callback_id=callback, number=1, call_id=leg.call, caller_index=again.caller, agent="1001",
                dialled_at=line.clock.now(),
            )
        )  # fmt: skip
    second = await called(line)
    assert second.call == f"call-back-{callback}.2"
    assert await attempts(line) == [(1, "lost")]
    assert (await line.facts(leg.call))[-1].attributes["outcome"] == "lost"


async def test_an_agent_who_leaves_before_the_citizen_is_dialled(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    await line.agent("1001", ready=False)
    call = (await accept(voice.board, voice.board.live[citizen.call])).call
    await line.acd.set_ready("1001")
    leg = await called(line)
    await leg.answers()
    await leg.peer.command("SET VARIABLE CALLERID(num)")
    # The citizen still hears goodbye; the agent has had enough.
    leg.peer.send(b"HANGUP\n")
    await leg.peer.close()
    await line.agent_is("1001", AgentState.UNREACHABLE)
    await line.call_is(call, CallState.WAITING)
    await callback_is(line, "waiting")
    assert await attempts(line) == []


async def test_a_citizen_who_is_calling_us_is_not_called(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    await line.facts(citizen.call)
    await promise(line, caller="+8613812345678")
    row = await callback_is(line, "waiting")
    await line.agent("1001")
    await citizen.dialled_out()
    await line.agent("1002")
    async with asyncio.timeout(20):
        while (row := (await callbacks(line))[0]).state != "open":
            await asyncio.sleep(0.01)
    assert row.attempts == 0
    assert row.next_at > line.clock.now()
    assert line.asterisk.called.empty()
    await line.agent_is("1002", AgentState.READY)


async def test_a_cancelled_promise_leaves_the_queue(line: CallLine, voice: VoiceProcess) -> None:
    callback = await promise(line)
    await callback_is(line, "waiting")
    async with line.database.transaction() as session:
        await callback_store.cancel(session, callback, by="9001", now=line.clock.now())
    await line.call_is(f"call-back-{callback}.1", CallState.ENDED)
    # The queue lets go of it first, the process a moment later.
    await until(lambda: voice.callbacks.held == 0)


async def test_a_promise_cancelled_while_the_agents_phone_rings_dials_nobody(
    line: CallLine, voice: VoiceProcess
) -> None:
    callback = await promise(line)
    await line.agent("1001")
    leg = await called(line)
    async with line.database.transaction() as session:
        await callback_store.cancel(session, callback, by="9001", now=line.clock.now())
    await leg.answers()
    await leg.is_hung_up()
    await line.agent_is("1001", AgentState.READY)
    assert not [command for command in leg.peer.commands if command[:2] == ["EXEC", "Dial"]]


async def test_a_leg_nobody_waits_for_is_hung_up(line: CallLine, voice: VoiceProcess) -> None:
    await promise(line)
    await line.agent("1001")
    leg = await called(line)
    await leg.answers()
    await leg.dials()
    second = AgentLeg(line, leg.called)
    await second.answers()
    await second.peer.command("HANGUP")
