"""Data that go with a call, from the talk to the outbox, and from a platform to the agent's screen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select

from calls.facts import Kind
from calls.handover import LONGEST_SUMMARY, HandoverOrder, hand_over
from calls.handover_arrivals import trunk_of
from calls.handover_intake import ContentChanged, HandoverIn, Received, receive
from calls.handover_models import HandoverRow, ReceivedHandoverRow
from calls.live import Scribe
from calls.switchboard import Switchboard
from calls.voice import VoiceProcess
from directory.models import PartnerKind
from directory.snapshot import DialTarget, PartnerPlatform
from directory.targets import Destination, TargetKind
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from tests.calls.line import DIRECTORY, CallLine, StandingDirectory, until
from ticketing import repository
from ticketing.intake import IntakeDesk
from ticketing.vocabulary import Source

CALL = "ast1-1763761000.1"
CALLER = "+8613812345678"
TAX = Destination(
    "line:12366",
    TargetKind.BRANCH,
    "12366",
    (DialTarget("branch-12366", "99012366", 15),),
    partner="branch-12366",
)
PLATFORM = PartnerPlatform("branch-12366", "12366分中心", PartnerKind.BRANCH, line="12366", trunk="carrier")
"""Its calls come in on the trunk that the played citizens call on."""
NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


def order(target: Destination = TAX, **told: Any) -> HandoverOrder:
    given: dict[str, Any] = {"call": CALL, "target": target, "step": "1", "agent": "1001", "caller": CALLER}
    return HandoverOrder(**given | told)


def scribe(line: CallLine, board: Switchboard) -> Scribe:
    return Scribe(board.journal, line.clock, call=CALL, process=board.process)


async def outbox(line: CallLine) -> list[HandoverRow]:
    async with line.database.transaction() as session:
        return list(await session.scalars(select(HandoverRow)))


async def test_the_row_is_there_when_it_is_ordered_and_the_fact_makes_no_second_one(
    line: CallLine, voice: VoiceProcess
) -> None:
    given = order(summary="发票", location="黄河路1号", ticket="SMX20261120000001")
    handed = await hand_over(voice.board, scribe(line, voice.board), given)
    (row,) = await outbox(line)
    assert (handed.id, handed.to_platform) == (row.id, True)
    assert (row.partner, row.call_id, row.target, row.agent, row.state) == (
        "branch-12366",
        CALL,
        "line:12366",
        "1001",
        "pending",
    )
    assert {name: row.told[name] for name in ("caller", "ticket", "summary", "location", "urgent")} == {
        "caller": CALLER,
        "ticket": "SMX20261120000001",
        "summary": "发票",
        "location": "黄河路1号",
        "urgent": False,
    }
    fact = await line.fact(CALL, Kind.HANDOVER)
    assert (fact.agent, fact.attributes["partner"]) == ("1001", "branch-12366")
    assert [kept.id for kept in await outbox(line)] == [row.id]


async def test_without_postgresql_the_call_goes_on_and_the_fact_becomes_the_row(
    line: CallLine, voice: VoiceProcess
) -> None:
    board = voice.board
    board.database = Database(NOWHERE)
    began = asyncio.get_running_loop().time()
    handed = await hand_over(board, scribe(line, board), order())
    assert asyncio.get_running_loop().time() - began < 1.0
    assert (handed.to_platform, await outbox(line)) == (True, [])
    await board.database.close()
    board.database = line.database
    await line.fact(CALL, Kind.HANDOVER)
    assert [row.id for row in await outbox(line)] == [handed.id]


async def test_a_postgresql_that_hangs_holds_up_no_call(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def hangs(*_: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("calls.handover_store.keep", hangs)
    async with asyncio.timeout(15):
        await hand_over(voice.board, scribe(line, voice.board), order())
    assert asked.is_set()


async def test_the_same_step_is_one_hand_over_whoever_orders_it(line: CallLine, voice: VoiceProcess) -> None:
    """A process died between the order and the call; its adopter orders the same step again."""
    other = line.board("voice-2")
    for board in (voice.board, other):
        await hand_over(board, scribe(line, board), order())
    await line.fact(CALL, Kind.HANDOVER)
    await other.journal.flush()
    await line.ingest()
    assert len(await outbox(line)) == 1
    await hand_over(voice.board, scribe(line, voice.board), order(step="2"))
    assert len(await outbox(line)) == 2


async def test_one_of_ours_sees_it_on_the_screen(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1002")
    colleague = Destination("agent:1002", TargetKind.AGENT, "1002", agent="1002")
    handed = await hand_over(voice.board, scribe(line, voice.board), order(colleague, summary="社保"))
    assert not handed.to_platform
    await until(lambda: "handover" in line.shown("1002"))
    (frame,) = [frame for frame in line.frames["1002"] if frame.kind == "handover"]
    assert frame.body == handed.body
    assert (frame.body["from"], frame.body["summary"], frame.body["caller"]) == ("1001", "社保", CALLER)
    assert await outbox(line) == []


async def test_an_emergency_is_marked(line: CallLine, voice: VoiceProcess) -> None:
    desk = replace(TAX, key="line:110", kind=TargetKind.EMERGENCY, partner="police")
    await hand_over(voice.board, scribe(line, voice.board), order(desk))
    assert (await outbox(line))[0].told["urgent"] is True


async def test_who_takes_no_data_is_called_without(line: CallLine, voice: VoiceProcess) -> None:
    handed = await hand_over(voice.board, scribe(line, voice.board), order(replace(TAX, partner="")))
    await line.fact(CALL, Kind.HANDOVER)
    assert (handed.to_platform, await outbox(line)) == (False, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": ""},
        {"step": "a b"},
        {"step": "1\n"},
        {"call": "nothing"},
        {"ticket": "x'; --"},
        {"summary": "a" * (LONGEST_SUMMARY + 1)},
        {"summary": "a\x00b"},
        {"location": "a" * 301},
    ],
)
def test_what_no_agent_can_have_meant(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        order(**wrong)


# from a platform to us

DESK = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=SystemClock())
SENT = HandoverIn(case_number="TAX-7", summary="咨询新办企业税务登记", caller="138 1234 5678", location="开发区")


async def take(line: CallLine, sent: HandoverIn = SENT, *, partner_id: str = "a-1", ago: float = 0) -> Received:
    async with line.database.transaction() as session:
        now = line.clock.now() - timedelta(minutes=ago)
        return await receive(session, DESK, DIRECTORY, PLATFORM, partner_id=partner_id, sent=sent, now=now)


async def test_it_becomes_a_ticket_of_its_own_source(line: CallLine) -> None:
    got = await take(line)
    async with line.database.transaction() as session:
        row = await repository.row(session, got.ticket)
    assert (row.source, row.registered_by, row.hotline) == (Source.BRANCH, "partner:branch-12366", "12366")
    assert (row.caller_number, row.address, row.title) == (
        CALLER,
        "开发区",
        "12366分中心移交：咨询新办企业税务登记",
    )
    assert row.content == "咨询新办企业税务登记\n\n来自：12366分中心\n对方编号：TAX-7"
    assert row.unit_tag == "市人力资源和社会保障局"


async def test_a_repeat_gets_the_same_answer_and_a_changed_one_none(line: CallLine) -> None:
    first = await take(line)
    assert await take(line, HandoverIn(**SENT.model_dump())) == first
    with pytest.raises(ContentChanged):
        await take(line, SENT.model_copy(update={"summary": "别的"}))
    assert (await take(line, partner_id="a-2")).ticket != first.ticket


async def test_of_many_at_once_there_is_one_ticket(line: CallLine) -> None:
    answers = await asyncio.gather(*(take(line) for _ in range(8)))
    assert {answer.ticket for answer in answers} == {answers[0].ticket}
    async with line.database.transaction() as session:
        page, _ = await repository.newest(session, repository.Filters(), before=None, limit=10)
    assert [ticket.number for ticket in page] == [answers[0].ticket]


async def test_a_number_nobody_can_read_is_kept_as_it_was_written(line: CallLine) -> None:
    got = await take(line, SENT.model_copy(update={"caller": "分机 8-12"}))
    async with line.database.transaction() as session:
        row = await repository.row(session, got.ticket)
    assert (row.caller_number, "来电号码（原文）：分机 8-12" in row.content) == ("", True)


def test_the_trunk_of_a_channel() -> None:
    assert trunk_of("PJSIP/branch-12366-0000002a") == "branch-12366"
    assert trunk_of("") == ""


class WithPlatform(StandingDirectory):
    """The platform is in the directory."""

    snapshot = replace(DIRECTORY, partners=(PLATFORM,))


async def arrive(line: CallLine, voice: VoiceProcess, number: str = "13812345678") -> tuple[str, dict[str, Any]]:
    """A call on the platform's trunk; its id and what its pop shows."""
    voice.board.directory = cast(Any, WithPlatform())
    citizen = line.citizen()
    citizen.number = number
    await citizen.enter(voice)
    await until(lambda: citizen.call in voice.board.live)
    live = voice.board.live[citizen.call]
    assert live.partner == PLATFORM.code
    return citizen.call, await voice.board.pops.history(live)


