"""What an agent asks for in a talk, with Asterisk played on both protocols: which steps are taken, in which order, and
what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from acd.states import AgentState, CallState
from ami.events import BridgeEnter, DialEnd, Hangup
from calls.talk.states import ALLOWED, HELD_CITIZEN, MOVES, OVER, SHOWN, TalkState
from calls.voice import VoiceProcess
from tests.calls.asterisk import channel_of
from tests.calls.line import CallLine, Citizen, until


class Talking:
    """A citizen and agent 1001 in a talk."""

    def __init__(self, line: CallLine, citizen: Citizen, seat: str) -> None:
        self.line, self.citizen, self.seat = line, citizen, seat
        self.channel, self.agent_leg = channel_of(citizen.call), f"PJSIP/{seat}-1"

    @property
    def done(self) -> list[tuple[str, ...]]:
        return self.line.asterisk.done

    async def ask(self, command: str, agent: str = "1001", **more: Any) -> None:
        await self.line.acd.say(self.citizen.call, agent, {"type": "talk", "command": command, **more})

    async def out_of_the_bridge(self) -> None:
        """As Asterisk with AGIEXITONHANGUP: the redirected channel's session is over."""
        await self.line.asterisk.parts(self.citizen.call)
        self.citizen.peer.reply("200 result=-1")
        self.citizen.peer.send(b"HANGUP\n")
        await self.citizen.peer.close()

    async def leg(self, uniqueid: str, event: str, cause: int = 16) -> None:
        """A third party's leg: in the room, refused, gone."""
        call, asterisk = self.citizen.call, self.line.asterisk
        match event:
            case "in":
                await asterisk.say(BridgeEnter("room", "base", 2, uniqueid, uniqueid, uniqueid, {}))
            case "gone":
                await asterisk.say(Hangup(uniqueid, uniqueid, call, cause, "", {}))
            case status:
                await asterisk.say(DialEnd("", "", uniqueid, uniqueid, uniqueid, status, {}, {}))

    def frames(self, kind: str = "talk") -> list[dict[str, Any]]:
        return [frame.body for frame in self.line.frames["1001"] if frame.kind == kind]

    async def shows(self, state: TalkState, why: str = "") -> None:
        await until(
            lambda: (
                bool(self.frames())
                and self.frames()[-1]["state"] == state
                and (not why or self.frames()[-1].get("why") == why)
            )
        )


@pytest.fixture
async def talk(line: CallLine, voice: VoiceProcess) -> Talking:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    return Talking(line, citizen, seat)


def test_every_state_has_its_moves_and_no_way_back_from_the_end() -> None:
    assert set(MOVES) == set(ALLOWED) == set(TalkState)
    assert all(not MOVES[state] for state in OVER)
    for state in set(TalkState) - OVER:
        assert TalkState.ENDED in MOVES[state], state
    assert set(SHOWN).isdisjoint({TalkState.BLIND_CALLING, TalkState.PASSED, *OVER}), "the agent has left"
    assert not HELD_CITIZEN & {TalkState.TALKING, TalkState.CONFERENCE, TalkState.PASSED}


async def test_hold_takes_both_out_of_their_bridge_at_once(talk: Talking) -> None:
    await talk.ask("hold")
    await talk.shows(TalkState.HELD)
    assert talk.done[-1] == ("redirect", talk.channel, "hl-held", "s", talk.agent_leg, "hl-talk", "agent")
    await talk.out_of_the_bridge()
    await talk.line.agent_is("1001", AgentState.HOLD)
    await talk.ask("retrieve")
    await talk.shows(TalkState.TALKING)
    assert talk.done[-1] == ("redirect", talk.channel, "hl-talk", "citizen")
    await talk.line.agent_is("1001", AgentState.TALKING)


async def test_what_does_not_go_with_the_state_is_refused_and_changes_nothing(talk: Talking) -> None:
    before = list(talk.done)
    await talk.ask("retrieve")
    await until(lambda: bool(talk.frames("talk_refused")))
    assert talk.frames("talk_refused")[-1]["code"] == "talk.not_now"
    await talk.ask("consult", target="line:99999")
    await until(lambda: len(talk.frames("talk_refused")) == 2)
    assert talk.frames("talk_refused")[-1]["code"] == "target.unknown"
    assert talk.done == before
    assert await talk.line.state("1001") is AgentState.TALKING


