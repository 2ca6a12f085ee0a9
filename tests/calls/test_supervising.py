"""Supervision by the voice process that has the call. Component tests: real Redis, PostgreSQL and FastAGI; scripted
Asterisk. Who hears whom is Asterisk's own: `tests/asterisk_config/test_real_supervision.py`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from acd.states import AgentState
from ami.events import BridgeEnter, DialBegin, DialEnd, Hangup
from calls.floor_board import FloorBoard, FloorRecord
from calls.supervising_states import SUPERVISION_MOVES, SupervisionCommand, SupervisionState
from calls.voice import VoiceProcess
from hotline.feed import inbox_key
from tests.calls.asterisk import Called, channel_of
from tests.calls.line import SITE, CallLine, Citizen, until

SUPERVISOR, PHONE = "3001", "8090"


@dataclass
class Floor:
    """A talk of agent 1001, and a supervisor with a phone."""

    line: CallLine
    voice: VoiceProcess
    citizen: Citizen
    seat: str
    leg: Called | None = None

    @property
    def channel(self) -> str:
        return f"PJSIP/{PHONE}-1"

    @property
    def agent_leg(self) -> str:
        return f"{self.citizen.call}9"

    async def ask(self, command: SupervisionCommand, *, late_ms: int = 0, **more: Any) -> None:
        """As the web process asks."""
        message = {
            "type": "supervise",
            "call": self.citizen.call,
            "agent": "1001",
            "supervisor": SUPERVISOR,
            "command": command.value,
            "extension": PHONE,
            "asked_ms": self.line.clock.now_ms() - late_ms,
            **more,
        }
        await self.line.redis.lpush(inbox_key(SITE, self.voice.board.process), orjson.dumps(message))

    async def rings(self) -> Called:
        """The supervisor's phone rings."""
        self.leg = await asyncio.wait_for(self.line.asterisk.called.get(), 20)
        leg = self.leg.leg
        await self.line.asterisk.say(DialBegin("", "", leg, self.channel, leg, PHONE, {}, {}))
        return self.leg

    async def phone(self, status: str) -> None:
        """The phone answers (ANSWER), or what else becomes of it."""
        assert self.leg is not None
        leg = self.leg.leg
        await self.line.asterisk.say(DialEnd("", "", leg, self.channel, leg, status, {}, {}))
        if status != "ANSWER":
            await self.line.asterisk.say(Hangup(self.channel, leg, leg, 17, "", {}))

    async def leg_gone(self) -> None:
        assert self.leg is not None
        await self.line.asterisk.say(Hangup(self.channel, self.leg.leg, self.leg.leg, 16, "", {}))

    async def agent_gone(self) -> None:
        self.line.asterisk.live.pop(self.agent_leg, None)
        await self.line.asterisk.say(Hangup(f"PJSIP/{self.seat}-1", self.agent_leg, self.citizen.call, 16, "", {}))

    async def come_together(self) -> None:
        """Citizen and supervisor are in one bridge, as they were asked into."""
        assert self.leg is not None
        call, leg = self.citizen.call, self.leg.leg
        # A process that took the supervision up knows the phone by what Asterisk shows.
        phone = self.line.asterisk.live[leg].channel if leg in self.line.asterisk.live else self.channel
        asked = ("bridge", phone, channel_of(call))
        await until(lambda: self.line.asterisk.done[-1] == asked)
        await self.line.asterisk.say(
            BridgeEnter("b-new", "basic", 1, self.channel, leg, leg, {}),
            BridgeEnter("b-new", "basic", 2, channel_of(call), call, call, {}),
        )

    async def record(self) -> FloorRecord | None:
        return (await FloorBoard(self.line.redis, SITE, self.line.clock).all()).get(SUPERVISOR)

    async def state_is(self, state: SupervisionState) -> FloorRecord:
        async with asyncio.timeout(20):
            while (found := await self.record()) is None or found.state is not state:
                await asyncio.sleep(0.005)
        return found

    async def listens(self) -> None:
        await self.ask(SupervisionCommand.LISTEN)
        await self.rings()
        await self.phone("ANSWER")
        await self.state_is(SupervisionState.LISTENING)

    async def told(self) -> list[tuple[str, str]]:
        """State and why of every step in the journal."""
        facts = await self.line.facts(self.citizen.call)
        return [(row.attributes["state"], row.attributes["why"]) for row in facts if row.kind == "supervision"]


@pytest.fixture
async def floor(line: CallLine, voice: VoiceProcess) -> Floor:
    """Agent 1001 talks with a citizen."""
    seat = await line.agent("1001")
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    await citizen.dialled_out()
    asterisk = line.asterisk
    await asterisk.rings(citizen.call, seat)
    await asterisk.bridges(citizen.call)
    asterisk.channel(citizen.call, "Dial", bridged=True)
    asterisk.channel(f"{citizen.call}9", "AppDial", bridged=True)
    await line.agent_is("1001", AgentState.TALKING)
    return Floor(line, voice, citizen, seat)


