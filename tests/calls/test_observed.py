"""Calls that Asterisk carries without us: every voice process hears them, and one story is kept."""

from __future__ import annotations

import pytest

from calls import observed
from calls.live import Scribe
from calls.voice import VoiceProcess
from hotline.clock import ManualClock, from_ms
from tests.calls.asterisk import channel_of, dial_begin
from tests.calls.line import CallLine, Citizen

DIRECTLY = {"HL_PHASE": "routing", "HL_VOICE": ""}
TALKING = {"HL_PHASE": "talked", "HL_VOICE": ""}


def told(citizen: Citizen, **variables: str) -> dict[str, str]:
    return {"HL_CALL": citizen.call, **variables}


async def both(line: CallLine) -> tuple[VoiceProcess, VoiceProcess]:
    return await line.start("voice-1"), await line.start("voice-2")


def emergency(line: CallLine) -> Citizen:
    """110's like: the dialplan has marked the channel, and asks nobody."""
    citizen = line.citizen("120")
    channel = channel_of(citizen.call)
    for name, value in (("HL_DID", "120"), ("HL_ENTERED", str(citizen.entered_ms)), ("CALLERID(num)", citizen.number)):
        line.asterisk.globals[name, channel] = value
    return citizen


async def rings(line: CallLine, citizen: Citizen) -> None:
    await line.asterisk.say(dial_begin(citizen.call, "emergency-120", told(citizen, **DIRECTLY)))


@pytest.fixture
def one_moment(line: CallLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything happens within one millisecond."""
    line.clock = ManualClock(from_ms(line.clock.now_ms()))  # type: ignore[assignment]


async def test_an_emergency_that_is_answered_is_one_story(line: CallLine) -> None:
    await both(line)
    citizen = emergency(line)
    await rings(line, citizen)
    await line.asterisk.bridges(citizen.call, **told(citizen, **TALKING))
    await line.asterisk.caller_gone(citizen.call, **{"phase": "talked", "HL_VOICE": ""})
    assert await line.kinds(citizen.call) == ["entered", "routed", "answered", "ended"]
    summary = await line.summary(citizen.call)
    assert (summary.caller, summary.line, summary.outcome) == ("+8613812345678", "120", "routed")


@pytest.mark.usefixtures("one_moment")
async def test_facts_of_one_millisecond_are_all_kept(line: CallLine) -> None:
    boards = [line.board(name) for name in ("voice-1", "voice-2")]
    for board in boards:
        observed.Observed(board)
    citizen = emergency(line)
    await rings(line, citizen)
    await line.asterisk.bridges(citizen.call, **told(citizen, **TALKING))
    for board in boards:
        await board.journal.flush()
    kinds = [row.kind for row in await line.facts(citizen.call)]
    assert kinds == ["entered", "routed", "answered"]


@pytest.mark.usefixtures("one_moment")
async def test_mutant_with_a_pen_for_each_fact_one_is_lost(line: CallLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh(self: observed.Observed, call: str) -> Scribe:
        board = self._board
        return Scribe(board.journal, board.clock, call=call, process=board.process)

    monkeypatch.setattr(observed.Observed, "_scribe", fresh)
    board = line.board("voice-1")
    observed.Observed(board)
    citizen = emergency(line)
    await rings(line, citizen)
    await board.journal.flush()
    assert len(await line.facts(citizen.call)) == 1


async def test_an_emergency_given_up_while_it_rings_is_abandoned_at_once(line: CallLine) -> None:
    await both(line)
    citizen = emergency(line)
    await rings(line, citizen)
    await line.asterisk.caller_gone(citizen.call, **{"phase": "routing", "HL_VOICE": ""})
    assert await line.kinds(citizen.call) == ["entered", "routed", "abandoned"]


async def test_an_emergency_that_came_to_us_is_not_ended_by_an_onlooker(line: CallLine) -> None:
    await both(line)
    citizen = emergency(line)
    await rings(line, citizen)
    await line.asterisk.say(
        dial_begin(citizen.call, "8001", told(citizen, HL_PHASE="ringing", HL_VOICE="voice-1")),
    )
    await line.asterisk.caller_gone(citizen.call, **{"phase": "talked", "HL_VOICE": ""})
    assert "ended" not in await line.kinds(citizen.call)


async def test_what_the_native_queue_serves_is_told_too(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    waiting = {"HL_PHASE": "waiting", "HL_VOICE": ""}
    await line.asterisk.say(dial_begin(citizen.call, "8001", told(citizen, **waiting)))
    await line.asterisk.bridges(citizen.call, **told(citizen, **TALKING))
    assert await line.kinds(citizen.call) == ["ringing", "answered"]
