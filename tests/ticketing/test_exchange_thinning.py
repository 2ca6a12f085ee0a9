"""Events of tickets that were finished long ago go as a whole, once everybody who is pushed to has had them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ScalarSelect, select, update

from hotline.database import Database
from tests.ticketing.conftest import Counter
from tests.ticketing.exchange_peer import enter
from tests.ticketing.test_clocks import now
from tests.ticketing.test_erasing import archived
from ticketing.exchange import feed, receivers, thinning
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeEventRow, ExchangeReceiverRow
from ticketing.exchange.words import DeliveryState, Scope
from ticketing.models import TicketRow
from ticketing.schemas import Ticket

__all__ = ["now"]


async def _told(database: Database, code: str) -> list[str]:
    """Numbers of the tickets in a receiver's feed, in its order."""
    async with database.transaction() as session:
        page = await feed.page(session, await receivers.one(session, code), after=0, limit=200, site="smx")
    return [event["ticket"]["number"] for event in page.events]


async def _finished(database: Database, counter: Counter, ticket: Ticket, days: int) -> None:
    """The ticket and its events are so old."""
    at = counter.clock.now() - timedelta(days=days)
    async with database.transaction() as session:
        await session.execute(update(TicketRow).where(TicketRow.number == ticket.number).values(updated_at=at))
        await session.execute(update(ExchangeEventRow).where(ExchangeEventRow.ticket_id == _id(ticket)).values(at=at))


def _id(ticket: Ticket) -> ScalarSelect[int]:
    return select(TicketRow.id).where(TicketRow.number == ticket.number).scalar_subquery()


async def _thin(database: Database, counter: Counter, days: int = 800) -> int:
    async with database.transaction() as session:
        return await thinning.some(session, counter.clock.now() - timedelta(days=days))


async def test_only_finished_old_tickets_leave_the_feeds(database: Database, counter: Counter) -> None:
    async with database.transaction() as session:
        await enter(session, "one", scope=Scope.UNIT, unit_id=counter.people.handler.unit_id)
    old, fresh = await archived(counter), await archived(counter)
    kept = await counter.register(title="仍在办理", content="尚未派单")
    await _finished(database, counter, kept, 900)
    assert set(await _told(database, "one")) == {old.number, fresh.number}
    await _finished(database, counter, old, 900)
    async with database.transaction() as session:
        of_old = len(
            (await session.scalars(select(ExchangeEventRow.id).where(ExchangeEventRow.ticket_id == _id(old)))).all()
        )
    assert await _thin(database, counter) == of_old > 0
    assert set(await _told(database, "one")) == {fresh.number}
    assert await _thin(database, counter) == 0
    async with database.transaction() as session:
        left = set(await session.scalars(select(ExchangeEventRow.ticket_id).distinct()))
        wanted = select(TicketRow.id).where(TicketRow.number.in_([fresh.number, kept.number]))
        assert left == set(await session.scalars(wanted))


async def test_what_a_webhook_has_not_taken_stays(database: Database, counter: Counter) -> None:
    async with database.transaction() as session:
        await enter(session, "one", scope=Scope.UNIT, unit_id=counter.people.handler.unit_id)
    old = await archived(counter)
    told = await _told(database, "one")
    await _finished(database, counter, old, 900)
    async with database.transaction() as session:
        await session.execute(update(ExchangeReceiverRow).values(webhook="https://unit.example/", sent_to=1))
    assert await _thin(database, counter) == 0
    async with database.transaction() as session:
        await session.execute(update(ExchangeReceiverRow).values(sent_to=ExchangeReceiverRow.last))
        session.add(
            ExchangeDeliveryRow(
                receiver="one",
                position=1,
                ticket_id=_id(old),
                state=DeliveryState.PARKED.value,
                next_at=counter.clock.now(),
            )
        )
    assert await _thin(database, counter) == 0
    async with database.transaction() as session:
        await session.delete(await session.get_one(ExchangeDeliveryRow, ("one", 1)))
    assert await _thin(database, counter) >= len(told)
    assert await _told(database, "one") == []
