"""归档: the same day, as a file that nobody changes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.ticketing.conftest import Counter
from tests.ticketing.test_clocks import at, delivered, now
from ticketing import repository
from ticketing.handling import archive
from ticketing.handling.archive import ArchiveBroken
from ticketing.handling.archiving import Archiving
from ticketing.handling.errors import RecordNotFound
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, State

__all__ = ["now"]


async def closed(counter: Counter) -> Ticket:
    people = counter.people
    ticket = await counter.replied(await delivered(counter))
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="已解决", satisfaction="satisfied")
    return await counter.act(ticket, Action.CLOSE, people.visitor)


async def state_of(counter: Counter, ticket: Ticket) -> str:
    async with counter.database.transaction() as session:
        return (await repository.row(session, ticket.number)).state


async def test_what_was_closed_today_is_archived_before_the_day_ends(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    ticket, handled = await closed(counter), await counter.handling()
    one, another = Archiving(counter.database, counter.clock), Archiving(counter.database, counter.clock)
    now("2026-09-30 23:29")
    assert await one.step() == 0
    await counter.act(ticket, Action.EVALUATE, counter.people.visitor, satisfaction="satisfied")
    now("2026-09-30 23:30")
    assert sum(await asyncio.gather(one.step(), another.step())) == 1
    assert await one.step() == 0
    assert await state_of(counter, ticket) == State.ARCHIVED
    assert await state_of(counter, handled) == State.HANDLING
    async with counter.database.transaction() as session:
        assert (await archive.of(session, ticket.number)).archived_at == at("2026-09-30 23:30")


async def test_what_an_outage_left_behind_is_archived_as_soon_as_it_can_be(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 20:00")
    ticket = await closed(counter)
    now("2026-10-01 06:00")
    today = await closed(counter)
    assert await Archiving(counter.database, counter.clock).step() == 1
    assert (await state_of(counter, ticket), await state_of(counter, today)) == (State.ARCHIVED, State.CLOSED)


async def test_one_that_cannot_be_archived_keeps_no_other_one_from_it(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 20:00")
    stuck, free = await closed(counter), await closed(counter)
    async with counter.database.transaction() as session:
        # Somebody wrote a file under its name before.
        await session.execute(
            text("INSERT INTO ticket_archive SELECT id, number, updated_at, '{}', '' FROM ticket WHERE number = :one"),
            {"one": stuck.number},
        )
    now("2026-10-01 06:00")
    assert await Archiving(counter.database, counter.clock).step() == 1
    assert (await state_of(counter, stuck), await state_of(counter, free)) == (State.CLOSED, State.ARCHIVED)


async def test_the_file_is_whole_and_postgresql_refuses_every_change(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    ticket = await counter.act(await closed(counter), Action.ARCHIVE, counter.people.visitor)
    async with counter.database.transaction() as session:
        row = await archive.of(session, ticket.number)
    assert hashlib.sha256(row.file.encode()).digest() == row.sha256
    file = orjson.loads(row.file)
    assert (file["ticket"]["number"], file["ticket"]["state"]) == (ticket.number, "archived")
    assert [entry["action"] for entry in file["history"]][-3:] == ["visit", "close", "archive"]
    assert [(one["way"], one["outcome"]) for one in file["contacts"]] == [("phone", "answered")]
    assert {one["kind"] for one in file["clocks"]} == {"dispatch", "handling", "return"}
    assert [part["state"] for part in file["assignments"]] == ["replied"]
    for change in (
        "UPDATE ticket_archive SET file = '{}'",
        "DELETE FROM ticket_archive",
        "TRUNCATE ticket_archive",
    ):
        with pytest.raises(DBAPIError, match="never changed"):
            async with counter.database.transaction() as session:
                await session.execute(text(change))


async def test_a_file_changed_behind_postgresqls_back_is_found(counter: Counter) -> None:
    ticket = await counter.act(await closed(counter), Action.ARCHIVE, counter.people.visitor)
    async with counter.database.transaction() as session:
        await session.execute(text("ALTER TABLE ticket_archive DISABLE TRIGGER unchanging"))
        await session.execute(text("UPDATE ticket_archive SET file = replace(file, '已补办', '已办')"))
    async with counter.database.transaction() as session:
        with pytest.raises(ArchiveBroken):
            await archive.of(session, ticket.number)
        with pytest.raises(RecordNotFound):
            await archive.of(session, "SMX20260101000001")
