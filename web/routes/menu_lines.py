"""Which lines use which menu, the switch that turns menus off, and how menus are used (菜单分析)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from hotline.errors import InvalidInput
from ivr import assignments, visits
from ivr.tables import EVERY_LINE
from ticketing.schemas import Moment
from web.access import Parts, Transaction, roles
from web.administration import Administration, Reason
from web.menu_schemas import Key, LineNumber, RecordId, Soon
from web.problems import DOCUMENTED
from web.routes.menus import READERS

router = APIRouter(prefix="/api/menus", tags=["menus"], responses=DOCUMENTED)

_OPERATORS = (Role.SUPERVISOR, Role.ADMIN)
_ALL = "all"

Switch = Annotated[
    str, Path(pattern=rf"^([0-9]{{3,16}}|{_ALL})$", description="A line's number, or `all` for every line.")
]


class UnknownLineForMenu(InvalidInput):
    """No such line."""

    code = "menu.line_unknown"


class AssignmentOut(BaseModel):
    """From `effective_at` on a line uses this flow; none: its callers go to a human directly."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    line: str
    flow: str | None
    effective_at: datetime
    by: str
    at: datetime


class LineOut(BaseModel):
    """A line and its menu. `off`: menus are switched off for it, by itself or with every line."""

    line: str
    name: str
    flow: str | None
    since: datetime | None
    upcoming: list[AssignmentOut]
    off: bool


class AssignmentIn(BaseModel):
    """The flow a line is to use; none: a human directly."""

    model_config = ConfigDict(extra="forbid")

    flow: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] | None
    effective_at: Soon = None


class SwitchOut(BaseModel):
    """Menus are off for a line, or for `all`."""

    line: str
    by: str
    at: datetime
    reason: str


class SwitchIn(BaseModel):
    """Why menus are switched off."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class BranchOut(BaseModel):
    """Visits that left a node by a branch; milliseconds in the node, percentiles to 3 %."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    node: str
    branch: str
    visits: int
    mean_ms: float
    p50_ms: float
    p95_ms: float


class FiguresOut(BaseModel):
    """How a flow was used in a period: calls in each version, and each branch of each node."""

    begin: datetime
    end: datetime
    calls: dict[int, int]
    branches: list[BranchOut]


@router.get("/lines", dependencies=[roles(*READERS)])
async def list_lines(session: Transaction, services: Parts) -> list[LineOut]:
    """Every line of the directory, with its menu."""
    assigned = {one.line: one for one in await assignments.assignments(session, services.clock.now())}
    off = {one.line for one in await assignments.switched_off(session)}
    names = {line.number: line.name_spoken for line in services.directory.snapshot.lines}
    return [
        LineOut(
            line=line,
            name=names.get(line, ""),
            flow=assigned[line].flow if line in assigned else None,
            since=assigned[line].since if line in assigned else None,
            upcoming=[AssignmentOut.model_validate(row) for row in assigned[line].upcoming] if line in assigned else [],
            off=line in off or EVERY_LINE in off,
        )
        for line in sorted(names | assigned)
    ]


@router.get("/lines/{line}", dependencies=[roles(*READERS)])
async def line_history(line: LineNumber, session: Transaction) -> list[AssignmentOut]:
    """Every assignment of a line, newest first."""
    return [AssignmentOut.model_validate(row) for row in await assignments.history(session, line)]


@router.put("/lines/{line}", dependencies=[roles(Role.ADMIN)])
async def assign(line: LineNumber, body: AssignmentIn, change: Administration) -> AssignmentOut:
    """Let a line's callers hear a flow, or go to a human directly, at once or from a time on."""
    services = change.services
    if services.directory.snapshot.line(line) is None:
        raise UnknownLineForMenu(f"没有热线 {line}", remedy="先在热线目录中登记")
    row = await assignments.assign(
        change.session,
        line,
        body.flow,
        effective_at=body.effective_at,
        by=change.actor,
        now=services.clock.now(),
    )
    out = AssignmentOut.model_validate(row)
    await change.record("menu.assigned", f"menu_line:{line}", after=out.model_dump(mode="json"))
    return out


@router.delete("/assignments/{assignment}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def cancel(assignment: RecordId, change: Administration) -> None:
    """Take back an assignment whose time has not come."""
    row = await assignments.cancel(change.session, assignment, now=change.services.clock.now())
    before = AssignmentOut.model_validate(row).model_dump(mode="json")
    await change.record("menu.assignment_cancelled", f"menu_line:{row.line}", before)


@router.get("/switches", dependencies=[roles(*READERS)])
async def list_switches(session: Transaction) -> list[SwitchOut]:
    """Lines without menus now, and who switched them off."""
    return [
        SwitchOut(line=_shown(one.line), by=one.by, at=one.at, reason=one.reason)
        for one in await assignments.switched_off(session)
    ]


@router.put("/switches/{line}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_OPERATORS)])
async def switch_off(line: Switch, body: SwitchIn, change: Administration) -> None:
    """From the next call on the line, or every line, goes to a human directly, whatever is assigned."""
    now = change.services.clock.now()
    await assignments.switch_off(change.session, _kept(line), by=change.actor, reason=body.reason, now=now)
    await change.record("menu.switched_off", f"menu_line:{line}", after={"reason": body.reason})


@router.delete("/switches/{line}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_OPERATORS)])
async def switch_on(line: Switch, change: Administration) -> None:
    """What is assigned holds again."""
    await assignments.switch_on(change.session, _kept(line), now=change.services.clock.now())
    await change.record("menu.switched_on", f"menu_line:{line}")


@router.get("/flows/{flow}/figures", dependencies=[roles(*READERS)])
async def figures(
    flow: Key,
    session: Transaction,
    begin: Moment,
    end: Moment,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> FiguresOut:
    """How a flow was used from `begin` until before `end`: a branch is a menu's key, or the way a node was left.
    `hung_up` and `human` are ways out that nobody drew. Digits that were collected are in no figure."""
    taken = await visits.figures(session, flow, begin=begin, end=end, version=version)
    return FiguresOut(
        begin=begin,
        end=end,
        calls=await visits.calls(session, flow, begin=begin, end=end),
        branches=[BranchOut.model_validate(one) for one in taken],
    )


def _kept(line: str) -> str:
    return EVERY_LINE if line == _ALL else line


def _shown(line: str) -> str:
    return _ALL if line == EVERY_LINE else line
