"""Changes to units (责任单位) one by one. Each counts the directory up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository, unit_tree
from directory.lines import readable_name
from directory.models import Unit, UnitLevel
from hotline.errors import Conflict, InvalidInput, NotFound, Stale


class UnknownUnit(NotFound):
    """No such unit."""

    code = "unit.unknown"


class NameTaken(Conflict):
    """The unit above has one of this name already, or there is one at the top."""

    code = "unit.name_taken"


class UnitMisplaced(InvalidInput):
    """A county's unit below none, or a unit below itself."""

    code = "unit.misplaced"


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A unit as administrators enter it; `parent_id`: the unit above, None at the top."""

    name: str
    level: UnitLevel
    parent_id: int | None


async def save(
    session: AsyncSession, unit_id: int | None, entry: UnitEntry, *, read: UnitEntry | None, now: datetime
) -> Unit:
    """Enter a unit (None), or change one that was `read` so; returns its row.

    Raises InvalidInput, UnknownUnit, UnitMisplaced, NameTaken, Stale if it is not as it was read.
    """
    if not readable_name(entry.name):
        raise InvalidInput("a unit's name has 1 to 64 printable characters")
    await repository.begin_change(session, now)
    row = Unit() if unit_id is None else await _unit(session, unit_id)
    if unit_id is not None and read != UnitEntry(row.name, row.level, row.parent_id):
        raise Stale("the unit was changed since it was read")
    if entry.parent_id is None:
        if entry.level is UnitLevel.COUNTY:
            raise UnitMisplaced("a county's unit lies below another")
    else:
        await _unit(session, entry.parent_id)
        if unit_id is not None and entry.parent_id in await unit_tree.with_those_below(session, [unit_id]):
            raise UnitMisplaced("a unit does not lie below itself")
    named = await repository.unit(session, entry.name, entry.parent_id)
    if named is not None and named.id != unit_id:
        raise NameTaken("a unit of this name is there")
    row.name, row.level, row.parent_id = entry.name, entry.level, entry.parent_id
    session.add(row)
    await repository.changed(session, now)
    return row


async def _unit(session: AsyncSession, unit_id: int) -> Unit:
    row = await session.get(Unit, unit_id, populate_existing=True)
    if row is None:
        raise UnknownUnit("no such unit")
    return row
