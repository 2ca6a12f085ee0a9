"""Answers given in calls: read aloud by a menu, or used by an agent; and which one it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.clock import Clock
from hotline.database import Database
from ticketing.knowledge import finding
from ticketing.knowledge.errors import EntryNotFound, NoAnswer
from ticketing.knowledge.finding import Found
from ticketing.knowledge.tables import EntryRow, UseRow, VersionRow

_log = structlog.get_logger(__name__)

BY_MENU: Final = "menu"
"""Who gave an answer that was read aloud without an agent."""


@dataclass(frozen=True, slots=True)
class Use:
    """An answer that was given in a call, as it was then."""

    code: str
    version: int
    title: str
    by: str
    at: datetime


class KnowledgeDesk:
    """Answers the telephone. `zone` is the IANA zone whose day counts."""

    def __init__(self, database: Database, clock: Clock, zone: str) -> None:
        self._database = database
        self._clock = clock
        self._zone = ZoneInfo(zone)

    async def spoken(self, code: str) -> Found:
        """The answer whose `spoken` words are read aloud today. Raises NoAnswer, SQLAlchemyError, OSError."""
        async with self._database.transaction() as session:
            try:
                found = await finding.current(session, code, today=today(self._clock.now(), self._zone))
            except EntryNotFound:
                raise NoAnswer(code) from None
        if not found.spoken:
            raise NoAnswer(code)
        return found

    async def given(self, answer: Found, *, call: str) -> None:
        """Keep that it is read aloud in this call, if that can be kept: the citizen hears it in any case."""
        try:
            async with self._database.transaction() as session:
                await record_use(session, call=call, version_id=answer.version_id, by=BY_MENU, at=self._clock.now())
        except (SQLAlchemyError, OSError) as error:
            _log.warning("knowledge.use_not_recorded", call=call, reason=type(error).__name__)


def today(now: datetime, zone: ZoneInfo) -> date:
    """The city's day at that moment."""
    return now.astimezone(zone).date()


async def record_use(session: AsyncSession, *, call: str, version_id: int, by: str, at: datetime) -> None:
    """Keep that somebody gave this answer in this call; a repeat keeps the first time."""
    statement = insert(UseRow).values(call_id=call, version_id=version_id, by=by, at=at)
    await session.execute(statement.on_conflict_do_nothing())


async def uses_of(session: AsyncSession, call: str) -> Sequence[Use]:
    """The answers given in a call, in order."""
    rows = await session.execute(
        select(EntryRow.code, VersionRow.number, VersionRow.title, UseRow.by, UseRow.at)
        .join(VersionRow, VersionRow.id == UseRow.version_id)
        .join(EntryRow, EntryRow.id == VersionRow.entry_id)
        .where(UseRow.call_id == call)
        .order_by(UseRow.at, UseRow.version_id)
    )
    return [Use(*row) for row in rows]
