"""Rows that hold tickets (工单)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository as directory
from ticketing import clocks
from ticketing.catalogue.tables import CategoryRow
from ticketing.importing import ticket_rows, ticket_updating, ticket_writing
from ticketing.importing.rows import Problem, RowReader
from ticketing.importing.taking import ADDED, CHANGED, UNCHANGED, Place, Records, Result, digest, known_units, record_of
from ticketing.importing.ticket_rows import Known, OldTicket
from ticketing.importing.ticket_writing import City
from ticketing.importing.words import Kind, Outcome
from ticketing.models import TicketRow


class Tickets:
    """工单."""

    batch = 500

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: Known
        self._city: City

    async def prepare(self, session: AsyncSession) -> None:
        place = self._place
        policies = await clocks.policies(session)
        self._city = City(place.site.upper(), place.zone, policies, await directory.workdays(session))
        policy = policies.in_force(self._city.day(place.now)).policy
        self._known = Known(
            units=await known_units(session, place.source),
            categories=frozenset(await session.scalars(select(CategoryRow.code))),
            zone=place.zone,
            area_code=place.area_code,
            now=place.now,
            most_extensions=policy.most_extensions,
        )

    def read(self, row: RowReader) -> OldTicket | None:
        return ticket_rows.read(row, self._known)

    def check(self, rows: Sequence[tuple[RowReader, OldTicket]], records: Records) -> list[Problem]:  # noqa: ARG002
        return []

    async def take(
        self, session: AsyncSession, items: Sequence[OldTicket], records: Records, *, write: bool
    ) -> list[Result]:
        source, now = self._place.source, self._place.now
        results = dict.fromkeys((item.key for item in items), ADDED)
        changed = [item for item in items if item.key in records and records[item.key].digest != digest(item)]
        held = [records[item.key].ticket_id for item in changed]
        # Locked as their own actions lock them, in one order for everybody.
        wanted = select(TicketRow).where(TicketRow.id.in_(held)).order_by(TicketRow.id).with_for_update(key_share=True)
        rows = {row.id: row for row in await session.scalars(wanted)} if held else {}
        for item in items:
            if item.key in records:
                results[item.key] = UNCHANGED
        for item in changed:
            record = records[item.key]
            row = rows[record.ticket_id or 0]
            clash = await ticket_updating.clash(session, row, item, version=record.version, source=source, now=now)
            results[item.key] = CHANGED if clash is None else Result(Outcome.CONFLICT, clash)
            if write and clash is None:
                await ticket_updating.update(session, row, item, source=source, city=self._city, now=now)
                record.version, record.digest, record.imported_at = row.version, digest(item), now
                record.imported_by = self._place.editor.user
        new = [item for item in items if item.key not in records]
        if write and new:
            for item, row in zip(new, await ticket_writing.write(session, new, source, self._city, now), strict=True):
                session.add(record_of(self._place, Kind.TICKETS, item, row.version, ticket_id=row.id))
        return [results[item.key] for item in items]
