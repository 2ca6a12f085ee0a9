"""An offer from reservation to its end: what Asterisk says of a Dial, and what others ask meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from acd.model import Offer
from acd.service import Acd
from acd.states import AgentState, CallState, Outcome
from ami.events import DeviceState
from calls.outcomes import offer_outcome
from calls.queueing import request
from calls.voice import VoiceProcess
from hotline.clock import ManualClock
from hotline.errors import PartUnavailable
from hotline.feed import inbox_key
from server.runtime.parts import acd_policy
from tests.calls.line import SITE, CallLine, Citizen, until

TABLE = [
    ("NOANSWER", 0, Outcome.NO_ANSWER),
    ("NOANSWER", 19, Outcome.NO_ANSWER),
    ("BUSY", 17, Outcome.BUSY),
    ("BUSY", 21, Outcome.REJECTED),
    ("CONGESTION", 21, Outcome.REJECTED),
    ("CHANUNAVAIL", 0, Outcome.UNREGISTERED),
    ("CHANUNAVAIL", 3, Outcome.UNREGISTERED),
    ("CHANUNAVAIL", 20, Outcome.UNREGISTERED),
    ("CHANUNAVAIL", 18, Outcome.NO_ANSWER),
    ("CHANUNAVAIL", 19, Outcome.NO_ANSWER),
    ("CHANUNAVAIL", 17, Outcome.BUSY),
    ("CONGESTION", 17, Outcome.BUSY),
    ("CONGESTION", 18, Outcome.NO_ANSWER),
    ("CHANUNAVAIL", 34, Outcome.FAILED),
    ("CONGESTION", 0, Outcome.FAILED),
    ("CONGESTION", 38, Outcome.FAILED),
    ("CANCEL", 0, Outcome.CALLER_GONE),
    ("ANSWER", 16, Outcome.FAILED),
    ("INVALIDARGS", 0, Outcome.FAILED),
    ("", 0, Outcome.FAILED),
]


@pytest.mark.parametrize(("status", "cause", "outcome"), TABLE)
def test_each_end_of_a_dial_has_its_meaning(status: str, cause: int, outcome: Outcome) -> None:
    assert offer_outcome(status, cause) is outcome


async def ringing(line: CallLine, voice: VoiceProcess) -> tuple[Citizen, str]:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    return citizen, seat


@pytest.mark.parametrize(
    ("status", "cause", "state"),
    [
        ("BUSY", 17, AgentState.UNREACHABLE),
        ("BUSY", 21, AgentState.NOT_READY),
        ("NOANSWER", 0, AgentState.NOT_READY),
        ("CHANUNAVAIL", 20, AgentState.UNREACHABLE),
        ("CONGESTION", 34, AgentState.UNREACHABLE),
    ],
)
async def test_a_failed_offer_moves_the_agent_and_returns_the_caller(
    line: CallLine, voice: VoiceProcess, status: str, cause: int, state: AgentState
) -> None:
    citizen, seat = await ringing(line, voice)
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.fails(citizen.call, seat, status, cause)
    citizen.dial_ends(status, cause)
    await line.agent_is("1001", state)
    await line.call_is(citizen.call, CallState.WAITING)
    failed = (await line.facts(citizen.call))[-1]
    assert (failed.kind, failed.attributes["dial_status"], failed.attributes["cause"]) == (
        "offer_failed",
        status,
        cause,
    )
    await until(lambda: line.shown("1001") == ["pop", "pop_withdrawn"])


async def test_an_agent_who_answers_and_drops_has_served_nobody(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await ringing(line, voice)
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.fails(citizen.call, seat, "ANSWER", 16)
    citizen.dial_ends("ANSWER", 16)
    await line.call_is(citizen.call, CallState.WAITING)
    assert "answered" not in await line.kinds(citizen.call)


@pytest.mark.parametrize(("lasted_ms", "state"), [(40, CallState.WAITING), (900, CallState.ENDED)])
async def test_a_talk_lasts_as_long_as_asterisk_says_however_late_we_hear(
    line: CallLine, voice: VoiceProcess, lasted_ms: int, state: CallState
) -> None:
    citizen, seat = await ringing(line, voice)
    began_ms = line.clock.now_ms()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call, at_ms=began_ms)
    await line.asterisk.parts(citizen.call, at_ms=began_ms + lasted_ms)
    citizen.dial_ends("ANSWER", 16)
    await line.call_is(citizen.call, state)
    assert ("answered" in await line.kinds(citizen.call)) == (state is CallState.ENDED)


async def test_a_talk_that_no_event_told_of_is_not_queued_again(line: CallLine, voice: VoiceProcess) -> None:
    """AMI was away in between and is back: nobody saw the bridge, but DIALSTATUS says ANSWER."""
    citizen, seat = await ringing(line, voice)
    await line.asterisk.rings(citizen.call, seat)
    citizen.dial_ends("ANSWER", 16)
    await citizen.peer.command("HANGUP")
    assert citizen.heard[-1] == "hotline/bye.thanks"
    await line.agent_is("1001", AgentState.WRAP_UP)
    assert (await line.summary(citizen.call)).outcome == "answered"


async def test_a_phone_that_goes_away_while_it_rings_is_taken_back_and_the_next_agent_rings(
    line: CallLine, voice: VoiceProcess
) -> None:
    """The reason is recorded before the hang-up: at that moment the citizen's next offer is already under way."""
    citizen, seat = await ringing(line, voice)
    await line.agent("1002")
    reasons: list[Outcome | None] = []

    async def hung_up(channel: str) -> None:
        reasons.append(voice.board.live[citizen.call].withdrawn_for)
        await line.asterisk.fails(citizen.call, seat, "NOANSWER", 0)
        citizen.dial_ends("CHANUNAVAIL", 0)

    line.asterisk.on_hangup = hung_up
    await line.asterisk.rings(citizen.call, seat)
    await line.phone(seat, DeviceState.UNAVAILABLE)
    assert (await citizen.dialled_out())[0] == "PJSIP/8002"
    assert reasons == [Outcome.AGENT_WITHDRAWN]
    failed = next(row for row in await line.facts(citizen.call) if row.kind == "offer_failed")
    assert failed.attributes["outcome"] == "AGENT_WITHDRAWN", "not unregistered, as Asterisk's words would read"
    assert await line.state("1001") is AgentState.UNREACHABLE
    await line.phone(seat, DeviceState.NOT_INUSE)
    await line.agent_is("1001", AgentState.READY)


