"""Changes to the platforms (对接平台) we exchange calls and data with. Each counts the directory up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository
from directory.lines import NewTarget, checked_targets, readable_name
from directory.models import Hotline, Partner, PartnerKind, PartnerNumber, Schedule
from directory.models.lines import TARGET_ENDPOINT
from directory.models.targets import PARTNER_CODE
from directory.snapshot import UnknownLine
from directory.special_days import schedule
from hotline.errors import Conflict, InvalidInput, NotFound

_CODE = re.compile(PARTNER_CODE)
_TRUNK = re.compile(TARGET_ENDPOINT)
_LONGEST_WEBHOOK = 500


class UnknownPartner(NotFound):
    """No such platform."""

    code = "partner.unknown"


class InvalidWebhook(InvalidInput):
    """Not an address that data can be sent to."""

    code = "partner.webhook_invalid"


@dataclass(frozen=True, slots=True)
class PartnerEntry:
    """A platform as administrators enter it.

    `line`: the number of ours that it answers; or `numbers` of its own, in the order to try them, answered in the hours
    `schedule` (None: always). `trunk`: where its calls come in. `webhook`: an http or https address; empty: it takes no
    data. `enabled` False: neither called nor heard.
    """

    name: str
    kind: PartnerKind
    line: str | None = None
    numbers: tuple[NewTarget, ...] = ()
    schedule: str | None = None
    trunk: str = ""
    webhook: str = ""
    enabled: bool = True


async def listed(session: AsyncSession) -> dict[str, PartnerEntry]:
    """Every platform by its code."""
    rows = await session.execute(
        select(Partner, Hotline.number, Schedule.name)
        .outerjoin(Hotline, Hotline.id == Partner.hotline_id)
        .outerjoin(Schedule, Schedule.id == Partner.schedule_id)
        .order_by(Partner.code)
        .execution_options(populate_existing=True)
    )
    numbers = (await session.scalars(select(PartnerNumber).order_by(PartnerNumber.position))).all()
    return {
        row.code: PartnerEntry(
            name=row.name,
            kind=row.kind,
            line=line,
            numbers=tuple(
                NewTarget(one.endpoint, one.user_part, one.ring_seconds) for one in numbers if one.partner == row.code
            ),
            schedule=hours,
            trunk=row.trunk,
            webhook=row.webhook,
            enabled=row.disabled_at is None,
        )
        for row, line, hours in rows
    }


async def save(session: AsyncSession, code: str, entry: PartnerEntry, *, now: datetime) -> None:
    """Enter a platform, or change it.

    Raises InvalidInput, InvalidWebhook, UnknownLine, UnknownSchedule, Conflict if another one answers the line or calls
    on the trunk.
    """
    _check(code, entry)
    await repository.begin_change(session, now)
    line = await repository.hotline(session, entry.line) if entry.line else None
    if entry.line and line is None:
        raise UnknownLine("no such line")
    others = (await session.scalars(select(Partner).where(Partner.code != code))).all()
    if any((line and one.hotline_id == line.id) or (entry.trunk and one.trunk == entry.trunk) for one in others):
        raise Conflict("another platform has this line or this trunk")
    row = await session.get(Partner, code, populate_existing=True) or Partner(code=code)
    row.name, row.kind, row.trunk, row.webhook = entry.name.strip(), entry.kind, entry.trunk, entry.webhook
    row.hotline_id = line.id if line else None
    row.schedule_id = (await schedule(session, entry.schedule)).id if entry.schedule else None
    row.disabled_at = None if entry.enabled else row.disabled_at or now
    session.add(row)
    await session.flush()
    await repository.replace_partner_numbers(
        session,
        code,
        [
            PartnerNumber(
                partner=code,
                position=position,
                endpoint=number.endpoint,
                user_part=number.user,
                ring_seconds=number.ring_seconds,
            )
            for position, number in enumerate(entry.numbers)
        ],
    )
    await repository.changed(session, now)


async def remove(session: AsyncSession, code: str, *, now: datetime) -> None:
    """Take a platform away; what waits for it is given up. Raises UnknownPartner."""
    await repository.begin_change(session, now)
    row = await session.get(Partner, code, populate_existing=True)
    if row is None:
        raise UnknownPartner("no such platform")
    await session.delete(row)
    await repository.changed(session, now)


def _check(code: str, entry: PartnerEntry) -> None:
    if not _CODE.fullmatch(code):
        raise InvalidInput("a code has lower-case letters, digits and '-', at most 24, and begins with a letter")
    if not readable_name(entry.name):
        raise InvalidInput("a platform's name has 1 to 64 printable characters")
    if entry.trunk and not _TRUNK.fullmatch(entry.trunk):
        raise InvalidInput("a trunk is named as in the settings")
    if entry.line and (entry.numbers or entry.schedule):
        raise InvalidInput("one that answers a line is reached through that line's targets")
    checked_targets(entry.numbers)
    if entry.webhook:
        _check_webhook(entry.webhook)


def _check_webhook(webhook: str) -> None:
    try:
        address = urlsplit(webhook)
        known = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        known = False
        address = None
    plain = webhook.isascii() and webhook.isprintable() and " " not in webhook and len(webhook) <= _LONGEST_WEBHOOK
    if address is None or not known or not plain:
        raise InvalidWebhook(f"a webhook is an http or https address of at most {_LONGEST_WEBHOOK} characters")
    if address.username is not None or address.password is not None or address.fragment:
        raise InvalidWebhook("a webhook holds no password: requests are signed")
