"""法定程序 (TH 16): a matter with a time limit of its own, or one for which a case must be filed.

The lead unit enters the procedure and reports within the days of the policy; with that the general limit has been
kept or not, and the law's own limit runs. The result must still follow: the ticket's own reply is it. A report the
centre does not accept was none, and the general limit runs on to the same end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, on_calendar, repository
from ticketing.clock_tables import TicketClockRow
from ticketing.clocks import Rules
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import OverdueCause, RecordKind
from ticketing.models import TicketRow
from ticketing.people import CENTRE, DESK, UNIT, UNIT_HEAD, VISITORS
from ticketing.procedures.errors import StatutoryStands, StatutoryWhen
from ticketing.procedures.leading import lead_part
from ticketing.procedures.tables import StatutoryRow
from ticketing.procedures.words import StatutoryAction, StatutoryKind, StatutoryState
from ticketing.schemas import Actor, Body, Line
from ticketing.vocabulary import Action, ClockEnd, ClockKind, MovedBy

_S, _A = StatutoryState, StatutoryAction
_NOTE = frozenset({"note"})
_ENDERS = CENTRE | DESK | VISITORS | UNIT

STATUTORY_MOVES: Final = Moves(
    RecordKind.STATUTORY,
    MappingProxyType(
        {
            (_S.REPORTED, _A.ACCEPT): Move(_S.RUNNING, CENTRE),
            (_S.REPORTED, _A.REFUSE): Move(_S.REFUSED, CENTRE, needs=_NOTE),
            (_S.REPORTED, _A.CONCLUDE): Move(_S.CONCLUDED, UNIT_HEAD),
            (_S.REPORTED, _A.END): Move(_S.ENDED, _ENDERS),
            (_S.RUNNING, _A.PROLONG): Move(_S.RUNNING, CENTRE, needs=frozenset({"note", "ends_on"})),
            (_S.RUNNING, _A.CONCLUDE): Move(_S.CONCLUDED, UNIT_HEAD),
            (_S.RUNNING, _A.END): Move(_S.ENDED, _ENDERS),
        }
    ),
)
"""CONCLUDE happens with the reply that passes, END when the unit no longer leads."""

WITH_THE_TICKET: Final = frozenset({StatutoryAction.CONCLUDE, StatutoryAction.END})
_ENDS: Final = frozenset({Action.RECALL, Action.MERGE, Action.REFUSE, Action.REHANDLE, Action.AGREE_RETURN})


class StatutorySaid(Said):
    """What a step needs; the note of PROLONG is the law it rests on."""

    ends_on: date | None = Field(None, description="The new last day.")


class StatutoryReport(BaseModel):
    """That the unit has entered the procedure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: StatutoryKind
    basis: Annotated[Body, Field(min_length=1, description="Law and article.")]
    entered_on: date = Field(description="The day the procedure was entered.")
    document: Line = Field("", description="Number of the file or notice (立案号, 文号).")
    ends_on: date = Field(description="Last day of the law's limit.")
    words: Body = ""
    overdue_cause: OverdueCause | None = Field(None, description="Why it is reported late; only then.")


async def report(
    session: AsyncSession, number: str, said: StatutoryReport, actor: Actor, *, at: datetime
) -> StatutoryRow:
    """The lead unit reports. Raises TicketNotFound, ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible,
    StatutoryStands, StatutoryWhen, OverdueCauseMissing, DetailUnexpected. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    part = await lead_part(session, ticket, actor, what=StatutoryState.REPORTED.term)
    if await standing(session, ticket.id) is not None:
        raise StatutoryStands(number)
    rules = await Rules.of(session, ticket)
    today = rules.limits.day_of(at)
    if not rules.limits.day_of(part.delivered_at) <= said.entered_on <= today < said.ends_on:
        raise StatutoryWhen("entered since delivery, ends after today")
    row = StatutoryRow(
        ticket_id=ticket.id,
        unit_id=part.unit_id,
        state=StatutoryState.REPORTED.value,
        version=1,
        **said.model_dump(exclude={"overdue_cause", "kind"}),
        kind=said.kind.value,
        reported_by=actor.user,
        reported_at=at,
    )
    session.add(row)
    running = await clocks.of_the_lead(session, ticket)
    for clock in running:
        _until_entering(session, clock, rules, by=actor.user, at=at)
        await clocks.end(session, ticket, {ClockKind.HANDLING}, at, unit=clock.unit_id)
        await clocks.end(session, ticket, {ClockKind.RETURN}, at, ClockEnd.WITHDRAWN, unit=clock.unit_id)
        limit = rules.limits.until(said.ends_on)
        clocks.begin(session, ticket, ClockKind.STATUTORY, limit, at=at, rules=rules, unit=clock.unit_id)
    clocks.explain(running, said.overdue_cause)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    number: str,
    statutory_id: int,
    action: StatutoryAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: StatutorySaid,
) -> StatutoryRow:
    """One step by the centre. Raises what `records.step` raises, TicketNotFound, RecordNotFound, StatutoryWhen;
    StatutoryStands for what goes with the ticket's own actions. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, StatutoryRow, statutory_id, ticket)
    if action in WITH_THE_TICKET:
        raise StatutoryStands("the result is the ticket's reply; it ends when the unit no longer leads")
    rules = await Rules.of(session, ticket)
    columns: dict[str, object] = {}
    if action is StatutoryAction.PROLONG and said.ends_on is not None:
        if said.ends_on <= max(row.ends_on, rules.limits.day_of(at)):
            raise StatutoryWhen("prolonged to a later day")
        columns = {"ends_on": said.ends_on}
    await _step(session, row, action, actor, version=version, at=at, said=said, **columns)
    if action is StatutoryAction.PROLONG:
        for clock in await clocks.of_the_lead(session, ticket, ClockKind.STATUTORY):
            limit = rules.limits.until(row.ends_on)
            clocks.move(session, clock, limit, rules, why=MovedBy.STATUTORY, by=actor.user, at=at)
    elif action is StatutoryAction.REFUSE:
        await _was_none(session, ticket, row, rules, by=actor.user, at=at)
    return row


