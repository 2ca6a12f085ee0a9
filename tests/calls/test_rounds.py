"""A follow-up round of 50 tickets with mixed outcomes under an injected clock, by agents, through the whole of calling
out; and what agents do beside it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from calls import call_out_store as store
from calls import round_items, rounds
from calls.call_out_models import CallOutRow
from calls.round_keeper import RoundKeeper
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import ItemState, Mode, Result, RoundMoved, RoundState
from directory.models import Role
from hotline.errors import InvalidInput, NotAllowed
from tests.calls.callback_line import AgentLeg
from tests.calls.line import DIRECTORY
from tests.calls.out_line import OutLine, called_phone
from ticketing.models import TicketRow
from ticketing.schemas import Actor
from ticketing.vocabulary import State

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=ZONE).astimezone(UTC)
AGENTS = tuple(f"10{n:02d}" for n in range(1, 9))

OK, BUSY, SILENT, OFF, NO = "answered", "BUSY 17", "NOANSWER 0", "CHANUNAVAIL 20", "CONGESTION 21"
EMPTY, OURS = "CHANUNAVAIL 1", "CONGESTION 34"


@dataclass
class Citizen:
    """How one of the fifty behaves: the end of each call to them, in order, and what they say in the end."""

    calls: tuple[str, ...]
    ends: ItemState
    says: Result | None = None
    number: str = ""
    ticket: str = ""
    at: list[datetime] = field(default_factory=list)
    """When their phone was called."""


def fifty() -> list[Citizen]:
    said = list(Result)[:5]
    done, vain, bad = ItemState.DONE, ItemState.UNREACHABLE, ItemState.INVALID
    citizens = [
        *(Citizen((OK,), done, said[n % 5]) for n in range(18)),
        Citizen((OK,), done, Result.DECLINED),
        Citizen((OK,), done, Result.WRONG_PERSON),
        *(Citizen((BUSY, OK), done, said[n % 5]) for n in range(7)),
        *(Citizen((SILENT, OFF, OK), done, said[n % 3]) for n in range(5)),
        *(Citizen((SILENT, SILENT, SILENT), vain) for _ in range(3)),
        Citizen((BUSY, OFF, NO), vain),
        Citizen((NO, NO, NO), vain),
        *(Citizen((EMPTY,), bad) for _ in range(2)),
        Citizen((BUSY, EMPTY), bad),
        # Our trunk is away twice, which is no attempt of theirs.
        *(Citizen((OURS, OURS, BUSY, OK), done, said[0]) for _ in range(2)),
        Citizen((OURS,) * 5, ItemState.FAILED),
        *(Citizen((), ItemState.BARRED) for _ in range(2)),
        *(Citizen((), bad) for _ in range(2)),
        Citizen((), ItemState.SKIPPED),
        Citizen((OK,), done, said[1]),
        Citizen((OK,), done, said[4]),
    ]
    for number, citizen in enumerate(citizens):
        citizen.number = f"+86138{number:08d}"
    return citizens


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[OutLine]:
    line = OutLine(redis_url, database_url, tmp_path)
    yield line
    await line.close()


class Desk:
    """The agents of a round, and what they do at their screens."""

    def __init__(self, line: OutLine, citizens: list[Citizen]) -> None:
        self.line = line
        self.by_ticket = {citizen.ticket: citizen for citizen in citizens}
        self.legs: dict[str, asyncio.Queue[AgentLeg]] = {}

    async def deal(self) -> None:
        """Give each agent's phone that rings to the agent."""
        while True:
            try:
                called = await called_phone(self.line)
            except TimeoutError:
                continue
            seat = called.phone.removeprefix("PJSIP/")
            await self.legs.setdefault(seat, asyncio.Queue()).put(AgentLeg(self.line, called))

    async def work(self, agent: str, seat: str) -> int:
        """Call until nothing is due; returns how many items were handled."""
        handled = 0
        while (item := await self.next(agent)) is not None:
            await self.handle(agent, seat, item)
            handled += 1
        return handled

    async def next(self, agent: str) -> VisitItemRow | None:
        async with self.line.database.transaction() as session:
            policy = await rounds.policy_of(session, self.line.settings())
            return await round_items.next_item(session, agent, policy, self.line.clock.now())

    async def handle(self, agent: str, seat: str, item: VisitItemRow) -> None:
        citizen = self.by_ticket[item.ticket]
        if citizen.ends is ItemState.SKIPPED:
            await self.skip(agent, item, None)
            return
        call = await self.start(agent, item)
        async with asyncio.timeout(15):
            leg = await self.legs.setdefault(seat, asyncio.Queue()).get()
        await leg.answers()
        assert (await leg.dials())[0] == f"PJSIP/{citizen.number.removeprefix('+86')}@carrier"
        now = self.line.clock.now()
        end = citizen.calls[len(citizen.at)]
        citizen.at.append(now)
        if end == OK:
            await leg.citizen_answers()
            await self.line.call_out(call.id, "talking")
            await leg.citizen_hangs_up()
            await self.line.call_out(call.id, "ended")
            await self.write(agent, item, citizen.says)
        else:
            status, cause = end.split()
            await leg.citizen_fails(status, int(cause))
            await self.line.call_out(call.id, "ended")

    async def start(self, agent: str, item: VisitItemRow) -> CallOutRow:
        async with self.line.database.transaction() as session:
            return await rounds.start(
                session,
                item.id,
                agent=agent,
                roles=("visit_agent",),
                directory=DIRECTORY,
                settings=self.line.settings(),
                now=self.line.clock.now(),
            )

    async def skip(self, agent: str, item: VisitItemRow, until: datetime | None) -> None:
        async with self.line.database.transaction() as session:
            row = await round_items.own(session, item.id, agent)
            policy = await rounds.policy_of(session, self.line.settings())
            await round_items.skip(
                session, row, reason="诉求人已当面答复", until=until, policy=policy, now=self.line.clock.now()
            )

    async def write(
        self, agent: str, item: VisitItemRow, said: Result | None, *, again_at: datetime | None = None
    ) -> None:
        async with self.line.database.transaction() as session:
            row = await round_items.own(session, item.id, agent)
            policy = await rounds.policy_of(session, self.line.settings())
            await round_items.result(
                session,
                row,
                Actor(agent, frozenset({Role.AGENT, Role.VISIT_AGENT})),
                said,
                note="已回访",
                again_at=again_at,
                policy=policy,
                now=self.line.clock.now(),
            )


