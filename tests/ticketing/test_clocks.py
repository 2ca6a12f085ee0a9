"""Clocks of tickets as they go through their stages, at literal dates under a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from directory import repository as directory
from directory import special_days
from directory.models import Role
from hotline.clock import ManualClock
from tests.ticketing.conftest import Counter
from ticketing import clocks, on_calendar, repository
from ticketing.clock_tables import TicketClockMoveRow, TicketClockRow, TicketNoticeRow, TicketPolicyRow
from ticketing.coordination import meetings
from ticketing.coordination.errors import NoMeetingReported
from ticketing.coordination.meetings import MeetingReport
from ticketing.coordination.words import MeetingKind
from ticketing.deadlines import Deadlines
from ticketing.errors import ExtensionTooLate, ExtensionUnsigned, HandedOverWhen, NobodyTookIt, TooManyExtensions
from ticketing.policy import TicketPolicy
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, MovedBy, NoticeKind, TicketType, Urgency

CITY = ZoneInfo("Asia/Shanghai")


def at(written: str) -> datetime:
    """On the city's clocks; 24:00 is the midnight that ends the day."""
    day, clock = written.split(" ")
    hour, minute = map(int, clock.split(":"))
    return (datetime.fromisoformat(day).replace(tzinfo=CITY) + timedelta(hours=hour, minutes=minute)).astimezone(UTC)


@pytest.fixture
def now(clock: ManualClock) -> Callable[[str], None]:
    """Set the clock."""

    def set_to(written: str) -> None:
        clock.advance((at(written) - clock.now()).total_seconds())

    return set_to


async def clock_of(counter: Counter, ticket: Ticket, kind: ClockKind) -> TicketClockRow:
    """The newest of that kind."""
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        found = [clock for clock in await clocks.of(session, row.id) if clock.kind == kind]
    return found[-1]


async def delivered(counter: Counter, **fields: Any) -> Ticket:
    """Accepted and dispatched now, signed for."""
    people = counter.people
    ticket = await counter.act(await counter.register(**fields), Action.ACCEPT, people.agent)
    taken = {"handed_over_to": "值班员王工"} if ticket.urgency is Urgency.URGENT else {}
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id, **taken)
    return await counter.act(ticket, Action.SIGN_FOR, people.handler)


async def extended(counter: Counter, ticket: Ticket, *, signed: bool) -> Ticket:
    """Asked for, signed perhaps, granted."""
    people = counter.people
    ticket = await counter.act(ticket, Action.EXTEND, people.handler, note="需现场勘验")
    if signed:
        leader = Actor("rsj9", frozenset({Role.UNIT_LEADER}), people.handler.unit_id)
        ticket = await counter.act(ticket, Action.SIGN_EXTENSION, leader)
    return await counter.act(ticket, Action.GRANT_EXTENSION, people.dispatcher)