async def test_the_agent_sees_what_came_before_the_call(line: CallLine, voice: VoiceProcess) -> None:
    got = await take(line)
    call, pop = await arrive(line, voice)
    (shown,) = pop["handovers"]
    assert (shown["ticket"], shown["case_number"], shown["sure"]) == (got.ticket, "TAX-7", True)
    assert shown["summary"] == "咨询新办企业税务登记"
    async with line.database.transaction() as session:
        assert (await repository.file(session, got.ticket)).calls == (call,)
        row = await session.get(ReceivedHandoverRow, (PLATFORM.code, "a-1"))
        assert row is not None
        assert row.call_id == call
    assert (await line.fact(call, Kind.TICKET)).attributes["ticket"] == got.ticket
    assert (await voice.board.pops.history(voice.board.live[call]))["handovers"] == pop["handovers"]


async def test_it_is_on_the_pop_before_the_phone_rings(line: CallLine, voice: VoiceProcess) -> None:
    got = await take(line)
    voice.board.directory = cast(Any, WithPlatform())
    await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    pop = next(frame for frame in line.frames["1001"] if frame.kind == "pop")
    assert [one["ticket"] for one in pop.body["handovers"]] == [got.ticket]
    assert [one["number"] for one in pop.body["open_tickets"]] == [got.ticket]
    assert pop.body["partner"] == "12366分中心"


