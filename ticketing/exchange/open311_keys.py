"""Who may write requests by Open311: keys of apps, kept as their hashes and shown once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import Conflict, InvalidInput, NotFound
from hotline.ids import token
from ticketing.exchange.tables import Open311KeyRow
from ticketing.vocabulary import Source

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,23}")


class KeyTaken(Conflict):
    """An app of this name has a key, or had one."""

    code = "open311.key_taken"


class KeyUnknown(NotFound):
    """No app of this name has a key."""

    code = "open311.key_unknown"


async def add(session: AsyncSession, name: str, source: Source, *, by: str, at: datetime) -> str:
    """Give an app a key, and return it this once. Raises InvalidInput, KeyTaken."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("a name begins with a letter and has at most 24 small letters, digits or '-'")
    if await session.scalar(select(Open311KeyRow).where(Open311KeyRow.name == name)) is not None:
        # Tickets name the app they came from: it is not to become another one.
        raise KeyTaken(name, remedy="choose another name")
    key = token()
    session.add(Open311KeyRow(digest=_digest(key), name=name, source=source.value, made_by=by, made_at=at))
    await session.flush()
    return key


async def end(session: AsyncSession, name: str, *, at: datetime) -> None:
    """Accept an app's key no more. Raises KeyUnknown."""
    row = await session.scalar(select(Open311KeyRow).where(Open311KeyRow.name == name).with_for_update())
    if row is None or row.ended_at is not None:
        raise KeyUnknown(name, remedy="`hotline exchange open311` shows them")
    row.ended_at = at
    await session.flush()


async def holder(session: AsyncSession, key: str) -> Open311KeyRow | None:
    """Whose key it is; None: nobody's, or nobody's any more."""
    row = await session.get(Open311KeyRow, _digest(key))
    return None if row is None or row.ended_at is not None else row


async def listed(session: AsyncSession) -> Sequence[Open311KeyRow]:
    """Every app by name."""
    return (await session.scalars(select(Open311KeyRow).order_by(Open311KeyRow.name))).all()


def _digest(key: str) -> bytes:
    # Random and as long as the digest: nothing a slow hash would be needed for.
    return hashlib.sha256(key.encode()).digest()
