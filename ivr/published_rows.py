"""What a snapshot of the menus is made of: rows out of PostgreSQL, and the same as a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.tables import MenuAssignmentRow, MenuStateRow, MenuSwitchRow, MenuVersionRow, MenuWithdrawalRow

CHANNEL: Final = "menus"
"""NOTIFY of every change of what callers hear."""

_BACK: Final = timedelta(hours=1)
"""Versions in force so long ago are loaded too: a call is asked about at its time of entry."""


@dataclass(frozen=True, slots=True)
class TimedVersion:
    """A version and from when on it is in force."""

    version: int
    effective_at: datetime
    document: Any


@dataclass(frozen=True, slots=True)
class TimedAssignment:
    """A line's flow and from when on; None: a human directly."""

    flow: str | None
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Rows:
    """By flow and by line, each in the order in which they come into force. `off`: lines without menus now."""

    version: int
    versions: Mapping[str, tuple[TimedVersion, ...]] = field(default_factory=dict)
    assigned: Mapping[str, tuple[TimedAssignment, ...]] = field(default_factory=dict)
    off: frozenset[str] = frozenset()


async def load(session: AsyncSession, now: datetime) -> Rows:
    """Everything that is in force or will be; begins a transaction.

    `now` is the loading process' time: what was changed "at once" holds here as soon as it is seen here, even where
    this host's clock is behind that of the host it was changed on.
    """
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return await load_here(session, now)


async def load_here(session: AsyncSession, now: datetime) -> Rows:
    """The same as a transaction sees it that has begun already."""
    in_force = (
        select(MenuVersionRow.flow, func.max(MenuVersionRow.effective_at).label("since"))
        .outerjoin(MenuWithdrawalRow, _withdrawn())
        .where(MenuVersionRow.effective_at <= now - _BACK, MenuWithdrawalRow.version.is_(None))
        .group_by(MenuVersionRow.flow)
        .subquery()
    )
    found = await session.execute(
        select(
            MenuVersionRow.flow,
            MenuVersionRow.version,
            MenuVersionRow.published_at,
            MenuVersionRow.effective_at,
            MenuVersionRow.document,
        )
        .outerjoin(MenuWithdrawalRow, _withdrawn())
        .outerjoin(in_force, in_force.c.flow == MenuVersionRow.flow)
        .where(
            MenuWithdrawalRow.version.is_(None),
            MenuVersionRow.effective_at >= func.coalesce(in_force.c.since, MenuVersionRow.effective_at),
        )
        .order_by(MenuVersionRow.flow, MenuVersionRow.effective_at, MenuVersionRow.version)
    )
    versions: dict[str, tuple[TimedVersion, ...]] = {}
    for flow, version, published_at, effective_at, document in found:
        since = min(effective_at, now) if effective_at <= published_at else effective_at
        versions[flow] = (*versions.get(flow, ()), TimedVersion(version, since, document))
    assigned: dict[str, tuple[TimedAssignment, ...]] = {}
    for row in await session.scalars(
        select(MenuAssignmentRow).order_by(MenuAssignmentRow.line, MenuAssignmentRow.effective_at, MenuAssignmentRow.id)
    ):
        since = min(row.effective_at, now) if row.effective_at <= row.at else row.effective_at
        assigned[row.line] = (*assigned.get(row.line, ()), TimedAssignment(row.flow, since))
    off = frozenset(await session.scalars(select(MenuSwitchRow.line)))
    return Rows(await session.scalar(select(MenuStateRow.version)) or 0, versions, assigned, off)


def _withdrawn() -> Any:
    return and_(MenuWithdrawalRow.flow == MenuVersionRow.flow, MenuWithdrawalRow.version == MenuVersionRow.version)


def rows_to_json(rows: Rows) -> bytes:
    """UTF-8 JSON; `rows_from_json` gives equal rows back."""
    return orjson.dumps({**_fields(rows), "off": sorted(rows.off)}, option=orjson.OPT_INDENT_2)


def _fields(rows: Rows) -> dict[str, Any]:
    # orjson writes dataclasses and aware datetimes itself.
    return {"version": rows.version, "versions": rows.versions, "assigned": rows.assigned}


def rows_from_json(document: bytes) -> Rows:
    """Read what `rows_to_json` wrote; raises ValueError, KeyError or TypeError for anything else."""
    data = orjson.loads(document)
    return Rows(
        data["version"],
        {
            flow: tuple(
                TimedVersion(one["version"], datetime.fromisoformat(one["effective_at"]), one["document"])
                for one in versions
            )
            for flow, versions in data["versions"].items()
        },
        {
            line: tuple(
                TimedAssignment(one["flow"], datetime.fromisoformat(one["effective_at"])) for one in assignments
            )
            for line, assignments in data["assigned"].items()
        },
        frozenset(data["off"]),
    )
