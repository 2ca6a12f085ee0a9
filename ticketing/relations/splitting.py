"""拆单: one demand with several matters becomes several tickets, each with its own way; the first keeps its number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, lifecycle, repository
from ticketing.clock_tables import TicketClockRow
from ticketing.errors import ActionNotAllowed
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.relations import links
from ticketing.relations.schemas import Matter, SplitDetails
from ticketing.schemas import Actor, Intake, Ticket
from ticketing.vocabulary import Action, ClockKind, LinkKind, State


async def split(
    session: AsyncSession,
    desk: IntakeDesk,
    number: str,
    matters: Sequence[Matter],
    actor: Actor,
    *,
    version: int,
    note: str,
    at: datetime,
) -> list[Ticket]:
    """Take matters out of a demand that is not dispatched yet: each becomes a ticket of the same caller and source, in
    the same state, whose dispatch is due when the demand's is. Gives the demand, then the new tickets.

    Raises what lifecycle.apply raises.
    """
    row = await repository.row(session, number)
    # Before anything is written, so that whoever may not do this uses up no numbers.
    rule = lifecycle.rule_of(State(row.state), Action.SPLIT)
    if not rule.roles & actor.roles:
        raise ActionNotAllowed(f"{Action.SPLIT} ({Action.SPLIT.term}) is not for these roles")
    # The ticket before its clocks, as every action locks them: otherwise two would wait for each other.
    await links.lock(session, row)
    running = await clocks.running(session, row.id, {ClockKind.DISPATCH, ClockKind.PASS_ON})
    made = []
    for matter in matters:
        new = await desk.write_down(session, _intake(row, matter), actor.user, state=State(row.state))
        await links.make(session, LinkKind.SPLIT, new.id, row.id, note=note, by=actor.user, at=at)
        session.add_all(_same_clock(clock, new.id) for clock in running)
        made.append(Ticket.model_validate(new))
    details = SplitDetails(note=note, tickets=tuple(ticket.number for ticket in made))
    kept = await lifecycle.apply(session, number, Action.SPLIT, actor, version=version, at=at, details=details)
    return [kept, *made]


def _intake(row: TicketRow, matter: Matter) -> Intake:
    same = {field: getattr(row, field) for field in Intake.model_fields if hasattr(row, field)}
    return Intake.model_validate(same | {"content": ""} | matter.model_dump(exclude_none=True) | {"request_key": None})


def _same_clock(clock: TicketClockRow, ticket_id: int) -> TicketClockRow:
    """Taken apart on the next day, a demand was still accepted on this one."""
    return TicketClockRow(
        ticket_id=ticket_id,
        kind=clock.kind,
        begun_at=clock.begun_at,
        ends_at=clock.ends_at,
        provisional=clock.provisional,
        next_at=clock.next_at,
    )
