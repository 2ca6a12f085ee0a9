"""The roster in a real database: who is due, who is missing, shifts that overlap, swaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from acd import roster, roster_swaps
from acd.model import AgentView
from acd.roster import (
    NewShift,
    NotInGroup,
    NotYourUnit,
    Shift,
    ShiftBegan,
    ShiftsOverlap,
    UnknownAgent,
    UnknownShift,
    fewest_due,
    local_span,
)
from acd.roster_swaps import NotYourShift, OwnSwap, SwapAlreadyAsked, SwapClosed, UnknownSwap
from acd.roster_tables import RosterShift, SwapState
from acd.states import AgentState
from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from hotline.database import Database
from hotline.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
DAY, NIGHT = (time(8), time(16)), (time(22), time(6))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Agents 1001 to 1003, and 2001, an expert whom a unit sends."""
    database = Database(database_url)
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    async with database.transaction() as session:
        unit = Unit(name="市人社局", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        for number in ("1001", "1002", "1003"):
            new = NewUser(number, f"话务员{number}", frozenset({Role.AGENT}), agent=Agent(number, {"general": 1}))
            await add_user(session, new, "hotline-test-1", passwords, now=NOW)
        expert = Agent("2001", {"expert-12333": 1})
        new = NewUser("2001", "社保专家", frozenset({Role.EXPERT}), unit.id, expert)
        await add_user(session, new, "hotline-test-1", passwords, now=NOW)
    yield database
    await database.close()


def shift(agent: str, day: date = MONDAY, hours: tuple[time, time] = DAY, group: str = "general") -> NewShift:
    return NewShift(agent, group, *local_span(day, *hours, SHANGHAI))


async def assigned(database: Database, *new: NewShift) -> list[Shift]:
    async with database.transaction() as session:
        return await roster.assign(session, new, by="3001", now=NOW)


def view(agent: str, state: AgentState) -> AgentView:
    return AgentView.from_record(
        agent, {"extension": "8001", "groups": "{}", "state": state, "since": 0, "idle": 0, "call": None}
    )


def test_a_night_shift_ends_on_the_next_day() -> None:
    assert local_span(MONDAY, *NIGHT, SHANGHAI) == (
        datetime(2026, 11, 23, 14, tzinfo=UTC),
        datetime(2026, 11, 23, 22, tzinfo=UTC),
    )


def test_a_zone_with_summer_time_is_read_by_its_clock() -> None:
    begins, ends = local_span(date(2026, 3, 28), time(22), time(6), BERLIN)
    assert ends - begins == timedelta(hours=7)
    begins, ends = local_span(date(2026, 10, 24), time(22), time(6), BERLIN)
    assert ends - begins == timedelta(hours=9)
    with pytest.raises(InvalidInput):
        local_span(date(2026, 3, 29), time(2, 30), time(10), BERLIN)


@given(st.dates(date(1992, 1, 1), date(2100, 1, 1)), st.times(), st.times())
def test_in_shanghai_every_shift_has_the_length_of_its_clock(day: date, begins: time, ends: time) -> None:
    start, end = local_span(day, begins, ends, SHANGHAI)
    clock = datetime.combine(MONDAY, ends) - datetime.combine(MONDAY, begins)
    assert end - start == (clock if ends > begins else clock + timedelta(days=1))
    assert start.astimezone(SHANGHAI).replace(tzinfo=None) == datetime.combine(day, begins)


async def test_who_is_due_and_who_is_missing(database: Database) -> None:
    await assigned(database, shift("1001"), shift("1002", hours=NIGHT), shift("2001", group="expert-12333"))
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
    async with database.transaction() as session:
        due = await roster.due(session, noon)
        assert [one.agent for one in due] == ["1001", "2001"]
        assert [one.agent for one in await roster.due(session, noon, of_unit=due[1].unit_id)] == ["2001"]
        by_night = await roster.due(session, datetime(2026, 11, 24, 5, 59, tzinfo=SHANGHAI))
        assert [one.agent for one in by_night] == ["1002"]
        assert await roster.due(session, datetime(2026, 11, 24, 6, 0, tzinfo=SHANGHAI)) == []
        assert [one.agent for one in await roster.due(session, due[0].starts_at)] == ["1001", "2001"]
    agents = [view("1001", AgentState.NOT_READY), view("2001", AgentState.SIGNED_OUT), view("1003", AgentState.READY)]
    (absent,) = roster.missing(due, agents, noon)
    assert (absent.shift.agent, absent.late_s) == ("2001", 4 * 3600)
    assert [one.shift.agent for one in roster.missing(due, [], noon)] == ["1001", "2001"]


async def test_the_list_holds_every_shift_that_touches_it(database: Database) -> None:
    await assigned(database, shift("1001"), shift("1002", hours=NIGHT), shift("1003", date(2026, 11, 25)))
    async with database.transaction() as session:
        midnight = datetime(2026, 11, 24, 0, 0, tzinfo=SHANGHAI)
        found = await roster.shifts(session, midnight, midnight + timedelta(days=1))
        assert [(one.agent, one.name) for one in found] == [("1002", "话务员1002")]
        week = midnight - timedelta(days=1), midnight + timedelta(days=7)
        assert [one.agent for one in await roster.shifts(session, *week, agent="1003")] == ["1003"]
        assert await roster.shifts(session, *week, group="night") == []


async def test_overlapping_shifts_are_refused_whole(database: Database) -> None:
    await assigned(database, shift("1001", hours=NIGHT))
    early = shift("1001", date(2026, 11, 24), (time(5), time(12)))
    async with database.transaction() as session:
        with pytest.raises(ShiftsOverlap):
            await roster.assign(session, [shift("1002"), early], by="3001", now=NOW)
        week = datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)
        assert [one.agent for one in await roster.shifts(session, *week)] == ["1001"]
    await assigned(database, shift("1001", date(2026, 11, 24), (time(6), time(12))), shift("1001"))


