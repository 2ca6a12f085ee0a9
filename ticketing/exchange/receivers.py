"""Who is told of tickets (订阅方): a unit's system, another platform's, or one that may know of all."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Partner, Unit
from directory.models.targets import PARTNER_CODE
from ticketing.exchange import sharing
from ticketing.exchange.errors import NothingParked, PositionUnknown, ReceiverInvalid, ReceiverNotFound, ReceiverTaken
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow
from ticketing.exchange.words import DeliveryState, Personal, Scope

_CODE: Final = re.compile(PARTNER_CODE)
_LONGEST_WEBHOOK: Final = 500


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver as administrators enter it: `unit_id` with scope `unit`, `partner` with scope `partner`."""

    name: str
    scope: Scope
    personal: Personal
    unit_id: int | None = None
    partner: str | None = None
    webhook: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How a receiver stands. `waiting` counts what is behind its newest event and has not arrived."""

    row: ExchangeReceiverRow
    waiting: int
    parked: int


def key_name(receiver: ExchangeReceiverRow) -> str:
    """The name under which its keys are kept: a platform has one pair of keys for everything."""
    return receiver.partner or name_of_key(receiver.code)


def name_of_key(code: str) -> str:
    """The same for a receiver that is no platform's; no platform's code has a colon."""
    return f"exchange:{code}"


def checked_webhook(webhook: str, named_hosts: Collection[str]) -> str:
    """An https address without user and fragment, or http to a host that the settings name
    (`exchange.allowed_hosts`). Where its name leads to is checked again at each delivery. Raises ReceiverInvalid."""
    try:
        parts = urlsplit(webhook)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ReceiverInvalid("the webhook is no address") from None
    fits = webhook.isascii() and webhook.isprintable() and " " not in webhook and len(webhook) <= _LONGEST_WEBHOOK
    if not (fits and host and port != 0) or parts.username is not None or parts.password is not None or parts.fragment:
        raise ReceiverInvalid("the webhook is no address")
    if parts.scheme != "https" and not (parts.scheme == "http" and host.lower() in named_hosts):
        raise ReceiverInvalid(
            "a webhook is https", remedy="http goes to hosts in exchange.allowed_hosts of hotline.toml alone"
        )
    return webhook


async def one(session: AsyncSession, code: str, *, locked: bool = False) -> ExchangeReceiverRow:
    """The receiver as the database has it now; raises ReceiverNotFound."""
    row: ExchangeReceiverRow | None = await session.get(
        ExchangeReceiverRow, code, populate_existing=True, with_for_update=True if locked else None
    )
    if row is None:
        raise ReceiverNotFound("no such receiver", remedy="`hotline exchange receivers` shows them")
    return row


async def of_unit(session: AsyncSession, unit_id: int) -> ExchangeReceiverRow:
    """The receiver of a unit; raises ReceiverNotFound."""
    row: ExchangeReceiverRow | None = await session.scalar(
        select(ExchangeReceiverRow).where(ExchangeReceiverRow.unit_id == unit_id)
    )
    if row is None:
        raise ReceiverNotFound("the unit has no receiver", remedy="an administrator enters one")
    return row


async def of_partner(session: AsyncSession, partner: str) -> ExchangeReceiverRow:
    """The receiver of a platform; raises ReceiverNotFound."""
    row: ExchangeReceiverRow | None = await session.scalar(
        select(ExchangeReceiverRow).where(ExchangeReceiverRow.partner == partner)
    )
    if row is None:
        raise ReceiverNotFound("the platform has no receiver", remedy="an administrator enters one")
    return row


async def standing(session: AsyncSession) -> Sequence[Standing]:
    """Every receiver by code, and how it stands."""
    counted = (
        select(
            ExchangeDeliveryRow.receiver,
            func.count().label("under_way"),
            func.count().filter(ExchangeDeliveryRow.state == DeliveryState.PARKED.value).label("parked"),
        )
        .group_by(ExchangeDeliveryRow.receiver)
        .subquery()
    )
    rows = await session.execute(
        select(ExchangeReceiverRow, func.coalesce(counted.c.under_way, 0), func.coalesce(counted.c.parked, 0))
        .outerjoin(counted, counted.c.receiver == ExchangeReceiverRow.code)
        .order_by(ExchangeReceiverRow.code)
        .execution_options(populate_existing=True)
    )
    return [Standing(row, row.last - row.sent_to + under_way, parked) for row, under_way, parked in rows]


async def save(
    session: AsyncSession, code: str, entry: Receiver, *, named_hosts: Collection[str], since: datetime
) -> ExchangeReceiverRow:
    """Enter a receiver, or change it. A new one gets what happened `since` then; whose tickets it is told of never
    changes. Raises ReceiverInvalid, ReceiverTaken. The caller commits."""
    if not _CODE.fullmatch(code):
        raise ReceiverInvalid("a code begins with a letter and has at most 24 small letters, digits or '-'")
    if entry.webhook:
        checked_webhook(entry.webhook, named_hosts)
    if (entry.unit_id is not None) != (entry.scope is Scope.UNIT):
        raise ReceiverInvalid("unit_id goes with scope unit")
    if (entry.partner is not None) != (entry.scope is Scope.PARTNER):
        raise ReceiverInvalid("partner goes with scope partner")
    row: ExchangeReceiverRow | None = await session.get(
        ExchangeReceiverRow, code, populate_existing=True, with_for_update=True
    )
    if row is None:
        return await _add(session, code, entry, since)
    if (row.scope, row.unit_id, row.partner) != (entry.scope.value, entry.unit_id, entry.partner):
        raise ReceiverInvalid("a feed stays its owner's", remedy="enter another receiver")
    row.name, row.personal, row.enabled = entry.name, entry.personal.value, entry.enabled
    if row.webhook != entry.webhook:
        # What was in the way of the former address says nothing of this one.
        row.webhook, row.failures, row.failing_since, row.resting_until = entry.webhook, 0, None, None
    await session.flush()
    return row


async def remove(session: AsyncSession, code: str) -> None:
    """Take a receiver away, with its feed. Raises ReceiverNotFound."""
    await one(session, code, locked=True)
    await session.execute(delete(ExchangeReceiverRow).where(ExchangeReceiverRow.code == code))


async def replay(session: AsyncSession, code: str, position: int) -> ExchangeReceiverRow:
    """Push everything from a position on again, under the same ids. Raises ReceiverNotFound, PositionUnknown."""
    row = await one(session, code, locked=True)
    if not 1 <= position <= row.last:
        raise PositionUnknown(f"its feed has the positions 1 to {row.last}")
    await session.execute(
        delete(ExchangeDeliveryRow)
        .where(ExchangeDeliveryRow.receiver == code, ExchangeDeliveryRow.position >= position)
        .execution_options(synchronize_session=False)
    )
    row.sent_to = min(row.sent_to, position - 1)
    row.failures, row.failing_since, row.resting_until = 0, None, None
    await session.flush()
    return row


async def position_at(session: AsyncSession, code: str, moment: datetime) -> int:
    """The first position whose event happened at or after a moment. Raises PositionUnknown."""
    first = (
        select(func.min(ExchangeFeedRow.position))
        .join(ExchangeEventRow, ExchangeEventRow.id == ExchangeFeedRow.event_id)
        .where(ExchangeFeedRow.receiver == code, ExchangeEventRow.at >= moment)
    )
    position: int | None = (await session.execute(first)).scalar_one_or_none()
    if position is None:
        raise PositionUnknown("nothing happened since then")
    return position


async def parked(session: AsyncSession, code: str | None = None) -> Sequence[tuple[ExchangeDeliveryRow, str, str]]:
    """What is parked, with the event's uid and the action it tells of, oldest first."""
    wanted = (
        select(ExchangeDeliveryRow, ExchangeEventRow.uid, ExchangeEventRow.action)
        .join(
            ExchangeFeedRow,
            (ExchangeFeedRow.receiver == ExchangeDeliveryRow.receiver)
            & (ExchangeFeedRow.position == ExchangeDeliveryRow.position),
        )
        .join(ExchangeEventRow, ExchangeEventRow.id == ExchangeFeedRow.event_id)
        .where(ExchangeDeliveryRow.state == DeliveryState.PARKED.value)
        .order_by(ExchangeDeliveryRow.receiver, ExchangeDeliveryRow.position)
    )
    if code is not None:
        wanted = wanted.where(ExchangeDeliveryRow.receiver == code)
    return [(row, uid, action) for row, uid, action in await session.execute(wanted)]


