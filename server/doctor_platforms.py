"""Whom calls and data go to outside of this line, looked at: trunks, keys, and what could not be delivered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, union
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls.handover_keys import FILE, PartnerKeys
from calls.handover_models import HandoverRow, HandoverState
from directory.models import Contact, DutyNumber, Partner, PartnerNumber, TransferTarget
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings, settings_file
from server.doctor_findings import Finding, fail, ok, warn
from ticketing.exchange import receivers

_LATE: Final = timedelta(minutes=1)
"""A platform that is there has what goes with a call long before."""


async def platforms(settings: Settings) -> AsyncIterator[Finding]:
    """Findings on transfer targets and on data that go with calls; none while PostgreSQL does not answer, which has a
    finding of its own."""
    database = Database(settings.postgres.url)
    try:
        async with database.transaction() as session:
            found = [
                await trunks(session, settings),
                await keys(session, settings),
                await outbox(session),
                await pushing(session, settings),
            ]
    except (SQLAlchemyError, OSError, TimeoutError):
        return
    finally:
        await database.close()
    for finding in found:
        yield finding


async def trunks(session: AsyncSession, settings: Settings) -> Finding:
    """Every trunk that a target is called through is in the settings."""
    named = set(await session.scalars(union(select(TransferTarget.endpoint), select(PartnerNumber.endpoint))))
    if any([await session.scalar(select(func.count()).select_from(table)) for table in (Contact, DutyNumber)]):
        named.add(settings.transfers.contact_trunk)
    lost = sorted(named - {trunk.name for trunk in settings.asterisk.trunks})
    if lost:
        return warn(
            "transfers",
            f"targets name trunks that are not there: {', '.join(lost)}",
            f"add them to asterisk.trunks in {settings_file()}, or correct the targets",
        )
    return ok("transfers", f"{len(named)} trunks in use")


async def keys(session: AsyncSession, settings: Settings) -> Finding:
    """Every platform that data are sent to has a key on this host."""
    wanted = set(
        await session.scalars(select(Partner.code).where(Partner.webhook != "", Partner.disabled_at.is_(None)))
    )
    try:
        known = PartnerKeys(settings.var_dir / FILE).partners()
    except PartUnavailable as error:
        return fail("partners", error.detail, error.remedy)
    if without := sorted(wanted - known):
        return warn(
            "partners", f"no key to sign with: {', '.join(without)}", f"hotline partners key {without[0]} on each host"
        )
    return ok("partners", f"{len(wanted)} take data")


async def outbox(session: AsyncSession) -> Finding:
    """Nothing that goes with a call waits for long."""
    waiting = await session.execute(
        select(HandoverRow.partner, func.count(), func.max(HandoverRow.why))
        .where(
            HandoverRow.state == HandoverState.PENDING,
            HandoverRow.ordered_at < SystemClock().now() - _LATE,
        )
        .group_by(HandoverRow.partner)
        .order_by(HandoverRow.partner)
    )
    told = [f"{number} for {partner} ({why or 'not tried'})" for partner, number, why in waiting]
    if told:
        return warn(
            "handovers", f"not delivered: {', '.join(told)}", "ask the platform; GET /api/handovers?state=pending"
        )
    return ok("handovers", "all delivered")


async def pushing(session: AsyncSession, settings: Settings) -> Finding:
    """Whoever is told of tickets takes what is told (数据推送)."""
    pushed = [one for one in await receivers.standing(session) if one.row.webhook and one.row.enabled]
    if silent := [one.row.code for one in pushed if one.row.alarmed_at is not None]:
        return warn("exchange", f"do not answer: {', '.join(silent)}", "ask their makers; hotline exchange receivers")
    if parked := [one.row.code for one in pushed if one.parked]:
        return warn("exchange", f"refuse events: {', '.join(parked)}", "hotline exchange parked")
    try:
        known = PartnerKeys(settings.var_dir / FILE).partners()
    except PartUnavailable as error:
        return fail("exchange", error.detail, error.remedy)
    if without := [one.row for one in pushed if receivers.key_name(one.row) not in known]:
        first = without[0]
        what = f"hotline partners key {first.partner}" if first.partner else f"hotline exchange key {first.code}"
        codes = ", ".join(row.code for row in without)
        return warn("exchange", f"no key to sign with: {codes}", f"{what} on each host")
    return ok("exchange", f"{len(pushed)} are pushed to")
