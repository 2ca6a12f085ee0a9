"""Drafts (草稿) of flows. Whoever saves names the revision they began with; of two who began with the same one the
second is shown both sides, and keeps the text as a stash of their own until they drop it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.flow import Flow
from ivr.menu_errors import UnknownDraft, UnknownMenu
from ivr.store import document_of, flow_of, flow_row
from ivr.tables import MenuFlowRow, MenuRevisionRow, MenuStashRow


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as somebody saved it."""

    flow: Flow
    revision: int
    saved_by: str
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Stash:
    """A text that somebody could not save, and the revision they had begun with; 0: they thought the flow was new."""

    id: int
    flow: Flow
    base_revision: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Clash:
    """A save that was refused: somebody else had been quicker. `base` is None where `mine` began with nothing."""

    base: Flow | None
    mine: Flow
    theirs: Draft
    stash: int


async def draft(session: AsyncSession, flow: str, revision: int | None = None) -> Draft:
    """The draft of a flow, the newest or as it was at a revision; raises UnknownMenu, UnknownDraft."""
    newest = await session.scalar(select(MenuFlowRow.revision).where(MenuFlowRow.flow == flow))
    if newest is None:
        raise UnknownMenu(flow)
    row = await session.get(MenuRevisionRow, (flow, newest if revision is None else revision))
    if row is None:
        raise UnknownDraft(f"菜单“{flow}”的草稿没有第 {revision} 稿", remedy=f"最新一稿是第 {newest} 稿")
    return Draft(flow_of(flow, row.document), row.revision, row.saved_by, row.saved_at)


async def save(session: AsyncSession, flow: Flow, *, revision: int, editor: str, now: datetime) -> Draft | Clash:
    """Save a draft over `revision`, the one that was read; 0 makes a new flow.

    A clash is returned and not raised: its stash is in this transaction, which must be committed. The text that is
    there already is saved again as nothing, so a save whose answer was lost may be repeated.
    """
    await session.execute(
        insert(MenuFlowRow)
        .values(flow=flow.flow, revision=0, created_by=editor, created_at=now)
        .on_conflict_do_nothing()
    )
    row = await flow_row(session, flow.flow)
    document = document_of(flow)
    present = await session.get(MenuRevisionRow, (flow.flow, row.revision)) if row.revision else None
    if present is not None and present.document == document and revision <= row.revision:
        return Draft(flow, present.revision, present.saved_by, present.saved_at)
    if revision != row.revision:
        if present is None:
            raise UnknownMenu(flow.flow)
        theirs = await draft(session, flow.flow)
        return await _clash(session, flow, theirs, revision=revision, editor=editor, now=now)
    row.revision += 1
    session.add(
        MenuRevisionRow(flow=flow.flow, revision=row.revision, document=document, saved_by=editor, saved_at=now)
    )
    await session.flush()
    return Draft(flow, row.revision, editor, now)


async def _clash(
    session: AsyncSession, mine: Flow, theirs: Draft, *, revision: int, editor: str, now: datetime
) -> Clash:
    begun = await session.get(MenuRevisionRow, (mine.flow, revision))
    row = MenuStashRow(
        flow=mine.flow,
        editor=editor,
        base_revision=begun.revision if begun else 0,
        document=document_of(mine),
        at=now,
    )
    session.add(row)
    await session.flush()
    return Clash(flow_of(mine.flow, begun.document) if begun else None, mine, theirs, row.id)


async def stashes(session: AsyncSession, flow: str, editor: str) -> list[Stash]:
    """What this editor could not save of a flow, newest first."""
    rows = await session.scalars(
        select(MenuStashRow)
        .where(MenuStashRow.flow == flow, MenuStashRow.editor == editor)
        .order_by(MenuStashRow.id.desc())
    )
    return [_stash(row) for row in rows]


async def clash(session: AsyncSession, flow: str, editor: str, stash: int) -> Clash:
    """The three sides of a stash of one's own against the draft as it is now; raises UnknownMenu, UnknownDraft."""
    row = await session.get(MenuStashRow, stash)
    if row is None or (row.flow, row.editor) != (flow, editor):
        raise UnknownDraft("没有这份暂存", remedy="暂存只有本人可见，且可能已合并")
    base = (await draft(session, flow, row.base_revision)).flow if row.base_revision else None
    return Clash(base, flow_of(flow, row.document), await draft(session, flow), row.id)


async def drop_stash(session: AsyncSession, flow: str, editor: str, stash: int) -> None:
    """Forget a stash of one's own: it was merged, or is not wanted. Dropping one that is gone is no error."""
    await session.execute(
        delete(MenuStashRow).where(MenuStashRow.id == stash, MenuStashRow.flow == flow, MenuStashRow.editor == editor)
    )


def _stash(row: MenuStashRow) -> Stash:
    return Stash(row.id, flow_of(row.flow, row.document), row.base_revision, row.at)
