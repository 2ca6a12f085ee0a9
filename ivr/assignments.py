"""Which line uses which flow and from when on, and the switch that turns menus off. A line without a flow is direct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.menu_errors import NotPublished, UnknownDraft
from ivr.releases import withdrawn
from ivr.store import begin_change, changed, flow_row, moment
from ivr.tables import MenuAssignmentRow, MenuSwitchRow, MenuVersionRow, MenuWithdrawalRow


@dataclass(frozen=True, slots=True)
class Assigned:
    """A line's flow in force, if it has one, and what is to come."""

    line: str
    flow: str | None
    since: datetime | None
    upcoming: tuple[MenuAssignmentRow, ...]


async def assign(
    session: AsyncSession, line: str, flow: str | None, *, effective_at: datetime | None, by: str, now: datetime
) -> MenuAssignmentRow:
    """Let a line's callers hear a flow, or no flow: a human directly. That the line exists is the caller's to know.

    Raises UnknownMenu, BadMoment, NotPublished if no version of it will be in force by then.
    """
    await begin_change(session, now)
    at = moment(effective_at, now)
    if flow is not None:
        await flow_row(session, flow)
        published = (
            select(MenuVersionRow.version)
            .outerjoin(MenuWithdrawalRow, withdrawn())
            .where(MenuVersionRow.flow == flow, MenuVersionRow.effective_at <= at, MenuWithdrawalRow.version.is_(None))
        )
        if await session.scalar(published.limit(1)) is None:
            raise NotPublished(f"菜单“{flow}”届时没有生效的版本", remedy=f"先发布: `hotline ivr publish {flow}`")
    row = MenuAssignmentRow(line=line, flow=flow, effective_at=at, by=by, at=now)
    session.add(row)
    await changed(session, now)
    return row


async def cancel(session: AsyncSession, assignment: int, *, now: datetime) -> MenuAssignmentRow:
    """Take back an assignment whose time has not come; raises UnknownDraft for any other."""
    await begin_change(session, now)
    row = await session.get(MenuAssignmentRow, assignment)
    if row is None or row.effective_at <= now:
        raise UnknownDraft("没有这项待生效的分配", remedy="`hotline ivr assign` 可立即改为别的菜单")
    await session.delete(row)
    await changed(session, now)
    return row


async def assignments(session: AsyncSession, now: datetime) -> list[Assigned]:
    """Every line that has, had or will have a flow."""
    rows = await session.scalars(
        select(MenuAssignmentRow).order_by(MenuAssignmentRow.line, MenuAssignmentRow.effective_at, MenuAssignmentRow.id)
    )
    by_line: dict[str, list[MenuAssignmentRow]] = {}
    for row in rows:
        by_line.setdefault(row.line, []).append(row)
    return [_assigned(line, of_line, now) for line, of_line in by_line.items()]


def _assigned(line: str, rows: Sequence[MenuAssignmentRow], now: datetime) -> Assigned:
    begun = [row for row in rows if row.effective_at <= now]
    upcoming = tuple(row for row in rows if row.effective_at > now)
    return Assigned(line, begun[-1].flow if begun else None, begun[-1].effective_at if begun else None, upcoming)


async def history(session: AsyncSession, line: str) -> Sequence[MenuAssignmentRow]:
    """Every assignment of a line, newest first."""
    rows = await session.scalars(
        select(MenuAssignmentRow)
        .where(MenuAssignmentRow.line == line)
        .order_by(MenuAssignmentRow.effective_at.desc(), MenuAssignmentRow.id.desc())
    )
    return rows.all()


async def switch_off(session: AsyncSession, line: str, *, by: str, reason: str, now: datetime) -> None:
    """From the next call on a line (`tables.EVERY_LINE`: every line) has no menu, whatever is assigned."""
    await begin_change(session, now)
    row = {"line": line, "by": by, "at": now, "reason": reason}
    await session.execute(insert(MenuSwitchRow).values(row).on_conflict_do_nothing())
    await changed(session, now)


async def switch_on(session: AsyncSession, line: str, *, now: datetime) -> None:
    """What is assigned holds again; a line stays off while every line is."""
    await begin_change(session, now)
    await session.execute(delete(MenuSwitchRow).where(MenuSwitchRow.line == line))
    await changed(session, now)


async def switched_off(session: AsyncSession) -> Sequence[MenuSwitchRow]:
    """Lines without menus now, and who switched them off."""
    return (await session.scalars(select(MenuSwitchRow).order_by(MenuSwitchRow.line))).all()
