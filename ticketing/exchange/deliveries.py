"""SQL of what is on its way to webhooks. Nothing here commits: the caller's transaction does.

Of a receiver's feed only as much as is being tried becomes deliveries, so that a receiver that is away for a week costs
nobody anything. Of one ticket only the first is tried; what is parked holds the ticket's later ones, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hotline.database import UtcDateTime
from ticketing.exchange.payload import payload_of
from ticketing.exchange.receivers import key_name
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow
from ticketing.exchange.words import DeliveryState

WINDOW: Final = 100
"""Deliveries of one receiver that can be tried at a time."""

_EARLIER: Final = aliased(ExchangeDeliveryRow)
_BEHIND: Final = exists().where(
    _EARLIER.receiver == ExchangeDeliveryRow.receiver,
    _EARLIER.ticket_id == ExchangeDeliveryRow.ticket_id,
    _EARLIER.position < ExchangeDeliveryRow.position,
)
"""Another of the same ticket has not arrived."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed delivery, ready to send."""

    receiver: str
    key_name: str
    webhook: str
    position: int
    uid: str
    payload: dict[str, Any]
    attempts: int
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """What a try in vain leads to."""

    parked: bool
    silent_since: datetime | None = None
    """Set once, when somebody has to be told that the receiver does not answer."""


def receivers_due() -> Executable:
    """Who has something to be sent to at the parameter `now`, and whether it answered last time: asked often."""
    now = bindparam("now", type_=UtcDateTime)
    ready = exists().where(
        ExchangeDeliveryRow.receiver == ExchangeReceiverRow.code,
        ExchangeDeliveryRow.state == DeliveryState.PENDING.value,
        ExchangeDeliveryRow.next_at <= now,
        or_(ExchangeDeliveryRow.claimed_until.is_(None), ExchangeDeliveryRow.claimed_until < now),
    )
    return select(ExchangeReceiverRow.code, ExchangeReceiverRow.failures).where(
        ExchangeReceiverRow.enabled,
        ExchangeReceiverRow.webhook != "",
        or_(ExchangeReceiverRow.resting_until.is_(None), ExchangeReceiverRow.resting_until <= now),
        or_(ready, ExchangeReceiverRow.sent_to < ExchangeReceiverRow.last),
    )