async def before(session: AsyncSession, ticket: TicketRow, action: Action) -> None:
    """What a procedure forbids. Raises StatutoryStands."""
    if action in {Action.EXTEND, Action.RETURN} and await standing(session, ticket.id) is not None:
        raise StatutoryStands(f"{action} ({action.term})")


async def after(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor, at: datetime) -> None:
    """The reply that passes is its result; it ends when the unit no longer leads."""
    if action is not Action.APPROVE_REPLY and action not in _ENDS:
        return
    row = await standing(session, ticket.id)
    if row is not None:
        step = StatutoryAction.CONCLUDE if action is Action.APPROVE_REPLY else StatutoryAction.END
        await _step(session, row, step, actor, version=row.version, at=at, said=StatutorySaid())


async def standing(session: AsyncSession, ticket_id: int) -> StatutoryRow | None:
    """The one that is reported or runs."""
    wanted = select(StatutoryRow).where(
        StatutoryRow.ticket_id == ticket_id,
        StatutoryRow.state.in_([StatutoryState.REPORTED.value, StatutoryState.RUNNING.value]),
    )
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def of(session: AsyncSession, ticket_id: int) -> Sequence[StatutoryRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, StatutoryRow, ticket_id)


def _until_entering(session: AsyncSession, clock: TicketClockRow, rules: Rules, *, by: str, at: datetime) -> None:
    """The limit that was to be kept is that of entering a procedure, which no extension moves."""
    limit = rules.limits.entering(clock.begun_at, rules.policy)
    if limit.ends_at != clock.ends_at:
        clocks.move(session, clock, limit, rules, why=MovedBy.STATUTORY, by=by, at=at)


async def _was_none(
    session: AsyncSession, ticket: TicketRow, row: StatutoryRow, rules: Rules, *, by: str, at: datetime
) -> None:
    for stopped in await clocks.of_the_lead(session, ticket, ClockKind.STATUTORY):
        await clocks.end(session, ticket, {ClockKind.STATUTORY}, at, ClockEnd.WITHDRAWN, unit=stopped.unit_id)
        ended = (
            select(TicketClockRow)
            .where(
                TicketClockRow.ticket_id == ticket.id,
                TicketClockRow.unit_id == stopped.unit_id,
                TicketClockRow.kind == ClockKind.HANDLING.value,
                TicketClockRow.ended_at == row.reported_at,
            )
            .order_by(TicketClockRow.id.desc())
            .limit(1)
        )
        clock = (await session.scalars(ended)).one()
        clock.ended = clock.ended_at = clock.overdue_cause = None
        limit = (await on_calendar.of(session, clock, ticket)).limit(rules)
        if limit.ends_at != clock.ends_at:
            clocks.move(session, clock, limit, rules, why=MovedBy.STATUTORY, by=by, at=at)
        clock.next_at = rules.limits.warn_at(clock.begun_at, clock.ends_at, rules.policy)


async def _step(
    session: AsyncSession,
    row: StatutoryRow,
    action: StatutoryAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: StatutorySaid,
    **columns: object,
) -> None:
    await records.step(
        session,
        STATUTORY_MOVES,
        row,
        action,
        actor,
        sides=frozenset(),
        version=version,
        at=at,
        said=said,
        **columns,
    )
