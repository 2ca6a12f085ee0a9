"""A row that was imported before and says something else now: the ticket goes on as the old system's did.

Only what nobody has worked on here goes on by itself, and only forward: everything else is a conflict with a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, repository
from ticketing.handling import archive
from ticketing.handling.words import PartState
from ticketing.importing.ticket_rows import OldTicket
from ticketing.importing.ticket_writing import BY, City, Step, begin_clocks, deliver, entries, extend, fields, steps
from ticketing.importing.words import Clash
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.relations import texts
from ticketing.vocabulary import Action, ClockEnd, ClockKind, State

_OF_THE_CENTRE: Final = frozenset({ClockKind.DISPATCH, ClockKind.PASS_ON})
_UNITS: Final = ("lead_unit", "assisting_units")


async def clash(
    session: AsyncSession, row: TicketRow, old: OldTicket, *, version: int, source: str, now: datetime
) -> Clash | None:
    """Why the ticket cannot take on what the row says now; `version` is the one the import left. None: it can."""
    if row.version != version:
        return Clash.WORKED_ON
    if row.state == State.ARCHIVED:
        return Clash.ARCHIVED
    course = steps(old, source, now)
    done = await _done(session, row)
    if len(course) < len(done) or any(_differs(step, entry) for step, entry in zip(course, done, strict=False)):
        return Clash.OTHER_COURSE
    return None


async def update(
    session: AsyncSession, row: TicketRow, old: OldTicket, *, source: str, city: City, now: datetime
) -> None:
    """Bring a ticket without a clash up to what the row says."""
    done = len(await _done(session, row))
    course = steps(old, source, now)[done:]
    said = fields(old)
    changed = sorted(name for name, value in said.items() if getattr(row, name) != value)
    before = State(row.state)
    if changed:
        details = {"imported": {"source": source, "number": old.key}, "changed": changed}
        course = [Step(Action.AMEND, before, now, details=details), *course]
        for name in changed:
            setattr(row, name, said[name])
    if course:
        await session.execute(insert(TicketHistoryRow), entries(row.id, course, state=before, version=row.version))
        row.version += len(course)
        row.state, row.updated_at = course[-1].to.value, max(course[-1].at, row.updated_at)
    await session.flush()
    await _follow(session, row, old, course, city)
    if changed or course:
        await texts.remember(session, row)
    if row.state == State.ARCHIVED:
        await archive.keep(session, row, now)


async def _follow(session: AsyncSession, row: TicketRow, old: OldTicket, course: Sequence[Step], city: City) -> None:
    """Parts and clocks, in step with what happened since."""
    rules = city.rules(row.policy)
    new = {step.action: step.at for step in course}
    if (dispatched := new.get(Action.DISPATCH)) is not None:
        await clocks.end(session, row, _OF_THE_CENTRE, dispatched)
        deliver(session, row, old)
        await begin_clocks(session, row, old, rules)
        return
    if (signed := new.get(Action.SIGN_FOR)) is not None:
        await repository.mark_lead(session, row.id, PartState.WORKING, signed_at=signed)
    extensions = [step.at for step in course if step.action is Action.GRANT_EXTENSION]
    if extensions and old.lead is not None:
        for clock in await clocks.running(session, row.id, {ClockKind.HANDLING}, unit=old.lead):
            await extend(session, clock, rules, len(extensions), extensions[-1])
    if (replied := new.get(Action.APPROVE_REPLY)) is not None:
        await repository.mark_lead(session, row.id, PartState.REPLIED, replied_at=replied)
        await clocks.end(session, row, {ClockKind.HANDLING}, replied, unit=old.lead)
    if (recalled := new.get(Action.RECALL)) is not None:
        await repository.withdraw_assignments(session, row.id, recalled)
        await clocks.end(session, row, clocks.OF_UNITS, recalled, ClockEnd.WITHDRAWN)
    over = new.get(Action.APPROVE_REPLY) or new.get(Action.REFUSE) or new.get(Action.ANSWER)
    if over is not None:
        await clocks.end(session, row, _OF_THE_CENTRE, over)
        await clocks.end(session, row, clocks.OF_UNITS, over, ClockEnd.WITHDRAWN)
    if new.keys() & {Action.RECALL, Action.ACCEPT} and row.state == State.TO_DISPATCH:
        await begin_clocks(session, row, old, rules)


async def _done(session: AsyncSession, row: TicketRow) -> list[TicketHistoryRow]:
    """What of the old system's history is here, corrections left out."""
    wanted = (
        select(TicketHistoryRow)
        .where(
            TicketHistoryRow.ticket_id == row.id,
            TicketHistoryRow.actor == BY,
            TicketHistoryRow.action != Action.AMEND.value,
        )
        .order_by(TicketHistoryRow.version)
    )
    return list(await session.scalars(wanted))


def _differs(step: Step, entry: TicketHistoryRow) -> bool:
    def units(details: Any) -> tuple[Any, ...]:
        return tuple((details or {}).get(name) for name in _UNITS)

    return (step.action, step.to, step.at, units(step.details)) != (
        Action(entry.action),
        State(entry.to_state),
        entry.at,
        units(entry.details),
    )