async def test_two_who_plan_at_once_cannot_make_shifts_overlap(database: Database) -> None:
    answers = await asyncio.gather(*(assigned(database, shift("1001")) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert all(isinstance(answer, list | ShiftsOverlap) for answer in answers)


async def test_what_no_shift_can_be(database: Database) -> None:
    begin = datetime(2026, 11, 23, tzinfo=UTC)
    wrong: list[tuple[NewShift, type[Exception]]] = [
        (shift("9999"), UnknownAgent),
        (shift("1001", group="expert-12333"), NotInGroup),
        (NewShift("1001", "general", begin, begin), InvalidInput),
        (NewShift("1001", "general", begin, begin + timedelta(hours=17)), InvalidInput),
        (NewShift("1001", "general", NOW - timedelta(hours=8), NOW), InvalidInput),
        (shift("1001", group="General!"), InvalidInput),
    ]
    for new, error in wrong:
        with pytest.raises(error):
            await assigned(database, new)


async def test_a_unit_lays_down_its_own_experts_shifts_only(database: Database) -> None:
    async with database.transaction() as session:
        (mine,) = await roster.assign(session, [shift("2001", group="expert-12333")], by="unit", now=NOW, of_unit=1)
        assert mine.unit_id == 1
        with pytest.raises(NotYourUnit):
            await roster.assign(session, [shift("1001")], by="unit", now=NOW, of_unit=1)
        with pytest.raises(NotYourUnit):
            await roster.cancel(session, mine.id, by="other", now=NOW, of_unit=2)
        await roster.cancel(session, mine.id, by="unit", now=NOW, of_unit=1)


async def test_a_cancelled_shift_makes_room_and_stays_on_record(database: Database) -> None:
    (first,) = await assigned(database, shift("1001"))
    async with database.transaction() as session:
        with pytest.raises(ShiftBegan):
            await roster.cancel(session, first.id, by="3001", now=first.starts_at)
        await roster.cancel(session, first.id, by="3001", now=NOW)
        with pytest.raises(UnknownShift):
            await roster.cancel(session, first.id, by="3001", now=NOW)
    await assigned(database, shift("1001"))
    async with database.transaction() as session:
        row = await session.get_one(RosterShift, first.id)
        assert (row.cancelled_by, row.cancelled_at) == ("3001", NOW)


async def _ask(database: Database, shift_id: int, **changes: object) -> roster_swaps.Swap:
    values = {"by_agent": "1001", "to_agent": "1002", "now": NOW} | changes
    async with database.transaction() as session:
        return await roster_swaps.ask(session, shift_id, **values)  # type: ignore[arg-type]


async def _due(database: Database, day: date, hour: int = 12) -> list[str]:
    async with database.transaction() as session:
        return [one.agent for one in await roster.due(session, datetime.combine(day, time(hour), SHANGHAI))]


async def test_a_swap_agreed_to_and_approved_changes_hands_both_ways(database: Database) -> None:
    tuesday = MONDAY + timedelta(days=1)
    mine, theirs = await assigned(database, shift("1001"), shift("1002", tuesday))
    swap = await _ask(database, mine.id, back_shift_id=theirs.id, reason="家里有事")
    async with database.transaction() as session:
        with pytest.raises(SwapClosed):
            await roster_swaps.approve(session, swap.id, by="3001", now=NOW)
        with pytest.raises(NotYourShift):
            await roster_swaps.agree(session, swap.id, by_agent="1003", now=NOW)
        assert (await roster_swaps.agree(session, swap.id, by_agent="1002", now=NOW)).state is SwapState.AGREED
        with pytest.raises(OwnSwap):
            await roster_swaps.approve(session, swap.id, by="x", by_agent="1002", now=NOW)
        done = await roster_swaps.approve(session, swap.id, by="3001", now=NOW)
        assert (done.state, done.decided_by, done.agent, done.to_agent) == (SwapState.APPROVED, "3001", "1001", "1002")
        with pytest.raises(SwapClosed):
            await roster_swaps.refuse(session, swap.id, by="3001", now=NOW)
        assert await roster_swaps.swaps(session, SwapState.ASKED, SwapState.AGREED) == []
        assert [one.id for one in await roster_swaps.swaps(session, agent="1002")] == [swap.id]
        assert await roster_swaps.swaps(session, agent="1003") == []
    assert (await _due(database, MONDAY), await _due(database, tuesday)) == (["1002"], ["1001"])


async def test_a_swap_of_the_same_hours_needs_no_free_moment_between(database: Database) -> None:
    mine, theirs = await assigned(database, shift("1001"), shift("1002"))
    swap = await _ask(database, mine.id, back_shift_id=theirs.id)
    async with database.transaction() as session:
        await roster_swaps.agree(session, swap.id, by_agent="1002", now=NOW)
        await roster_swaps.approve(session, swap.id, by="3001", now=NOW)
    assert await _due(database, MONDAY) == ["1001", "1002"]


async def test_a_swap_that_would_double_somebody_changes_nothing(database: Database) -> None:
    (mine,) = await assigned(database, shift("1001"))
    swap = await _ask(database, mine.id)
    await assigned(database, shift("1002", hours=(time(15), time(20))))
    async with database.transaction() as session:
        await roster_swaps.agree(session, swap.id, by_agent="1002", now=NOW)
        with pytest.raises(ShiftsOverlap):
            await roster_swaps.approve(session, swap.id, by="3001", now=NOW)
    assert await _due(database, MONDAY) == ["1001"]
    async with database.transaction() as session:
        assert (await roster_swaps.get(session, swap.id)).state is SwapState.AGREED
        assert (await roster_swaps.withdraw(session, swap.id, by_agent="1002", now=NOW)).state is SwapState.WITHDRAWN


async def test_swaps_that_are_refused_at_once(database: Database) -> None:
    mine, theirs, experts = await assigned(database, shift("1001"), shift("1002"), shift("2001", group="expert-12333"))
    with pytest.raises(NotYourShift):
        await _ask(database, theirs.id)
    with pytest.raises(NotYourShift):
        await _ask(database, mine.id, back_shift_id=experts.id)
    with pytest.raises(NotInGroup):
        await _ask(database, experts.id, by_agent="2001")
    with pytest.raises(InvalidInput):
        await _ask(database, mine.id, to_agent="1001")
    with pytest.raises(UnknownAgent):
        await _ask(database, mine.id, to_agent="9999")
    with pytest.raises(ShiftBegan):
        await _ask(database, mine.id, now=mine.starts_at)
    with pytest.raises(UnknownShift):
        await _ask(database, 2**40)
    await _ask(database, mine.id)
    with pytest.raises(SwapAlreadyAsked):
        await _ask(database, mine.id, to_agent="1003")
    async with database.transaction() as session:
        with pytest.raises(UnknownSwap):
            await roster_swaps.refuse(session, 2**40, by="3001", now=NOW)


def test_the_fewest_due_in_a_span() -> None:
    def of(agent: str, begin: int, end: int) -> Shift:
        start = datetime(2026, 11, 23, tzinfo=UTC)
        return Shift(
            0, agent, "", None, "general", start + timedelta(hours=begin), start + timedelta(hours=end), "", ""
        )

    start = datetime(2026, 11, 23, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range(25)]
    rostered = [of("a", 0, 8), of("b", 4, 12), of("c", 8, 16), of("d", 8, 9)]
    assert [fewest_due(rostered, hours[n], hours[n + 1]) for n in (0, 4, 8, 9, 15, 16)] == [1, 2, 3, 2, 1, 0]
    assert fewest_due(rostered, hours[0], hours[16]) == 1
    assert fewest_due(rostered, hours[7], hours[9]) == 2
    assert fewest_due([], hours[0], hours[1]) == 0
