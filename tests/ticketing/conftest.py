"""A desk, a database and the people around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role, Unit, UnitLevel
from hotline.clock import ManualClock
from hotline.database import Database
from ticketing import lifecycle, repository
from ticketing.handling import contacts
from ticketing.handling.contacts import Contact
from ticketing.intake import IntakeDesk
from ticketing.relations.schemas import MergeDetails
from ticketing.schemas import Actor, Details, Intake, Ticket, TicketFile
from ticketing.vocabulary import Action

MORNING = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
"""Nine in the morning in Sanmenxia."""


@dataclass(frozen=True)
class People:
    """One person for each part in a ticket's life. `other_handler` works for another unit than `handler`."""

    agent: Actor
    dispatcher: Actor
    handler: Actor
    head: Actor
    other_handler: Actor
    visitor: Actor
    supervisor: Actor


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=30)
    yield database
    await database.close()


@pytest.fixture
def desk(clock: ManualClock) -> IntakeDesk:
    return IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=clock)


@pytest.fixture
async def people(database: Database) -> People:
    async with database.transaction() as session:
        units = [Unit(name=name, level=UnitLevel.CITY) for name in ("市人社局", "市城管局")]
        session.add_all(units)
        await session.flush()
        one, two = (unit.id for unit in units)
    return People(
        agent=Actor("1001", frozenset({Role.AGENT})),
        dispatcher=Actor("2001", frozenset({Role.DISPATCHER})),
        handler=Actor("rsj1", frozenset({Role.UNIT_HANDLER}), one),
        head=Actor("rsj0", frozenset({Role.UNIT_HEAD}), one),
        other_handler=Actor("cgj1", frozenset({Role.UNIT_HANDLER}), two),
        visitor=Actor("3001", frozenset({Role.VISIT_AGENT})),
        supervisor=Actor("9001", frozenset({Role.SUPERVISOR})),
    )


class Counter:
    """Where a test works on tickets, each step in a transaction of its own, as requests are."""

    def __init__(self, database: Database, desk: IntakeDesk, people: People, clock: ManualClock) -> None:
        self.database = database
        self.desk = desk
        self.people = people
        self.clock = clock

    async def register(self, title: str = "社保卡补办要带什么材料", **fields: object) -> Ticket:
        intake = Intake.model_validate({"title": title, **fields})
        async with self.database.transaction() as session:
            return await self.desk.register(session, intake, self.people.agent)

    async def act(self, ticket: Ticket, action: Action, actor: Actor, **details: object) -> Ticket:
        async with self.database.transaction() as session:
            return await self.act_in(session, ticket, action, actor, **details)

    async def act_in(
        self, session: AsyncSession, ticket: Ticket, action: Action, actor: Actor, **details: object
    ) -> Ticket:
        return await lifecycle.apply(
            session,
            ticket.number,
            action,
            actor,
            version=ticket.version,
            at=self.clock.now(),
            details=Details.model_validate(details),
        )

    async def merge(self, ticket: Ticket, parent: str, actor: Actor, note: str = "同一事项") -> Ticket:
        async with self.database.transaction() as session:
            return await lifecycle.apply(
                session,
                ticket.number,
                Action.MERGE,
                actor,
                version=ticket.version,
                at=self.clock.now(),
                details=MergeDetails(parent=parent, note=note),
            )

    async def file(self, ticket: Ticket) -> TicketFile:
        async with self.database.transaction() as session:
            return await repository.file(session, ticket.number)

    async def handling(self) -> Ticket:
        """A ticket that the unit of `people.handler` has signed for."""
        people = self.people
        ticket = await self.act(await self.register(), Action.ACCEPT, people.agent)
        unit = people.handler.unit_id
        ticket = await self.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=unit)
        return await self.act(ticket, Action.SIGN_FOR, people.handler)

    async def answered(self, ticket: Ticket, actor: Actor | None = None, **said: object) -> None:
        """The citizen is told, which is written down: by the handler on the telephone, unless said otherwise."""
        contact = Contact.model_validate(
            {"at": self.clock.now(), "way": "phone", "by": "张工", "outcome": "answered", **said}
        )
        async with self.database.transaction() as session:
            await contacts.record(session, ticket.number, contact, actor or self.people.handler, at=self.clock.now())

    async def replied(self, ticket: Ticket, **details: object) -> Ticket:
        """The citizen answered; reported by the handler and reviewed by the head, another person."""
        await self.answered(ticket)
        ticket = await self.act(ticket, Action.REPLY, self.people.handler, note="已补办")
        return await self.act(ticket, Action.APPROVE_REPLY, self.people.head, **details)


@pytest.fixture
def counter(database: Database, desk: IntakeDesk, people: People, clock: ManualClock) -> Counter:
    return Counter(database, desk, people, clock)
