"""While a citizen waits: what is heard, what the keys do, queues that are full or late, head starts and who is asked
first. An offer never waits for any of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from acd.needs import Need
from acd.queue_store import save_rule
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep
from acd.states import AgentState, CallState
from calls.caller_record import CallerRecord
from calls.expectation import Served
from calls.facts import CALLBACK_PROMISED
from calls.live import LiveCall
from calls.message_files import MessageFolders
from calls.messages import LEFT
from calls.models import CallRow
from calls.voice import VoiceProcess
from calls.vulnerable import mark
from tests.calls.asterisk import channel_of
from tests.calls.line import CallLine, Citizen, until

SOON = {"first_after_seconds": 0.05, "every_seconds": 5.0}
GENERAL = QueueRule(queue="general", name="综合", steps=(QueueStep(0, (Need.parse("general"),)),))
FIRST = "hotline/wait.no_agent"
NEXT = "hotline/wait.position.next"


@pytest.fixture
async def voice(line: CallLine) -> VoiceProcess:
    """A voice process that speaks soon."""
    line.waiting = dict(SOON)
    return await line.start()


async def lay_down(line: CallLine, voice: VoiceProcess, *rules: QueueRule) -> None:
    """New rules, and the process knows them."""
    known = {rule.queue for rule in rules} | set(voice.board.queues.rules)
    async with line.database.transaction() as session:
        for rule in rules:
            await save_rule(session, rule, version=0, known=known, now=line.clock.now())
    await until(lambda: all(voice.board.queues.rules.get(rule.queue) == rule for rule in rules))


async def waits(line: CallLine, voice: VoiceProcess, citizen: Citizen | None = None) -> Citizen:
    """A citizen who has been greeted and is in the queue."""
    citizen = citizen or line.citizen()
    await citizen.enter(voice, "waiting")
    await line.call_is(citizen.call, CallState.WAITING)
    return citizen


async def heard(citizen: Citizen, *prompts: str) -> None:
    """These were said, one right after the other, somewhere."""
    wanted = [f"hotline/{prompt}" for prompt in prompts]

    def said() -> bool:
        everything = citizen.heard
        return any(everything[at : at + len(wanted)] == wanted for at in range(len(everything)))

    await until(said)


@asynccontextmanager
async def a_prompt_that_plays(line: CallLine, citizen: Citizen, voice: VoiceProcess) -> AsyncIterator[list[str]]:
    """The citizen waits, and the first announcement goes on until it is stopped. What happens is noted in order."""
    order: list[str] = []

    def stopped(channel: str) -> None:
        assert channel == channel_of(citizen.call)
        order.append("stopped")
        citizen.peer.hold("EXEC Dial")
        citizen.peer.reply("200 result=0 endpos=4000")

    line.asterisk.on_stop = stopped
    await citizen.enter(voice, "waiting", hold=("EXEC Dial", "CONTROL STREAM FILE"))
    await citizen.peer.command("CONTROL STREAM FILE")
    yield order


async def test_the_first_hears_that_it_is_the_next_and_what_can_be_done(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    await heard(citizen, "wait.no_agent", "wait.position.next", "wait.keys.callback", "wait.keys.again")
    await until(lambda: citizen.peer.commands[-1] == ["SET", "MUSIC", "ON", "hl"])


async def test_the_third_hears_how_many_are_before(line: CallLine, voice: VoiceProcess) -> None:
    for _ in range(2):
        await waits(line, voice)
    third = await waits(line, voice)
    await heard(third, "wait.position.before", "number.liang", "wait.position.after")


async def test_comfort_comes_between_two_announcements_of_the_place(line: CallLine) -> None:
    line.waiting = {"first_after_seconds": 0.0, "every_seconds": 5.0, "comforts_between": 1}
    voice = await line.start()
    citizen = await waits(line, voice)
    await until(lambda: NEXT in citizen.heard)
    await until(lambda: "hotline/wait.comfort" in citizen.heard, deadline=9)
    assert citizen.heard.count(NEXT) == 1
    await until(lambda: citizen.heard.count(NEXT) == 2, deadline=9)
    assert citizen.heard.count(FIRST) == 1


async def test_the_expected_wait_is_said_from_measured_service(line: CallLine, voice: VoiceProcess) -> None:
    """A call was taken every 100 s while somebody waited: the fourth will wait for about seven minutes."""
    now_ms = line.clock.now_ms()
    for taken in range(12):
        at_ms = now_ms - taken * 100_000
        await voice.board.paces.note("general", Served(now_ms - 3_600_000, at_ms, at_ms))
    for _ in range(3):
        await waits(line, voice)
    fourth = await waits(line, voice)
    await heard(fourth, "wait.expected.before", "digit.7", "wait.expected.after")


async def test_what_is_too_long_to_be_said_is_not_said_in_minutes(line: CallLine) -> None:
    line.waiting = {**SOON, "longest_minutes": 5}
    voice = await line.start()
    now_ms = line.clock.now_ms()
    for taken in range(12):
        at_ms = now_ms - taken * 100_000
        await voice.board.paces.note("general", Served(now_ms - 3_600_000, at_ms, at_ms))
    for _ in range(3):
        await waits(line, voice)
    fourth = await waits(line, voice)
    await heard(fourth, "wait.expected.longer", "wait.keys.callback")
    assert "hotline/wait.expected.before" not in fourth.heard


async def test_answers_are_what_is_measured(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001", ready=False)
    citizens = [await waits(line, voice) for _ in range(7)]
    await line.acd.set_ready("1001")
    for citizen in citizens[:6]:
        await citizen.dialled_out()
        await line.asterisk.rings(citizen.call, seat)
        await line.asterisk.bridges(citizen.call)
        await line.agent_is("1001", AgentState.TALKING)
        await line.asterisk.parts(citizen.call)
        citizen.dial_ends("ANSWER", 16)
        await line.agent_is("1001", AgentState.WRAP_UP)
        await line.acd.end_wrap_up("1001")
    async with asyncio.timeout(10):
        # One who waits may have had it read a moment ago, and readings are kept for two seconds.
        while (measured := await voice.board.paces.of("general", waiting_since_ms=citizens[6].entered_ms)) is None:
            await asyncio.sleep(0.1)
    assert measured.interval_ms > 0
    assert measured.ring_ms > 0


async def test_a_ready_agent_is_called_in_the_middle_of_a_prompt(line: CallLine, voice: VoiceProcess) -> None:
    """The pop goes out, the prompt is stopped, and only then the phone rings; the music of the queue does not come
    back in between."""
    await line.agent("1001", ready=False)
    citizen = line.citizen()
    async with a_prompt_that_plays(line, citizen, voice) as order:
        await line.acd.set_ready("1001")
        assert (await citizen.dialled_out())[0] == "PJSIP/8001"
    assert order == ["stopped"]
    assert line.shown("1001") == ["pop"]
    commands = [" ".join(command[:3]) for command in citizen.peer.commands]
    prompt = commands.index("CONTROL STREAM FILE")
    assert "SET MUSIC ON" not in commands[prompt:]
    assert commands[prompt + 1] == "SET VARIABLE HL_PHASE"


async def test_nothing_more_is_said_after_a_prompt_was_stopped_for_an_offer(
    line: CallLine, voice: VoiceProcess
) -> None:
    await line.agent("1001", ready=False)
    citizen = line.citizen()
    async with a_prompt_that_plays(line, citizen, voice):
        await line.acd.set_ready("1001")
        await citizen.dialled_out()
    assert citizen.heard == [FIRST]


async def test_a_stop_that_was_not_heard_is_said_again(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001", ready=False)
    citizen = line.citizen()
    stops: list[str] = []

    def stopped(channel: str) -> None:
        stops.append(channel)
        if len(stops) == 3:
            citizen.peer.hold("EXEC Dial")
            citizen.peer.reply("200 result=0 endpos=4000")

    line.asterisk.on_stop = stopped
    await citizen.enter(voice, "waiting", hold=("EXEC Dial", "CONTROL STREAM FILE"))
    await citizen.peer.command("CONTROL STREAM FILE")
    await line.acd.set_ready("1001")
    await citizen.dialled_out()
    assert len(stops) == 3


async def test_nothing_is_said_that_could_not_be_stopped(line: CallLine, voice: VoiceProcess) -> None:
    """Without AMI there is music only, and the offer comes as ever."""
    line.asterisk.connected = False
    await line.agent("1001", ready=False)
    citizen = await waits(line, voice)
    spoken = asyncio.create_task(until(lambda: bool(citizen.heard), deadline=1.5))
    with pytest.raises(TimeoutError):
        await spoken
    await line.acd.set_ready("1001")
    await citizen.dialled_out()


async def test_a_process_that_leaves_stops_its_prompts_first(line: CallLine, voice: VoiceProcess) -> None:
    """The channel comes back to the dialplan at once, not at the end of a sentence."""
    citizen = line.citizen()
    async with a_prompt_that_plays(line, citizen, voice) as order:
        await line.stop(voice)
        await citizen.session_over()
    assert order == ["stopped"]
    assert "abandoned" not in await line.kinds(citizen.call)


async def test_a_citizen_who_hangs_up_during_a_prompt_is_gone(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice, "waiting", hold=("CONTROL STREAM FILE",))
    await citizen.peer.command("CONTROL STREAM FILE")
    await citizen.hangs_up()
    await line.call_is(citizen.call, CallState.ENDED)
    assert (await line.summary(citizen.call)).outcome == "abandoned"


# keys


async def test_key_1_says_the_place_again(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    await until(lambda: citizen.heard.count(NEXT) == 1)
    await line.asterisk.presses(citizen.call, "1")
    await until(lambda: citizen.heard.count(NEXT) == 2)
    assert citizen.heard.count(FIRST) == 1


async def test_key_1_during_a_prompt_stops_it_and_says_the_place(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    async with a_prompt_that_plays(line, citizen, voice) as order:
        await line.asterisk.presses(citizen.call, "1")
        await until(lambda: NEXT in citizen.heard)
    assert order == ["stopped"]


async def test_a_worse_place_is_said_only_when_asked_for(line: CallLine) -> None:
    line.waiting = {"first_after_seconds": 0.0, "every_seconds": 5.0, "comforts_between": 0}
    voice = await line.start()
    citizen = await waits(line, voice)
    await until(lambda: NEXT in citizen.heard)
    earlier = line.citizen(entered_ms=citizen.entered_ms - 60_000)
    await waits(line, voice, earlier)
    before = len(citizen.heard)
    # The next announcement: its keys, but no place.
    await until(lambda: "hotline/wait.keys.again" in citizen.heard[before:], deadline=9)
    assert not [prompt for prompt in citizen.heard[before:] if "position" in prompt]
    await line.asterisk.presses(citizen.call, "1")
    await heard(citizen, "wait.position.before", "digit.1", "wait.position.after")


async def test_other_keys_do_nothing(line: CallLine, voice: VoiceProcess) -> None:
    """Nor does a key that this queue does not offer, or one that Asterisk sent rather than heard, or another's."""
    citizen, other = await waits(line, voice), await waits(line, voice)
    await until(lambda: NEXT in citizen.heard and citizen.peer.commands[-1] == ["SET", "MUSIC", "ON", "hl"])
    await until(lambda: other.heard.count("hotline/wait.keys.again") == 1)
    said = len(citizen.heard)
    await line.asterisk.presses(citizen.call, "0#*94A3")
    await line.asterisk.presses(citizen.call, "2", direction="Sent")
    await line.asterisk.presses(other.call, "1")
    await until(lambda: other.heard.count("hotline/wait.keys.again") == 2)
    await line.agent("1001")
    await citizen.dialled_out()
    assert len(citizen.heard) == said


