"""After a talk: who is asked how it was, what the keys do, and what is kept whatever dies or hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from acd.states import AgentState
from agi.variables import Phase
from ami.events import BridgeEnter, ContactStatus, Hangup
from calls.hangups import Hangups
from calls.parting import CAUSES, Ending, Intent, Next, TalkEnd, after_talk, rings_again, surveyed
from calls.survey_states import CLOSED, SURVEY_MOVES, SurveyEvent, SurveyMoved, SurveyState, after
from calls.survey_tables import SurveyRow
from calls.voice import VoiceProcess
from hotline.feed import inbox_key
from tests.agi.peer import until
from tests.calls.line import SITE, CallLine, Citizen

ASK = "hotline/survey.levels"


@pytest.fixture(autouse=True)
def asked(line: CallLine) -> None:
    """Citizens are asked on this line, and have a second to press a key."""
    line.survey = {"enabled": True, "wait_seconds": 1.0}


async def talking(line: CallLine, voice: VoiceProcess, dialled: str = "12300") -> tuple[Citizen, str]:
    """A citizen in a talk with agent 1001."""
    seat = await line.agent("1001")
    citizen = line.citizen(dialled)
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    return citizen, seat


async def leg_ends(line: CallLine, citizen: Citizen, seat: str, cause: int = 16) -> None:
    """The agent's leg is over, for this reason; the citizen is still there."""
    await line.asterisk.parts(citizen.call)
    await line.asterisk.say(Hangup(f"PJSIP/{seat}-1", f"{citizen.call}9", citizen.call, cause, "", {}))
    citizen.dial_ends("ANSWER", 0)


async def hears(citizen: Citizen, prompt: str, times: int = 1) -> None:
    await until(lambda: citizen.heard.count(f"hotline/{prompt}") >= times)


async def asked_after_talk(line: CallLine, voice: VoiceProcess) -> Citizen:
    citizen, seat = await talking(line, voice)
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.levels")
    return citizen


async def waits_again(citizen: Citizen) -> None:
    """For the agent whose phone was lost, or the next one."""
    await until(lambda: citizen.phases.count(Phase.WAITING) == 2)


async def over(citizen: Citizen) -> str:
    """The session ended by itself: what was said last."""
    await citizen.session_over()
    assert citizen.phases[-1] == Phase.DONE
    return citizen.heard[-1].removeprefix("hotline/")


async def row(line: CallLine, citizen: Citizen) -> SurveyRow | None:
    await line.facts(citizen.call)
    async with line.database.transaction() as session:
        found: SurveyRow | None = await session.scalar(select(SurveyRow).where(SurveyRow.call_id == citizen.call))
        return found


async def answer(line: CallLine, citizen: Citizen) -> tuple[str, int | None, str | None]:
    """Outcome, level and reason, as they are in the table."""
    found = await row(line, citizen)
    assert found is not None
    return found.outcome, found.level, found.reason


@pytest.mark.parametrize("level", [1, 2, 3])
async def test_a_satisfied_citizen_is_thanked(line: CallLine, voice: VoiceProcess, level: int) -> None:
    citizen = await asked_after_talk(line, voice)
    # The agent does not wait for any of this.
    await line.agent_is("1001", AgentState.WRAP_UP)
    await line.asterisk.presses(citizen.call, str(level))
    assert await over(citizen) == "survey.thanks"
    assert await answer(line, citizen) == ("rated", level, None)
    kept = await row(line, citizen)
    assert kept is not None
    assert (kept.agent, kept.queue, kept.line, kept.source) == ("1001", "general", "12300", "ivr")
    assert citizen.phases[-2:] == [Phase.SURVEY, Phase.DONE]


@pytest.mark.parametrize(("level", "key", "reason"), [(4, "1", "attitude"), (5, "4", "unsolved"), (5, "0", None)])
async def test_a_dissatisfied_citizen_is_asked_why(
    line: CallLine, voice: VoiceProcess, level: int, key: str, reason: str | None
) -> None:
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, str(level))
    await hears(citizen, "survey.skip")
    assert "hotline/survey.reason.attitude" in citizen.heard
    await line.asterisk.presses(citizen.call, key)
    assert await over(citizen) == "survey.thanks"
    assert await answer(line, citizen) == ("rated", level, reason)


async def test_a_reason_that_is_none_is_asked_for_once_more(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, "5")
    await hears(citizen, "survey.skip")
    await line.asterisk.presses(citizen.call, "9")
    await hears(citizen, "survey.skip", 2)
    await line.asterisk.presses(citizen.call, "8")
    assert await over(citizen) == "survey.thanks"
    assert await answer(line, citizen) == ("rated", 5, None)