async def claim(session: AsyncSession, code: str, *, now: datetime, until: datetime, site: str) -> Parcel | None:
    """Take the next that may be sent to a receiver: what was never tried first, so that one event that is refused does
    not stop the others."""
    receiver = await session.get(ExchangeReceiverRow, code, populate_existing=True, with_for_update=True)
    if receiver is None or not (receiver.enabled and receiver.webhook):
        return None
    if receiver.resting_until is not None and receiver.resting_until > now:
        return None
    await _open(session, receiver, now)
    wanted = (
        select(ExchangeDeliveryRow)
        .where(
            ExchangeDeliveryRow.receiver == code,
            ExchangeDeliveryRow.state == DeliveryState.PENDING.value,
            ExchangeDeliveryRow.next_at <= now,
            or_(ExchangeDeliveryRow.claimed_until.is_(None), ExchangeDeliveryRow.claimed_until < now),
            ~_BEHIND,
        )
        .order_by(ExchangeDeliveryRow.attempts, ExchangeDeliveryRow.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    row = await session.scalar(wanted)
    if row is None:
        return None
    row.claimed_until, row.attempts = until, row.attempts + 1
    event = await session.scalar(
        select(ExchangeEventRow)
        .join(ExchangeFeedRow, ExchangeFeedRow.event_id == ExchangeEventRow.id)
        .where(ExchangeFeedRow.receiver == code, ExchangeFeedRow.position == row.position)
    )
    if event is None:
        raise LookupError(f"{code} has no event at {row.position}")
    payload = await payload_of(session, receiver, event, position=row.position, site=site)
    return Parcel(code, key_name(receiver), receiver.webhook, row.position, event.uid, payload, row.attempts, until)


async def delivered(session: AsyncSession, parcel: Parcel, *, now: datetime) -> None:
    """The receiver has it."""
    receiver = await _receiver(session, parcel)
    if receiver is None:
        return
    _answered(receiver, now)
    gone = delete(ExchangeDeliveryRow).where(_claimed(parcel)).returning(ExchangeDeliveryRow.position)
    if (await session.execute(gone)).scalar_one_or_none() is None:
        # A replay began meanwhile, or the claim ran out: somebody else sends it again.
        return
    await session.execute(
        update(ExchangeFeedRow)
        .where(ExchangeFeedRow.receiver == parcel.receiver, ExchangeFeedRow.position == parcel.position)
        .values(delivered_at=now)
        .execution_options(synchronize_session=False)
    )


async def failed(
    session: AsyncSession,
    parcel: Parcel,
    *,
    why: str,
    now: datetime,
    wholly: bool,
    pause: Callable[[int], timedelta],
    park_after: int,
    alarm_after: timedelta,
) -> Failed:
    """It was not taken. `wholly`: nor would anything else be now, so the receiver is left alone for a while. `pause` is
    from a try in vain to the next, by how many there were. After `park_after` tries it is parked, if the receiver took
    or refused others meanwhile: what is in the way is in it."""
    receiver = await _receiver(session, parcel)
    if receiver is None:
        return Failed(parked=False)
    if wholly:
        receiver.failures += 1
        receiver.failing_since = receiver.failing_since or now
        receiver.resting_until = now + pause(receiver.failures)
    else:
        _answered(receiver, now)
    row = await session.scalar(
        select(ExchangeDeliveryRow).where(_claimed(parcel)).with_for_update().execution_options(populate_existing=True)
    )
    park = False
    if row is not None:
        row.failing_since = row.failing_since or now
        row.claimed_until, row.next_at, row.why = None, now + pause(row.attempts), why[:64]
        answers = receiver.answered_at is not None and receiver.answered_at >= row.failing_since
        park = row.attempts >= park_after and answers
        if park:
            await _park(session, row)
    silent = None
    if receiver.failing_since is not None and now - receiver.failing_since >= alarm_after and not receiver.alarmed_at:
        receiver.alarmed_at, silent = now, receiver.failing_since
    await session.flush()
    return Failed(park, silent)


async def _open(session: AsyncSession, receiver: ExchangeReceiverRow, now: datetime) -> None:
    """Let the next of the feed be deliveries, up to the window."""
    if receiver.sent_to >= receiver.last:
        return
    # What waits for its next try, or behind such a one, takes nobody's room.
    at_work = select(func.count()).where(
        ExchangeDeliveryRow.receiver == receiver.code,
        ExchangeDeliveryRow.state == DeliveryState.PENDING.value,
        or_(ExchangeDeliveryRow.attempts == 0, ExchangeDeliveryRow.next_at <= now),
        ~_BEHIND,
    )
    room = WINDOW - (await session.execute(at_work)).scalar_one()
    if room <= 0:
        return
    following: Sequence[Any] = (
        await session.execute(
            select(ExchangeFeedRow.position, ExchangeEventRow.ticket_id)
            .join(ExchangeEventRow, ExchangeEventRow.id == ExchangeFeedRow.event_id)
            .where(ExchangeFeedRow.receiver == receiver.code, ExchangeFeedRow.position > receiver.sent_to)
            .order_by(ExchangeFeedRow.position)
            .limit(room)
        )
    ).all()
    if not following:
        return
    stuck = set(
        await session.scalars(
            select(ExchangeDeliveryRow.ticket_id).where(
                ExchangeDeliveryRow.receiver == receiver.code,
                ExchangeDeliveryRow.state == DeliveryState.PARKED.value,
                ExchangeDeliveryRow.ticket_id.in_({row.ticket_id for row in following}),
            )
        )
    )
    await session.execute(
        insert(ExchangeDeliveryRow),
        [
            {
                "receiver": receiver.code,
                "position": row.position,
                "ticket_id": row.ticket_id,
                "state": (DeliveryState.HELD if row.ticket_id in stuck else DeliveryState.PENDING).value,
                "next_at": now,
            }
            for row in following
        ],
    )
    receiver.sent_to = following[-1].position
    await session.flush()


async def _park(session: AsyncSession, row: ExchangeDeliveryRow) -> None:
    row.state = DeliveryState.PARKED.value
    await session.execute(
        update(ExchangeDeliveryRow)
        .where(
            ExchangeDeliveryRow.receiver == row.receiver,
            ExchangeDeliveryRow.ticket_id == row.ticket_id,
            ExchangeDeliveryRow.position > row.position,
        )
        .values(state=DeliveryState.HELD.value)
        .execution_options(synchronize_session=False)
    )


async def _receiver(session: AsyncSession, parcel: Parcel) -> ExchangeReceiverRow | None:
    return await session.get(ExchangeReceiverRow, parcel.receiver, populate_existing=True, with_for_update=True)


def _answered(receiver: ExchangeReceiverRow, now: datetime) -> None:
    receiver.answered_at, receiver.failures = now, 0
    receiver.failing_since = receiver.resting_until = receiver.alarmed_at = None


def _claimed(parcel: Parcel) -> ColumnElement[bool]:
    """The delivery, as long as it is the sender's own."""
    return and_(
        ExchangeDeliveryRow.receiver == parcel.receiver,
        ExchangeDeliveryRow.position == parcel.position,
        ExchangeDeliveryRow.claimed_until == parcel.claimed_until,
    )