async def test_an_offer_taken_back_before_asterisk_made_the_leg_is_hung_up_when_it_is_there(
    line: CallLine, voice: VoiceProcess
) -> None:
    citizen, seat = await ringing(line, voice)
    await line.phone(seat, DeviceState.UNAVAILABLE)
    await until(lambda: voice.board.live[citizen.call].withdrawn_for is Outcome.AGENT_WITHDRAWN)
    await line.asterisk.rings(citizen.call, seat)
    await until(lambda: ("hangup", f"PJSIP/{seat}-1") in line.asterisk.done)


async def test_an_offer_for_nobody_holds_no_agent(line: CallLine, voice: VoiceProcess) -> None:
    """The caller is with the native queue; our place in the ACD was left behind while Redis was away."""
    citizen = line.citizen()
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    left_behind = request(voice.board.live[citizen.call], voice.board.process)
    await citizen.hangs_up()
    await line.call_is(citizen.call, CallState.ENDED)
    await voice.board.acd.enqueue(left_behind)
    await line.agent("1001")
    await line.call_is(citizen.call, CallState.ENDED)
    await line.agent_is("1001", AgentState.READY)


async def test_an_answer_the_acd_did_not_hear_is_said_again(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis stumbles in the moment of the answer; otherwise the agent would be rung off as not answering."""
    citizen, seat = await ringing(line, voice)
    await line.asterisk.rings(citizen.call, seat)
    script = voice.board.acd.answered
    lost = asyncio.Event()

    async def unheard(offer: Offer) -> Offer:
        if not lost.is_set():
            lost.set()
            raise PartUnavailable("Redis: TimeoutError")
        return await script(offer)

    monkeypatch.setattr(voice.board.acd, "answered", unheard)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    assert lost.is_set()
    assert (await line.kinds(citizen.call)).count("answered") == 1


async def test_a_talk_the_acd_took_for_unanswered_is_put_right(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis hears nothing for longer than the phone may ring: the offer runs out, and the agent talks all the same."""
    citizen, seat = await ringing(line, voice)
    await line.asterisk.rings(citizen.call, seat)
    script, away = voice.board.acd.answered, asyncio.Event()

    async def unheard(offer: Offer) -> Offer:
        if not away.is_set():
            raise PartUnavailable("Redis: TimeoutError")
        return await script(offer)

    monkeypatch.setattr(voice.board.acd, "answered", unheard)
    await line.asterisk.bridges(citizen.call)
    await until(lambda: voice.board.live[citizen.call].answered)
    later = Acd(
        line.redis,
        site=SITE,
        process="ast1/other",
        clock=ManualClock(line.clock.now() + timedelta(seconds=40)),
        policy=acd_policy(line.settings()),
    )
    await later.load()
    await later.run_timers()
    # Whose phone let it ring, or whose host was not heard of for so long: in any case not in a talk.
    assert await line.state("1001") in (AgentState.NOT_READY, AgentState.UNREACHABLE)
    away.set()
    await line.agent_is("1001", AgentState.TALKING)
    await line.call_is(citizen.call, CallState.TALKING)
    await line.asterisk.parts(citizen.call)
    citizen.dial_ends("ANSWER", 16)
    await line.agent_is("1001", AgentState.WRAP_UP)


async def test_what_nobody_knows_in_the_inbox_harms_nothing(line: CallLine, voice: VoiceProcess) -> None:
    for text in ('{"type":"strange"}', '{"type":"journaled"}', "[]", "{not json", '{"type":"offer","call":"x"}'):
        await line.redis.lpush(inbox_key(SITE, "ast1/voice-1"), text)
    citizen, _ = await ringing(line, voice)
    assert citizen.call in voice.board.live
