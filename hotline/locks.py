"""Advisory locks: what only one transaction of the whole site may do at a time.

Every key stands here, so that no two subjects wait for each other by accident. A key keeps its number for ever: in an
upgrade processes of two versions run beside each other.
"""

from __future__ import annotations

from enum import IntEnum, unique

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


@unique
class Lock(IntEnum):
    """Keys of PostgreSQL's advisory locks; what each of them guards."""

    MIGRATIONS = 12345
    """The schema. Held by the connection and not by a transaction: a migration that moves many rows commits between."""
    AUDIT = 12346
    """Rows of the audit are added one after the other, so that the chain never forks."""
    HANDOVERS = 12347
    """Of a platform: one hand-over noted touches others, and two senders would wait for each other's rows."""
    CALLBACK_CLAIMS = 1234502
    """Promises are claimed, so that `missed_at_once` holds for the whole site."""
    INTERVAL_COUNTS = 1234503
    """Figures are counted."""
    ASSESSMENT_METHODS = 1234506
    """Versions of methods get their numbers."""
    REPORT_REVISIONS = 1234507
    """Revisions of reports get their numbers."""
    CALLS_OUT = 1234509
    """Of a number: whether it is called is decided."""
    SURVEY_PACE = 1234510
    """Surveys are begun, so that their limits hold for the whole site."""
    ROUND_FEEDING = 1234511
    """The day's round is made and filled: there is one."""
    POLICY_VERSIONS = 1234512
    """Versions of ticket policies are laid down and taken back."""
    TEAMS = 1234513
    """Teams are saved, so that none is written over unseen."""
    EXCHANGE_FEEDS = 1234520
    """Feeds grow."""
    OPEN311_REQUESTS = 1234_311
    """Of a key or a content: requests that may be one are written down one after the other."""
    MATTERS = 12_345_290
    """Matters grow: two links at once must not each miss the other's month."""
    IMPORTS = 12_345_301
    """Batches of an import are written."""


async def one_at_a_time(session: AsyncSession, lock: Lock, of: str | None = None) -> None:
    """Wait for `lock`, and hold it until the transaction ends; with `of`, only the part of it that concerns this."""
    keys = (int(lock),) if of is None else (int(lock), func.hashtext(of))
    await session.execute(select(func.pg_advisory_xact_lock(*keys)))


async def taken_at_once(session: AsyncSession, lock: Lock) -> bool:
    """Hold `lock` until the transaction ends if nobody has it; whether it is held now."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(int(lock)))))
