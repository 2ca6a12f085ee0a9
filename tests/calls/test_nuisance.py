"""Callers who misuse the line: flagged with evidence, warned, limited, told so; and numbers that get a head start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls import nuisance, vulnerable
from calls.caller_record import look_up
from calls.models import CallRow
from calls.nuisance import LIMITED, AlreadyFlagged, NewFlag, Treatment, UnknownFlag
from calls.nuisance_evidence import Piece
from calls.nuisance_tables import Measure
from calls.priority import Reason, head_start
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Priority

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CALLER = "+8613812345678"
CALL = "ast1-1763761000.12"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def new(measure: Measure = Measure.FLAG, **changes: Any) -> NewFlag:
    values: dict[str, Any] = {
        "caller": CALLER,
        "measure": measure,
        "reason": "反复来电辱骂话务员",
        "evidence": (Piece(call=CALL), Piece(ticket="SMX20261121000001")),
        "expires_at": NOW + 30 * DAY,
    }
    return NewFlag(**(values | changes))


async def flag(database: Database, flagged: NewFlag, *, now: datetime = NOW) -> int:
    async with database.transaction() as session:
        return (await nuisance.flag(session, flagged, by="supervisor", now=now)).id


async def treatment(database: Database, *, now: datetime = NOW, caller: str = CALLER) -> Treatment | None:
    async with database.transaction() as session:
        return await nuisance.treatment_of(session, caller, call=CALL, now=now)


async def calls(database: Database, *ago: timedelta, outcome: str | None = "answered", caller: str = CALLER) -> None:
    async with database.transaction() as session:
        session.add_all(
            CallRow(
                call_id=f"ast1-{int((NOW - one).timestamp())}.{number}",
                entered_at=NOW - one,
                caller=caller,
                outcome=outcome,
            )
            for number, one in enumerate(ago)
        )


async def test_nearly_nobody_is_flagged(database: Database) -> None:
    await flag(database, new())
    assert await treatment(database, caller="+8613800000000") is None


@pytest.mark.parametrize("measure", [Measure.FLAG, Measure.WARN])
async def test_a_flag_holds_until_it_expires(database: Database, measure: Measure) -> None:
    number = await flag(database, new(measure))
    assert await treatment(database) == Treatment(number, measure, "反复来电辱骂话务员", False, "")
    assert await treatment(database, now=NOW + 30 * DAY - timedelta(seconds=1)) is not None
    assert await treatment(database, now=NOW + 30 * DAY) is None


async def test_a_limit_counts_the_calls_of_the_last_hour(database: Database) -> None:
    await flag(database, new(Measure.LIMIT, calls_per_hour=2, queue="limited"))
    await calls(database, HOUR, 2 * HOUR, timedelta(minutes=59))
    await calls(database, timedelta(minutes=1), caller="+8613800000000")
    found = await treatment(database)
    assert found is not None
    assert (found.over_limit, found.queue) == (False, "limited")
    # A call that is still on the line counts, one that only heard of the limit does not.
    await calls(database, timedelta(seconds=30), outcome=LIMITED)
    found = await treatment(database)
    assert found is not None
    assert not found.over_limit
    await calls(database, timedelta(seconds=10), outcome=None)
    found = await treatment(database)
    assert found is not None
    assert found.over_limit
    found = await treatment(database, now=NOW + timedelta(minutes=2))
    assert found is not None
    assert not found.over_limit


async def test_the_call_itself_does_not_count(database: Database) -> None:
    await flag(database, new(Measure.LIMIT, calls_per_hour=1))
    async with database.transaction() as session:
        session.add(CallRow(call_id=CALL, entered_at=NOW, caller=CALLER))
    found = await treatment(database)
    assert found is not None
    assert not found.over_limit


async def test_a_limit_of_none_lets_no_call_through(database: Database) -> None:
    await flag(database, new(Measure.LIMIT, calls_per_hour=0))
    found = await treatment(database)
    assert found is not None
    assert found.over_limit


async def test_a_caller_has_one_flag_in_force(database: Database) -> None:
    first = await flag(database, new())
    with pytest.raises(AlreadyFlagged):
        await flag(database, new(Measure.WARN))
    async with database.transaction() as session:
        lifted = await nuisance.lift(session, first, by="admin", now=NOW + HOUR)
        assert (lifted.lifted_by, lifted.lifted_at) == ("admin", NOW + HOUR)
    assert await treatment(database, now=NOW + HOUR) is None
    second = await flag(database, new(Measure.WARN, expires_at=NOW + DAY))
    # What has expired makes room, and history says that it ran to its end.
    third = await flag(database, new(expires_at=NOW + 9 * DAY), now=NOW + DAY)
    async with database.transaction() as session:
        everything = await nuisance.flags(session, now=NOW + DAY, ended=True)
        assert [(one.id, one.lifted_by, one.lifted_at) for one in everything] == [
            (third, None, None),
            (second, "", NOW + DAY),
            (first, "admin", NOW + HOUR),
        ]
        in_force = await nuisance.flags(session, now=NOW + DAY)
        assert [one.id for one in in_force] == [third]
        assert await nuisance.flags(session, now=NOW + DAY, caller="+8613800000000") == []


async def test_only_what_is_in_force_is_lifted(database: Database) -> None:
    number = await flag(database, new())
    async with database.transaction() as session:
        for wrong, now in ((number + 1, NOW), (number, NOW + 30 * DAY)):
            with pytest.raises(UnknownFlag):
                await nuisance.lift(session, wrong, by="admin", now=now)
        await nuisance.lift(session, number, by="admin", now=NOW)
        with pytest.raises(UnknownFlag):
            await nuisance.lift(session, number, by="admin", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": " "},
        {"reason": "x" * 501},
        {"evidence": ()},
        {"evidence": (Piece(note="每天来电"),)},
        {"evidence": (Piece(recording=1),)},
        {"expires_at": NOW},
        {"expires_at": NOW + 400 * DAY},
        {"measure": Measure.LIMIT},
        {"calls_per_hour": 3},
        {"measure": Measure.LIMIT, "calls_per_hour": -1},
        {"measure": Measure.LIMIT, "calls_per_hour": 61},
        {"measure": Measure.WARN, "queue": "limited"},
        {"measure": Measure.LIMIT, "calls_per_hour": 1, "queue": "A B"},
    ],
)
async def test_no_flag(database: Database, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await flag(database, new(**changes))
    assert await treatment(database) is None


async def test_marks_of_vulnerable_callers(database: Database) -> None:
    async with database.transaction() as session:
        await vulnerable.mark(session, CALLER, "独居老人", by="supervisor", now=NOW)
        await vulnerable.mark(session, CALLER, "视力残疾", by="admin", now=NOW + HOUR)
        (row,) = await vulnerable.marked(session)
        assert (row.caller, row.reason, row.marked_by, row.marked_at) == (CALLER, "视力残疾", "admin", NOW + HOUR)
        with pytest.raises(InvalidInput):
            await vulnerable.mark(session, CALLER, "\n", by="admin", now=NOW)
        await vulnerable.unmark(session, CALLER)
        with pytest.raises(vulnerable.NotMarked):
            await vulnerable.unmark(session, CALLER)


async def test_who_is_limited_gets_no_head_start_but_towards_an_emergency_desk(database: Database) -> None:
    async def reasons(*, emergency: bool = False) -> tuple[Reason, ...]:
        record = await look_up(database, CALLER, call=CALL, now=NOW)
        return head_start(record, Priority(), emergency=emergency, now=NOW, at_most_ms=600_000).reasons

    async with database.transaction() as session:
        await vulnerable.mark(session, CALLER, "独居老人", by="supervisor", now=NOW)
    warned = await flag(database, new(Measure.WARN))
    assert await reasons() == (Reason.VULNERABLE,)
    async with database.transaction() as session:
        await nuisance.lift(session, warned, by="admin", now=NOW)
    await flag(database, new(Measure.LIMIT, calls_per_hour=5))
    assert await reasons() == ()
    assert await reasons(emergency=True) == (Reason.EMERGENCY,)


async def test_the_agent_sees_flag_and_mark(database: Database) -> None:
    number = await flag(database, new(Measure.WARN))
    shown = (await look_up(database, CALLER, call=CALL, now=NOW)).shown()
    other = (await look_up(database, "+8613800000000", call=CALL, now=NOW)).shown()
    assert shown["nuisance"] == {"flag": number, "measure": "warn", "reason": "反复来电辱骂话务员"}
    assert (shown["vulnerable"], other["nuisance"], other["vulnerable"]) == (False, None, False)
