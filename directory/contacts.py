"""Changes to units' contacts (联络员) and numbers on duty (值班电话): TH 12(6)(7). Each counts the directory up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository
from directory.lines import readable_name
from directory.models import Contact, DutyNumber, Schedule, Unit
from directory.numbers import dial_digits, normalise
from directory.special_days import schedule
from hotline.errors import InvalidInput, NotFound

_LONGEST_DUTY = 366
"""Days; a longer one is a contact."""


class UnknownContact(NotFound):
    """No such contact, or no such number on duty."""

    code = "contact.unknown"


class NotDialled(InvalidInput):
    """No number of an office: an emergency desk, a freephone number, or one abroad."""

    code = "contact.number_not_dialled"


@dataclass(frozen=True, slots=True)
class ContactEntry:
    """A contact as administrators enter it. `number` in any form; `schedule`: name of the hours, None for always."""

    unit_id: int
    name: str
    number: str
    duty: str = ""
    position: int = 0
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class DutyEntry:
    """A unit's number on duty on the local days from `from_day` to `to_day`, both in."""

    unit_id: int
    from_day: date
    to_day: date
    number: str
    note: str = ""


async def listed(session: AsyncSession, unit_id: int | None = None) -> list[tuple[int, ContactEntry]]:
    """Contacts with their ids, of one unit or of all, in the order to try them."""
    query = select(Contact, Schedule.name).outerjoin(Schedule, Schedule.id == Contact.schedule_id)
    if unit_id is not None:
        query = query.where(Contact.unit_id == unit_id)
    rows = await session.execute(
        query.order_by(Contact.unit_id, Contact.position, Contact.id).execution_options(populate_existing=True)
    )
    return [
        (row.id, ContactEntry(row.unit_id, row.name, row.number, row.duty, row.position, hours)) for row, hours in rows
    ]


async def one(session: AsyncSession, contact_id: int) -> ContactEntry:
    """A contact as it stands; raises UnknownContact."""
    row = await _contact(session, contact_id)
    hours = await session.get(Schedule, row.schedule_id) if row.schedule_id else None
    return ContactEntry(row.unit_id, row.name, row.number, row.duty, row.position, hours.name if hours else None)


async def save(
    session: AsyncSession, contact_id: int | None, entry: ContactEntry, area_code: str, *, now: datetime
) -> int:
    """Enter a contact (None), or change one; returns its id.

    Raises UnknownContact, InvalidNumber, NotDialled, InvalidInput, UnknownSchedule, NotFound for the unit.
    """
    if not readable_name(entry.name) or len(entry.duty) > 64 or not entry.duty.isprintable():
        raise InvalidInput("a contact's name has 1 to 64 printable characters, the duty at most 64")
    number = _office(entry.number, area_code)
    await repository.begin_change(session, now)
    await _known_unit(session, entry.unit_id)
    row = Contact() if contact_id is None else await _contact(session, contact_id)
    row.unit_id, row.name, row.duty = entry.unit_id, entry.name.strip(), entry.duty.strip()
    row.number, row.position = number, entry.position
    row.schedule_id = (await schedule(session, entry.schedule)).id if entry.schedule else None
    session.add(row)
    await repository.changed(session, now)
    return row.id


async def remove(session: AsyncSession, contact_id: int, *, now: datetime) -> None:
    """Take a contact away; raises UnknownContact."""
    await repository.begin_change(session, now)
    await session.delete(await _contact(session, contact_id))
    await repository.changed(session, now)


async def duties(session: AsyncSession, unit_id: int | None = None) -> Sequence[tuple[int, DutyEntry]]:
    """Numbers on duty with their ids, of one unit or of all, by day."""
    query = select(DutyNumber)
    if unit_id is not None:
        query = query.where(DutyNumber.unit_id == unit_id)
    rows = await session.scalars(
        query.order_by(DutyNumber.from_day, DutyNumber.id).execution_options(populate_existing=True)
    )
    return [(row.id, _entry(row)) for row in rows]


async def one_duty(session: AsyncSession, duty_id: int) -> DutyEntry:
    """A number on duty as it stands; raises UnknownContact."""
    return _entry(await _duty(session, duty_id))


async def save_duty(
    session: AsyncSession, duty_id: int | None, entry: DutyEntry, area_code: str, *, now: datetime
) -> int:
    """Enter a number on duty (None), or change one; returns its id. Raises as `save` does."""
    if not 0 <= (entry.to_day - entry.from_day).days < _LONGEST_DUTY:
        raise InvalidInput(f"a duty lasts 1 to {_LONGEST_DUTY} days")
    if len(entry.note) > 200 or not entry.note.isprintable():
        raise InvalidInput("a note has at most 200 printable characters")
    number = _office(entry.number, area_code)
    await repository.begin_change(session, now)
    await _known_unit(session, entry.unit_id)
    row = DutyNumber() if duty_id is None else await _duty(session, duty_id)
    row.unit_id, row.from_day, row.to_day = entry.unit_id, entry.from_day, entry.to_day
    row.number, row.note = number, entry.note
    session.add(row)
    await repository.changed(session, now)
    return row.id


async def remove_duty(session: AsyncSession, duty_id: int, *, now: datetime) -> None:
    """Take a number on duty away; raises UnknownContact."""
    await repository.begin_change(session, now)
    await session.delete(await _duty(session, duty_id))
    await repository.changed(session, now)


def _office(written: str, area_code: str) -> str:
    number = normalise(written, area_code)
    if dial_digits(number) is None:
        raise NotDialled("only offices of mainland subscribers and short codes are dialled, and no emergency desk")
    return number


async def _known_unit(session: AsyncSession, unit_id: int) -> None:
    if await session.get(Unit, unit_id) is None:
        raise NotFound("no such unit")


async def _contact(session: AsyncSession, contact_id: int) -> Contact:
    row = await session.get(Contact, contact_id, populate_existing=True)
    if row is None:
        raise UnknownContact("no such contact")
    return row


async def _duty(session: AsyncSession, duty_id: int) -> DutyNumber:
    row = await session.get(DutyNumber, duty_id, populate_existing=True)
    if row is None:
        raise UnknownContact("no such number on duty")
    return row


def _entry(row: DutyNumber) -> DutyEntry:
    return DutyEntry(row.unit_id, row.from_day, row.to_day, row.number, row.note)
