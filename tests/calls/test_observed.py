"""Calls that Asterisk carries without us: every voice process hears them, and one story is kept."""

from __future__ import annotations

import pytest

from ami.events import AgentConnect
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


def marked(line: CallLine, dialled: str = "12333", **more: str) -> Citizen:
    """A citizen whose channel the dialplan has marked, and whom it can ask nobody of ours about."""
    citizen = line.citizen(dialled)
    told = {"HL_DID": dialled, "HL_ENTERED": str(citizen.entered_ms), "CALLERID(num)": citizen.number, **more}
    for name, value in told.items():
        line.asterisk.globals[name, channel_of(citizen.call)] = value
    return citizen


def connects(citizen: Citizen, member: str) -> AgentConnect:
    return AgentConnect(
        "hl-native", "PJSIP/8001", member, channel_of(citizen.call), citizen.call, citizen.call, "PJSIP/8001-1",
        f"{citizen.call}9", 5, 0, told(citizen, **TALKING),
    )  # fmt: skip


@pytest.mark.parametrize(("member", "agent"), [("1001", "1001"), ("PJSIP/8001", None)], ids=["ours", "none of ours"])
async def test_a_talk_of_the_native_queue_has_its_entry_and_its_agent(
    line: CallLine, member: str, agent: str | None
) -> None:
    await both(line)
    citizen = marked(line)
    waiting = told(citizen, HL_PHASE="waiting", HL_VOICE="")
    await line.asterisk.say(dial_begin(citizen.call, "8001", waiting), connects(citizen, member))
    await line.asterisk.bridges(citizen.call, **told(citizen, **TALKING))
    assert await line.kinds(citizen.call) == ["entered", "ringing", "answered"]
    summary = await line.summary(citizen.call)
    assert (summary.caller, summary.line, summary.agent) == ("+8613812345678", "12333", agent)
    assert summary.entered_at == from_ms(citizen.entered_ms)


async def test_a_forwarded_call_in_the_native_queue_is_known_by_its_header(line: CallLine, voice: VoiceProcess) -> None:
    header = {"PJSIP_HEADER(read,Diversion)": "<sip:12300@carrier>;reason=unconditional"}
    citizen = marked(line, "12345", **header)
    await line.asterisk.say(dial_begin(citizen.call, "8001", told(citizen, HL_PHASE="waiting", HL_VOICE="")))
    summary = await line.summary(citizen.call)
    assert (summary.dialled, summary.line) == ("12345", "12300")


async def test_a_talk_that_spans_our_return_has_its_entry(line: CallLine) -> None:
    citizen, waiting, ours = marked(line), marked(line), marked(line)
    line.asterisk.channel(citizen.call, "Queue", bridged=True)
    line.asterisk.channel(waiting.call, "MusicOnHold")
    line.asterisk.channel(ours.call, "Dial", bridged=True)
    line.asterisk.live[ours.call].variables["HL_VOICE"] = "voice-1"  # type: ignore[index]
    await both(line)
    assert await line.kinds(citizen.call) == ["entered"]
    assert (await line.summary(citizen.call)).caller == "+8613812345678"
    assert await line.kinds(waiting.call) == [], "comes to us by itself"
    assert await line.kinds(ours.call) == [], "was told by whoever held it"


async def test_an_orphan_given_up_is_not_called_abandoned(line: CallLine, voice: VoiceProcess) -> None:
    """The native queue may have served it: its end is read back."""
    await voice._deliver({"type": "orphan_ended", "call": "ast1-1763761000.77"})
    assert await line.kinds("ast1-1763761000.77") == []
