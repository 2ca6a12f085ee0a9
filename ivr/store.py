"""What every change of menus shares: whose turn it is to write, and that processes are told. Nothing here commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.flow import Flow
from ivr.menu_errors import BadMoment, UnknownMenu, UnreadableText
from ivr.published_rows import CHANNEL
from ivr.tables import MenuFlowRow, MenuStateRow

_STATE_ROW = 1
_LONGEST = timedelta(days=366)
"""How far ahead something may be scheduled."""


async def begin_change(session: AsyncSession, now: datetime) -> None:
    """Wait for our turn to change what callers hear: holds the state's row until the transaction ends."""
    row = {"id": _STATE_ROW, "version": 0, "changed_at": now}
    await session.execute(insert(MenuStateRow).values(row).on_conflict_do_nothing())
    await session.execute(select(MenuStateRow.version).with_for_update())


async def changed(session: AsyncSession, now: datetime) -> None:
    """Count the version up, and have every process told at the commit. Each change of what callers hear ends so."""
    await session.flush()
    await session.execute(update(MenuStateRow).values(version=MenuStateRow.version + 1, changed_at=now))
    await session.execute(text(f"NOTIFY {CHANNEL}"))


async def flow_row(session: AsyncSession, flow: str) -> MenuFlowRow:
    """The flow's row, held until the transaction ends; raises UnknownMenu."""
    row = await session.get(MenuFlowRow, flow, populate_existing=True, with_for_update=True)
    if row is None:
        raise UnknownMenu(flow)
    return row


def document_of(flow: Flow) -> Any:
    """A flow as it is kept: whole, so that a default that changes later changes nothing that is published."""
    return flow.model_dump(mode="json")


def flow_of(flow: str, document: Any) -> Flow:
    """A kept text of a flow; raises UnreadableText."""
    try:
        return Flow.model_validate(document)
    except ValidationError:
        raise UnreadableText(flow) from None


def moment(at: datetime | None, now: datetime) -> datetime:
    """When something comes into force: at `at`, or at once. Raises BadMoment."""
    if at is None:
        return now
    if at.tzinfo is None:
        raise BadMoment("生效时间缺少时区", remedy="写成 2026-10-01T08:00+08:00")
    if not now < at <= now + _LONGEST:
        raise BadMoment("生效时间须在此刻之后、一年之内", remedy="立即生效则不填生效时间")
    return at