async def test_reasons_that_cannot_be_said_are_not_asked_for(line: CallLine, voice: VoiceProcess) -> None:
    board = voice.board
    board.rendered = frozenset(key for key in board.rendered if not key.startswith("survey.reason."))
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, "5")
    assert await over(citizen) == "survey.thanks"
    assert "hotline/survey.why" not in citizen.heard


@pytest.mark.parametrize("wrong", ["6", "0", "#", "*"])
async def test_a_wrong_key_is_said_and_the_question_comes_once_more(
    line: CallLine, voice: VoiceProcess, wrong: str
) -> None:
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, wrong)
    await hears(citizen, "survey.levels", 2)
    assert citizen.heard[-2:] == ["hotline/survey.wrong", ASK]
    await line.asterisk.presses(citizen.call, "2")
    assert await over(citizen) == "survey.thanks"
    assert await answer(line, citizen) == ("rated", 2, None)


async def test_two_wrong_keys_are_no_answer(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, "7")
    await hears(citizen, "survey.levels", 2)
    await line.asterisk.presses(citizen.call, "8")
    assert await over(citizen) == "bye.thanks"
    assert await answer(line, citizen) == ("wrong_key", None, None)


async def test_no_key_twice_is_no_answer(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await asked_after_talk(line, voice)
    await hears(citizen, "survey.silent")
    assert await over(citizen) == "bye.thanks"
    assert citizen.heard.count(ASK) == 2
    assert await answer(line, citizen) == ("no_key", None, None)


async def test_a_key_counts_while_the_question_is_read_out(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    citizen.peer.hold("CONTROL STREAM FILE")
    stopped: list[str] = []

    def stop(channel: str) -> None:
        stopped.append(channel)
        citizen.peer.hold()
        citizen.peer.reply("200 result=0 endpos=800")

    line.asterisk.on_stop = stop
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.ask")
    await line.asterisk.presses(citizen.call, "3")
    assert await over(citizen) == "survey.thanks"
    assert len(stopped) == 1
    assert ASK not in citizen.heard
    assert await answer(line, citizen) == ("rated", 3, None)


async def test_a_hang_up_in_the_middle_is_on_record(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await asked_after_talk(line, voice)
    await citizen.hangs_up()
    await until(lambda: not voice.board.live)
    assert await answer(line, citizen) == ("hung_up", None, None)


async def test_a_level_stands_when_the_citizen_hangs_up_before_the_reason(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await asked_after_talk(line, voice)
    await line.asterisk.presses(citizen.call, "5")
    await hears(citizen, "survey.why")
    await citizen.hangs_up()
    await until(lambda: not voice.board.live)
    assert await answer(line, citizen) == ("rated", 5, None)


async def test_keys_pressed_in_the_talk_are_no_answer(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    await line.asterisk.presses(citizen.call, "5")
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.levels")
    await line.asterisk.presses(citizen.call, "1")
    assert await over(citizen) == "survey.thanks"
    assert await answer(line, citizen) == ("rated", 1, None)


# who is asked


@pytest.mark.parametrize("cause", [18, 19, 27, 38, 41, 44, 102, 0, 3])
async def test_a_leg_that_died_is_no_reason_to_ask(line: CallLine, voice: VoiceProcess, cause: int) -> None:
    citizen, seat = await talking(line, voice)
    await leg_ends(line, citizen, seat, cause)
    await waits_again(citizen)
    assert ASK not in citizen.heard
    assert await row(line, citizen) is None


async def test_a_page_that_was_loaded_anew_is_rung_again_and_may_hang_up_then(
    line: CallLine, voice: VoiceProcess
) -> None:
    """The page says so itself; Asterisk takes our end of the leg for 16."""
    citizen, seat = await talking(line, voice)
    await line.acd.say(citizen.call, "1001", {"type": "phone_lost"})
    await until(lambda: any(step[0] == "hangup" for step in line.asterisk.done))
    await leg_ends(line, citizen, seat)
    await waits_again(citizen)
    assert ASK not in citizen.heard


async def test_a_page_that_was_closed_hangs_up_and_nobody_is_asked(line: CallLine, voice: VoiceProcess) -> None:
    """A page that is closed unregisters its phone, and then hangs up: 16 like an agent who did."""
    citizen, seat = await talking(line, voice)
    await line.asterisk.say(ContactStatus(seat, "Removed"))
    await leg_ends(line, citizen, seat)
    await waits_again(citizen)
    assert ASK not in citizen.heard


async def test_a_phone_that_registered_anew_from_elsewhere_is_not_lost(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    line.asterisk.globals[f"PJSIP_AOR({seat},contact)", None] = "8001@192.0.2.9"
    await line.asterisk.say(ContactStatus(seat, "Created"), ContactStatus(seat, "Removed"))
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.levels")


async def test_a_phone_that_came_back_while_we_heard_nothing_is_not_lost(line: CallLine, voice: VoiceProcess) -> None:
    """Its registration was gone, and AMI was away when it registered again."""
    citizen, seat = await talking(line, voice)
    await line.asterisk.say(ContactStatus(seat, "Removed"))
    await line.asterisk.start()
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.levels")


async def test_what_a_replaced_registration_owes_counts_for_nothing(line: CallLine, voice: VoiceProcess) -> None:
    """The agent sat down at a seat whose former phone was asked for a sign of life a moment ago."""
    citizen, seat = await talking(line, voice)
    former, present = (f"sip:{seat}@192.0.2.{host}" for host in (1, 2))
    await line.asterisk.say(ContactStatus(seat, "Created", former), ContactStatus(seat, "Created", present))
    await line.asterisk.say(ContactStatus(seat, "Unreachable", former))
    await leg_ends(line, citizen, seat)
    await hears(citizen, "survey.levels")


@pytest.mark.parametrize(
    "switch",
    [
        {"enabled": False},
        {"queues": {"general": False}},
        {"lines": {"12300": False}},
        {"queues": {"general": True}, "lines": {"12300": False}},
    ],
)
async def test_where_it_is_switched_off_nobody_is_asked(line: CallLine, switch: dict[str, object]) -> None:
    line.survey |= switch
    citizen, seat = await talking(line, await line.start())
    await leg_ends(line, citizen, seat)
    assert await over(citizen) == "bye.thanks"
    assert ASK not in citizen.heard


async def test_a_line_for_which_it_is_on_asks_where_others_do_not(line: CallLine) -> None:
    line.survey |= {"enabled": False, "queues": {"general": False}, "lines": {"12300": True}}
    citizen = await asked_after_talk(line, await line.start())
    await line.asterisk.presses(citizen.call, "1")
    assert await over(citizen) == "survey.thanks"


@pytest.mark.parametrize("routed", [False, True])
async def test_of_a_branch_centres_talk_the_policy_decides(line: CallLine, routed: bool) -> None:
    line.survey |= {"routed": routed}
    voice = await line.start()
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, "branch")
    await line.asterisk.bridges(citizen.call)
    await line.fact(citizen.call, "answered")
    await leg_ends(line, citizen, "branch")
    await citizen.peer.command("CONTROL STREAM FILE hotline/" + ("survey.levels" if routed else "bye.thanks"))
    assert (Phase.SURVEY in citizen.phases) == routed


async def test_without_ami_there_are_no_keys_and_no_question(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    line.asterisk.connected = False
    await leg_ends(line, citizen, seat)
    assert await over(citizen) == "bye.thanks"
    assert ASK not in citizen.heard


# ways into the survey


async def test_an_agent_who_hangs_up_on_the_page(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    gone = asyncio.Event()
    line.asterisk.on_hangup = _sets(gone)
    message = b'{"type":"hangup","call":"%s","agent":"1001"}' % citizen.call.encode()
    await line.redis.lpush(inbox_key(SITE, voice.board.process), message)
    async with asyncio.timeout(20):
        await gone.wait()
    # Whatever the leg's cause turns out to be: it was meant.
    await leg_ends(line, citizen, seat, 0)
    await hears(citizen, "survey.levels")


async def test_an_agent_sends_the_citizen_to_the_survey(line: CallLine, voice: VoiceProcess) -> None:
    citizen, seat = await talking(line, voice)
    gone = asyncio.Event()
    line.asterisk.on_hangup = _sets(gone)
    message = b'{"type":"talk","command":"to_survey","call":"%s","agent":"1001"}' % citizen.call.encode()
    await line.redis.lpush(inbox_key(SITE, voice.board.process), message)
    async with asyncio.timeout(20):
        await gone.wait()
    await leg_ends(line, citizen, seat, 0)
    await hears(citizen, "survey.levels")


def _sets(event: asyncio.Event) -> Callable[[str], Awaitable[None]]:
    async def hung_up(_channel: str) -> None:
        event.set()

    return hung_up


# whoever dies


async def test_a_citizen_who_comes_back_from_a_talk_is_asked_there(line: CallLine) -> None:
    """The process that held the call died in the talk; then the agent hung up, and the dialplan tries another one."""
    first = await line.start("voice-1")
    second = await line.start("voice-2")
    citizen, seat = await talking(line, first)
    await line.kill(first)
    await line.asterisk.say(Hangup(f"PJSIP/{seat}-1", f"{citizen.call}9", citizen.call, 16, "", {}))
    await citizen.enter(second, Phase.TALKED)
    await hears(citizen, "survey.levels")
    await line.asterisk.presses(citizen.call, "2")
    assert await over(citizen) == "survey.thanks"
    # The agent is free of the talk, though nobody who saw its end is left.
    await line.agent_is("1001", AgentState.WRAP_UP)
    found = await row(line, citizen)
    assert found is not None
    assert (found.level, found.queue, found.agent) == (2, "general", "1001")


async def test_a_citizen_who_comes_back_from_a_leg_that_died_is_thanked(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await line.asterisk.say(Hangup("PJSIP/8001-1", f"{citizen.call}9", citizen.call, 44, "", {}))
    await citizen.enter(voice, Phase.TALKED)
    assert await over(citizen) == "bye.thanks"
    assert ASK not in citizen.heard


async def test_of_a_leg_nobody_saw_nothing_is_concluded(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice, Phase.TALKED)
    assert await over(citizen) == "bye.thanks"


async def test_nobody_is_asked_twice(line: CallLine, voice: VoiceProcess) -> None:
    """The process that asked is gone; should the citizen come in again, there is only goodbye."""
    citizen = line.citizen()
    await line.asterisk.say(Hangup("PJSIP/8001-1", f"{citizen.call}9", citizen.call, 16, "", {}))
    await citizen.enter(voice, Phase.SURVEY)
    assert await over(citizen) == "bye.thanks"
    assert ASK not in citizen.heard


async def test_a_survey_whose_process_died_is_on_record_as_lost(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.hangups._GRACE_SECONDS", 0.0)
    citizen = line.citizen()
    await line.asterisk.say(
        BridgeEnter(f"b-{citizen.call}", "basic", 2, "PJSIP/carrier-1", citizen.call, citizen.call, {})
    )
    hangups = Hangups(voice.board)
    await line.asterisk.caller_gone(citizen.call, Phase.SURVEY)
    await hangups.step()
    assert await answer(line, citizen) == ("lost", None, None)
    ended = await line.fact(citizen.call, "ended")
    assert ended.attributes["outcome"] == "answered"


# the tables


def test_every_state_that_is_open_has_an_answer_to_everything_that_can_happen() -> None:
    asking = {
        SurveyEvent.SATISFIED,
        SurveyEvent.DISSATISFIED,
        SurveyEvent.WRONG,
        SurveyEvent.SILENCE,
        SurveyEvent.HANG_UP,
        SurveyEvent.LOST,
    }
    why = (asking - {SurveyEvent.SATISFIED, SurveyEvent.DISSATISFIED}) | {SurveyEvent.REASON, SurveyEvent.SKIP}
    assert {state: set(moves) for state, moves in SURVEY_MOVES.items()} == {
        SurveyState.ASKED: asking,
        SurveyState.ASKED_AGAIN: asking,
        SurveyState.REASON: why,
        SurveyState.REASON_AGAIN: why,
        **{state: set() for state in CLOSED},
    }
    with pytest.raises(SurveyMoved):
        after(SurveyState.RATED, SurveyEvent.WRONG)


def test_no_survey_goes_on_for_ever() -> None:
    """Whatever the citizen does, three questions later it is over."""
    reached = {SurveyState.ASKED}
    for _ in range(4):
        reached = {following for state in reached for following in SURVEY_MOVES[state].values()} or reached
        reached = {state for state in reached if state not in CLOSED}
    assert reached == set()


ENDS = [
    (TalkEnd(caller_here=True, cause=16), Next.SURVEY),
    (TalkEnd(caller_here=True, cause=44), Next.RING_AGAIN),
    (TalkEnd(caller_here=True, cause=16, phone_lost=True), Next.RING_AGAIN),
    (TalkEnd(caller_here=True, cause=None), Next.THANKS),
    (TalkEnd(caller_here=True, cause=0), Next.RING_AGAIN),
    (TalkEnd(caller_here=False, cause=16), Next.NOBODY),
    (TalkEnd(caller_here=True, cause=44, intent=Intent.SURVEY), Next.SURVEY),
    (TalkEnd(caller_here=True, cause=0, intent=Intent.HANG_UP), Next.SURVEY),
    (TalkEnd(caller_here=True, cause=16, intent=Intent.FORCED), Next.THANKS),
    (TalkEnd(caller_here=True, cause=16, intent=Intent.PHONE_LOST), Next.RING_AGAIN),
    (TalkEnd(caller_here=False, intent=Intent.SURVEY), Next.NOBODY),
]


@pytest.mark.parametrize(("end", "following"), ENDS)
def test_what_follows_a_talk(end: TalkEnd, following: Next) -> None:
    assert after_talk(end) is following
    assert (surveyed(end), rings_again(end)) == (following is Next.SURVEY, following is Next.RING_AGAIN)


def test_only_a_bye_is_an_agent_who_hung_up() -> None:
    assert [cause for cause, ending in CAUSES.items() if ending is Ending.HUNG_UP] == [16]