async def test_a_supervisor_listens_whispers_barges_in_and_stops_in_one_call(floor: Floor) -> None:
    await floor.ask(SupervisionCommand.LISTEN)
    called = await floor.rings()
    assert (called.phone, called.exten, called.variables["HL_SPIED"]) == (f"PJSIP/{PHONE}", "listen", floor.agent_leg)
    assert (await floor.state_is(SupervisionState.CALLING)).extension == PHONE
    await floor.phone("ANSWER")
    await floor.state_is(SupervisionState.LISTENING)
    for command, state, extension in (
        (SupervisionCommand.WHISPER, SupervisionState.WHISPERING, "whisper"),
        (SupervisionCommand.BARGE, SupervisionState.BARGED, "barge"),
        (SupervisionCommand.LISTEN, SupervisionState.LISTENING, "listen"),
    ):
        await floor.ask(command)
        await floor.state_is(state)
        assert floor.line.asterisk.done[-1] == ("redirect", floor.channel, "hl-supervision", extension)
    await floor.ask(SupervisionCommand.STOP)
    await until(lambda: ("hangup", called.leg) in floor.line.asterisk.done)
    await floor.leg_gone()
    assert (await floor.state_is(SupervisionState.ENDED)).why == "stopped"
    assert await floor.told() == [
        ("calling", ""), ("listening", ""), ("whispering", ""), ("barged", ""), ("listening", ""), ("ended", "stopped"),
    ]  # fmt: skip
    assert await floor.line.state("1001") is AgentState.TALKING


async def test_the_agent_is_shown_what_policy_says(floor: Floor) -> None:
    await floor.listens()
    await floor.ask(SupervisionCommand.WHISPER)
    await floor.state_is(SupervisionState.WHISPERING)
    await floor.ask(SupervisionCommand.LISTEN)
    await floor.state_is(SupervisionState.LISTENING)
    await until(lambda: len([kind for kind in floor.line.shown("1001") if kind == "supervised"]) == 2)
    shown = [frame.body["state"] for frame in floor.line.frames["1001"] if frame.kind == "supervised"]
    assert shown == ["whispering", "listening"], "that somebody listens is not shown, that the whisper is over is"


@pytest.mark.parametrize(
    ("status", "why"), [("BUSY", "busy"), ("NOANSWER", "no_answer"), ("CHANUNAVAIL", "unreachable")]
)
async def test_a_supervisor_whose_phone_is_not_answered(floor: Floor, status: str, why: str) -> None:
    await floor.ask(SupervisionCommand.BARGE)
    await floor.rings()
    await floor.phone(status)
    assert (await floor.state_is(SupervisionState.ENDED)).why == why
    assert await floor.line.state("1001") is AgentState.TALKING


async def test_a_phone_that_cannot_be_called(floor: Floor) -> None:
    floor.line.asterisk.unregistered.add(f"PJSIP/{PHONE}")
    await floor.ask(SupervisionCommand.LISTEN)
    assert (await floor.state_is(SupervisionState.ENDED)).why == "unreachable"


async def test_the_supervisor_hangs_up_in_the_middle(floor: Floor) -> None:
    await floor.listens()
    await floor.leg_gone()
    assert (await floor.state_is(SupervisionState.ENDED)).why == "supervisor_left"
    await floor.ask(SupervisionCommand.LISTEN)
    assert (await floor.rings()).exten == "listen", "and may come again"


async def test_the_agents_leg_ends_while_supervised(floor: Floor) -> None:
    """The citizen hung up, or the call was passed on: the supervision is over, whichever it was."""
    await floor.listens()
    await floor.agent_gone()
    assert floor.leg is not None
    leg = floor.leg.leg
    await until(lambda: ("hangup", leg) in floor.line.asterisk.done)
    await floor.leg_gone()
    assert (await floor.state_is(SupervisionState.ENDED)).why == "call_over"


async def test_the_agents_leg_ends_while_the_supervisors_phone_rings(floor: Floor) -> None:
    await floor.ask(SupervisionCommand.LISTEN)
    called = await floor.rings()
    await floor.agent_gone()
    await until(lambda: ("hangup", called.leg) in floor.line.asterisk.done)
    await floor.phone("CANCEL")
    assert (await floor.state_is(SupervisionState.ENDED)).why == "call_over"


async def test_a_talk_that_is_over_cannot_be_supervised(floor: Floor) -> None:
    floor.line.asterisk.live.clear()
    await floor.ask(SupervisionCommand.LISTEN)
    assert (await floor.state_is(SupervisionState.ENDED)).why == "no_talk"
    assert floor.line.asterisk.called.empty()