async def made(line: OutLine, tickets: list[str], mode: Mode = Mode.AGENT, *, running: bool = True) -> VisitRoundRow:
    async with line.database.transaction() as session:
        row = await rounds.make(
            session,
            "十一月回访",
            mode,
            tickets,
            directory=DIRECTORY,
            forbidden=line.settings().calls_out.forbidden_prefixes,
            by="3001",
            now=line.clock.now(),
        )
        if running:
            await rounds.turn(session, row.id, RoundState.RUNNING, line.clock.now())
    return row


async def items(line: OutLine, round_id: int) -> dict[str, VisitItemRow]:
    async with line.database.transaction() as session:
        rows = await session.scalars(select(VisitItemRow).where(VisitItemRow.round_id == round_id))
        return {row.ticket: row for row in rows}


async def test_fifty_tickets_with_mixed_outcomes(line: OutLine) -> None:
    line.clock.set(MONDAY)  # type: ignore[attr-defined]
    citizens = fifty()
    assert len(citizens) == 50
    nameless = [citizen for citizen in citizens if citizen.ends is ItemState.INVALID and not citizen.calls]
    for citizen in nameless:
        citizen.number = ""
    nameless[0].number = "12345"
    for citizen in citizens:
        citizen.ticket = await line.ticket(citizen.number)
        if citizen.ends is ItemState.BARRED:
            async with line.database.transaction() as session:
                await store.bar(session, citizen.number, reason="本人要求", by="3001", now=line.clock.now())
    voice = await line.start()
    seats = {agent: await line.agent(agent, ready=False) for agent in AGENTS}
    row = await made(line, [citizen.ticket for citizen in citizens])
    desk = Desk(line, citizens)
    dealing = asyncio.create_task(desk.deal())
    keeper = RoundKeeper(database=line.database, clock=line.clock)
    finished: list[int] = []
    first_day = 0
    try:
        now = MONDAY
        for _ in range(13 * 6):
            await line.jump(now)
            handled = await asyncio.gather(*(desk.work(agent, seat) for agent, seat in seats.items()))
            local = now.astimezone(ZONE)
            if not 9 <= local.hour < 20:
                assert sum(handled) == 0, f"worked in quiet hours: {local}"
            if local.date() == MONDAY.astimezone(ZONE).date():
                first_day += sum(handled)
            finished += await keeper.step()
            if finished:
                break
            # The night is not waited through by the hour.
            now += timedelta(hours=1 if local.hour < 20 else 12)
    finally:
        dealing.cancel()
    assert finished == [row.id]
    found = await items(line, row.id)
    for citizen in citizens:
        item = found[citizen.ticket]
        told = (citizen.ticket, citizen.calls)
        assert (item.state, item.result) == (citizen.ends, citizen.says), told
        assert len(citizen.at) == len(citizen.calls), told
        assert item.closed_at is not None
        assert item.attempts == sum(end != OURS for end in citizen.calls), told
        assert item.failures == sum(end == OURS for end in citizen.calls), told
        assert (item.sms_due_at is not None) == (citizen.ends is ItemState.UNREACHABLE), told
        _within_limits(citizen)
    await _tickets_know(line, citizens)
    async with line.database.transaction() as session:
        report = await rounds.report(session, row.id)
        calls = (await session.scalars(select(CallOutRow))).all()
    assert report.total == 50
    assert report.open == 0
    assert report.states == dict(Counter(citizen.ends.value for citizen in citizens))
    rated = [citizen.says for citizen in citizens if citizen.says in list(Result)[:5]]
    assert report.rated == len(rated)
    assert report.satisfaction == sum(said in list(Result)[:3] for said in rated) / len(rated)
    assert len(calls) == sum(len(citizen.calls) for citizen in citizens)
    assert all(call.state == "ended" for call in calls)
    assert first_day >= 45
    assert not voice.board.live


