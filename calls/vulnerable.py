"""Vulnerable callers (特殊群体): numbers whose calls get a head start, marked by a supervisor with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Exists, String, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.errors import InvalidInput, NotFound
from hotline.sealed import Indexed, Sealed, index_of

_LONGEST_REASON = 200


class NotMarked(NotFound):
    """This number has no mark."""

    code = "vulnerable.unknown"


class VulnerableCaller(Base):
    """A number (as `directory.numbers.normalise` gives it) of somebody who is not to be kept waiting."""

    __tablename__ = "vulnerable_caller"

    caller_index: Mapped[str | bytes] = mapped_column(Indexed(), primary_key=True, default=index_of("caller"))
    caller: Mapped[str] = mapped_column(Sealed("vulnerable_caller.caller"))
    reason: Mapped[str] = mapped_column(Sealed("vulnerable_caller.reason"))
    """Says of somebody that they are ill, old or alone."""
    marked_by: Mapped[str] = mapped_column(String(32))
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)


async def mark(session: AsyncSession, caller: str, reason: str, *, by: str, now: datetime) -> None:
    """Mark a number, or give its mark another reason. Raises InvalidInput."""
    if not 0 < len(reason.strip()) <= _LONGEST_REASON or not reason.isprintable():
        raise InvalidInput(f"a reason has 1 to {_LONGEST_REASON} printable characters")
    values = {"reason": reason.strip(), "marked_by": by, "marked_at": now}
    await session.execute(
        insert(VulnerableCaller)
        .values(caller=caller, **values)
        .on_conflict_do_update(index_elements=["caller_index"], set_=values)
    )


async def unmark(session: AsyncSession, caller: str) -> None:
    """Take the mark away; raises NotMarked."""
    gone = delete(VulnerableCaller).where(VulnerableCaller.caller_index == caller).returning(VulnerableCaller.marked_at)
    if (await session.execute(gone)).one_or_none() is None:
        raise NotMarked("this number is not marked")


def is_marked(caller: str | BindParameter[Any]) -> Exists:
    """Whether a number is marked, as part of a query."""
    return exists().where(VulnerableCaller.caller_index == caller)


async def marked(session: AsyncSession, *, limit: int = 1_000) -> Sequence[VulnerableCaller]:
    """The marked numbers, newest first."""
    newest = select(VulnerableCaller).order_by(VulnerableCaller.marked_at.desc(), VulnerableCaller.caller_index)
    return (await session.scalars(newest.limit(limit).execution_options(populate_existing=True))).all()