async def test_while_asterisk_refuses_the_two_talk_on(talk: Talking) -> None:
    talk.line.asterisk.refused.add("redirect")
    await talk.ask("hold")
    await until(lambda: bool(talk.frames("talk_refused")))
    talk.line.asterisk.refused.clear()
    await talk.line.asterisk.parts(talk.citizen.call)
    await talk.line.asterisk.fails(talk.citizen.call, talk.seat, "ANSWER", 16)
    talk.citizen.dial_ends("ANSWER", 16)
    await talk.line.agent_is("1001", AgentState.WRAP_UP)
    assert (await talk.line.fact(talk.citizen.call, "ended")).attributes["ended_by"] == "agent"


async def test_a_branch_that_is_busy_puts_the_two_together_again(talk: Talking) -> None:
    await talk.ask("consult", target="line:12366")
    called = await talk.line.asterisk.called.get()
    assert called.phone == "PJSIP/99012366@branch-12366"
    await talk.out_of_the_bridge()
    await talk.shows(TalkState.CONSULT_CALLING)
    await talk.leg(called.leg, "BUSY")
    await talk.leg(called.leg, "gone", 17)
    await talk.shows(TalkState.TALKING, "BUSY")
    assert talk.done[-1] == ("redirect", talk.channel, "hl-talk", "citizen")


async def test_who_hangs_up_in_a_conference_leaves_the_others_together(talk: Talking) -> None:
    await talk.ask("three_way", target="line:12366")
    called = await talk.line.asterisk.called.get()
    await talk.out_of_the_bridge()
    await talk.leg(called.leg, "in")
    await talk.shows(TalkState.CONFERENCE)
    await talk.line.asterisk.say(Hangup(talk.agent_leg, f"{talk.citizen.call}9", talk.citizen.call, 16, "", {}))
    await talk.line.agent_is("1001", AgentState.WRAP_UP)
    await talk.shows(TalkState.PASSED)
    assert "hl-resume" not in [step[2] for step in talk.done if step[0] == "redirect"]
    await talk.leg(called.leg, "gone")
    ended = await talk.line.fact(talk.citizen.call, "ended")
    assert ended.attributes["ended_by"] == "third"
    await until(lambda: talk.done[-1] == ("redirect", talk.channel, "hl-resume", "s"))


async def test_a_blind_transfer_tells_the_acd_and_the_channel_before_the_agent_goes(talk: Talking) -> None:
    await talk.ask("blind", target="line:12366")
    called = await talk.line.asterisk.called.get()
    assert called.variables["HL_CITIZEN"] == talk.channel, "the third party's dialplan brings the citizen along"
    await talk.shows(TalkState.BLIND_CALLING)
    assert talk.line.asterisk.globals["HL_PHASE", talk.channel] == "waiting"
    assert ("redirect", talk.channel, "hl-held", "blind") in talk.done
    await talk.line.call_is(talk.citizen.call, CallState.WAITING)
    await talk.line.agent_is("1001", AgentState.WRAP_UP)
    await talk.out_of_the_bridge()
    talk.line.asterisk.globals["CONTEXT", talk.channel] = "hl-talk"
    await talk.leg(called.leg, "in")
    await talk.shows(TalkState.PASSED)
    assert ("redirect", talk.channel, "hl-talk", "citizen") not in talk.done, "they have been brought along"
    await talk.line.call_is(talk.citizen.call, CallState.ENDED)


async def test_a_branch_that_answers_before_the_citizen_is_on_hold_is_not_left_alone(talk: Talking) -> None:
    await talk.ask("blind", target="line:12366")
    called = await talk.line.asterisk.called.get()
    await talk.shows(TalkState.BLIND_CALLING)
    await talk.out_of_the_bridge()
    # It brought them into the room before we put them on hold.
    assert talk.line.asterisk.globals["CONTEXT", talk.channel] == "hl-held"
    await talk.leg(called.leg, "in")
    await talk.shows(TalkState.PASSED)
    assert ("redirect", talk.channel, "hl-talk", "citizen") in talk.done


async def test_a_citizen_who_hangs_up_ends_all_legs(talk: Talking) -> None:
    await talk.ask("consult", target="line:12366")
    called = await talk.line.asterisk.called.get()
    await talk.out_of_the_bridge()
    await talk.leg(called.leg, "in")
    await talk.shows(TalkState.CONSULT)
    await talk.line.asterisk.caller_gone(talk.citizen.call, "talked")
    await talk.shows(TalkState.ENDED)
    legs = {f"{talk.citizen.call}9", called.leg}
    await until(lambda: {step[1] for step in talk.done if step[0] == "hangup"} == legs)
    assert (await talk.line.fact(talk.citizen.call, "ended")).attributes["ended_by"] == "caller"
    await talk.line.agent_is("1001", AgentState.WRAP_UP)