async def test_key_2_keeps_the_place_for_a_callback_and_says_goodbye(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    behind = await waits(line, voice)
    await line.asterisk.presses(citizen.call, "2")
    await citizen.peer.command("HANGUP")
    assert citizen.heard[-1] == "hotline/wait.callback.accepted"
    assert citizen.phases[-1] == "done"
    await line.call_is(citizen.call, CallState.ENDED)
    assert (await line.summary(citizen.call)).outcome == CALLBACK_PROMISED
    queue = await line.acd.waiting("general")
    assert [call.entered_ms for call in queue] == [citizen.entered_ms, behind.entered_ms]
    assert queue[0].call != citizen.call


async def test_a_callback_that_cannot_be_promised_leaves_the_citizen_waiting(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = await waits(line, voice)
    await until(lambda: NEXT in citizen.heard)
    monkeypatch.setattr("calls.callback_record.CallbackRecord.transaction", _no_database)
    await line.asterisk.presses(citizen.call, "2")
    await heard(citizen, "wait.callback.failed")
    await line.call_is(citizen.call, CallState.WAITING)
    await line.agent("1001")
    await citizen.dialled_out()


@asynccontextmanager
async def _no_database(*_: object) -> AsyncIterator[None]:
    from hotline.errors import PartUnavailable

    raise PartUnavailable("PostgreSQL: TimeoutError")
    yield


async def speaks(line: CallLine, voice: VoiceProcess, folder: Path, *, seconds: int) -> Citizen:
    """A citizen who chooses to leave a message and has spoken for so long when the recording ends."""
    recorded = folder / "recorded"
    recorded.mkdir()
    voice.board.messages = MessageFolders(recorded, "/var/spool/asterisk/hotline/messages", folder / "kept")
    citizen = line.citizen()
    await citizen.enter(voice, "waiting", hold=("EXEC Dial", "RECORD FILE"))
    await heard(citizen, "wait.keys.message")
    await until(lambda: citizen.peer.commands[-1] == ["SET", "MUSIC", "ON", "hl"])
    await line.asterisk.presses(citizen.call, "3")
    await citizen.peer.command("RECORD FILE")
    await line.call_is(citizen.call, CallState.ENDED)
    (recorded / f"{citizen.call}.alaw").write_bytes(b"\xd5" * 8_000 * seconds)
    citizen.peer.reply("200 result=35 (dtmf) endpos=24000")
    return citizen


async def test_key_3_takes_a_message_and_says_thanks(line: CallLine, tmp_path: Path) -> None:
    line.waiting = {**SOON, "offer_message": True}
    citizen = await speaks(line, await line.start(), tmp_path, seconds=3)
    await citizen.peer.command("HANGUP")
    assert citizen.heard[-1] == "hotline/wait.message.thanks"
    assert (await line.summary(citizen.call)).outcome == LEFT


async def test_who_said_nothing_waits_on_at_the_same_place(line: CallLine, tmp_path: Path) -> None:
    line.waiting = {**SOON, "offer_message": True}
    voice = await line.start()
    citizen = await speaks(line, voice, tmp_path, seconds=0)
    await heard(citizen, "wait.message.failed")
    await line.call_is(citizen.call, CallState.WAITING)
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert view.place_ms == citizen.entered_ms
    await line.agent("1001")
    await citizen.dialled_out()


async def test_where_nothing_can_be_recorded_no_message_is_offered(line: CallLine) -> None:
    line.waiting = {**SOON, "offer_message": True}
    citizen = await waits(line, await line.start())
    await heard(citizen, "wait.keys.callback", "wait.keys.again")


@pytest.mark.parametrize("number", ["anonymous", "110"])
async def test_who_cannot_be_called_back_is_not_offered_it(line: CallLine, voice: VoiceProcess, number: str) -> None:
    citizen = line.citizen()
    citizen.number = number
    await waits(line, voice, citizen)
    await heard(citizen, "wait.position.next", "wait.keys.again")
    await line.asterisk.presses(citizen.call, "2")
    await line.agent("1001")
    await citizen.dialled_out()


async def test_nobody_whom_an_emergency_desk_did_not_take_is_led_away_from_a_human(
    line: CallLine, voice: VoiceProcess
) -> None:
    citizen = line.citizen("120")
    await citizen.enter(voice, "waiting")
    await citizen.dialled_out()
    citizen.dial_ends("BUSY", 17)
    await heard(citizen, "wait.no_agent", "wait.position.next")
    await until(lambda: citizen.peer.commands[-1] == ["SET", "MUSIC", "ON", "hl"])
    assert not [prompt for prompt in citizen.heard if "wait.keys" in prompt]


async def test_keys_are_in_no_log_and_no_journal(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await waits(line, voice)
    await until(lambda: NEXT in citizen.heard)
    with capture_logs() as logs:
        await line.asterisk.presses(citizen.call, "7788778877#1")
        await until(lambda: citizen.heard.count(NEXT) == 2)
    assert not [entry for entry in logs if "7" in str(entry.get("digit", "")) or "7788778877" in str(entry)]
    for fact in await line.facts(citizen.call):
        assert fact.kind in {"entered", "queued"}


# queues that are full or late


async def test_a_full_queue_turns_nobody_away(line: CallLine, voice: VoiceProcess) -> None:
    await lay_down(line, voice, replace(GENERAL, max_waiting=1))
    await waits(line, voice)
    second = await waits(line, voice)
    await heard(second, "wait.full", "wait.position.before", "digit.1", "wait.position.after")
    queued = [fact for fact in await line.facts(second.call) if fact.kind == "queued"]
    assert queued[0].attributes["full"] == ["general"]


async def test_a_full_queue_leads_into_another(line: CallLine, voice: VoiceProcess) -> None:
    other = replace(GENERAL, queue="relief", name="支援", steps=(QueueStep(0, (Need.parse("relief"),)),))
    full = Overflow(OverflowAction.QUEUE, "relief")
    await lay_down(line, voice, other, replace(GENERAL, max_waiting=1, when_full=full))
    await waits(line, voice)
    second = await waits(line, voice)
    assert [call.call for call in await line.acd.waiting("relief")] == [second.call]
    assert voice.board.live[second.call].queue == "relief"
    await line.agent("1001", "relief")
    await second.dialled_out()


async def test_queues_that_are_full_in_a_ring_still_take_everybody(line: CallLine, voice: VoiceProcess) -> None:
    other = replace(
        GENERAL, queue="relief", name="支援", max_waiting=0, when_full=Overflow(OverflowAction.QUEUE, "general")
    )
    full = Overflow(OverflowAction.QUEUE, "relief")
    await lay_down(line, voice, replace(other, when_full=Overflow()))
    await lay_down(line, voice, replace(GENERAL, max_waiting=0, when_full=full))
    citizen = await waits(line, voice)
    await heard(citizen, "wait.full")


async def test_who_has_waited_too_long_hears_it_and_is_offered_what_the_queue_says(line: CallLine) -> None:
    line.waiting = {"first_after_seconds": 30.0, "offer_callback": False}
    voice = await line.start()
    late = Overflow(OverflowAction.CALLBACK)
    await lay_down(line, voice, replace(GENERAL, max_wait_ms=300, when_late=late))
    citizen = await waits(line, voice)
    await heard(citizen, "wait.late", "wait.position.next", "wait.keys.callback", "wait.keys.again")
    await line.asterisk.presses(citizen.call, "2")
    await citizen.peer.command("HANGUP")


async def test_a_callback_is_not_offered_where_the_policy_does_not_offer_it(line: CallLine) -> None:
    line.waiting = {**SOON, "offer_callback": False}
    voice = await line.start()
    citizen = await waits(line, voice)
    await heard(citizen, "wait.position.next", "wait.keys.again")
    await line.asterisk.presses(citizen.call, "2")
    await line.agent("1001")
    await citizen.dialled_out()


async def test_who_is_moved_hears_it_and_the_journal_has_it(line: CallLine, voice: VoiceProcess) -> None:
    other = replace(GENERAL, queue="relief", name="支援", steps=(QueueStep(0, (Need.parse("relief"),)),))
    await lay_down(line, voice, other)
    citizen = await waits(line, voice)
    await line.acd.move(citizen.call, "relief")
    await heard(citizen, "wait.moved", "wait.position.next")
    moved = [fact for fact in await line.facts(citizen.call) if fact.kind == "moved"]
    assert [fact.attributes["queue"] for fact in moved] == ["relief"]


async def test_who_comes_in_again_is_known_to_be_where_the_call_was_moved(line: CallLine, voice: VoiceProcess) -> None:
    other = replace(GENERAL, queue="relief", name="支援", steps=(QueueStep(0, (Need.parse("relief"),)),))
    await lay_down(line, voice, other)
    citizen = await waits(line, voice)
    await line.acd.move(citizen.call, "relief")
    second = await line.start("voice-2")
    await line.kill(voice)
    await citizen.session_over()
    await citizen.enter(second, "waiting")
    await until(lambda: citizen.call in second.board.live and second.board.live[citizen.call].queue == "relief")


# head starts, and who is asked first


async def earlier_call(line: CallLine, citizen: Citizen, *, ago: timedelta, agent: str | None = None) -> None:
    """A call of this citizen that lasted two minutes and ended so long ago: answered by the agent, or given up."""
    ended = line.clock.now() - ago
    entered = ended - timedelta(minutes=2)
    async with line.database.transaction() as session:
        session.add(
            CallRow(
                call_id=f"ast1-1763000000.{ago.seconds}",
                entered_at=entered,
                caller="+8613812345678",
                answered_at=entered if agent else None,
                agent=agent,
                ended_at=ended,
                outcome="answered" if agent else "abandoned",
            )
        )


async def queued(line: CallLine, citizen: Citizen) -> dict[str, object]:
    """What the journal says of the queueing: a moment after distribution has the call."""
    return (await line.fact(citizen.call, "queued")).attributes


async def test_who_gave_up_and_dials_again_has_what_was_waited_then(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await earlier_call(line, citizen, ago=timedelta(minutes=5))
    first = line.citizen(entered_ms=citizen.entered_ms - 100_000)
    first.number = "13900000001"
    await waits(line, voice, first)
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    attributes = await queued(line, citizen)
    assert attributes["head_start_ms"] == 120_000 + 60_000
    assert attributes["reasons"] == ["redial", "repeat"]
    assert [call.call for call in await line.acd.waiting("general")] == [citizen.call, first.call]


async def test_who_is_owed_a_callback_and_calls_anyway_has_the_place_that_was_kept(
    line: CallLine, voice: VoiceProcess
) -> None:
    promised = line.citizen(entered_ms=line.clock.now_ms() - 90_000)
    await waits(line, voice, promised)
    await line.asterisk.presses(promised.call, "2")
    await promised.peer.command("HANGUP")
    await line.facts(promised.call)
    again = await waits(line, voice)
    attributes = await queued(line, again)
    assert attributes["reasons"] == ["callback_due", "repeat"]
    kept_ms = again.entered_ms - promised.entered_ms
    assert attributes["head_start_ms"] == pytest.approx(kept_ms + 60_000, abs=5_000)


async def test_a_vulnerable_caller_goes_before_others(line: CallLine, voice: VoiceProcess) -> None:
    async with line.database.transaction() as session:
        await mark(session, "+8613812345678", "独居老人", by="1900", now=line.clock.now())
    citizen = await waits(line, voice)
    attributes = await queued(line, citizen)
    assert (attributes["head_start_ms"], attributes["reasons"]) == (120_000, ["vulnerable"])
    assert voice.board.live[citizen.call].head_start_ms == 120_000


async def test_an_emergency_that_no_desk_took_goes_before_everybody(line: CallLine, voice: VoiceProcess) -> None:
    first = line.citizen(entered_ms=line.clock.now_ms() - 500_000)
    await waits(line, voice, first)
    emergency = line.citizen("120")
    await emergency.enter(voice, "waiting")
    await emergency.dialled_out()
    emergency.dial_ends("BUSY", 17)
    await line.call_is(emergency.call, CallState.WAITING)
    attributes = await queued(line, emergency)
    assert (attributes["head_start_ms"], attributes["reasons"]) == (600_000, ["emergency"])
    assert [call.call for call in await line.acd.waiting("general")] == [emergency.call, first.call]


async def test_a_record_that_does_not_come_delays_nobody(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def never(live: LiveCall) -> dict[str, object]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(voice.board.pops, "history", never)
    citizen = line.citizen()
    await earlier_call(line, citizen, ago=timedelta(minutes=5))
    began = line.clock.monotonic()
    await waits(line, voice, citizen)
    assert line.clock.monotonic() - began < 1.0
    assert asked.is_set()
    attributes = await queued(line, citizen)
    assert (attributes["head_start_ms"], attributes["reasons"], attributes["prefer"]) == (0, [], "")


async def test_the_agent_of_the_last_talk_is_asked_first(line: CallLine, voice: VoiceProcess) -> None:
    """Although another has been idle for longer."""
    citizen = line.citizen()
    await earlier_call(line, citizen, ago=timedelta(hours=3), agent="1002")
    await line.agent("1001")
    await line.agent("1002")
    await citizen.enter(voice)
    assert (await citizen.dialled_out())[0] == "PJSIP/8002"
    assert (await queued(line, citizen))["prefer"] == "1002"


async def test_an_agent_who_is_not_signed_in_is_not_waited_for(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await earlier_call(line, citizen, ago=timedelta(hours=3), agent="1002")
    await line.agent("1001")
    await citizen.enter(voice)
    assert (await citizen.dialled_out())[0] == "PJSIP/8001"


async def test_a_caller_nobody_knows_has_no_head_start(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    citizen.number = "anonymous"
    await waits(line, voice, citizen)
    assert voice.board.live[citizen.call].record in (None, CallerRecord())
    assert (await queued(line, citizen))["head_start_ms"] == 0