async def test_what_lay_in_the_inbox_for_long_is_not_done(floor: Floor) -> None:
    await floor.ask(SupervisionCommand.LISTEN, late_ms=60_000)
    await floor.ask(SupervisionCommand.WHISPER)
    assert (await floor.rings()).exten == "whisper"


async def test_taking_over_puts_the_agent_into_wrap_up_and_the_story_goes_on(floor: Floor) -> None:
    await floor.listens()
    await floor.ask(SupervisionCommand.TAKE_OVER)
    await floor.state_is(SupervisionState.TAKING_OVER)
    await until(lambda: floor.line.asterisk.done[-1] == ("bridge", floor.channel, channel_of(floor.citizen.call)))
    assert await floor.line.state("1001") is AgentState.TALKING, "not before the two are together"
    await floor.come_together()
    await floor.agent_gone()
    await floor.state_is(SupervisionState.TALKING)
    await floor.line.agent_is("1001", AgentState.WRAP_UP)
    # The citizen hangs up: the Dial that carried both talks is over.
    await floor.leg_gone()
    await floor.citizen.hangs_up(in_dial=True)
    await floor.state_is(SupervisionState.ENDED)
    await until(lambda: not floor.voice.board.live)
    facts = await floor.line.facts(floor.citizen.call)
    talks = [(row.kind, row.agent) for row in facts if row.kind in ("answered", "wrap_up", "ended")]
    assert talks == [("answered", "1001"), ("answered", SUPERVISOR), ("wrap_up", "1001"), ("ended", SUPERVISOR)]
    assert (await floor.line.summary(floor.citizen.call)).agent == "1001"
    assert await floor.line.state("1001") is AgentState.WRAP_UP


async def test_a_supervisor_who_takes_over_at_once_hears_the_talk_first(floor: Floor) -> None:
    await floor.ask(SupervisionCommand.TAKE_OVER)
    assert (await floor.rings()).exten == "listen"
    await floor.phone("ANSWER")
    await floor.state_is(SupervisionState.TAKING_OVER)
    await floor.come_together()
    await floor.state_is(SupervisionState.TALKING)


async def test_when_taking_over_fails_all_is_as_it_was(floor: Floor) -> None:
    await floor.listens()
    floor.line.asterisk.refused.add("bridge")
    await floor.ask(SupervisionCommand.TAKE_OVER)
    async with asyncio.timeout(20):
        while (record := await floor.record()) is None or record.why != "not_done":
            await asyncio.sleep(0.005)
    assert record.state is SupervisionState.LISTENING
    assert await floor.line.state("1001") is AgentState.TALKING
    assert await floor.line.acd.call(floor.citizen.call) is not None


async def test_hanging_up_ends_the_agents_leg_and_says_who_did_it(floor: Floor) -> None:
    await floor.ask(SupervisionCommand.HANG_UP, reason="辱骂市民")
    await until(lambda: ("hangup", channel_of(floor.agent_leg)) in floor.line.asterisk.done)
    fact = await floor.line.fact(floor.citizen.call, "supervision")
    assert (fact.agent, fact.attributes["supervisor"], fact.attributes["state"]) == ("1001", SUPERVISOR, "hung_up")
    assert fact.attributes["why"] == "辱骂市民"


@pytest.mark.parametrize("looked", [True, False], ids=["by itself", "when it is asked for something"])
async def test_a_supervision_of_a_process_that_died_is_taken_up(floor: Floor, looked: bool) -> None:
    await floor.listens()
    record = await floor.record()
    assert record is not None
    assert floor.leg is not None
    # Nobody renews it, and its leg is in the call still.
    other = await floor.line.start("voice-2")
    await floor.line.kill(floor.voice)
    await floor.line.fact(floor.citizen.call, "adopted")
    board = FloorBoard(floor.line.redis, SITE, floor.line.clock)
    await board.put(FloorRecord(**{**_fields(record), "until_ms": 0}))
    floor.line.asterisk.channel(floor.leg.leg, "ChanSpy")
    if looked:
        await other.supervising.step()
    floor.voice = other
    await floor.ask(SupervisionCommand.WHISPER)
    taken = await floor.state_is(SupervisionState.WHISPERING)
    assert taken.process == other.board.process
    # And goes on to the end: the agent's part ends with taking over, the story with the supervisor's.
    await floor.ask(SupervisionCommand.TAKE_OVER)
    await floor.come_together()
    await floor.state_is(SupervisionState.TALKING)
    await floor.line.agent_is("1001", AgentState.WRAP_UP)
    await floor.leg_gone()
    assert (await floor.state_is(SupervisionState.ENDED)).why == "supervisor_left"
    ended = await floor.line.fact(floor.citizen.call, "ended")
    assert (ended.agent, ended.attributes["ended_by"]) == (SUPERVISOR, "agent")


