"""Which queue takes a call now: working hours (工作时间) and holidays of queues, and the routes out of a closed one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.queue_store import StaleRule, begin_change, changed
from acd.queue_tables import QueueOpeningRow
from directory import repository, special_days
from directory.hours import WeeklyHours
from directory.models import Schedule
from hotline.errors import InvalidInput, NotFound


class UnknownOpening(NotFound):
    """This queue has no opening hours: it is always open."""

    code = "opening.unknown"


@dataclass(frozen=True, slots=True)
class Opening:
    """When a queue takes calls, and which does while it does not, e.g. `night`; "": nothing, its calls wait in it."""

    hours: WeeklyHours
    closed_queue: str = ""


@dataclass(frozen=True, slots=True)
class StoredOpening:
    """As administrators see it: the schedule's name, and the version to give when changing it."""

    schedule: str
    closed_queue: str
    version: int


def queue_now(queue: str, at: datetime, openings: Mapping[str, Opening]) -> str:
    """The queue that takes a call for `queue` at the aware moment `at`.

    From a closed queue to the one it names, and on, until one is open or leads nowhere. Day and night may name each
    other: where every queue on the way is closed the call stays with the first, for no citizen is turned away (7x24).
    """
    seen = {queue}
    here = queue
    while (opening := openings.get(here)) and not opening.hours.is_open(at):
        if not opening.closed_queue:
            return here
        here = opening.closed_queue
        if here in seen:
            return queue
        seen.add(here)
    return here


async def load_openings(session: AsyncSession) -> dict[str, Opening]:
    """The opening of every queue that has one.

    A change of one counts `acd.queue_store.rules_version` up, a change of its schedule the directory's version.
    """
    hours = await repository.schedules(session)
    rows = await session.scalars(select(QueueOpeningRow).execution_options(populate_existing=True))
    return {row.queue: Opening(hours[row.schedule_id], row.closed_queue or "") for row in rows}


async def stored_openings(session: AsyncSession) -> dict[str, StoredOpening]:
    """Every opening as it was laid down."""
    rows = await session.execute(
        select(QueueOpeningRow, Schedule.name)
        .join(Schedule, Schedule.id == QueueOpeningRow.schedule_id)
        .execution_options(populate_existing=True)
    )
    return {row.queue: StoredOpening(name, row.closed_queue or "", row.version) for row, name in rows}


async def save_opening(
    session: AsyncSession,
    queue: str,
    schedule: str,
    closed_queue: str,
    *,
    version: int,
    known: Collection[str],
    now: datetime,
) -> int:
    """Lay down a queue's hours; returns their new version. `version` is the one that was read, 0 where there is none.

    `known` are the queues there are. Raises StaleRule, UnknownSchedule, InvalidInput for a route that leads nowhere.
    """
    if closed_queue == queue:
        raise InvalidInput("a closed queue's calls go to another one, or nowhere")
    if closed_queue and closed_queue not in known:
        raise InvalidInput("the route out of the closed queue names no queue there is")
    await begin_change(session, now)
    schedule_id = (await special_days.schedule(session, schedule)).id
    row = await session.get(QueueOpeningRow, queue, populate_existing=True)
    if (row.version if row else 0) != version:
        raise StaleRule("the opening was changed meanwhile", remedy="read it again")
    if row is None:
        row = QueueOpeningRow(queue=queue)
        session.add(row)
    row.schedule_id, row.closed_queue, row.version = schedule_id, closed_queue or None, version + 1
    await changed(session, now)
    return row.version


async def remove_opening(session: AsyncSession, queue: str, *, version: int, now: datetime) -> None:
    """Let a queue be open always. Raises UnknownOpening, StaleRule."""
    await begin_change(session, now)
    row = await session.get(QueueOpeningRow, queue, populate_existing=True)
    if row is None:
        raise UnknownOpening("this queue is always open")
    if row.version != version:
        raise StaleRule("the opening was changed meanwhile", remedy="read it again")
    await session.delete(row)
    await changed(session, now)