def _within_limits(citizen: Citizen) -> None:
    local = [at.astimezone(ZONE) for at in citizen.at]
    assert all(9 <= at.hour < 20 for at in local)
    assert all(count <= 2 for count in Counter(at.date() for at in local).values())
    assert all(later - earlier >= timedelta(hours=2) for earlier, later in pairwise(local))
    rang = [at for at, end in zip(local, citizen.calls, strict=True) if end != OURS]
    assert len(rang) <= 3
    if len(rang) == 3:
        assert rang[0].date() < rang[2].date()


async def _tickets_know(line: OutLine, citizens: list[Citizen]) -> None:
    async with line.database.transaction() as session:
        tickets = {row.number: row.state for row in await session.scalars(select(TicketRow))}
    for citizen in citizens:
        # Nobody to call is an end as well; that our side could not call, or an agent did not, is none.
        visited = citizen.ends not in (ItemState.FAILED, ItemState.SKIPPED)
        assert tickets[citizen.ticket] == (State.VISITED if visited else State.REPLIED), citizen


@pytest.fixture
async def desk(line: OutLine) -> AsyncIterator[Desk]:
    """Three tickets that are due, on a Monday at ten, and nobody's call yet."""
    line.clock.set(MONDAY + timedelta(hours=1, minutes=30))  # type: ignore[attr-defined]
    citizens = [Citizen((OK,), ItemState.DONE, Result.SATISFIED, number=f"+8613900000{n:03d}") for n in range(3)]
    for citizen in citizens:
        citizen.ticket = await line.ticket(citizen.number)
    desk = Desk(line, citizens)
    dealing = asyncio.create_task(desk.deal())
    yield desk
    dealing.cancel()


async def test_two_agents_get_two_items_in_order_and_each_keeps_its_own(desk: Desk) -> None:
    row = await made(desk.line, list(desk.by_ticket))
    first, second = await asyncio.gather(desk.next("1001"), desk.next("1002"))
    assert first is not None
    assert second is not None
    assert {first.position, second.position} == {0, 1}
    again = await desk.next("1001")
    assert again is not None
    assert again.id == first.id
    with pytest.raises(NotAllowed):
        await desk.skip("1002", first, None)
    assert {item.agent for item in (await items(desk.line, row.id)).values()} == {"1001", "1002", None}


async def test_an_agent_who_vanishes_gives_the_item_back(desk: Desk) -> None:
    row = await made(desk.line, list(desk.by_ticket))
    item = await desk.next("1001")
    assert item is not None
    keeper = RoundKeeper(database=desk.line.database, clock=desk.line.clock)
    await keeper.step()
    assert (await items(desk.line, row.id))[item.ticket].state == ItemState.PREVIEW
    desk.line.clock.set(desk.line.clock.now() + timedelta(minutes=11))  # type: ignore[attr-defined]
    await keeper.step()
    assert (await items(desk.line, row.id))[item.ticket].state == ItemState.WAITING
    other = await desk.next("1002")
    assert other is not None
    assert other.id == item.id


async def test_a_talk_nobody_writes_up_has_no_result(desk: Desk) -> None:
    line = desk.line
    await line.start()
    seat = await line.agent("1001", ready=False)
    row = await made(line, list(desk.by_ticket)[:1])
    item = await desk.next("1001")
    assert item is not None
    call = await desk.start("1001", item)
    leg = await desk.legs.setdefault(seat, asyncio.Queue()).get()
    await leg.answers()
    await leg.dials()
    await leg.citizen_answers()
    await line.call_out(call.id, "talking")
    await leg.citizen_hangs_up()
    await line.call_out(call.id, "ended")
    assert (await items(line, row.id))[item.ticket].state == ItemState.TALKED
    line.clock.set(line.clock.now() + timedelta(minutes=31))  # type: ignore[attr-defined]
    assert await RoundKeeper(database=line.database, clock=line.clock).step() == [row.id]
    found = (await items(line, row.id))[item.ticket]
    assert (found.state, found.result, found.on_ticket) == (ItemState.DONE, Result.NO_RESULT, True)


