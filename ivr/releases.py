"""Publishing (发布): from a draft to an immutable version, by one person or two, at once or at a time, and back again.

The version in force is the one whose time came last; of two with the same time, the newer. Each function is one step of
one transaction: a process that dies in it leaves what was there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.drafts import draft
from ivr.flow import Flow
from ivr.judging import Judge, Verdict, id_of, must_be_sound, told
from ivr.menu_errors import (
    AlreadyProposed,
    NothingNew,
    NotScheduled,
    OwnProposal,
    StaleDraft,
    UnknownDraft,
    UnknownVersion,
)
from ivr.store import begin_change, changed, document_of, flow_of, flow_row, moment
from ivr.tables import MenuProposalRow, MenuVersionRow, MenuWithdrawalRow


@dataclass(frozen=True, slots=True)
class Release:
    """What somebody wants to publish. `acknowledged` are the ids of warnings (`judging.id_of`) they took note of."""

    flow: str
    revision: int
    comment: str
    author: str
    acknowledged: frozenset[str] = frozenset()
    effective_at: datetime | None = None
    """None: at once."""


async def publish(
    session: AsyncSession, release: Release, judge: Judge, *, now: datetime, approver: str | None = None
) -> MenuVersionRow:
    """Make a draft a version. Raises StaleDraft if the draft is another one by now, NothingNew if it is in force as it
    stands, NotSound, NotAcknowledged, BadMoment, UnknownMenu."""
    await begin_change(session, now)
    flow, verdict = await _looked_at(session, release, judge, now)
    row = await _add(session, flow, release, verdict, now=now, approver=approver)
    await changed(session, now)
    return row


async def propose(session: AsyncSession, release: Release, judge: Judge, *, now: datetime) -> MenuProposalRow:
    """Have a draft wait for a second person; the same refusals as `publish`, and AlreadyProposed."""
    await begin_change(session, now)
    _, verdict = await _looked_at(session, release, judge, now)
    if await open_proposal(session, release.flow):
        raise AlreadyProposed(f"菜单“{release.flow}”已有一稿待复核", remedy="先复核或撤回那一稿")
    row = MenuProposalRow(
        flow=release.flow,
        revision=release.revision,
        comment=release.comment,
        author=release.author,
        proposed_at=now,
        effective_at=release.effective_at,
        acknowledged=sorted(map(id_of, verdict.warnings)),
    )
    session.add(row)
    await session.flush()
    return row


async def approve(
    session: AsyncSession, proposal: int, judge: Judge, *, approver: str, now: datetime
) -> MenuVersionRow:
    """Publish what somebody else proposed, as it was proposed, though the draft may have gone on; at once if its time
    has passed. The world may have changed since: everything is looked at again. Raises OwnProposal, UnknownDraft, and
    as `publish` does."""
    await begin_change(session, now)
    row = await _undecided(session, proposal)
    if row.author == approver:
        raise OwnProposal
    effective_at = row.effective_at if row.effective_at and row.effective_at > now else None
    release = Release(row.flow, row.revision, row.comment, row.author, frozenset(row.acknowledged), effective_at)
    flow, verdict = await _looked_at(session, release, judge, now, proposed=True)
    version = await _add(session, flow, release, verdict, now=now, approver=approver)
    row.decision, row.decided_by, row.decided_at, row.version = "approved", approver, now, version.version
    await changed(session, now)
    return version


async def decline(session: AsyncSession, proposal: int, *, by: str, reason: str, now: datetime) -> MenuProposalRow:
    """Refuse a proposal; by its author, take it back. Raises UnknownDraft."""
    row = await _undecided(session, proposal)
    row.decision = "withdrawn" if row.author == by else "refused"
    row.decided_by, row.decided_at, row.reason = by, now, reason
    await session.flush()
    return row


async def roll_back(
    session: AsyncSession, flow: str, *, from_version: int, to: int | None, author: str, comment: str, now: datetime
) -> MenuVersionRow:
    """Bring back, as a new version and at once, the version that was in force before, or an older one.

    `from_version` is the one that the person sees in force: a second press on the button finds another one there and
    raises StaleDraft. Nothing is looked at again and nobody is asked, for what is brought back was in force, and who
    rolls back is in a hurry. Raises NothingNew, UnknownVersion, UnreadableText.
    """
    await begin_change(session, now)
    await flow_row(session, flow)
    past = await in_force_so_far(session, flow, now)
    if not past or past[0].version != from_version:
        present = f"第 {past[0].version} 版" if past else "没有版本"
        raise StaleDraft(f"菜单“{flow}”现在生效的是{present}", remedy="看过现在生效的版本后再回退")
    before = past[1] if len(past) > 1 else None
    if to is not None:
        before = next((one for one in past[1:] if one.version == to), None)
        if before is None:
            raise UnknownVersion(flow, to)
    if before is None:
        raise NothingNew(f"菜单“{flow}”之前没有生效过的版本", remedy="停用菜单: `hotline ivr off`")
    flow_of(flow, before.document)
    row = MenuVersionRow(
        flow=flow,
        version=await _next_version(session, flow),
        document=before.document,
        comment=comment,
        author=author,
        published_at=now,
        effective_at=now,
        restores=before.version,
        acknowledged=before.acknowledged,
    )
    session.add(row)
    await changed(session, now)
    return row


async def withdraw(session: AsyncSession, flow: str, version: int, *, by: str, now: datetime) -> None:
    """Take a scheduled version back before its time. Raises UnknownVersion, NotScheduled."""
    await begin_change(session, now)
    row = await one_version(session, flow, version)
    if row.effective_at <= now or await _is_withdrawn(session, flow, version):
        raise NotScheduled(
            f"第 {version} 版不是待生效的版本", remedy=f"已生效的版本用回退: `hotline ivr rollback {flow}`"
        )
    session.add(MenuWithdrawalRow(flow=flow, version=version, by=by, at=now))
    await changed(session, now)


async def one_version(session: AsyncSession, flow: str, version: int) -> MenuVersionRow:
    """A published version; raises UnknownVersion."""
    row = await session.get(MenuVersionRow, (flow, version))
    if row is None:
        raise UnknownVersion(flow, version)
    return row


async def text_of(session: AsyncSession, flow: str, version: int) -> Flow:
    """What a published version says; raises UnknownVersion, UnreadableText."""
    return flow_of(flow, (await one_version(session, flow, version)).document)


async def in_force_so_far(session: AsyncSession, flow: str, now: datetime) -> Sequence[MenuVersionRow]:
    """Versions of a flow that are or were in force, the present one first, each before the one it gave way to."""
    rows = await session.scalars(
        select(MenuVersionRow)
        .outerjoin(MenuWithdrawalRow, withdrawn())
        .where(MenuVersionRow.flow == flow, MenuVersionRow.effective_at <= now, MenuWithdrawalRow.version.is_(None))
        .order_by(MenuVersionRow.effective_at.desc(), MenuVersionRow.version.desc())
    )
    return rows.all()


async def open_proposal(session: AsyncSession, flow: str) -> MenuProposalRow | None:
    """The draft of a flow that waits for its approver."""
    found: MenuProposalRow | None = await session.scalar(
        select(MenuProposalRow).where(MenuProposalRow.flow == flow, MenuProposalRow.decision.is_(None))
    )
    return found


def withdrawn() -> ColumnElement[bool]:
    """What joins a version with its withdrawal."""
    return and_(MenuWithdrawalRow.flow == MenuVersionRow.flow, MenuWithdrawalRow.version == MenuVersionRow.version)


async def _looked_at(
    session: AsyncSession, release: Release, judge: Judge, now: datetime, *, proposed: bool = False
) -> tuple[Flow, Verdict]:
    """The draft and what is to be said of it; raises whatever stands against publishing it."""
    moment(release.effective_at, now)
    row = await flow_row(session, release.flow)
    if row.revision != release.revision and not proposed:
        raise StaleDraft(f"草稿已是第 {row.revision} 稿，不是第 {release.revision} 稿", remedy="看过最新一稿后再发布")
    flow = (await draft(session, release.flow, release.revision)).flow
    if release.effective_at is None:
        past = await in_force_so_far(session, release.flow, now)
        if past and past[0].document == document_of(flow):
            raise NothingNew(f"草稿与生效的第 {past[0].version} 版相同", remedy="无需发布")
    verdict = await judge(flow)
    must_be_sound(verdict, release.acknowledged)
    return flow, verdict


async def _add(
    session: AsyncSession, flow: Flow, release: Release, verdict: Verdict, *, now: datetime, approver: str | None
) -> MenuVersionRow:
    row = MenuVersionRow(
        flow=flow.flow,
        version=await _next_version(session, flow.flow),
        document=document_of(flow),
        comment=release.comment,
        author=release.author,
        approved_by=approver,
        published_at=now,
        effective_at=moment(release.effective_at, now),
        revision=release.revision,
        acknowledged=[{"id": id_of(one), "text": told(one)} for one in verdict.warnings],
    )
    session.add(row)
    await session.flush()
    return row


async def _is_withdrawn(session: AsyncSession, flow: str, version: int) -> bool:
    found = select(MenuWithdrawalRow.version).where(
        MenuWithdrawalRow.flow == flow, MenuWithdrawalRow.version == version
    )
    return await session.scalar(found) is not None


async def _next_version(session: AsyncSession, flow: str) -> int:
    newest = await session.scalar(select(func.max(MenuVersionRow.version)).where(MenuVersionRow.flow == flow))
    return (newest or 0) + 1


async def _undecided(session: AsyncSession, proposal: int) -> MenuProposalRow:
    row = await session.get(MenuProposalRow, proposal, populate_existing=True, with_for_update=True)
    if row is None or row.decision is not None:
        raise UnknownDraft("没有这份待复核的草稿", remedy="可能已复核、已退回或已撤回")
    return row
