"""隐号通话: a unit's handler and a citizen talk by way of 12345; neither sees the other's number (TH 17).

The handler's office phone is a contact of the own unit in the directory, the citizen's number is the ticket's: nobody
types either. What the handler writes down of it as a contact with the citizen rests on how the call ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import call_out_store as store
from calls import calls_out
from calls.call_out_models import CallOutRow
from calls.call_out_policy import OutPolicy
from calls.call_out_states import CallOutState, PartyOutcome, Purpose, Whom
from calls.callback_ids import OUT_PREFIX, call_out_id
from calls.calls_out import NothingToCall, Wanted
from directory.models import Contact
from directory.snapshot import DirectorySnapshot
from hotline.errors import Conflict
from hotline.settings import CallsOut
from ticketing import repository
from ticketing.handling.words import ContactOutcome
from ticketing.schemas import Actor, Ticket
from ticketing.unit_desk import handlers

_TALKED: Final = frozenset({ContactOutcome.ANSWERED, ContactOutcome.DECLINED})


class NotTheOwnPhone(NothingToCall):
    """The contact is none of the own unit's in the directory."""

    code = "masked_call.not_the_own_phone"


class NoEvidence(Conflict):
    """The masked call named says something else: another unit's, not over yet, or nobody was reached by it."""

    code = "masked_call.no_evidence"


async def request(
    session: AsyncSession,
    number: str,
    contact: int,
    actor: Actor,
    *,
    directory: DirectorySnapshot,
    keys: CallsOut,
    policy: OutPolicy,
    now: datetime,
) -> CallOutRow:
    """A handler asks for it: the office phone rings, then the citizen's. A voice process takes it up at once.

    Limits against nuisance hold as for every call to a citizen. Raises TicketNotFound, ActionNotAllowed,
    NotYourUnitsTicket, ActionNotPossible unless the unit has signed for its part and works on it, AnotherHandler,
    NotTheOwnPhone, NothingToCall, NumberNotAllowed, CallNotAllowed, CallOutBusy. The caller commits.
    """
    row = await repository.row(session, number)
    part = await handlers.in_hand(session, row, actor)
    own = select(Contact.id).where(Contact.id == contact, Contact.unit_id == part.unit_id)
    if await session.scalar(own) is None:
        raise NotTheOwnPhone(str(contact), remedy="请选择本单位通讯录中的办公电话")
    ticket = Ticket.model_validate(row)
    today = policy.day(now)
    office = Wanted(Purpose.UNIT, Whom.CONTACT, number, contact=contact)
    phone = await calls_out.number_of(session, office, ticket, directory, today)
    citizen = await calls_out.number_of(session, Wanted(Purpose.UNIT, Whom.CITIZEN, number), ticket, directory, today)
    for called in (phone, citizen):
        calls_out.check_number(called, directory, keys.forbidden_prefixes)
    await store.lock_number(session, citizen)
    await calls_out.check_limits(session, citizen, policy, now)
    return await store.add(
        session,
        purpose=Purpose.UNIT,
        whom=Whom.CITIZEN,
        number=citizen,
        # Never the line the citizen called once: the unit is not to know by which the demand came.
        shown=keys.caller_id,
        ticket=ticket.number,
        item_id=None,
        agent=None,
        unit_id=part.unit_id,
        asked_by=actor.user,
        phone=phone,
        state=CallOutState.REQUESTED,
        requested_at=now,
    )


async def of_ticket(session: AsyncSession, number: str, *, unit_id: int | None) -> Sequence[CallOutRow]:
    """Units' calls about a ticket, newest first; `unit_id`: those of this unit."""
    wanted = select(CallOutRow).where(CallOutRow.ticket == number, CallOutRow.purpose == Purpose.UNIT)
    if unit_id is not None:
        wanted = wanted.where(CallOutRow.unit_id == unit_id)
    return (await session.scalars(wanted.order_by(CallOutRow.id.desc()).limit(200))).all()


async def phones(session: AsyncSession, unit_id: int) -> Sequence[Contact]:
    """The office phones that people of a unit may be called at."""
    wanted = select(Contact).where(Contact.unit_id == unit_id).order_by(Contact.position, Contact.id)
    return (await session.scalars(wanted)).all()


async def check_evidence(
    session: AsyncSession, call: str | None, outcome: ContactOutcome, *, unit_id: int | None
) -> None:
    """What a unit writes down of its own masked call is what became of that call; any other call is left to whoever
    tied it to the ticket. Raises NoEvidence."""
    if call is None or not call.startswith(OUT_PREFIX):
        return
    serial = call.removeprefix(OUT_PREFIX).partition(".")[0]
    row = await session.get(CallOutRow, int(serial)) if serial.isdecimal() else None
    if row is None or call != call_out_id(row.id) or row.purpose != Purpose.UNIT:
        return
    if unit_id is not None and row.unit_id != unit_id:
        raise NoEvidence("another unit's call", remedy="该通话不是本单位发起的")
    if row.closed_at is None:
        raise NoEvidence("the call is not over", remedy="通话尚未结束，请稍后登记")
    if (row.outcome == PartyOutcome.ANSWERED) != (outcome in _TALKED):
        raise NoEvidence(f"the call ended as {row.outcome}", remedy="登记的联系结果与通话结果不符")