async def test_the_day_before_national_day(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (handling.ends_at, handling.provisional) == (at("2026-10-13 24:00"), False)
    assert (await clock_of(counter, ticket, ClockKind.RETURN)).ends_at == at("2026-10-09 24:00")
    assert (await clock_of(counter, ticket, ClockKind.DISPATCH)).ended == ClockEnd.MET


@pytest.mark.parametrize(("when", "end"), [("2026-10-13 23:59", ClockEnd.MET), ("2026-10-13 24:00", ClockEnd.LATE)])
async def test_a_reply_is_in_time_until_midnight(
    counter: Counter, now: Callable[[str], None], when: str, end: ClockEnd
) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    now(when)
    late = {"overdue_cause": "own_delay"} if end is ClockEnd.LATE else {}
    ticket = await counter.replied(ticket, **late)
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (handling.ended, handling.ended_at, handling.next_at) == (end, at(when), None)
    assert (await clock_of(counter, ticket, ClockKind.RETURN)).ended == ClockEnd.WITHDRAWN


async def test_accepted_before_midnight_and_dispatched_after_it_is_a_same_day_miss(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-11-17 23:58")
    ticket = await counter.act(await counter.register(), Action.ACCEPT, counter.people.agent)
    now("2026-11-18 00:03")
    unit = counter.people.handler.unit_id
    await counter.act(ticket, Action.DISPATCH, counter.people.dispatcher, lead_unit=unit)
    assert (await clock_of(counter, ticket, ClockKind.DISPATCH)).ended == ClockEnd.LATE


async def test_a_complaint_is_passed_on_by_a_clock_of_its_own(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-11-17 10:00")
    ticket = await counter.register(type=TicketType.COMPLAINT)
    ticket = await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    now("2026-11-17 10:30")
    unit = counter.people.handler.unit_id
    await counter.act(ticket, Action.DISPATCH, counter.people.dispatcher, lead_unit=unit)
    assert (await clock_of(counter, ticket, ClockKind.PASS_ON)).ended == ClockEnd.LATE
    assert (await clock_of(counter, ticket, ClockKind.DISPATCH)).ended == ClockEnd.MET


async def test_an_urgent_matter_counts_from_its_handover_by_telephone(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 19:50")
    people = counter.people
    ticket = await counter.act(await counter.register(urgency=Urgency.URGENT), Action.ACCEPT, people.agent)
    now("2026-09-30 20:05")
    unit = people.handler.unit_id
    said = {"lead_unit": unit, "handed_over_to": "值班员王工"}
    for wrong in ("2026-09-30 19:49", "2026-09-30 20:06"):
        with pytest.raises(HandedOverWhen):
            await counter.act(ticket, Action.DISPATCH, people.dispatcher, **said, handed_over_at=at(wrong).isoformat())
    handed_over = at("2026-09-30 20:00").isoformat()
    with pytest.raises(NobodyTookIt):
        await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=unit, handed_over_at=handed_over)
    await counter.act(ticket, Action.DISPATCH, people.dispatcher, **said, handed_over_at=handed_over)
    history = (await counter.file(ticket)).history
    assert history[-1].details["handed_over_to"] == "值班员王工"
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-01 08:00")


@pytest.mark.parametrize(
    ("when", "end"), [("2026-10-13 23:59", ClockEnd.WITHDRAWN), ("2026-10-14 00:00", ClockEnd.LATE)]
)
async def test_a_recall_takes_no_lateness_away(
    counter: Counter, now: Callable[[str], None], when: str, end: ClockEnd
) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    now(when)
    await counter.act(ticket, Action.RECALL, counter.people.dispatcher, note="派单有误")
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ended == end


@pytest.mark.parametrize(("when", "end"), [("2026-02-24 23:59", ClockEnd.MET), ("2026-02-25 00:00", ClockEnd.LATE)])
async def test_a_return_that_comes_late_is_taken_and_counts_as_overdue(
    counter: Counter, now: Callable[[str], None], when: str, end: ClockEnd
) -> None:
    now("2026-02-13 17:00")
    ticket = await delivered(counter)
    now(when)
    ticket = await counter.act(ticket, Action.RETURN, counter.people.handler, note="不属我局职责", basis="三定方案")
    assert (await clock_of(counter, ticket, ClockKind.RETURN)).ended == end
    ticket = await counter.act(ticket, Action.AGREE_RETURN, counter.people.dispatcher)
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ended == ClockEnd.WITHDRAWN
    assert (await clock_of(counter, ticket, ClockKind.DISPATCH)).ended is None, "it is dispatched anew, the same day"


async def test_an_extension_is_asked_for_a_day_before(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    late, early = await delivered(counter), await delivered(counter)
    now("2026-10-13 00:00")
    with pytest.raises(ExtensionTooLate, match="2026-10-13 00:00"):
        await counter.act(late, Action.EXTEND, counter.people.handler, note="需现场勘验")
    now("2026-10-12 23:59")
    early = await extended(counter, early, signed=False)
    handling = await clock_of(counter, early, ClockKind.HANDLING)
    assert handling.ends_at == at("2026-10-20 24:00")
    async with counter.database.transaction() as session:
        (move,) = await session.scalars(select(TicketClockMoveRow).where(TicketClockMoveRow.clock_id == handling.id))
    assert (move.why, move.old_ends_at, move.by) == (MovedBy.EXTENSION, at("2026-10-13 24:00"), "2001")


async def test_the_second_extension_is_signed_and_there_is_no_third(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await extended(counter, await delivered(counter), signed=True)
    now("2026-10-15 09:00")
    with pytest.raises(ExtensionUnsigned):
        # The signature under the first one is not one under the second.
        await extended(counter, ticket, signed=False)
    async with counter.database.transaction() as session:
        ticket = Ticket.model_validate(await repository.row(session, ticket.number))
    leader = Actor("rsj9", frozenset({Role.UNIT_LEADER}), people.handler.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_EXTENSION, leader)
    ticket = await counter.act(ticket, Action.GRANT_EXTENSION, people.dispatcher)
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-27 24:00")
    with pytest.raises(TooManyExtensions):
        await counter.act(ticket, Action.EXTEND, people.handler, note="仍需时间")
    with pytest.raises(NoMeetingReported):
        await counter.act(ticket, Action.MEET, people.dispatcher, note="x", convener="分管副市长")
    async with counter.database.transaction() as session:
        said = MeetingReport(kind=MeetingKind.SPECIAL, report="已延期两次,权属不清")
        await meetings.report(session, ticket.number, said, leader, at=counter.clock.now())
    ticket = await counter.act(
        ticket, Action.MEET, people.dispatcher, note="市政府专题协调会,限本周内办结", convener="分管副市长"
    )
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert (file.history[-1].note, file.history[-1].details) == (
        "市政府专题协调会,限本周内办结",
        {"convener": "分管副市长"},
    )


async def test_extensions_count_over_all_handlings_of_a_matter(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await extended(counter, await delivered(counter), signed=False)
    ticket = await extended(counter, ticket, signed=True)
    ticket = await counter.replied(ticket)
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="未解决")
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="重办")
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.handler)
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-13 24:00"), "a fresh clock"
    with pytest.raises(TooManyExtensions):
        await counter.act(ticket, Action.EXTEND, people.handler, note="仍需时间")


async def test_a_ticket_keeps_the_policy_it_began_with(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-29 09:00")
    people = counter.people
    before = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    async with counter.database.transaction() as session:
        session.add(
            TicketPolicyRow(
                number=1,
                first_day=date(2026, 9, 30),
                note="试行",
                made_by="9001",
                made_at=at("2026-09-29 10:00"),
                policy=TicketPolicy(general_days=3).model_dump(mode="json"),
            )
        )
    now("2026-09-30 09:00")
    unit = people.handler.unit_id
    await counter.act(before, Action.DISPATCH, people.dispatcher, lead_unit=unit)
    assert (await clock_of(counter, before, ClockKind.HANDLING)).ends_at == at("2026-10-13 24:00")
    assert (await clock_of(counter, await delivered(counter), ClockKind.HANDLING)).ends_at == at("2026-10-10 24:00")


async def test_those_concerned_are_told_once_at_three_quarters_and_at_the_end(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-11-16 00:00")
    ticket = await delivered(counter)
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    deadlines, again = Deadlines(counter.database, counter.clock), Deadlines(counter.database, counter.clock)

    async def told() -> list[tuple[str, datetime]]:
        async with counter.database.transaction() as session:
            rows = await session.scalars(
                select(TicketNoticeRow).where(TicketNoticeRow.clock_id == handling.id).order_by(TicketNoticeRow.id)
            )
            return [(row.kind, row.at) for row in rows]

    # From Monday 0:00 to the next Monday 24:00 are eight days.
    assert handling.ends_at == at("2026-11-23 24:00")
    now("2026-11-21 23:59")
    await deadlines.step()
    assert await told() == []
    now("2026-11-22 00:00")
    await deadlines.step()
    await again.step()
    now("2026-11-23 23:59")
    await deadlines.step()
    assert await told() == [(NoticeKind.WARNING, at("2026-11-22 00:00"))]
    now("2026-11-25 08:00")
    await again.step()
    await deadlines.step()
    assert (await told())[1:] == [(NoticeKind.OVERDUE, at("2026-11-25 08:00"))]


async def test_a_calendar_amended_on_the_way_moves_the_end_and_keeps_the_old_one(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-11-16 09:00")
    plain, longer, urgent = (
        await delivered(counter),
        await delivered(counter),
        await delivered(counter, urgency=Urgency.URGENT),
    )
    longer = await extended(counter, longer, signed=False)
    deadlines = Deadlines(counter.database, counter.clock)
    await deadlines.step()
    before = (await clock_of(counter, urgent, ClockKind.HANDLING)).ends_at
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, date(2026, 11, 18), False, note="暴雪停工", now=counter.clock.now())
    await deadlines.step()
    handling = await clock_of(counter, plain, ClockKind.HANDLING)
    assert handling.ends_at == at("2026-11-24 24:00")
    assert (await clock_of(counter, longer, ClockKind.HANDLING)).ends_at == at("2026-12-01 24:00")
    assert (await clock_of(counter, urgent, ClockKind.HANDLING)).ends_at == before
    async with counter.database.transaction() as session:
        (move,) = await session.scalars(select(TicketClockMoveRow).where(TicketClockMoveRow.clock_id == handling.id))
    assert (move.why, move.old_ends_at) == (MovedBy.CALENDAR, at("2026-11-23 24:00"))


async def test_what_an_amendment_would_move_is_what_it_moves(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-11-16 09:00")
    for urgency in (Urgency.GENERAL, Urgency.URGENT):
        await delivered(counter, urgency=urgency)
    deadlines = Deadlines(counter.database, counter.clock)
    await deadlines.step()

    async def asked(day: date, worked: bool | None) -> on_calendar.Effect:
        async with counter.database.transaction() as session:
            calendar = await directory.workdays(session)
            return await on_calendar.effect(session, day, calendar, calendar.amended(day, worked), "Asia/Shanghai")

    async def moved() -> int:
        async with counter.database.transaction() as session:
            return await session.scalar(select(func.count()).select_from(TicketClockMoveRow)) or 0

    storm, weekend = date(2026, 11, 17), date(2026, 11, 21)
    # Both are returned within days, one is handled within hours.
    assert await asked(storm, False) == on_calendar.Effect(sooner=0, later=3, tickets=2)
    assert await asked(weekend, True) == on_calendar.Effect(sooner=1, later=0, tickets=1)
    for untouched in (date(2026, 11, 16), date(2026, 11, 24)):
        assert await asked(untouched, False) == on_calendar.Effect(sooner=0, later=0, tickets=0)
    assert await moved() == 0
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, storm, False, now=counter.clock.now())
    await deadlines.step()
    assert await moved() == 3
    assert await asked(storm, None) == on_calendar.Effect(sooner=3, later=0, tickets=2)


async def test_a_clock_begun_between_two_amendments_is_not_left_behind(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-11-16 09:00")
    deadlines = Deadlines(counter.database, counter.clock)
    await deadlines.step()
    storm = date(2026, 11, 18)
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, storm, False, note="暴雪停工", now=counter.clock.now())
    plain = await delivered(counter)
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, storm, None, now=counter.clock.now())
    await deadlines.step()
    assert (await clock_of(counter, plain, ClockKind.HANDLING)).ends_at == at("2026-11-23 24:00")


async def test_a_year_nobody_has_published_is_provisional(counter: Counter, now: Callable[[str], None]) -> None:
    now("2027-09-29 09:00")
    assert (await clock_of(counter, await delivered(counter), ClockKind.HANDLING)).provisional