async def release(session: AsyncSession, code: str, position: int, *, now: datetime, skip: bool = False) -> None:
    """Try a parked delivery again, or leave it out (`skip`); what waited behind it goes on. Raises ReceiverNotFound,
    NothingParked."""
    await one(session, code, locked=True)
    row = await session.get(ExchangeDeliveryRow, (code, position), populate_existing=True, with_for_update=True)
    if row is None or row.state != DeliveryState.PARKED:
        raise NothingParked(f"{code} has nothing parked at {position}", remedy=f"`hotline exchange parked {code}`")
    held = await session.scalars(
        select(ExchangeDeliveryRow).where(
            ExchangeDeliveryRow.receiver == code,
            ExchangeDeliveryRow.ticket_id == row.ticket_id,
            ExchangeDeliveryRow.state == DeliveryState.HELD.value,
        )
    )
    for other in held:
        other.state, other.next_at = DeliveryState.PENDING.value, now
    if skip:
        await session.delete(row)
    else:
        row.state, row.attempts, row.next_at, row.failing_since = DeliveryState.PENDING.value, 0, now, None
    await session.flush()


async def _add(session: AsyncSession, code: str, entry: Receiver, since: datetime) -> ExchangeReceiverRow:
    if entry.unit_id is not None and await session.get(Unit, entry.unit_id) is None:
        raise ReceiverInvalid("no such unit")
    if entry.partner is not None and await session.get(Partner, entry.partner) is None:
        raise ReceiverInvalid("no such platform", remedy="`hotline partners list` shows them")
    # Before the row is there: else an event might be shared without it and lie before `since` of nobody.
    await sharing.lock(session)
    row = ExchangeReceiverRow(
        code=code,
        name=entry.name,
        scope=entry.scope.value,
        unit_id=entry.unit_id,
        partner=entry.partner,
        personal=entry.personal.value,
        webhook=entry.webhook,
        enabled=entry.enabled,
        last=0,
        sent_to=0,
    )
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError:
        raise ReceiverTaken("the unit or the platform has one, or somebody entered it just now") from None
    await sharing.backfill(session, row, since)
    return row