def _fields(record: FloorRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def test_every_state_ends_and_nothing_follows_the_end() -> None:
    assert SUPERVISION_MOVES.keys() == set(SupervisionState)
    assert not SUPERVISION_MOVES[SupervisionState.ENDED]
    assert all(
        SupervisionState.ENDED in moves
        for state, moves in SUPERVISION_MOVES.items()
        if state is not SupervisionState.ENDED
    )


async def test_in_a_conference_the_supervisor_comes_in_and_the_talk_sends_the_agent_away(floor: Floor) -> None:
    """拦截 once the legs are in a room: no agent leaves before the supervisor is in it."""
    await _into_a_room(floor)
    await floor.listens()
    await floor.ask(SupervisionCommand.BARGE)
    await floor.state_is(SupervisionState.BARGED)
    assert floor.line.asterisk.done[-1] == ("redirect", floor.channel, "hl-supervision", "join")
    await _enters(floor)
    await floor.ask(SupervisionCommand.TAKE_OVER)
    await until(lambda: floor.line.asterisk.done[-1] == ("redirect", floor.channel, "hl-talk", "third"))
    # It was in the room before, to barge in, and is not again yet.
    with pytest.raises(TimeoutError):
        await until(lambda: ("hangup", floor.agent_leg) in floor.line.asterisk.done, deadline=0.3)
    await _enters(floor)
    await until(lambda: ("hangup", floor.agent_leg) in floor.line.asterisk.done)
    await floor.agent_gone()
    await floor.state_is(SupervisionState.TALKING)
    await floor.line.agent_is("1001", AgentState.WRAP_UP)
    await floor.leg_gone()
    assert (await floor.state_is(SupervisionState.ENDED)).why == "supervisor_left"
    ended = await floor.line.fact(floor.citizen.call, "ended")
    assert ended.agent == SUPERVISOR
    assert ("redirect", channel_of(floor.citizen.call), "hl-resume", "s") in floor.line.asterisk.done


async def test_a_citizen_on_hold_is_brought_to_the_supervisor_before_the_agent_leaves(floor: Floor) -> None:
    await _into_a_room(floor, held=True)
    await floor.ask(SupervisionCommand.TAKE_OVER)
    await floor.rings()
    await floor.phone("ANSWER")
    await until(lambda: floor.line.asterisk.done[-1] == ("redirect", floor.channel, "hl-talk", "third"))
    await _enters(floor)
    done = floor.line.asterisk.done
    await until(lambda: ("hangup", floor.agent_leg) in done)
    assert done[-2:] == [
        ("redirect", channel_of(floor.citizen.call), "hl-talk", "citizen"),
        ("hangup", floor.agent_leg),
    ]
    await floor.agent_gone()
    await floor.state_is(SupervisionState.TALKING)


async def test_while_a_third_party_is_in_it_nobody_takes_over(floor: Floor) -> None:
    await _into_a_room(floor)
    await floor.listens()
    _in_room(floor, f"{floor.citizen.call}8", "third")
    await floor.ask(SupervisionCommand.TAKE_OVER)
    async with asyncio.timeout(20):
        while (record := await floor.record()) is None or record.why != "not_done":
            await asyncio.sleep(0.005)
    assert record.state is SupervisionState.LISTENING
    assert ("hangup", floor.agent_leg) not in floor.line.asterisk.done


async def _into_a_room(floor: Floor, *, held: bool = False) -> None:
    """As a hold does, and its end unless the citizen stays `held`."""
    line, call = floor.line, floor.citizen.call
    for command in ("hold",) if held else ("hold", "retrieve"):
        await line.acd.say(call, "1001", {"type": "talk", "command": command})
        wanted = {"hold": AgentState.HOLD, "retrieve": AgentState.TALKING}[command]
        await line.agent_is("1001", wanted)
    floor.citizen.peer.reply("200 result=0")
    floor.citizen.peer.send(b"HANGUP\n")
    await floor.citizen.peer.close()
    _in_room(floor, call, "citizen")
    _in_room(floor, floor.agent_leg, "agent")
    if held:
        citizen = line.asterisk.live[call]
        line.asterisk.live[call] = replace(citizen, context="hl-held", application="MusicOnHold", bridge_id="")


def _in_room(floor: Floor, leg: str, role: str) -> None:
    asterisk = floor.line.asterisk
    asterisk.channel(leg, "ConfBridge", bridged=True)
    told = {"HL_CALL": floor.citizen.call, "HL_ROLE": role}
    asterisk.live[leg] = replace(asterisk.live[leg], context="hl-talk", bridge_id="b-room", variables=told)


async def _enters(floor: Floor) -> None:
    assert floor.leg is not None
    leg = floor.leg.leg
    await floor.line.asterisk.say(BridgeEnter("b-room", "base", 3, floor.channel, leg, leg, {}))
