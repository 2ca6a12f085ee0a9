"""From tables to snapshot, and keeping a process's snapshot current."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository
from directory.numbers import dial_digits
from directory.repository import DirectoryRows
from directory.snapshot import (
    DialTarget,
    DirectorySnapshot,
    Line,
    ModeInForce,
    OnDuty,
    PartnerPlatform,
    Target,
    Unit,
    UnitContact,
)
from directory.snapshot_json import DamagedSnapshot, from_json, to_json
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings

_log = structlog.get_logger(__name__)


async def load_snapshot(session: AsyncSession, settings: Settings) -> DirectorySnapshot:
    """The directory as it is now. `session` must be in a transaction of its own that has run nothing yet."""
    await repository.one_view(session)
    rows = await repository.all_rows(session)
    modes: dict[int, list[ModeInForce]] = defaultdict(list)
    for mode in rows.modes:
        modes[mode.hotline_id].append(ModeInForce(mode.mode, mode.platform, mode.expert_seats, mode.effective_from))
    targets: dict[int, list[Target]] = defaultdict(list)
    for target in rows.targets:
        dial = DialTarget(target.endpoint, target.user_part, target.ring_seconds)
        hours = rows.schedules[target.schedule_id] if target.schedule_id else None
        targets[target.hotline_id].append(Target(dial, hours))
    return DirectorySnapshot(
        version=rows.version,
        area_code=settings.site.area_code,
        general_after_ms=settings.acd.general_after_ms,
        lines=tuple(
            Line(
                number=row.number,
                name_source=row.name_source,
                name_spoken=row.name_spoken,
                name_confirmed=row.name_confirmed,
                unit_id=row.unit_id,
                modes=tuple(modes[row.id]),
                targets=tuple(targets[row.id]),
                hours=rows.schedules[row.schedule_id] if row.schedule_id else None,
                general_after_ms=row.general_after_ms,
            )
            for row in rows.hotlines
        ),
        units=tuple(Unit(row.id, row.name, row.level.value, row.parent_id) for row in rows.units),
        access_numbers=tuple(rows.access_numbers),
        contacts=tuple(_contacts(rows, settings)),
        duties=tuple(_duties(rows, settings)),
        partners=tuple(_partners(rows)),
        timezone=settings.site.timezone,
    )


def _through(number: str, settings: Settings) -> DialTarget | None:
    """How a unit's number is dialled; None for one that must not be, whoever entered it."""
    digits = dial_digits(number)
    keys = settings.transfers
    return DialTarget(keys.contact_trunk, digits, keys.contact_ring_seconds) if digits else None


def _contacts(rows: DirectoryRows, settings: Settings) -> Iterator[UnitContact]:
    for row in rows.contacts:
        if dial := _through(row.number, settings):
            hours = rows.schedules[row.schedule_id] if row.schedule_id else None
            yield UnitContact(row.id, row.unit_id, row.name, row.duty, dial, hours)


def _duties(rows: DirectoryRows, settings: Settings) -> Iterator[OnDuty]:
    for row in rows.duties:
        if dial := _through(row.number, settings):
            yield OnDuty(row.unit_id, row.from_day, row.to_day, dial)


def _partners(rows: DirectoryRows) -> Iterator[PartnerPlatform]:
    lines = {row.id: row.number for row in rows.hotlines}
    for row in rows.partners:
        if row.disabled_at is None:
            yield PartnerPlatform(
                code=row.code,
                name=row.name,
                kind=row.kind,
                line=lines[row.hotline_id] if row.hotline_id else "",
                trunk=row.trunk,
                takes_data=bool(row.webhook),
                numbers=tuple(
                    DialTarget(one.endpoint, one.user_part, one.ring_seconds)
                    for one in rows.partner_numbers
                    if one.partner == row.code
                ),
                hours=rows.schedules[row.schedule_id] if row.schedule_id else None,
            )


class CurrentDirectory:
    """A process's copy of the directory: from PostgreSQL, or from the last copy on disk while that is away.

    Call `refresh` at the start and then every few seconds; one query answers that nothing has changed.
    """

    def __init__(self, database: Database, settings: Settings, copy: Path) -> None:
        self._database = database
        self._settings = settings
        self._copy = copy
        self._snapshot: DirectorySnapshot | None = None

    @property
    def snapshot(self) -> DirectorySnapshot:
        """The newest we have; raises PartUnavailable before the first was got."""
        if self._snapshot is None:
            raise PartUnavailable(
                "the directory is not loaded: no database and no copy", remedy="start PostgreSQL: `hotline doctor`"
            )
        return self._snapshot

    async def refresh(self) -> bool:
        """Take over a newer version; True if there was one.

        While PostgreSQL is away the present snapshot stays, or at the start the copy on disk is read; raises
        PartUnavailable only if there is neither.
        """
        try:
            async with self._database.transaction() as session:
                # Settings are fixed while a process runs, so the version alone tells.
                if self._snapshot and await repository.version(session) == self._snapshot.version:
                    return False
            async with self._database.transaction() as session:
                newer = await load_snapshot(session, self._settings)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("directory.database_away", error=type(error).__name__)
            if self._snapshot is None:
                self._snapshot = await asyncio.to_thread(self._read_copy)
            return False
        self._snapshot = newer
        _log.info("directory.loaded", version=newer.version, lines=len(newer.lines))
        await asyncio.to_thread(self._write_copy, newer)
        return True

    def _read_copy(self) -> DirectorySnapshot:
        try:
            return from_json(self._copy.read_bytes())
        except (OSError, DamagedSnapshot) as error:
            raise PartUnavailable(
                f"neither the database nor a copy of the directory can be read ({type(error).__name__})",
                remedy="start PostgreSQL: `hotline doctor`",
            ) from None

    def _write_copy(self, snapshot: DirectorySnapshot) -> None:
        """Atomic, so that a crash leaves the old copy; a full disk must not stop the line."""
        fresh = self._copy.with_name(f"{self._copy.name}.{os.getpid()}")
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(to_json(snapshot))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._copy)
        except OSError as error:
            _log.warning("directory.copy_not_written", error=type(error).__name__)
