"""What can be read of menus: every flow with how it stands, every version with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Function, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, defer

from ivr.assignments import assignments
from ivr.menu_errors import UnknownMenu
from ivr.releases import withdrawn
from ivr.tables import MenuFlowRow, MenuProposalRow, MenuRevisionRow, MenuVersionRow, MenuWithdrawalRow


class Standing(StrEnum):
    """How a version stands."""

    IN_FORCE = "in_force"
    SCHEDULED = "scheduled"
    PAST = "past"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Overview:
    """A flow at a glance. `lines` use it now."""

    flow: str
    name: str
    revision: int
    saved_by: str
    saved_at: datetime
    changed: bool
    """Whether the draft says something else than the version in force."""
    version: int | None
    scheduled: tuple[MenuVersionRow, ...]
    proposal: MenuProposalRow | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A version and how it stands. Its row is without the document; `digest` tells documents apart."""

    row: MenuVersionRow
    standing: Standing
    withdrawal: MenuWithdrawalRow | None
    digest: str


async def versions(session: AsyncSession, flow: str, now: datetime) -> list[Version]:
    """Every version of a flow, newest first; raises UnknownMenu."""
    if await session.get(MenuFlowRow, flow) is None:
        raise UnknownMenu(flow)
    return (await _versions(session, now, flow)).get(flow, [])


async def overview(session: AsyncSession, now: datetime) -> list[Overview]:
    """Every flow."""
    drafts = await session.execute(
        select(MenuFlowRow, MenuRevisionRow, _digest(MenuRevisionRow.document))
        .join(
            MenuRevisionRow,
            (MenuRevisionRow.flow == MenuFlowRow.flow) & (MenuRevisionRow.revision == MenuFlowRow.revision),
        )
        .order_by(MenuFlowRow.flow)
    )
    waiting = await session.scalars(select(MenuProposalRow).where(MenuProposalRow.decision.is_(None)))
    proposals = {row.flow: row for row in waiting}
    by_flow = await _versions(session, now)
    lines: dict[str, list[str]] = {}
    for one in await assignments(session, now):
        if one.flow is not None:
            lines.setdefault(one.flow, []).append(one.line)
    return [
        _overview(draft, digest, by_flow.get(flow.flow, []), proposals.get(flow.flow), lines.get(flow.flow, []))
        for flow, draft, digest in drafts
    ]


async def proposals(session: AsyncSession, *, limit: int) -> Sequence[MenuProposalRow]:
    """Drafts that wait or waited for their approver: those that wait first, then the newest."""
    rows = await session.scalars(
        select(MenuProposalRow).order_by(MenuProposalRow.decision.is_not(None), MenuProposalRow.id.desc()).limit(limit)
    )
    return rows.all()


def _digest(document: InstrumentedAttribute[Any]) -> Function[str]:
    return func.md5(cast(document, Text), type_=Text)


def _overview(
    draft: MenuRevisionRow,
    digest: str,
    of_flow: list[Version],
    proposal: MenuProposalRow | None,
    lines: list[str],
) -> Overview:
    present = next((one for one in of_flow if one.standing is Standing.IN_FORCE), None)
    return Overview(
        flow=draft.flow,
        name=draft.document["name"],
        revision=draft.revision,
        saved_by=draft.saved_by,
        saved_at=draft.saved_at,
        changed=present is None or present.digest != digest,
        version=present.row.version if present else None,
        scheduled=tuple(one.row for one in of_flow if one.standing is Standing.SCHEDULED),
        proposal=proposal,
        lines=tuple(lines),
    )


async def _versions(session: AsyncSession, now: datetime, flow: str | None = None) -> dict[str, list[Version]]:
    query = (
        select(MenuVersionRow, MenuWithdrawalRow, _digest(MenuVersionRow.document))
        .outerjoin(MenuWithdrawalRow, withdrawn())
        .options(defer(MenuVersionRow.document, raiseload=True))
        .order_by(MenuVersionRow.flow, MenuVersionRow.version.desc())
    )
    rows = (await session.execute(query if flow is None else query.where(MenuVersionRow.flow == flow))).all()
    newest: dict[str, MenuVersionRow] = {}
    for row, withdrawal, _ in rows:
        if withdrawal is None and row.effective_at <= now:
            before = newest.get(row.flow)
            if before is None or (row.effective_at, row.version) > (before.effective_at, before.version):
                newest[row.flow] = row
    found: dict[str, list[Version]] = {}
    for row, withdrawal, digest in rows:
        standing = _standing(row, withdrawal, now, newest.get(row.flow))
        found.setdefault(row.flow, []).append(Version(row, standing, withdrawal, digest))
    return found


def _standing(
    row: MenuVersionRow, withdrawal: MenuWithdrawalRow | None, now: datetime, present: MenuVersionRow | None
) -> Standing:
    if withdrawal is not None:
        return Standing.WITHDRAWN
    if row.effective_at > now:
        return Standing.SCHEDULED
    return Standing.IN_FORCE if row is present else Standing.PAST
