"""Calls that Asterisk carries without us: their story is written from events, and closed once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ami.events import DialEnd
from calls.facts import Entry
from calls.hangups import Hangups
from calls.ingest import insert_entries
from calls.observed import Observed
from calls.voice import VoiceProcess
from hotline.clock import ManualClock
from tests.calls.asterisk import bridge_enter, channel_of, dial_begin
from tests.calls.line import CallLine

CALL = "ast1-1763761000.77"
ENTERED_MS = 1763761000123


def on_record(line: CallLine) -> None:
    channel = channel_of(CALL)
    line.asterisk.globals |= {
        ("HL_DID", channel): "120",
        ("HL_ENTERED", channel): str(ENTERED_MS),
        ("CALLERID(num)", channel): "13812345678",
    }


async def test_an_emergency_that_went_straight_out(line: CallLine) -> None:
    """Two voice processes hear the same events; the story is one."""
    first, second = await line.start("voice-1"), await line.start("voice-2")
    assert first is not second
    on_record(line)
    told = {"HL_CALL": CALL, "HL_PHASE": "routing"}
    await line.asterisk.say(dial_begin(CALL, "990120", told))
    await line.asterisk.say(DialEnd(channel_of(CALL), CALL, CALL, "PJSIP/e-1", f"{CALL}9", "BUSY", told, {}))
    await line.asterisk.say(dial_begin(CALL, "990120", told), bridge_enter(CALL, {**told, "HL_PHASE": "talked"}))
    await line.asterisk.caller_gone(CALL, "talked")
    kinds = await line.kinds(CALL)
    assert sorted(kinds) == ["answered", "ended", "entered", "route_failed", "routed"]
    row = await line.summary(CALL)
    assert (row.line, row.caller, row.dialled) == ("120", "+8613812345678", "120")


async def test_a_call_that_is_with_us_is_not_told_twice(line: CallLine, voice: VoiceProcess) -> None:
    told = {"HL_CALL": CALL, "HL_PHASE": "ringing", "HL_VOICE": "voice-1"}
    await line.asterisk.say(dial_begin(CALL, "8001", told), bridge_enter(CALL, told))
    assert await line.kinds(CALL) == []


async def test_an_agents_leg_is_nobodys_call(line: CallLine, voice: VoiceProcess) -> None:
    await line.asterisk.say(bridge_enter("ast1-1763761000.78", {"HL_CALL": CALL}))
    assert await line.kinds(CALL) == []


async def test_what_the_native_queue_served_is_on_record(line: CallLine, voice: VoiceProcess) -> None:
    told = {"HL_CALL": CALL, "HL_PHASE": "waiting", "HL_VOICE": ""}
    await line.asterisk.say(dial_begin(CALL, "8001", told), bridge_enter(CALL, {**told, "HL_PHASE": "talked"}))
    assert sorted(await line.kinds(CALL)) == ["answered", "ringing"]


@pytest.mark.parametrize(("phase", "kind"), [("talked", "ended"), ("waiting", "abandoned"), ("", "abandoned")])
async def test_a_call_that_ended_unseen_is_closed_once(line: CallLine, phase: str, kind: str) -> None:
    board = line.board()
    clock = board.clock = ManualClock(datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    hangups = Hangups(board)
    await line.asterisk.caller_gone(CALL, phase)
    await hangups.step()
    await board.journal.flush()
    assert await line.kinds(CALL) == [], "its own process has the first word"
    clock.advance(60)
    await hangups.step()
    await hangups.step()
    await board.journal.flush()
    assert await line.kinds(CALL) == [kind]


async def test_a_call_whose_end_was_told_is_left_alone(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.peer.command("SET MUSIC ON")
    await citizen.hangs_up()
    await line.fact(citizen.call, "abandoned")
    board = line.board("voice-9")
    clock = board.clock = ManualClock(datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    hangups = Hangups(board)
    await line.asterisk.caller_gone(citizen.call, "waiting")
    clock.advance(60)
    await hangups.step()
    assert board.journal.unconfirmed == 0
    assert (await line.kinds(citizen.call)).count("abandoned") == 1


async def test_a_citizen_who_was_promised_a_call_back_was_not_answered(line: CallLine) -> None:
    board = line.board()
    clock = board.clock = ManualClock(datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    hangups = Hangups(board)
    async with line.database.transaction() as session:
        told = Entry(CALL, 1, "callback_requested", "callback_requested", ENTERED_MS, "ast1/jobs")
        await insert_entries(session, [told])
    await line.asterisk.caller_gone(CALL, "done")
    clock.advance(60)
    await hangups.step()
    await board.journal.flush()
    assert (await line.facts(CALL))[-1].attributes["outcome"] == "callback_promised"


def test_observed_is_subscribed(line: CallLine) -> None:
    board = line.board()
    before = sum(map(len, line.asterisk._handlers.values()))
    Observed(board)
    assert sum(map(len, line.asterisk._handlers.values())) > before
