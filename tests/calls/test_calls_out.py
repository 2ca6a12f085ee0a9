"""Click to dial: from the click to the outcome on journal, row, ticket and screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from acd.states import AgentState, CallState
from ami.events import DeviceState
from calls import call_out_store as store
from calls.call_out_policy import CallNotAllowed, Why
from calls.call_out_states import CallOutMoved, CallOutState, Whom
from calls.call_out_store import CallOutBusy
from calls.calls_out import NothingToCall, NumberNotAllowed
from calls.counting import Fact, count_call
from calls.voice import VoiceProcess
from directory.models import Contact, DutyNumber, Unit, UnitLevel
from hotline.errors import NotAllowed
from tests.agi.peer import until
from tests.calls.out_line import OutLine, agents_phone, story_of
from ticketing.models import TicketCallRow


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[OutLine]:
    line = OutLine(redis_url, database_url, tmp_path)
    yield line
    await line.close()


@pytest.fixture
async def voice(line: OutLine) -> VoiceProcess:
    return await line.start()


async def test_the_agents_own_phone_rings_first_and_then_the_citizens(line: OutLine, voice: VoiceProcess) -> None:
    ticket = await line.ticket()
    seat = await line.agent("1001")
    row = await line.click("1001", ticket)
    leg = await agents_phone(line)
    call = story_of(row)
    assert (leg.called.phone, leg.leg) == (f"PJSIP/{seat}", f"{call}-agent")
    assert await line.state("1001") is AgentState.RINGING
    pop = next(frame for frame in line.frames["1001"] if frame.kind == "pop")
    assert pop.body["call_out"] == {"id": row.id, "purpose": "visit", "ticket": ticket, "item": None}
    await leg.answers()
    assert (await leg.dials())[:2] == ["PJSIP/13812345678@carrier", "45"]
    assert ["SET", "VARIABLE", "CALLERID(num)", "12345"] in leg.peer.commands
    await leg.citizen_answers()
    await line.agent_is("1001", AgentState.TALKING)
    await line.call_out(row.id, "talking")
    await leg.citizen_hangs_up()
    await leg.is_hung_up()
    await line.agent_is("1001", AgentState.WRAP_UP)
    done = await line.call_out(row.id, "ended")
    assert (done.outcome, done.owner) == ("answered", None)
    assert done.talk_ms is not None
    assert done.talk_ms >= 500
    assert await line.kinds(call) == [
        "call_out", "reserved", "popped", "ringing", "call_out_dialled", "answered", "ended", "wrap_up",
    ]  # fmt: skip
    assert (await line.told("1001", "ended"))["outcome"] == "answered"
    assert "13812345678" not in str([f.body for f in line.frames["1001"] if f.kind == "call_out"])
    async with line.database.transaction() as session:
        assert (await session.scalars(select(TicketCallRow.call_id))).all() == [call]
    summary = await line.summary(call)
    assert (summary.caller, summary.called, summary.outcome) == (None, "+8613812345678", "answered")


async def test_it_is_the_agents_work_and_nobodys_call(line: OutLine, voice: VoiceProcess) -> None:
    ticket = await line.ticket()
    await line.agent("1001")
    row = await line.click("1001", ticket)
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.citizen_answers()
    await line.agent_is("1001", AgentState.TALKING)
    await leg.citizen_hangs_up()
    await line.call_out(row.id, "ended")
    facts = await line.facts(story_of(row))
    stays, offers = count_call(
        Fact(f.kind, f.at, f.seq, f.fact.partition(":")[2], f.agent, f.attributes) for f in facts
    )
    assert stays == []
    assert [(offer.agent, offer.handling) for offer in offers] == [("1001", "answered")]
    # The expected wait is that of citizens.
    assert await line.redis.llen("{smx}:served:general") == 0


@pytest.mark.parametrize("before", [AgentState.READY, AgentState.NOT_READY, AgentState.WRAP_UP])
async def test_nobody_else_gets_the_agent_and_what_was_before_is_again(
    line: OutLine, voice: VoiceProcess, before: AgentState
) -> None:
    ticket = await line.ticket()
    await line.agent("1001", ready=before is AgentState.READY)
    if before is AgentState.NOT_READY:
        await line.acd.set_not_ready("1001", "培训")
    if before is AgentState.WRAP_UP:
        first = await line.click("1001", await line.ticket("+8613812345679"))
        leg = await agents_phone(line)
        await leg.answers()
        await leg.dials()
        await leg.citizen_answers()
        await line.agent_is("1001", AgentState.TALKING)
        await leg.citizen_hangs_up()
        await line.call_out(first.id, "ended")
        await line.agent_is("1001", AgentState.WRAP_UP)
    row = await line.click("1001", ticket)
    leg = await agents_phone(line)
    citizen = line.citizen()
    await citizen.enter(voice)
    await until(lambda: (live := voice.board.live.get(citizen.call)) is not None and live.queued_ms is not None)
    assert await line.state("1001") is AgentState.RINGING
    await leg.answers()
    await leg.dials()
    await citizen.hangs_up()
    await until(lambda: citizen.call not in voice.board.live)
    await leg.citizen_fails("BUSY", 17)
    done = await line.call_out(row.id, "ended")
    assert (done.outcome, done.cause, done.talk_ms) == ("busy", 17, None)
    expected = AgentState.NOT_READY if before is not AgentState.READY else AgentState.READY
    await line.agent_is("1001", expected)
    view = await line.acd.agent("1001")
    assert view is not None
    if before is AgentState.NOT_READY:
        assert view.reason == "培训"


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [
        ("NOANSWER", 0, "no_answer"),
        ("CONGESTION", 21, "rejected"),
        ("CHANUNAVAIL", 1, "unallocated"),
        ("CHANUNAVAIL", 20, "powered_off"),
        ("CONGESTION", 34, "failed"),
    ],
)
async def test_how_the_party_answered(
    line: OutLine, voice: VoiceProcess, status: str, cause: int, outcome: str
) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.citizen_fails(status, cause)
    assert (await line.call_out(row.id, "ended")).outcome == outcome
    assert (await line.told("1001", "ended"))["outcome"] == outcome
    ended = await line.fact(story_of(row), "ended")
    assert ended.attributes["outcome"] == outcome
    await line.agent_is("1001", AgentState.READY)


async def test_an_agent_who_hangs_up_while_it_rings(line: OutLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.agent_hangs_up()
    done = await line.call_out(row.id, "ended")
    assert done.outcome == "agent_left"
    assert done.dialled_at is not None


async def test_an_agent_whose_phone_rings_out_called_nobody(line: OutLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    await leg.agent_fails("NOANSWER", 19)
    done = await line.call_out(row.id, "not_placed")
    assert (done.outcome, done.dialled_at) == ("agent_no_answer", None)
    assert not any(peer for peer in line.peers), "the citizen was dialled"
    view = await line.acd.call(story_of(row))
    assert view is not None
    assert view.state is CallState.ENDED
    assert await line.acd.queue_lengths() == dict.fromkeys(await line.acd.queue_lengths(), 0)


async def test_an_agent_in_a_talk_is_not_called(line: OutLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    row = await line.click("1001", await line.ticket())
    assert (await line.call_out(row.id, "not_placed")).outcome == "agent_not_free"
    assert not any(done[0] == "originate" for done in line.asterisk.done), seat
    await line.told("1001", "not_placed")


async def test_a_phone_that_is_away_is_not_called(line: OutLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    await line.phone(seat, DeviceState.UNAVAILABLE)
    await line.agent_is("1001", AgentState.UNREACHABLE)
    row = await line.click("1001", await line.ticket())
    assert (await line.call_out(row.id, "not_placed")).outcome == "agent_not_free"


async def test_a_number_is_called_once_at_a_time_and_so_is_an_agent(line: OutLine) -> None:
    ticket, other = await line.ticket(), await line.ticket("+8613812345679")
    await line.click("1001", ticket)
    with pytest.raises(CallOutBusy) as busy:
        await line.click("1002", ticket)
    assert busy.value.remedy == "您或该号码正在外呼中"
    with pytest.raises(CallOutBusy):
        await line.click("1001", other)


async def test_a_click_nobody_took_up_is_not_heard_minutes_later(line: OutLine) -> None:
    row = await line.click("1001", await line.ticket())
    line.clock.set(line.clock.now() + timedelta(minutes=2))  # type: ignore[attr-defined]
    await line.start()
    await line.agent("1001")
    assert (await line.call_out(row.id, "not_placed")).outcome == "expired"
    assert line.asterisk.called.empty()


async def test_the_limits_hold_at_the_click(redis_url: str, database_url: str, tmp_path: Path) -> None:
    line = OutLine(redis_url, database_url, tmp_path, calls_out={"opens": "00:00", "closes": "00:00", "per_day": 1})
    try:
        ticket = await line.ticket()
        voice = await line.start()
        assert voice.board.settings.calls_out.per_day == 1
        await line.agent("1001")
        row = await line.click("1001", ticket)
        leg = await agents_phone(line)
        await leg.answers()
        await leg.dials()
        await leg.citizen_fails("BUSY", 17)
        await line.call_out(row.id, "ended")
        with pytest.raises(CallNotAllowed) as refused:
            await line.click("1001", ticket)
        assert refused.value.refused.why is Why.TOO_OFTEN
        assert refused.value.remedy.startswith("该号码今天的外呼次数已达上限，最早可于")
        async with line.database.transaction() as session:
            await store.bar(session, "+8613812345678", reason="本人要求", by="1001", now=line.clock.now())
        with pytest.raises(CallNotAllowed) as refused:
            await line.click("1001", ticket)
        assert refused.value.remedy == "该号码在免打扰名单中，不得外呼"
    finally:
        await line.close()


async def test_the_limits_hold_when_the_party_is_dialled(line: OutLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    async with line.database.transaction() as session:
        await store.bar(session, "+8613812345678", reason="本人要求", by="1001", now=line.clock.now())
    await leg.answers()
    done = await line.call_out(row.id, "not_placed")
    assert (done.outcome, done.dialled_at) == ("not_allowed", None)
    assert not any(command[:2] == ["EXEC", "Dial"] for command in leg.peer.commands)


@pytest.mark.parametrize(
    "typed", ["110", "12345", "+8613800", "0013812345678", "+14155550100", "4001234567", "1381234567a", "95588"]
)
async def test_what_is_no_subscriber_is_not_called(line: OutLine, typed: str) -> None:
    ticket = await line.ticket()
    with pytest.raises(NumberNotAllowed):
        await line.click("1001", ticket, whom=Whom.TYPED, roles=("supervisor",), typed=typed)


async def test_numbers_are_typed_with_permission_and_normalised(line: OutLine) -> None:
    ticket = await line.ticket()
    with pytest.raises(NotAllowed):
        await line.click("1001", ticket, whom=Whom.TYPED, typed="139 0000 1111")
    row = await line.click("1001", ticket, whom=Whom.TYPED, roles=("supervisor",), typed="139 0000 1111")
    assert row.number == "+8613900001111"


async def test_forbidden_beginnings(redis_url: str, database_url: str, tmp_path: Path) -> None:
    keys = {"opens": "00:00", "closes": "00:00", "forbidden_prefixes": ["+86138"]}
    line = OutLine(redis_url, database_url, tmp_path, calls_out=keys)
    try:
        with pytest.raises(NumberNotAllowed):
            await line.click("1001", await line.ticket())
    finally:
        await line.close()


async def test_units_are_called_by_the_directory(line: OutLine) -> None:
    ticket = await line.ticket("")
    today = line.clock.now().date()
    async with line.database.transaction() as session:
        unit = Unit(name="市城管局", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        contact = Contact(unit_id=unit.id, name="王", number="2812345")
        session.add_all(
            [
                contact,
                DutyNumber(
                    unit_id=unit.id, from_day=today - timedelta(1), to_day=today + timedelta(1), number="03982800000"
                ),
            ]
        )
        await session.flush()
    row = await line.click("1001", ticket, whom=Whom.CONTACT, contact=contact.id)
    assert (row.number, row.purpose) == ("+863982812345", "contact")
    row = await line.click("1002", ticket, whom=Whom.DUTY, unit=unit.id)
    assert row.number == "+863982800000"
    with pytest.raises(NothingToCall):
        await line.click("1003", ticket)
    with pytest.raises(NothingToCall):
        await line.click("1003", ticket, whom=Whom.DUTY, unit=unit.id + 1)


async def test_a_process_that_dies_with_the_agent_rung_called_nobody(line: OutLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    await agents_phone(line)
    await line.kill(voice)
    await line.start("voice-2")
    await _lease_over(line)
    done = await line.call_out(row.id, "not_placed")
    assert (done.outcome, done.dialled_at) == ("lost", None)


async def test_a_process_that_dies_after_dialling_is_an_attempt(line: OutLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await line.kill(voice)
    await line.start("voice-2")
    await _lease_over(line)
    done = await line.call_out(row.id, "ended")
    assert done.outcome == "lost"
    assert done.dialled_at is not None
    assert line.asterisk.called.empty(), "dialled twice for one click"


async def _lease_over(line: OutLine) -> None:
    """Its lease runs out."""
    line.clock.set(line.clock.now() + store.LEASE)  # type: ignore[attr-defined]


async def test_a_step_of_another_process_is_refused(line: OutLine) -> None:
    row = await line.click("1001", await line.ticket())
    now = line.clock.now()
    async with line.database.transaction() as session:
        (claim,) = await store.claim(session, "ast1/voice-1", now)
        assert (claim.row.id, claim.found) == (row.id, CallOutState.REQUESTED)
        assert await store.claim(session, "ast1/voice-2", now) == []
    async with line.database.transaction() as session:
        with pytest.raises(CallOutMoved):
            await store.move(session, row.id, CallOutState.PLACING, process="ast1/voice-2", now=now)
        with pytest.raises(CallOutMoved):
            await store.move(session, row.id, CallOutState.ENDED, process="ast1/voice-1", now=now)
        assert await store.renew(session, "ast1/voice-2", [row.id], now) == set()
        assert await store.renew(session, "ast1/voice-1", [row.id], now) == {row.id}


async def test_the_phone_may_answer_by_itself(redis_url: str, database_url: str, tmp_path: Path) -> None:
    keys = {"opens": "00:00", "closes": "00:00", "auto_answer": "Answer-Mode: Auto"}
    line = OutLine(redis_url, database_url, tmp_path, calls_out=keys)
    try:
        await line.start()
        await line.agent("1001")
        await line.click("1001", await line.ticket())
        leg = await agents_phone(line)
        assert leg.called.variables["PJSIP_HEADER(add,Answer-Mode)"] == "Auto"
        await leg.agent_fails("NOANSWER", 19)
    finally:
        await line.close()


async def test_the_line_the_ticket_came_in_by_is_shown(redis_url: str, database_url: str, tmp_path: Path) -> None:
    keys = {"opens": "00:00", "closes": "00:00", "caller_id_of_line": True}
    line = OutLine(redis_url, database_url, tmp_path, calls_out=keys)
    try:
        assert (await line.click("1001", await line.ticket(hotline="12333"))).shown == "12333"
        foreign = await line.ticket("+8613812345679", hotline="12399")
        assert (await line.click("1002", foreign)).shown == "12345"
    finally:
        await line.close()


async def test_a_talk_goes_on_when_its_process_dies_and_nobody_is_called_again(
    line: OutLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr("calls.call_out_runner._RENEW_SECONDS", 0.2)
    first, second = await line.start("voice-1"), await line.start("voice-2")
    await line.agent("1001")
    row = await line.click("1001", await line.ticket())
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    line.asterisk.channel(leg.leg, "Dial", bridged=True)
    await leg.citizen_answers()
    held = await line.call_out(row.id, "talking")
    holder, other = (first, second) if held.owner == first.board.process else (second, first)
    await line.kill(holder)
    await until(lambda: leg.call in other.adoption)

    async def taken_over() -> None:
        async with asyncio.timeout(20):
            while (await line.call_out(row.id, "talking")).owner != other.board.process:
                await asyncio.sleep(0.02)

    await taken_over()
    # Looked at more than once: it is a talk, not something that has ended.
    seen = (await line.call_out(row.id, "talking")).lease_until
    async with asyncio.timeout(20):
        while (await line.call_out(row.id, "talking")).lease_until == seen:
            await asyncio.sleep(0.02)
    assert await line.state("1001") is AgentState.TALKING
    # A command that is for the citizen's channel does not reach the agent's.
    other.adoption.heard({"type": "talk", "call": leg.call, "command": "hold", "agent": "1001"})
    await other.adoption.step()
    assert leg.call in other.adoption
    assert leg.call not in other.board.live
    line.asterisk.live.pop(leg.leg)
    await line.agent_is("1001", AgentState.WRAP_UP)
    done = await line.call_out(row.id, "ended")
    assert (done.outcome, done.agent) == ("answered", "1001")
    assert line.asterisk.called.empty(), "called again"
    assert (await line.kinds(leg.call)).count("ended") == 1
