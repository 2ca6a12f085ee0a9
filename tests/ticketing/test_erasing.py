"""Personal data go when their time is over or the citizen asks; the ticket, its archive and the audit log stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import select, text

from directory import audit
from directory.models.audit import AuditRow
from hotline import sealed
from tests.ticketing.conftest import Counter
from tests.ticketing.test_clocks import now
from ticketing import erasing, repository
from ticketing.clock_tables import TicketPolicyRow
from ticketing.erasing import AlreadyAsked, Erasing, Personal
from ticketing.handling import archive
from ticketing.policy import TicketPolicy
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action

__all__ = ["now"]

NUMBER = "+8613812345678"
CITIZEN = {"caller_number": NUMBER, "caller_name": "张三丰", "address": "黄河路1号"}
TRACES = ("13812345678", "138 1234 5678", "张三丰", "黄河路1号")
TABLES = ("ticket", "ticket_history", "ticket_text", "ticket_archive", "ticket_citizen_contact")


async def archived(counter: Counter, **citizen: str) -> Ticket:
    """A ticket whose words name the citizen, archived."""
    people = counter.people
    fields = {"title": "张三丰家门口路灯不亮", "content": "黄河路1号门前, 回电13812345678", **(citizen or CITIZEN)}
    ticket = await counter.act(await counter.register(**fields), Action.ACCEPT, people.agent)
    ticket = await counter.act(
        ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id, note="请联系138 1234 5678"
    )
    ticket = await counter.replied(await counter.act(ticket, Action.SIGN_FOR, people.handler))
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="张三丰表示满意", satisfaction="satisfied")
    ticket = await counter.act(ticket, Action.CLOSE, people.visitor)
    return await counter.act(ticket, Action.ARCHIVE, people.visitor)


async def traces(counter: Counter) -> set[str]:
    """What of the citizen a copy of the database tells in clear."""
    found = ""
    async with counter.database.transaction() as session:
        for table in TABLES:
            # Names of our own tables.
            rows = await session.execute(text(f"SELECT t::text FROM {table} t"))  # noqa: S608
            found += "\n".join(rows.scalars())
    return {trace for trace in TRACES if trace in found}


async def left(counter: Counter) -> list[tuple[str, str, object]]:
    async with counter.database.transaction() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.action == "ticket.erased").order_by(AuditRow.seq))
        return [(row.actor, row.subject, row.after) for row in rows]


async def policy(counter: Counter, **days: int) -> None:
    async with counter.database.transaction() as session:
        row = TicketPolicyRow(
            number=1,
            first_day=counter.clock.now().date(),
            policy=TicketPolicy(**days).model_dump(mode="json"),
            note="",
            made_by="admin",
            made_at=counter.clock.now(),
        )
        session.add(row)


async def test_a_copy_of_the_database_names_the_citizen_only_in_what_people_wrote(counter: Counter) -> None:
    await archived(counter)
    async with counter.database.transaction() as session:
        rows = await session.execute(text("SELECT caller_number, caller_name, address, caller_index FROM ticket"))
        (raw,) = rows.all()
        kept = (await session.execute(text("SELECT file FROM ticket_archive"))).scalar_one()
        words = (await session.execute(text("SELECT compared || search::text FROM ticket_text"))).scalar_one()
    assert not [value for value in raw[:3] if any(trace.encode() in value for trace in TRACES)]
    assert raw[3] == sealed.keys().index(NUMBER)
    assert not [trace for trace in TRACES if trace in kept]
    assert not [trace for trace in ("13812345678", "张三丰") if trace in words]


async def test_the_archived_file_has_the_citizen_while_their_data_are_kept(counter: Counter) -> None:
    ticket = await archived(counter)
    async with counter.database.transaction() as session:
        complete = await archive.of(session, ticket.number)
    file = orjson.loads(complete.file)
    assert complete.complete
    assert {field: file["ticket"][field] for field in CITIZEN} == CITIZEN
    assert "请联系138 1234 5678" in [entry["note"] for entry in file["history"]]


async def test_what_is_over_is_erased_and_the_rest_stays_provable(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await archived(counter)
    await policy(counter, caller_days=400, address_days=500, complete_file_days=30)
    job = Erasing(counter.database, counter.clock)
    now("2026-10-30 08:59")
    assert await job.step() == 0
    now("2026-10-30 09:00")
    async with counter.database.transaction() as session:
        assert await erasing.waiting(session, counter.clock.now()) == {
            Personal.CALLER: 0, Personal.ADDRESS: 0, Personal.COMPLETE_FILE: 1,
        }  # fmt: skip
    assert await job.step() == 1
    async with counter.database.transaction() as session:
        kept = await archive.of(session, ticket.number)
        assert (await repository.row(session, ticket.number)).caller_number == NUMBER
    assert not kept.complete
    now("2027-11-05 09:00")
    assert await job.step() == 1
    assert await traces(counter) == {"黄河路1号"}
    now("2028-03-01 09:00")
    assert await job.step() == 1
    assert await traces(counter) == set()
    assert await job.step() == 0
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        assert (row.caller_number, row.caller_name, row.address, row.caller_index) == ("", "", "", None)
        assert (row.title, row.content, row.state) == ("*家门口路灯不亮", "*门前, 回电***********", "archived")
        assert (await archive.of(session, ticket.number)).file == kept.file
        await audit.verify(session)
    assert await left(counter) == [
        ("retention", f"ticket:{ticket.number}", {"what": [kind], "why": "retention"})
        for kind in ("complete_file", "caller", "address")
    ]


async def test_a_citizen_is_forgotten_once_their_tickets_are_finished(counter: Counter) -> None:
    mine, others = await archived(counter), await archived(counter, caller_number="13900000000")
    open_one = await counter.register("还没办完", caller_number=NUMBER)
    async with counter.database.transaction() as session:
        await erasing.ask(session, NUMBER, "本人书面申请", by="9001", at=counter.clock.now())
    with pytest.raises(AlreadyAsked):
        async with counter.database.transaction() as session:
            await erasing.ask(session, NUMBER, "又一次", by="9001", at=counter.clock.now())
    one, another = (Erasing(counter.database, counter.clock) for _ in range(2))
    assert sum(await asyncio.gather(one.step(), another.step())) == 1
    async with counter.database.transaction() as session:
        (request,) = await erasing.requests(session)
        assert (request.tickets, request.done_at) == (1, None)
        assert (await repository.row(session, mine.number)).caller_number == ""
        assert (await repository.row(session, open_one.number)).caller_number == NUMBER
        assert (await repository.row(session, others.number)).caller_number == "+8613900000000"
    await counter.act(open_one, Action.REFUSE, counter.people.agent, note="不属受理范围", ground="outside_city")
    assert await one.step() == 1
    async with counter.database.transaction() as session:
        (request,) = await erasing.requests(session)
        assert (request.tickets, request.person, request.done_at) == (2, None, counter.clock.now())
    assert [(actor, told) for actor, _, told in await left(counter)] == [
        ("9001", {"what": ["address", "caller", "complete_file"], "why": f"request:{request.id}"})
    ] * 2


async def test_a_complete_file_is_not_kept_longer_than_whom_it_names() -> None:
    with pytest.raises(ValueError, match="no longer than either"):
        TicketPolicy(complete_file_days=400, caller_days=399)
