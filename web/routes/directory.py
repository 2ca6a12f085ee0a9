"""The directory: hotline numbers, what would happen to a call now, units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from directory import units as unit_entries
from directory.models import Role, UnitLevel
from directory.modes import Mode, Platform
from directory.snapshot import Line, LinePlan
from directory.units import UnitEntry
from ticketing.schemas import Moment
from web.access import Parts, Work, roles
from web.administration import Administration, Name
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/directory", tags=["directory"], responses=DOCUMENTED, dependencies=[roles(*Role)])


class HotlineOut(BaseModel):
    """A hotline number and how it is handled now; `mode` is null before its first mode begins."""

    number: str
    name_source: str
    name_spoken: str
    name_confirmed: bool
    unit_id: int | None
    unit: str
    mode: Mode | None
    platform: Platform | None
    expert_seats: bool
    effective_from: datetime | None
    next_change: datetime | None
    open_now: bool


class UnitOut(BaseModel):
    """A unit (责任单位)."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    level: str
    parent_id: int | None


class UnitIn(BaseModel):
    """A unit as administrators enter it."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    level: UnitLevel
    parent_id: Annotated[int | None, Field(ge=1, lt=2**63, description="The unit above; a county's unit has one.")] = (
        None
    )


class ChangedUnit(UnitIn):
    """A unit as it is to be."""

    read: UnitIn = Field(description="The unit as it was read.")


class AreaOut(BaseModel):
    """An administrative division (GB/T 2260): 6 digits to the county, 12 to the village."""

    code: str
    name: str


def _hotline(line: Line, unit: str, at: datetime) -> HotlineOut:
    mode = line.mode_at(at)
    return HotlineOut(
        number=line.number,
        name_source=line.name_source,
        name_spoken=line.name_spoken,
        name_confirmed=line.name_confirmed,
        unit_id=line.unit_id,
        unit=unit,
        mode=mode.mode if mode else None,
        platform=mode.platform if mode else None,
        expert_seats=mode.expert_seats if mode else False,
        effective_from=mode.effective_from if mode else None,
        next_change=next((one.effective_from for one in line.modes if one.effective_from > at), None),
        open_now=line.is_open(at),
    )


@router.get("/hotlines")
async def hotlines(services: Parts) -> list[HotlineOut]:
    """All hotline numbers with the mode in force."""
    snapshot, now = services.directory.snapshot, services.clock.now()
    units = {unit.id: unit.name for unit in snapshot.units}
    return [_hotline(line, units.get(line.unit_id or 0, ""), now) for line in snapshot.lines]


@router.get("/plan")
async def plan(
    services: Parts,
    dialled: Annotated[str, Query(min_length=1, max_length=64, description="The number, in any form.")],
    at: Annotated[Moment | None, Query(description="Moment with its zone; now if not given.")] = None,
) -> LinePlan:
    """What would happen to a call to this number."""
    return services.directory.snapshot.plan(dialled, at or services.clock.now())


@router.get("/units")
async def units(services: Parts) -> list[UnitOut]:
    """All units."""
    return [UnitOut.model_validate(unit) for unit in services.directory.snapshot.units]


@router.post("/units", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def enter_unit(body: UnitIn, change: Administration, work: Work) -> UnitOut:
    """Enter a unit. 409 when the unit above has one of this name."""
    return await _unit_saved(change, work, None, body, None)


@router.put("/units/{unit_id}", dependencies=[roles(Role.ADMIN)])
async def save_unit(
    unit_id: Annotated[int, Path(ge=1, lt=2**63)], body: ChangedUnit, change: Administration, work: Work
) -> UnitOut:
    """Change a unit. 409 when somebody changed it since it was read."""
    return await _unit_saved(change, work, unit_id, body, body.read)


@router.get("/areas")
async def areas(services: Parts) -> list[AreaOut]:
    """Where a demand may be: the divisions that the settings name, by code."""
    return [AreaOut(code=code, name=name) for code, name in sorted(services.settings.site.areas.items())]


async def _unit_saved(
    change: Administration, work: Work, unit_id: int | None, body: UnitIn, read: UnitIn | None
) -> UnitOut:
    services = change.services
    entry = UnitEntry(body.name, body.level, body.parent_id)
    before = None if read is None else UnitEntry(read.name, read.level, read.parent_id)
    row = await unit_entries.save(change.session, unit_id, entry, read=before, now=services.clock.now())

    async def renew() -> None:
        await services.directory.refresh()

    # Who saved it reads the list next: this process's copy has it by then.
    work.afterwards(renew)
    await change.record("unit.saved", f"unit:{row.id}", before, entry)
    return UnitOut(id=row.id, name=row.name, level=row.level.value, parent_id=row.parent_id)
