"""A citizen's call from the first ring to the end, with Asterisk played on both protocols. Component tests: real
Redis, PostgreSQL and FastAGI; scripted Asterisk."""

from __future__ import annotations

from acd.states import AgentState, CallState
from calls.story import story
from calls.voice import VoiceProcess
from tests.calls.line import CallLine, until


async def test_a_call_to_a_merged_line_is_greeted_served_and_thanked(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    assert await citizen.dialled_out() == [f"PJSIP/{seat}", "20", "gm(hl)U(hl-answered)"]
    assert citizen.heard == ["hotline/greeting.12300"]
    assert citizen.phases == ["greeting", "waiting", "ringing"]
    assert line.shown("1001") == ["pop"], "the pop is on the socket when Dial is sent"
    pop = line.frames["1001"][0].body
    assert (pop["call"], pop["line"], pop["caller"]) == (citizen.call, "电信用户申诉热线", "+8613812345678")
    assert await line.state("1001") is AgentState.RINGING

    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    await line.asterisk.parts(citizen.call)
    await line.asterisk.fails(citizen.call, seat, "ANSWER", 16)
    citizen.dial_ends("ANSWER", 16)
    await citizen.peer.command("HANGUP")
    await citizen.session_over()
    assert citizen.heard[-1] == "hotline/bye.thanks"
    assert citizen.phases[-1] == "done"
    await line.agent_is("1001", AgentState.WRAP_UP)
    await until(lambda: line.shown("1001") == ["pop", "call_ended"])

    assert await line.kinds(citizen.call) == [
        "entered", "greeted", "queued", "reserved", "popped", "ringing", "answered", "ended", "wrap_up",
    ]  # fmt: skip
    row = await line.summary(citizen.call)
    assert (row.line, row.caller, row.agent, row.outcome) == ("12300", "+8613812345678", "1001", "answered")
    async with line.database.transaction() as session:
        told = await story(session, citizen.call)
    assert told.events[0].kind == "entered"
    assert (await line.acd.call(citizen.call)).state is CallState.ENDED  # type: ignore[union-attr]


async def test_a_citizen_who_hangs_up_in_the_first_instant_is_on_record(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice, hold=("GET FULL VARIABLE",))
    await citizen.peer.command("GET FULL VARIABLE")
    await citizen.hangs_up()
    await until(lambda: not voice.board.live and voice.server.sessions == 0)
    assert await line.kinds(citizen.call) == ["entered", "abandoned"]
    assert (await line.summary(citizen.call)).caller == "+8613812345678"


async def test_hanging_up_during_the_greeting_ends_the_story_before_the_queue(
    line: CallLine, voice: VoiceProcess
) -> None:
    citizen = line.citizen()
    await citizen.enter(voice, hold=("CONTROL STREAM FILE",))
    await citizen.peer.command("CONTROL STREAM FILE")
    await citizen.hangs_up()
    await until(lambda: voice.server.sessions == 0)
    assert await line.kinds(citizen.call) == ["entered", "abandoned"]
    assert await line.acd.call(citizen.call) is None


async def test_hanging_up_in_the_queue_leaves_it(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    await citizen.hangs_up()
    await line.call_is(citizen.call, CallState.ENDED)
    assert await line.kinds(citizen.call) == ["entered", "greeted", "queued", "abandoned"]
    assert (await line.summary(citizen.call)).outcome == "abandoned"


async def test_hanging_up_while_the_phone_rings_frees_the_agent(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await citizen.hangs_up(in_dial=True)
    await line.agent_is("1001", AgentState.READY)
    await until(lambda: line.shown("1001") == ["pop", "pop_withdrawn"])
    assert (await line.kinds(citizen.call))[-3:] == ["ringing", "offer_failed", "abandoned"]


async def test_hanging_up_between_the_pop_and_the_ring_takes_the_pop_back(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice, hold=("SET VARIABLE HL_PHASE ringing",))
    await citizen.peer.command("SET VARIABLE HL_PHASE ringing")
    await citizen.hangs_up()
    await line.agent_is("1001", AgentState.READY)
    await until(lambda: line.shown("1001") == ["pop", "pop_withdrawn"])
    assert (await line.kinds(citizen.call))[-2:] == ["offer_failed", "abandoned"]


async def test_the_citizen_hangs_up_in_the_talk(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    await citizen.hangs_up(in_dial=True)
    await line.agent_is("1001", AgentState.WRAP_UP)
    facts = await line.facts(citizen.call)
    ended = next(row for row in facts if row.kind == "ended")
    assert (ended.attributes["ended_by"], ended.attributes["outcome"]) == ("caller", "answered")
    assert "abandoned" not in [row.kind for row in facts]


async def test_no_answer_keeps_the_place_and_the_music_starts_again(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen(entered_ms=line.clock.now_ms() - 60_000)
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.fails(citizen.call, seat, "NOANSWER")
    later = line.citizen()
    await later.enter(voice)
    await line.call_is(later.call, CallState.WAITING)
    citizen.dial_ends("NOANSWER")
    await citizen.peer.command("SET VARIABLE HL_PHASE waiting")
    await citizen.peer.command("SET MUSIC ON")
    await line.agent_is("1001", AgentState.NOT_READY)
    assert await line.acd.position(citizen.call) == 1
    assert await line.acd.position(later.call) == 2
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert view.entered_ms == citizen.entered_ms
    second = await line.agent("1002")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{second}"
    assert (await line.kinds(citizen.call)).count("queued") == 1


async def test_a_line_whose_prompt_cannot_be_played_still_brings_a_human(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    citizen = line.citizen("12300")
    await citizen.enter(voice, hold=("EXEC Dial", "CONTROL STREAM FILE"))
    await citizen.peer.command("CONTROL STREAM FILE")
    citizen.peer.reply("200 result=-1 endpos=0")
    assert (await citizen.dialled_out())[0] == "PJSIP/8001"


async def test_a_number_nobody_has_entered_is_served_as_12345(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("0398777")
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard == ["hotline/greeting.12345"]


async def test_a_call_without_a_dialled_number_is_served_as_12345(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("")
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard == ["hotline/greeting.12345"]


async def test_a_line_without_a_greeting_is_named_by_its_digits(line: CallLine, voice: VoiceProcess) -> None:
    voice.board.rendered = voice.board.rendered - {"greeting.12300"}
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard == [
        f"hotline/{key}"
        for key in (
            "greeting.generic.before", "digit.yao", "digit.2", "digit.3", "digit.0", "digit.0",
            "greeting.generic.after",
        )
    ]  # fmt: skip


async def test_expert_lines_ask_their_experts_first(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    citizen = line.citizen("12333")
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    expert = await line.agent("2001", "expert-12333")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{expert}"
