"""A flagged caller on the line: warned, limited and told so; and calls that wait in a queue when it closes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from acd.opening import save_opening
from acd.states import CallState
from calls import nuisance
from calls.models import CallRow
from calls.nuisance import NewFlag
from calls.nuisance_evidence import Piece
from calls.nuisance_tables import Measure
from calls.voice import VoiceProcess
from directory import lines
from directory.hours import weekdays
from hotline.clock import from_ms
from tests.calls.line import CallLine, Citizen, until

CALLER = "+8613812345678"


async def flag(line: CallLine, measure: Measure, **changes: Any) -> int:
    now = line.clock.now()
    new = NewFlag(
        CALLER, measure, "反复辱骂话务员", (Piece(ticket="SMX20261121000001"),), now + timedelta(days=1), **changes
    )
    async with line.database.transaction() as session:
        return (await nuisance.flag(session, new, by="supervisor", now=now)).id


async def earlier_call(line: CallLine) -> None:
    at = line.clock.now() - timedelta(minutes=5)
    async with line.database.transaction() as session:
        session.add(CallRow(call_id="ast1-1763760000.1", entered_at=at, caller=CALLER, outcome="answered"))


async def enter(line: CallLine, voice: VoiceProcess, dialled: str = "12300", *, phase: str = "entered") -> Citizen:
    """A citizen whose record is there when the greeting ends, as it is when a greeting takes seconds."""
    citizen = line.citizen(dialled)
    await citizen.enter(voice, phase, hold=("CONTROL STREAM FILE",))
    if phase == "entered":
        await citizen.peer.command("CONTROL STREAM FILE")
    await until(lambda: citizen.call in voice.board.live and voice.board.live[citizen.call].record is not None)
    citizen.peer.hold()
    if phase == "entered":
        citizen.peer.reply("200 result=0 endpos=8000")
    return citizen


async def test_over_the_limit_a_caller_hears_so_and_what_to_do(line: CallLine, voice: VoiceProcess) -> None:
    number = await flag(line, Measure.LIMIT, calls_per_hour=1)
    await earlier_call(line)
    citizen = await enter(line, voice)
    await citizen.peer.command("HANGUP")
    await citizen.session_over()
    assert citizen.heard == ["hotline/greeting.12300", "hotline/nuisance.limited"]
    assert citizen.phases[-1] == "done"
    assert await line.kinds(citizen.call) == ["entered", "greeted", "nuisance", "ended"]
    assert (await line.summary(citizen.call)).outcome == "limited"
    assert (await line.facts(citizen.call))[2].attributes == {"flag": number, "measure": "limit", "over_limit": True}
    assert await line.acd.call(citizen.call) is None


async def test_where_the_limit_is_none_it_says_so(line: CallLine, voice: VoiceProcess) -> None:
    await flag(line, Measure.LIMIT, calls_per_hour=0)
    citizen = await enter(line, voice)
    await citizen.peer.command("HANGUP")
    assert citizen.heard[-1] == "hotline/nuisance.blocked"


async def test_within_the_limit_a_caller_is_warned_and_waits_where_the_limit_says(
    line: CallLine, voice: VoiceProcess
) -> None:
    await flag(line, Measure.LIMIT, calls_per_hour=2, queue="night")
    await earlier_call(line)
    citizen = await enter(line, voice)
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard[:2] == ["hotline/greeting.12300", "hotline/nuisance.warned"]
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert (view.queue, view.place_ms) == ("night", citizen.entered_ms)


async def test_a_flag_alone_is_for_the_agent_to_see(line: CallLine, voice: VoiceProcess) -> None:
    number = await flag(line, Measure.FLAG)
    await line.agent("1001")
    citizen = await enter(line, voice)
    await citizen.dialled_out()
    assert citizen.heard == ["hotline/greeting.12300"]
    pop = line.frames["1001"][0].body
    assert pop["nuisance"] == {"flag": number, "measure": "flag", "reason": "反复辱骂话务员"}


async def test_towards_an_emergency_desk_nobody_is_limited(line: CallLine, voice: VoiceProcess) -> None:
    await flag(line, Measure.LIMIT, calls_per_hour=0)
    citizen = line.citizen("120")
    await citizen.enter(voice)
    await citizen.dialled_out()
    await until(lambda: voice.board.live[citizen.call].record is not None)
    citizen.peer.hold()
    citizen.dial_ends("CHANUNAVAIL", 27)
    await line.call_is(citizen.call, CallState.WAITING)
    assert not any("nuisance" in prompt for prompt in citizen.heard)


async def test_a_call_that_came_in_already_is_not_told_again(line: CallLine, voice: VoiceProcess) -> None:
    await flag(line, Measure.LIMIT, calls_per_hour=0, queue="night")
    citizen = await enter(line, voice, phase="waiting")
    await line.call_is(citizen.call, CallState.WAITING)
    assert not any("nuisance" in prompt for prompt in citizen.heard)
    assert (await line.acd.call(citizen.call)).queue == "night"  # type: ignore[union-attr]


async def test_without_the_sentence_nobody_is_limited(line: CallLine, voice: VoiceProcess) -> None:
    """A prompt that is not there, or that Asterisk will not play, must not become a silent drop."""
    await flag(line, Measure.LIMIT, calls_per_hour=0)
    voice.board.rendered -= {"nuisance.blocked"}
    citizen = await enter(line, voice)
    await line.call_is(citizen.call, CallState.WAITING)
    voice.board.rendered |= {"nuisance.blocked"}
    other = line.citizen("12300")
    await other.enter(voice, hold=("CONTROL STREAM FILE",))
    await other.peer.command("CONTROL STREAM FILE")
    await until(lambda: voice.board.live[other.call].record is not None)
    other.peer.reply("200 result=0 endpos=8000")
    assert (await other.peer.command("CONTROL STREAM FILE"))[3] == "hotline/nuisance.blocked"
    other.peer.hold()
    other.peer.reply("200 result=-1 endpos=0")
    await line.call_is(other.call, CallState.WAITING)


async def test_who_hangs_up_while_the_limit_is_said_is_on_record_as_limited(
    line: CallLine, voice: VoiceProcess
) -> None:
    await flag(line, Measure.LIMIT, calls_per_hour=0)
    citizen = line.citizen("12300")
    await citizen.enter(voice, hold=("CONTROL STREAM FILE",))
    await citizen.peer.command("CONTROL STREAM FILE")
    await until(lambda: voice.board.live[citizen.call].record is not None)
    citizen.peer.reply("200 result=0 endpos=8000")
    await citizen.peer.command("CONTROL STREAM FILE hotline/nuisance.blocked")
    await citizen.hangs_up()
    await until(lambda: voice.server.sessions == 0)
    assert (await line.summary(citizen.call)).outcome == "limited"


async def test_a_waiting_call_goes_on_elsewhere_when_its_queue_closes(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("12300")
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    before = await line.acd.call(citizen.call)
    now = line.clock.now()
    async with line.database.transaction() as session:
        # Closed from now on: whatever the hour is.
        await lines.define_schedule(session, "下班", weekdays("00:00", "24:00", "Asia/Shanghai", ()), now=now)
        await save_opening(session, "general", "下班", "night", version=0, known={"general", "night"}, now=now)
    await until(lambda: voice.board.live[citizen.call].queue == "night")
    after = await line.acd.call(citizen.call)
    assert before is not None
    assert after is not None
    assert (after.queue, after.place_ms, after.queued_ms) == ("night", before.place_ms, before.queued_ms)
    assert (await line.kinds(citizen.call))[-1] == "moved"
    # The next one goes there at once.
    other = line.citizen("12300")
    await other.enter(voice)
    await line.call_is(other.call, CallState.WAITING)
    assert (await line.acd.call(other.call)).queue == "night"  # type: ignore[union-attr]


async def test_a_call_put_into_a_closed_queue_by_hand_stays_there(line: CallLine, voice: VoiceProcess) -> None:
    queues = voice.board.queues
    now = line.clock.now()
    async with line.database.transaction() as session:
        await lines.define_schedule(session, "下班", weekdays("00:00", "24:00", "Asia/Shanghai", ()), now=now)
        await save_opening(session, "general", "下班", "night", version=0, known={"general", "night"}, now=now)
    await until(lambda: queues.open_now("general", now) == "night")
    at = from_ms(line.clock.now_ms())
    assert queues.closed_lately(at) == {"general": "night"}
    assert queues.closed_lately(at + timedelta(seconds=59)) == {"general": "night"}
    assert queues.closed_lately(at + timedelta(seconds=61)) == {}
