"""Click to dial (点击外呼): who may call whom about a ticket, and at which number, before anything rings.

The number comes from the ticket or the directory. Nothing a caller sent, and nothing anybody types, becomes a dial
string: only digits of a subscriber's form do, of a number with no forbidden beginning.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import call_out_store as store
from calls.call_out_models import CallOutRow
from calls.call_out_policy import CallNotAllowed, OutPolicy, Refused, may_call
from calls.call_out_states import CallOutState, Purpose, Whom
from calls.callback_policy import NotCallable, digits_to_dial
from directory.models import Contact, DutyNumber
from directory.numbers import InvalidNumber, normalise
from directory.snapshot import DirectorySnapshot
from hotline.errors import InvalidInput, NotAllowed, NotFound
from hotline.settings import CallsOut
from ticketing import repository
from ticketing.schemas import Ticket


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent asks for. `contact` goes with CONTACT, `unit` with DUTY, `typed` with TYPED."""

    purpose: Purpose
    whom: Whom
    ticket: str
    contact: int | None = None
    unit: int | None = None
    typed: str = ""


class NumberNotAllowed(InvalidInput):
    """A number that may not be called out. `remedy` is what the agent's screen shows."""

    code = "call_out.number_not_allowed"


class NothingToCall(NotFound):
    """The ticket has no number of its caller, or the directory none of that unit today."""

    code = "call_out.no_number"


async def request(
    session: AsyncSession,
    wanted: Wanted,
    *,
    agent: str,
    roles: Collection[str],
    directory: DirectorySnapshot,
    keys: CallsOut,
    policy: OutPolicy,
    now: datetime,
    item_id: int | None = None,
) -> CallOutRow:
    """An agent's click. A voice process takes it up within half a second.

    Limits against nuisance hold for citizens; a unit is called at any hour, as often as it takes. Raises
    TicketNotFound, NothingToCall, NotAllowed, NumberNotAllowed, CallNotAllowed, CallOutBusy.
    """
    ticket = Ticket.model_validate(await repository.row(session, wanted.ticket))
    if wanted.whom is Whom.TYPED and not set(roles) & set(keys.typed_by):
        raise NotAllowed("numbers are typed by others", remedy="您没有手动输入号码外呼的权限")
    number = await number_of(session, wanted, ticket, directory, policy.day(now))
    check_number(number, directory, keys.forbidden_prefixes)
    await store.lock_number(session, number)
    if wanted.whom not in (Whom.CONTACT, Whom.DUTY):
        await check_limits(session, number, policy, now)
    return await store.add(
        session,
        purpose=wanted.purpose,
        whom=wanted.whom,
        number=number,
        shown=shown_number(keys, ticket.hotline, directory),
        ticket=ticket.number,
        item_id=item_id,
        agent=agent,
        state=CallOutState.REQUESTED,
        requested_at=now,
    )


async def check_limits(session: AsyncSession, number: str, policy: OutPolicy, now: datetime) -> None:
    """Raises CallNotAllowed when the limits are against calling this number now."""
    answer = await allowed(session, number, policy, now)
    if answer is not None:
        raise CallNotAllowed(answer, policy.zone)


async def allowed(session: AsyncSession, number: str, policy: OutPolicy, now: datetime) -> Refused | None:
    """What the limits have against calling this number now; None: nothing."""
    listed = replace(policy, do_not_call=policy.do_not_call | await store.barred(session, number))
    answer = may_call(number, now, await store.history(session, number, now), listed)
    return answer if isinstance(answer, Refused) else None


async def number_of(
    session: AsyncSession, wanted: Wanted, ticket: Ticket, directory: DirectorySnapshot, today: date
) -> str:
    """The number that is asked for, normalised. Raises NothingToCall, NumberNotAllowed."""
    written: str | None
    match wanted.whom:
        case Whom.CITIZEN:
            written = ticket.caller_number or None
        case Whom.CONTACT:
            written = await session.scalar(select(Contact.number).where(Contact.id == wanted.contact))
        case Whom.DUTY:
            written = await session.scalar(
                select(DutyNumber.number)
                .where(DutyNumber.unit_id == wanted.unit, DutyNumber.from_day <= today, DutyNumber.to_day >= today)
                .order_by(DutyNumber.from_day.desc(), DutyNumber.id)
                .limit(1)
            )
        case Whom.TYPED:
            written = wanted.typed
    if written is None:
        raise NothingToCall("nothing to call", remedy="没有可呼叫的号码")
    try:
        return normalise(written, directory.area_code)
    except InvalidNumber as error:
        raise NumberNotAllowed(error.detail, remedy="号码格式不正确") from None


def check_number(number: str, directory: DirectorySnapshot, forbidden: Sequence[str]) -> str:
    """The digits that are dialled for a normalised number. Raises NumberNotAllowed: abroad, short codes,
    emergency desks, our own lines, forbidden beginnings."""
    try:
        digits = digits_to_dial(number, directory)
    except NotCallable as error:
        raise NumberNotAllowed(error.detail, remedy="该号码不能外呼") from None
    if any(number.startswith(prefix) for prefix in forbidden):
        raise NumberNotAllowed("a forbidden beginning", remedy="该号码不能外呼")
    return digits


def shown_number(keys: CallsOut, hotline: str, directory: DirectorySnapshot) -> str:
    """The number the party sees: the hotline the ticket came in by, if policy says so and it is one of ours."""
    ours = any(line.number == hotline for line in directory.lines)
    return hotline if keys.caller_id_of_line and ours else keys.caller_id
