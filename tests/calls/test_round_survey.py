"""Automated calls of a round: what is heard, which keys count, how many at a time, and what becomes of the tickets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ami.events import DialEnd, Hangup
from calls import call_out_store as store
from calls import rounds
from calls.call_out_models import CallOutRow
from calls.round_models import VisitItemRow
from calls.round_states import ItemState, Mode, Result, RoundState
from calls.voice import VoiceProcess
from tests.calls.out_line import CitizensLeg, OutLine, called_phone, story_of
from tests.calls.test_rounds import MONDAY, items, made
from ticketing.models import TicketHistoryRow, TicketRow

_KEYS: dict[str, dict[str, Any]] = {"calls_out": {"opens": "00:00", "closes": "00:00"}, "survey": {"wait_seconds": 1.0}}


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[OutLine]:
    line = OutLine(redis_url, database_url, tmp_path, **_KEYS)
    line.clock.set(MONDAY + timedelta(hours=2))  # type: ignore[attr-defined]
    yield line
    await line.close()


@pytest.fixture
async def voice(line: OutLine) -> VoiceProcess:
    return await line.start()


async def rung(line: OutLine) -> CitizensLeg:
    return CitizensLeg(line, await called_phone(line))


async def item_is(line: OutLine, round_id: int, ticket: str, *states: ItemState) -> VisitItemRow:
    async with asyncio.timeout(10):
        while (found := (await items(line, round_id))[ticket]).state not in states:
            await asyncio.sleep(0.01)
    return found


async def call_of(line: OutLine, item: VisitItemRow) -> CallOutRow:
    async with line.database.transaction() as session:
        row = await session.scalar(select(CallOutRow).where(CallOutRow.item_id == item.id).order_by(CallOutRow.id))
        assert row is not None
        return row


@pytest.mark.parametrize(("key", "said"), list(zip("12345", list(Result)[:5], strict=True)))
async def test_a_key_is_the_answer(line: OutLine, voice: VoiceProcess, key: str, said: Result) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = await rung(line)
    assert (leg.called.phone, leg.leg) == ("PJSIP/13812345678@carrier", "ivr-visit-1.1")
    assert line.asterisk.done[-1][-1] == "12345"
    await leg.answers()
    await leg.peer.command("CONTROL STREAM FILE")
    await leg.presses(key)
    await leg.peer.command("HANGUP")
    found = await item_is(line, row.id, ticket, ItemState.DONE)
    assert (found.result, found.attempts, found.on_ticket) == (said, 1, True)
    call = await call_of(line, found)
    assert (call.outcome, call.agent, call.purpose) == ("answered", None, "survey")
    assert call.talk_ms is not None
    async with line.database.transaction() as session:
        history = await session.scalar(select(TicketHistoryRow))
        assert await session.scalar(select(TicketRow.state)) == "visited"
    assert history is not None
    assert (history.actor, history.details["satisfaction"]) == ("ivr", said.value)
    assert await line.kinds(story_of(call)) == ["call_out", "call_out_dialled", "answered", "ended"]


async def test_nothing_personal_is_said(line: OutLine, voice: VoiceProcess) -> None:
    await made(line, [await line.ticket(caller_name="王小明", title="家中漏水")], Mode.IVR)
    leg = await rung(line)
    await leg.answers()
    await leg.peer.command("CONTROL STREAM FILE")
    await leg.presses("1")
    await leg.peer.command("HANGUP")
    heard = [Path(command[3]).name for command in leg.peer.commands if command[:1] == ["CONTROL"]]
    assert set(heard) <= {"visit.ask", "visit.levels", "survey.thanks"}


async def test_who_wants_an_agent_becomes_a_call_like_every_other(line: OutLine, voice: VoiceProcess) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = await rung(line)
    await leg.answers()
    await leg.peer.command("CONTROL STREAM FILE")
    await leg.presses("0")
    goto = await leg.peer.command("EXEC Goto")
    assert goto[2] == "hl-entry,s,1"
    await leg.peer.ended.wait()
    commands = [" ".join(command) for command in leg.peer.commands]
    assert "SET VARIABLE HL_DID 12345" in commands
    assert "SET VARIABLE CALLERID(num) 13812345678" in commands
    assert "HANGUP" not in commands, "the dialplan has the channel now"
    found = await item_is(line, row.id, ticket, ItemState.DONE)
    assert found.result == Result.TO_AGENT


@pytest.mark.parametrize("keys", [(), ("9", "8")], ids=["nothing", "wrong"])
async def test_a_machine_gives_no_answer_and_that_was_an_attempt(
    line: OutLine, voice: VoiceProcess, keys: tuple[str, ...]
) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = await rung(line)
    await leg.answers()
    for key, prompt in zip(keys, ("visit.ask", "survey.wrong"), strict=False):
        while not (await leg.peer.command("CONTROL STREAM FILE"))[3].endswith(prompt):
            continue
        await leg.presses(key)
    await leg.peer.command("HANGUP")
    found = await item_is(line, row.id, ticket, ItemState.WAITING)
    assert (found.attempts, found.result, found.outcome) == (1, None, "answered")
    call = await call_of(line, found)
    assert call.dialled_at is not None
    assert found.next_at == call.dialled_at + timedelta(hours=2)


async def test_who_hangs_up_has_said_nothing(line: OutLine, voice: VoiceProcess) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = await rung(line)
    await leg.answers()
    await leg.peer.command("CONTROL STREAM FILE")
    leg.peer.send(b"HANGUP\n")
    await leg.peer.close()
    assert (await item_is(line, row.id, ticket, ItemState.WAITING)).attempts == 1


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [("BUSY", 17, "busy"), ("", 0, "no_answer"), ("CONGESTION", 21, "rejected"), ("CHANUNAVAIL", 1, "unallocated")],
)
async def test_a_phone_that_is_not_answered(
    line: OutLine, voice: VoiceProcess, status: str, cause: int, outcome: str
) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = (await rung(line)).leg
    if status:
        await line.asterisk.say(DialEnd("", "", leg, "PJSIP/carrier-7", leg, status, {}, {}))
    await line.asterisk.say(Hangup("PJSIP/carrier-7", leg, leg, cause, "", {}))
    empty = outcome == "unallocated"
    found = await item_is(line, row.id, ticket, ItemState.INVALID if empty else ItemState.WAITING)
    assert (found.attempts, found.outcome) == (1, outcome)


async def test_no_more_at_a_time_than_may_be(redis_url: str, database_url: str, tmp_path: Path) -> None:
    line = OutLine(redis_url, database_url, tmp_path, **_KEYS, rounds={"ivr_at_once": 2, "ivr_per_minute": 3})
    try:
        line.clock.set(MONDAY + timedelta(hours=2))  # type: ignore[attr-defined]
        tickets = [await line.ticket(f"+8613800000{n:03d}") for n in range(5)]
        row = await made(line, tickets, Mode.IVR)
        first = await line.start()
        second = await line.start("voice-2")
        legs = [await rung(line), await rung(line)]
        # Both processes look, and both find the limit reached.
        assert await first.calls_out.surveys.step() == 0
        assert await second.calls_out.surveys.step() == 0
        for leg in legs:
            await line.asterisk.say(Hangup("PJSIP/carrier-7", leg.leg, leg.leg, 0, "", {}))
        for ticket in tickets[:2]:
            await item_is(line, row.id, ticket, ItemState.WAITING)
        await rung(line)
        # The third of this minute was the last.
        assert await first.calls_out.surveys.step() == 0
        assert await second.calls_out.surveys.step() == 0
        states = sorted(item.state for item in (await items(line, row.id)).values())
        assert states == ["calling", "waiting", "waiting", "waiting", "waiting"]
    finally:
        await line.close()


async def test_a_paused_round_calls_nobody(line: OutLine, voice: VoiceProcess) -> None:
    row = await made(line, [await line.ticket()], Mode.IVR, running=False)
    assert await voice.calls_out.surveys.step() == 0
    async with line.database.transaction() as session:
        await rounds.turn(session, row.id, RoundState.RUNNING, line.clock.now())
    await rung(line)


async def test_a_lease_that_ran_out_unseen_takes_nothing_from_who_holds_the_call(
    line: OutLine, voice: VoiceProcess
) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    leg = await rung(line)
    line.clock.set(line.clock.now() + store.LEASE * 2)  # type: ignore[attr-defined]
    await voice.calls_out.claim()
    assert (await items(line, row.id))[ticket].state == ItemState.CALLING
    await leg.answers()
    await leg.peer.command("CONTROL STREAM FILE")
    await leg.presses("1")
    assert (await item_is(line, row.id, ticket, ItemState.DONE)).result == Result.VERY_SATISFIED


async def test_a_process_that_dies_in_a_survey_has_made_an_attempt(line: OutLine, voice: VoiceProcess) -> None:
    ticket = await line.ticket()
    row = await made(line, [ticket], Mode.IVR)
    await rung(line)
    await line.kill(voice)
    await line.start("voice-2")
    line.clock.set(line.clock.now() + store.LEASE * 2)  # type: ignore[attr-defined]
    found = await item_is(line, row.id, ticket, ItemState.WAITING)
    assert (found.attempts, found.outcome) == (1, "lost")
    assert line.asterisk.called.empty(), "called again at once"
