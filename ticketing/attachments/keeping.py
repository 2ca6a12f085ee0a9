"""附件: added to a ticket, listed, read, released to units, taken away (TH 4, 14, 17)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.settings import Settings
from ticketing.attachments.blobs import BlobStore
from ticketing.attachments.errors import (
    AttachmentNotFound,
    TicketIsArchived,
    TooLarge,
    TooManyAttachments,
)
from ticketing.attachments.kinds import kind_of
from ticketing.attachments.tables import AttachmentRow
from ticketing.errors import TicketNotFound
from ticketing.models import TicketRow
from ticketing.vocabulary import State


@dataclass(frozen=True, slots=True)
class Limits:
    """`largest` in bytes, `per_ticket` attachments that stand at a time."""

    largest: int
    per_ticket: int


class Attachments:
    """The attachments of a line. Nothing here commits: the caller's transaction does."""

    def __init__(self, store: BlobStore, limits: Limits) -> None:
        self.store = store
        self.limits = limits

    @classmethod
    def of(cls, settings: Settings) -> Attachments:
        """As `hotline.toml` has it."""
        keys = settings.attachments
        folder = settings.var_dir / "attachments" if not keys.folder else settings.var_dir / keys.folder
        return cls(BlobStore(folder), Limits(keys.largest_mb << 20, keys.per_ticket))

    async def add(
        self, session: AsyncSession, number: str, name: str, content: bytes, *, by: str, at: datetime, released: bool
    ) -> AttachmentRow:
        """Keep a file with a ticket; the one that is there if the ticket has the same file already. `released`: units
        may have it whatever the caller's confidentiality.

        Raises TicketNotFound, TicketIsArchived, TooLarge, TooManyAttachments, EmptyFile, KindNotAllowed, KindMismatch;
        OSError if it cannot be stored.
        """
        if len(content) > self.limits.largest:
            raise TooLarge(f"an attachment has at most {self.limits.largest} bytes")
        kind = await asyncio.to_thread(kind_of, name, content)
        digest = await asyncio.to_thread(self.store.put, content)
        # Held, so that what is counted stands, and no archive is made without this.
        wanted = select(TicketRow).where(TicketRow.number == number).with_for_update(key_share=True)
        ticket = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
        if ticket is None:
            raise TicketNotFound(number)
        if ticket.state == State.ARCHIVED:
            raise TicketIsArchived(number)
        same = _standing(ticket.id).where(AttachmentRow.sha256 == digest)
        if (known := (await session.scalars(same)).one_or_none()) is not None:
            return known
        count = select(func.count()).select_from(_standing(ticket.id).subquery())
        if (await session.execute(count)).scalar_one() >= self.limits.per_ticket:
            raise TooManyAttachments(f"a ticket has at most {self.limits.per_ticket} attachments")
        row = AttachmentRow(
            ticket_id=ticket.id,
            sha256=digest,
            name=kind.name,
            kind=kind.media_type,
            bytes=len(content),
            released=released,
            added_by=by,
            added_at=at,
        )
        session.add(row)
        await session.flush()
        return row

    async def read(self, row: AttachmentRow) -> bytes:
        """What it holds. Raises AttachmentDamaged."""
        return await asyncio.to_thread(self.store.read, row.sha256)


async def listed(session: AsyncSession, ticket_id: int, *, hidden: bool) -> Sequence[AttachmentRow]:
    """A ticket's attachments, oldest first; `hidden`: only those that are released to units."""
    wanted = _standing(ticket_id).order_by(AttachmentRow.id)
    if hidden:
        wanted = wanted.where(AttachmentRow.released)
    return (await session.scalars(wanted)).all()


async def one(session: AsyncSession, ticket_id: int, attachment: int, *, hidden: bool) -> AttachmentRow:
    """One attachment of a ticket. Raises AttachmentNotFound, also for what is hidden from the asker."""
    wanted = _standing(ticket_id).where(AttachmentRow.id == attachment).with_for_update()
    row = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if row is None or (hidden and not row.released):
        raise AttachmentNotFound("no such attachment")
    return row


async def remove(session: AsyncSession, row: AttachmentRow, *, by: str, why: str, at: datetime) -> None:
    """Take it away; the row says who did and why, and its file is swept away if no other ticket has it. Raises
    TicketIsArchived."""
    wanted = select(TicketRow.state).where(TicketRow.id == row.ticket_id).with_for_update(key_share=True)
    if (await session.execute(wanted)).scalar_one() == State.ARCHIVED:
        raise TicketIsArchived("its file is closed")
    row.removed_by, row.removed_at, row.removed_why = by, at, why
    await session.flush()


async def forget(session: AsyncSession, ticket_id: int, *, by: str, at: datetime) -> int:
    """Take away what the citizen brought, archived or not, and blot out what it was called; returns how many. What was
    released to units, or comes from one, names nobody and stays."""
    theirs = update(AttachmentRow).where(
        AttachmentRow.ticket_id == ticket_id, AttachmentRow.removed_at.is_(None), AttachmentRow.released.is_(False)
    )
    blotted = theirs.values(removed_by=by, removed_at=at, removed_why="个人信息删除", name="附件")
    return len((await session.scalars(blotted.returning(AttachmentRow.id))).all())


def _standing(ticket_id: int) -> Select[AttachmentRow]:
    return select(AttachmentRow).where(AttachmentRow.ticket_id == ticket_id, AttachmentRow.removed_at.is_(None))
