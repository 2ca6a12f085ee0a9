"""Personal data are erased when their time is over, or when the citizen asks for it (个人信息保护法 19, 47).

Only finished tickets are touched: what is still handled needs its citizen. The ticket stays with its words, in which
number, name and address are blotted out, and so does the archived file without them; the audit log tells that it
happened, and not what it was. A step takes a few tickets, each whole, so that a run may be broken off anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Select, String, and_, delete, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from directory.models.audit import AuditRow
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import Conflict
from hotline.privacy import without_person
from hotline.tasks import through_outages
from ticketing import clocks
from ticketing.attachments import keeping
from ticketing.channels import forgetting
from ticketing.handling import archive
from ticketing.handling.tables import CompleteFileRow, PersonalErasureRow, TicketArchiveRow
from ticketing.models import TicketRow
from ticketing.policy import TicketPolicy
from ticketing.relations import texts

_log = structlog.get_logger(__name__)

_BATCH: Final = 50
_PAUSE_SECONDS: Final = 600.0
BY: Final = "retention"
"""Who erases what nobody asked for."""


class AlreadyAsked(Conflict):
    """This citizen's request is being followed already."""

    code = "erasure.already_asked"


class Personal(StrEnum):
    """What is kept for a time of its own."""

    CALLER = "caller"
    ADDRESS = "address"
    COMPLETE_FILE = "complete_file"


_EVERYTHING: Final = frozenset(Personal)
_FILLED: Final = {
    Personal.CALLER: text("(length(caller_number) > 0 OR length(caller_name) > 0)"),
    Personal.ADDRESS: text("length(address) > 0"),
}


class Erasing:
    """Erases what is due, in the jobs process. Any number of processes may: a ticket is taken by one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every ten minutes until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="erasing.wait")

    async def step(self) -> int:
        """Everything that is due; how many tickets, one counted again for each kind of data."""
        erased = 0
        for kind in Personal:
            while some := await self._some(kind):
                erased += some
        for request in await self._open():
            while some := await self._asked(request):
                erased += some
        if erased:
            _log.info("erasing.erased", tickets=erased)
        return erased

    async def _some(self, kind: Personal) -> int:
        now = self._clock.now()
        async with self._database.transaction() as session:
            policy = await policy_of_today(session, now)
            tickets = (await session.scalars(_taken(due(kind, policy, now)))).all()
            await erase(session, tickets, frozenset({kind}), why=BY, by=BY, at=now)
        return len(tickets)

    async def _open(self) -> Sequence[int]:
        async with self._database.transaction() as session:
            wanted = select(PersonalErasureRow.id).where(PersonalErasureRow.done_at.is_(None))
            return (await session.scalars(wanted.order_by(PersonalErasureRow.id))).all()

    async def _asked(self, number: int) -> int:
        """Some of what a citizen asked for; 0 ends the request, or leaves it until their tickets are finished."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            row = await session.get(PersonalErasureRow, number, with_for_update=True, populate_existing=True)
            if row is None or row.done_at is not None:
                return 0
            theirs = TicketRow.caller_index == row.person
            tickets = (await session.scalars(_taken(_finished().where(theirs)))).all()
            await erase(session, tickets, _EVERYTHING, why=f"request:{row.id}", by=row.asked_by, at=now)
            row.tickets += len(tickets)
            if not tickets and not await session.scalar(select(exists().where(theirs))):
                row.person, row.done_at = None, now
            return len(tickets)


def due(kind: Personal, policy: TicketPolicy, now: datetime) -> Select[TicketRow]:
    """Finished tickets whose data of this kind have been kept long enough, the oldest first."""
    if kind is Personal.COMPLETE_FILE:
        before = now - timedelta(days=policy.complete_file_days)
        return (
            select(TicketRow)
            .join(CompleteFileRow, CompleteFileRow.ticket_id == TicketRow.id)
            .join(TicketArchiveRow, TicketArchiveRow.ticket_id == TicketRow.id)
            .where(TicketArchiveRow.archived_at <= before)
            .order_by(TicketRow.id)
        )
    days = policy.caller_days if kind is Personal.CALLER else policy.address_days
    before = now - timedelta(days=days)
    return _finished().where(TicketRow.updated_at <= before, _FILLED[kind]).order_by(TicketRow.updated_at)


def _finished() -> Select[TicketRow]:
    # As the index has it.
    return select(TicketRow).where(text("state IN ('archived', 'refused')"))


