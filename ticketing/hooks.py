"""What an action has to pass, and leaves behind, besides the table: relations of tickets, refusals, whom it accuses,
and the records beside the ticket."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.catalogue import accused
from ticketing.coordination import first_unit, meetings
from ticketing.guests import sittings
from ticketing.handling import archive, contacts, leads, rulings, supervision
from ticketing.models import TicketRow
from ticketing.procedures import questions, statutory
from ticketing.refusals import refusing
from ticketing.relations import merging
from ticketing.schemas import Actor, Details
from ticketing.unit_desk import handlers
from ticketing.visits import findings, visiting
from ticketing.vocabulary import Action


async def before(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, actor: Actor, *, at: datetime
) -> None:
    """Called when the table allows the action, before the ticket moves; whatever is raised undoes all of it.

    Raises AccusedUnit, NotToldYet, SamePerson, CitizenNotAnswered, RulingPending, RulingBinds, NotTriedEnough,
    NotToClose, NotToldBySms, StatutoryStands, QuestionOpen, NoMeetingReported, AnotherHandler,
    GuestUnderSupervision, and what `refusing.follow` and `merging.follow` raise.
    """
    if action is Action.DISPATCH and details.lead_unit is not None:
        await accused.check_dispatch(session, ticket, (details.lead_unit, *details.assisting_units))
    # First, for it locks the ticket: of two refusals at once the second finds it changed, and no row in its way.
    await merging.follow(session, ticket, action, details, by=actor.user, at=at)
    await refusing.follow(session, ticket, action, details, by=actor.user, at=at)
    await sittings.before(session, ticket, action, actor)
    await handlers.before(session, ticket, action, actor)
    await contacts.before(session, ticket, action, actor)
    await rulings.before(session, ticket, action, details)
    await statutory.before(session, ticket, action)
    await questions.before(session, ticket, action, actor, at)
    await meetings.before(session, ticket, action)
    await visiting.before(session, ticket, action, details)
    await findings.before_close(session, ticket, action)


async def after(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, actor: Actor, *, at: datetime
) -> None:
    """Called when the ticket has moved and its history is written, in the same transaction.

    Raises UnitNotFound, DeadlinePassed.
    """
    await rulings.after(session, ticket, action, actor, at)
    if action is Action.SUPERVISE and details.supervision is not None:
        order = details.supervision
        await supervision.issue(session, order, details.note, ticket=ticket, by=actor, at=at)
    await first_unit.after(session, ticket, action, details, actor, at=at)
    await statutory.after(session, ticket, action, actor, at)
    await meetings.after(session, ticket, action, details, actor, at=at)
    await visiting.after(session, ticket, action, details, actor, at=at)
    await leads.after(session, ticket, action, details, at)
    if action is Action.ARCHIVE:
        await archive.keep(session, ticket, at)
