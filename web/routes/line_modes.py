"""How a line is handled from when on (号码与受理方式): planned changes of its mode, their history, taking one back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit, lines, repository
from directory.models import HotlineMode, Role
from directory.modes import PATHS, Fallback, Mode, PathKind, Platform, UnsupportedMode, check_line, path_of
from hotline.errors import Conflict
from ticketing.schemas import Moment
from web.access import Parts, Transaction, Work, roles
from web.administration import Administration
from web.conditional import Expected, tagged
from web.problems import DOCUMENTED
from web.services import Services

router = APIRouter(prefix="/api/directory/lines", tags=["directory"], responses=DOCUMENTED)

_READERS: Final = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)
_PLANNED: Final = "line.mode_planned"
_CANCELLED: Final = "line.mode_cancelled"
_READ: Final = "The directory's version that was read; may be named by If-Match instead."

LineNumber = Annotated[str, Path(pattern=r"^[0-9+]{3,16}$", description="The line's number.")]
PlannedId = Annotated[int, Path(ge=1, lt=2**63)]
Version = Annotated[int | None, Query(ge=0, lt=2**31, description=_READ)]


class ModeUnchanged(Conflict):
    """The line would be handled so at that moment anyhow."""

    code = "mode.unchanged"


class ModeState(StrEnum):
    """Where a mode of a line stands in time."""

    PAST = "past"
    IN_FORCE = "in_force"
    PLANNED = "planned"


class HowOut(BaseModel):
    """A mode on a platform, and whether experts sit here."""

    model_config = ConfigDict(from_attributes=True)

    mode: Mode
    platform: Platform
    expert_seats: bool
    effective_from: datetime


class ModeOut(HowOut):
    """A mode of the line; `recorded_by` says who laid it down, `import` for the government's list."""

    id: int
    state: ModeState
    path: PathKind
    recorded_at: datetime
    recorded_by: str


class CancelledOut(HowOut):
    """A change that was planned and taken back."""

    at: datetime
    by: str


class ChoiceOut(BaseModel):
    """A mode that this line may have, and what would happen to its calls. `experts`: expert seats are possible."""

    mode: Mode
    mode_term: str
    platform: Platform
    path: PathKind
    fallback: Fallback
    experts: bool
    unit_required: bool
    source: str


class LineModesOut(BaseModel):
    """A line's modes, oldest first; `numbers`: how many of its own it is transferred to."""

    line: str
    name: str
    unit_id: int | None
    numbers: int
    modes: list[ModeOut]
    cancelled: list[CancelledOut]
    choices: list[ChoiceOut]


class PlanIn(BaseModel):
    """Another mode for a line; without `effective_from` from now on."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int | None, Field(ge=0, lt=2**31, description=_READ)] = None
    mode: Mode
    platform: Platform
    expert_seats: bool = False
    effective_from: Moment | None = None


@router.get("/{line}/modes", dependencies=[roles(*_READERS)])
async def history(line: LineNumber, session: Transaction, services: Parts, response: Response) -> LineModesOut:
    """Past, present and planned modes, changes that were taken back, and what the line may become.

    Its ETag is the directory's version, which a change of it names.
    """
    return await _told(session, services, line, response)


@router.post("/{line}/modes", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def plan(
    *, line: LineNumber, body: PlanIn, expected: Expected, change: Administration, work: Work, response: Response
) -> LineModesOut:
    """Let a line be handled otherwise from a moment on. Calls that entered before keep their way."""
    session, services = change.session, change.services
    now = services.clock.now()
    await lines.rest_on(session, expected.version(body.version), now=now)
    row = await lines.get(session, line, services.settings.site.area_code)
    begins = body.effective_from or now
    changed = await lines.change_mode(
        session,
        row,
        body.mode,
        body.platform,
        expert_seats=body.expert_seats,
        effective_from=begins,
        actor=change.actor,
        now=now,
    )
    if not changed:
        raise ModeUnchanged("the line is handled so at that moment already")
    after = HowOut(
        mode=body.mode, platform=body.platform, expert_seats=body.expert_seats, effective_from=begins
    ).model_dump(mode="json")
    told = await _told(session, services, row.number, response)
    await change.record(_PLANNED, f"line:{row.number}", after=after)
    work.afterwards(_taken_over(services))
    return told


@router.delete("/{line}/modes/{planned}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def cancel(
    *,
    line: LineNumber,
    planned: PlannedId,
    expected: Expected,
    change: Administration,
    work: Work,
    version: Version = None,
) -> None:
    """Take back a change whose time has not come."""
    session, services = change.session, change.services
    now = services.clock.now()
    await lines.rest_on(session, expected.version(version), now=now)
    row = await lines.get(session, line, services.settings.site.area_code)
    before = HowOut.model_validate(await lines.cancel_planned_mode(session, row, planned, now=now))
    await change.record(_CANCELLED, f"line:{row.number}", before.model_dump(mode="json"))
    work.afterwards(_taken_over(services))


def _taken_over(services: Services) -> Callable[[], Awaitable[None]]:
    """This process' lists show the change to who made it; other processes see it seconds later."""

    async def refresh() -> None:
        await services.directory.refresh()

    return refresh


async def _told(session: AsyncSession, services: Services, number: str, response: Response) -> LineModesOut:
    line = await lines.get(session, number, services.settings.site.area_code)
    rows = await repository.modes(session, line.id)
    now = services.clock.now()
    begun = [row for row in rows if row.effective_from <= now]
    in_force = begun[-1].id if begun else None
    taken_back = await audit.entries(session, subject=f"line:{line.number}", action=_CANCELLED)
    tagged(response, await repository.version(session))
    return LineModesOut(
        line=line.number,
        name=line.name_spoken,
        unit_id=line.unit_id,
        numbers=len(await repository.line_targets(session, line.id)),
        modes=[_mode(row, in_force, now) for row in rows],
        cancelled=[CancelledOut(**one.before, at=one.at, by=one.actor) for one in taken_back if one.before],
        choices=_choices(line.number),
    )


def _mode(row: HotlineMode, in_force: int | None, now: datetime) -> ModeOut:
    state = ModeState.PLANNED if row.effective_from > now else ModeState.PAST
    return ModeOut(
        id=row.id,
        state=ModeState.IN_FORCE if row.id == in_force else state,
        mode=row.mode,
        platform=row.platform,
        expert_seats=row.expert_seats,
        path=path_of(row.mode, row.platform).kind,
        effective_from=row.effective_from,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
    )


def _choices(number: str) -> list[ChoiceOut]:
    return [
        ChoiceOut(
            mode=mode,
            mode_term=mode.chinese,
            platform=platform,
            path=path.kind,
            fallback=path.fallback,
            experts=_fits(number, mode, platform, expert_seats=True),
            unit_required=path.unit_required,
            source=path.source,
        )
        for (mode, platform), path in PATHS.items()
        if _fits(number, mode, platform, expert_seats=False)
    ]


def _fits(number: str, mode: Mode, platform: Platform, *, expert_seats: bool) -> bool:
    try:
        check_line(number, mode, platform, expert_seats=expert_seats)
    except UnsupportedMode:
        return False
    return True