def _taken(tickets: Select[TicketRow]) -> Select[TicketRow]:
    """Some of them, each for nobody else at a time."""
    return tickets.limit(_BATCH).with_for_update(skip_locked=True, of=TicketRow)


async def ask(session: AsyncSession, number: str, reason: str, *, by: str, at: datetime) -> PersonalErasureRow:
    """Write down that the citizen of this number (as `directory.numbers.normalise` has it) wants to be forgotten.

    Raises AlreadyAsked.
    """
    standing = select(PersonalErasureRow.id).where(
        PersonalErasureRow.person == number, PersonalErasureRow.done_at.is_(None)
    )
    if await session.scalar(standing) is not None:
        raise AlreadyAsked("an earlier request of theirs is still open")
    row = PersonalErasureRow(person=number, reason=reason, asked_by=by, asked_at=at, tickets=0)
    session.add(row)
    await session.flush()
    return row


async def requests(
    session: AsyncSession, *, before: int | None = None, limit: int = 100
) -> Sequence[PersonalErasureRow]:
    """Newest first."""
    wanted = select(PersonalErasureRow).order_by(PersonalErasureRow.id.desc()).limit(limit)
    return (await session.scalars(wanted if before is None else wanted.where(PersonalErasureRow.id < before))).all()


async def erase(
    session: AsyncSession, tickets: Sequence[TicketRow], what: frozenset[Personal], *, why: str, by: str, at: datetime
) -> None:
    """Erase these kinds of data of finished, locked tickets; each leaves a row in the audit log. The caller commits."""
    if not tickets:
        return
    for ticket in tickets:
        await _erase_one(session, ticket, what)
        if Personal.CALLER in what:
            await forgetting.forget(session, ticket)
            await keeping.forget(session, ticket.id, by=by, at=at)
    told = {"what": sorted(what), "why": why}
    rows = [
        AuditRow(at=at, actor=by, action="ticket.erased", subject=f"ticket:{ticket.number}", before=None, after=told)
        for ticket in tickets
    ]
    await session.flush()
    await audit.append(session, rows)


async def _erase_one(session: AsyncSession, ticket: TicketRow, what: frozenset[Personal]) -> None:
    if Personal.COMPLETE_FILE in what:
        await session.execute(delete(CompleteFileRow).where(CompleteFileRow.ticket_id == ticket.id))
    caller = Personal.CALLER in what
    number, name = (ticket.caller_number, ticket.caller_name) if caller else ("", "")
    address = ticket.address if Personal.ADDRESS in what else ""
    if not (number or name or address):
        return

    def blotted(written: str) -> str:
        return without_person(written, number=number, name=name, address=address)

    ticket.title, ticket.content = blotted(ticket.title), blotted(ticket.content)
    if caller:
        ticket.caller_number = ticket.caller_name = ""
    if address:
        ticket.address = ""
    await session.flush()
    await texts.remember(session, ticket)
    for kind in archive.OF_A_TICKET.values():
        await _blot(session, kind, ticket.id, blotted)


async def _blot(session: AsyncSession, kind: Any, ticket_id: int, blotted: Callable[[str], str]) -> None:
    """The words of a ticket's rows in one table."""
    table = kind.__table__
    own = list(table.primary_key.columns)
    written = [column for column in table.columns if isinstance(column.type, String) and column not in own]
    if not written:
        return
    for row in (await session.execute(select(table).where(table.c.ticket_id == ticket_id))).mappings().all():
        changed = {
            column.name: clean
            for column in written
            if (old := row[column.name]) is not None and (clean := blotted(old)) != old
        }
        if changed:
            this: ColumnElement[bool] = and_(*(column == row[column.name] for column in own))
            await session.execute(update(table).where(this).values(changed))


async def waiting(session: AsyncSession, now: datetime) -> dict[Personal, int]:
    """How many tickets are due for each kind of data."""
    policy = await policy_of_today(session, now)
    counts = {kind: select(func.count()).select_from(due(kind, policy, now).subquery()) for kind in Personal}
    return {kind: await session.scalar(count) or 0 for kind, count in counts.items()}


async def policy_of_today(session: AsyncSession, now: datetime) -> TicketPolicy:
    """The city's, whichever a ticket began with: what is kept is decided now."""
    policies = await clocks.policies(session)
    zone = ZoneInfo(policies.in_force(now.date()).policy.zone)
    return policies.in_force(now.astimezone(zone).date()).policy
