"""Units' contacts (联络员) for one-key transfer, and their numbers on duty (值班电话) on holidays: TH 12(6)(7)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from directory import contacts
from directory.contacts import ContactEntry, DutyEntry
from directory.models import Role
from web.access import Transaction, roles
from web.administration import Administration, Name
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api", tags=["contacts"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.DISPATCHER, Role.AUDITOR, Role.ADMIN)
_ID = {"ge": 1, "lt": 2**63}

ContactId = Annotated[int, Path(**_ID)]
UnitId = Annotated[int, Field(**_ID)]
OfUnit = Annotated[int | None, Query(**_ID, description="Those of this unit.")]
Written = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=64)]


class ContactIn(BaseModel):
    """A contact. `number` in any form; `schedule`: the name of the hours in which they answer, none for always."""

    model_config = ConfigDict(extra="forbid")

    unit_id: UnitId
    name: Name
    number: Written
    duty: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    position: Annotated[int, Field(ge=0, le=1_000)] = 0
    schedule: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class ContactOut(ContactIn):
    """A contact as it stands; `key` is what it is transferred to by."""

    id: int
    key: str


class DutyIn(BaseModel):
    """A unit's number on duty on the days from `from_day` to `to_day`, both in."""

    model_config = ConfigDict(extra="forbid")

    unit_id: UnitId
    from_day: date
    to_day: date
    number: Written
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class DutyOut(DutyIn):
    """A number on duty as it stands."""

    id: int


@router.get("/contacts", dependencies=[roles(*_READERS)])
async def listed(session: Transaction, unit_id: OfUnit = None) -> list[ContactOut]:
    """Contacts in the order to try them."""
    return [_out(contact_id, entry) for contact_id, entry in await contacts.listed(session, unit_id)]


@router.post("/contacts", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def enter(body: ContactIn, change: Administration) -> ContactOut:
    """Enter a contact."""
    return await _saved(change, None, body)


@router.put("/contacts/{contact_id}", dependencies=[roles(Role.ADMIN)])
async def save(contact_id: ContactId, body: ContactIn, change: Administration) -> ContactOut:
    """Change a contact."""
    return await _saved(change, contact_id, body)


@router.delete("/contacts/{contact_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove(contact_id: ContactId, change: Administration) -> None:
    """Take a contact away."""
    before = await contacts.one(change.session, contact_id)
    await contacts.remove(change.session, contact_id, now=change.services.clock.now())
    await change.record("contact.removed", f"contact:{contact_id}", before)


@router.get("/duty-numbers", dependencies=[roles(*_READERS)])
async def duties(session: Transaction, unit_id: OfUnit = None) -> list[DutyOut]:
    """Numbers on duty by day, past ones too."""
    return [_duty_out(duty_id, entry) for duty_id, entry in await contacts.duties(session, unit_id)]


@router.post("/duty-numbers", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def enter_duty(body: DutyIn, change: Administration) -> DutyOut:
    """Enter a number on duty."""
    return await _duty_saved(change, None, body)


@router.put("/duty-numbers/{duty_id}", dependencies=[roles(Role.ADMIN)])
async def save_duty(duty_id: ContactId, body: DutyIn, change: Administration) -> DutyOut:
    """Change a number on duty."""
    return await _duty_saved(change, duty_id, body)


@router.delete("/duty-numbers/{duty_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove_duty(duty_id: ContactId, change: Administration) -> None:
    """Take a number on duty away."""
    before = await contacts.one_duty(change.session, duty_id)
    await contacts.remove_duty(change.session, duty_id, now=change.services.clock.now())
    await change.record("duty_number.removed", f"duty:{duty_id}", before)


async def _saved(change: Administration, contact_id: int | None, body: ContactIn) -> ContactOut:
    session, services = change.session, change.services
    before = None if contact_id is None else await contacts.one(session, contact_id)
    entry = ContactEntry(**body.model_dump())
    saved = await contacts.save(session, contact_id, entry, services.settings.site.area_code, now=services.clock.now())
    after = await contacts.one(session, saved)
    await change.record("contact.saved", f"contact:{saved}", before, after)
    return _out(saved, after)


async def _duty_saved(change: Administration, duty_id: int | None, body: DutyIn) -> DutyOut:
    session, services = change.session, change.services
    before = None if duty_id is None else await contacts.one_duty(session, duty_id)
    entry = DutyEntry(**body.model_dump())
    saved = await contacts.save_duty(
        session, duty_id, entry, services.settings.site.area_code, now=services.clock.now()
    )
    after = await contacts.one_duty(session, saved)
    await change.record("duty_number.saved", f"duty:{saved}", before, after)
    return _duty_out(saved, after)


def _out(contact_id: int, entry: ContactEntry) -> ContactOut:
    return ContactOut(
        id=contact_id,
        key=f"contact:{contact_id}",
        unit_id=entry.unit_id,
        name=entry.name,
        number=entry.number,
        duty=entry.duty,
        position=entry.position,
        schedule=entry.schedule,
    )


def _duty_out(duty_id: int, entry: DutyEntry) -> DutyOut:
    return DutyOut(
        id=duty_id,
        unit_id=entry.unit_id,
        from_day=entry.from_day,
        to_day=entry.to_day,
        number=entry.number,
        note=entry.note,
    )