async def test_a_branchs_own_call_for_its_line_stays_here(line: CallLine, voice: VoiceProcess) -> None:
    voice.board.directory = cast(Any, WithPlatform())
    seat = await line.agent("1001")
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
    entered = await line.fact(citizen.call, Kind.ENTERED)
    assert (entered.attributes["partner"], entered.attributes["known_by"]) == (PLATFORM.code, "trunk")


async def test_another_number_is_shown_as_a_guess_and_claims_nothing(line: CallLine, voice: VoiceProcess) -> None:
    tickets = [(await take(line, partner_id=f"a-{n}", ago=5 - n)).ticket for n in range(5)]
    call, pop = await arrive(line, voice, "03982812366")
    assert [one["ticket"] for one in pop["handovers"]] == tickets[:1:-1]
    assert {one["sure"] for one in pop["handovers"]} == {False}
    async with line.database.transaction() as session:
        assert (await repository.file(session, tickets[0])).calls == ()
    assert Kind.TICKET not in await line.kinds(call)


async def test_what_came_too_long_ago_is_another_call(line: CallLine, voice: VoiceProcess) -> None:
    await take(line, ago=11)
    _, pop = await arrive(line, voice)
    assert pop["handovers"] == []


async def test_a_second_call_does_not_get_what_the_first_one_came_for(line: CallLine, voice: VoiceProcess) -> None:
    await take(line)
    await arrive(line, voice)
    _, pop = await arrive(line, voice)
    assert pop["handovers"] == []


async def test_a_call_of_the_carrier_costs_nothing_more(line: CallLine, voice: VoiceProcess) -> None:
    await take(line)
    citizen = line.citizen()
    await citizen.enter(voice)
    await until(lambda: citizen.call in voice.board.live)
    live = voice.board.live[citizen.call]
    assert (live.partner, "handovers" in await voice.board.pops.history(live)) == ("", False)