async def test_an_agents_own_phone_that_rings_out_is_no_attempt(desk: Desk) -> None:
    line = desk.line
    await line.start()
    seat = await line.agent("1001", ready=False)
    row = await made(line, list(desk.by_ticket))
    item = await desk.next("1001")
    assert item is not None
    call = await desk.start("1001", item)
    leg = await desk.legs.setdefault(seat, asyncio.Queue()).get()
    await leg.agent_fails("NOANSWER", 19)
    await line.call_out(call.id, "not_placed")
    found = (await items(line, row.id))[item.ticket]
    assert (found.state, found.agent, found.attempts) == (ItemState.PREVIEW, "1001", 0)
    assert (await line.told("1001", "not_placed"))["item"]["state"] == "preview"


async def test_who_asks_to_be_called_later_is_called_then(desk: Desk) -> None:
    line = desk.line
    await line.start()
    seat = await line.agent("1001", ready=False)
    row = await made(line, list(desk.by_ticket)[:1])
    item = await desk.next("1001")
    assert item is not None
    call = await desk.start("1001", item)
    with pytest.raises(RoundMoved):
        await desk.write("1001", item, Result.SATISFIED)
    leg = await desk.legs.setdefault(seat, asyncio.Queue()).get()
    await leg.answers()
    await leg.dials()
    await leg.citizen_answers()
    await line.call_out(call.id, "talking")
    await leg.citizen_hangs_up()
    await line.call_out(call.id, "ended")
    wanted = line.clock.now() + timedelta(hours=5)
    await desk.write("1001", item, None, again_at=wanted)
    found = (await items(line, row.id))[item.ticket]
    assert (found.state, found.next_at, found.agent) == (ItemState.WAITING, wanted, None)


async def test_putting_off_has_an_end(desk: Desk) -> None:
    row = await made(desk.line, list(desk.by_ticket)[:1])
    for number in range(1, 5):
        item = await desk.next("1001")
        assert item is not None
        await desk.skip("1001", item, desk.line.clock.now())
        found = (await items(desk.line, row.id))[item.ticket]
        assert found.state == (ItemState.WAITING if number < 4 else ItemState.SKIPPED)


async def test_a_paused_round_gives_nothing_and_a_closed_one_takes_back(desk: Desk) -> None:
    line = desk.line
    row = await made(line, list(desk.by_ticket), running=False)
    assert await desk.next("1001") is None

    async def turn(to: RoundState) -> None:
        async with line.database.transaction() as session:
            await rounds.turn(session, row.id, to, line.clock.now())

    await turn(RoundState.RUNNING)
    await turn(RoundState.PAUSED)
    assert await desk.next("1001") is None
    await turn(RoundState.RUNNING)
    item = await desk.next("1001")
    assert item is not None
    await turn(RoundState.CLOSED)
    assert {found.state for found in (await items(line, row.id)).values()} == {ItemState.WITHDRAWN}
    with pytest.raises(RoundMoved):
        await turn(RoundState.RUNNING)


async def test_a_call_that_outlasts_its_round_ends_with_it(desk: Desk) -> None:
    line = desk.line
    await line.start()
    seat = await line.agent("1001", ready=False)
    row = await made(line, list(desk.by_ticket))
    item = await desk.next("1001")
    assert item is not None
    call = await desk.start("1001", item)
    leg = await desk.legs.setdefault(seat, asyncio.Queue()).get()
    await leg.answers()
    await leg.dials()
    async with line.database.transaction() as session:
        await rounds.turn(session, row.id, RoundState.CLOSED, line.clock.now())
    assert (await items(line, row.id))[item.ticket].state == ItemState.CALLING
    await leg.citizen_fails("BUSY", 17)
    await line.call_out(call.id, "ended")
    assert (await items(line, row.id))[item.ticket].state == ItemState.WITHDRAWN


async def test_a_round_has_each_ticket_once(desk: Desk) -> None:
    ticket = next(iter(desk.by_ticket))
    with pytest.raises(InvalidInput):
        await made(desk.line, [ticket, ticket])
    with pytest.raises(InvalidInput):
        await made(desk.line, [])


async def test_a_ticket_that_is_elsewhere_stays_as_it_is(desk: Desk) -> None:
    line = desk.line
    await line.start()
    seat = await line.agent("1001", ready=False)
    ticket = await line.ticket("+8613900000000", state=State.HANDLING)
    desk.by_ticket[ticket] = Citizen((OK,), ItemState.DONE, Result.SATISFIED, "+8613900000000", ticket)
    row = await made(line, [ticket])
    await desk.work("1001", seat)
    found = (await items(line, row.id))[ticket]
    assert (found.state, found.result, found.on_ticket) == (ItemState.DONE, Result.SATISFIED, False)
