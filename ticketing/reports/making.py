"""Reports are made by a job, one at a time in each process, with progress that can be watched.

Whoever makes a report holds it by a lease that each step renews. A process that dies leaves it to the next one, which
begins anew: nothing is kept of a report until it is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.tasks import through_outages
from ticketing.figures.periods import Period
from ticketing.reports.building import STAGES, Wanted, build
from ticketing.reports.content import Content
from ticketing.reports.document import document
from ticketing.reports.line import FiguresOfLine
from ticketing.reports.tables import ReportRow
from ticketing.reports.words import ReportKind, ReportState
from ticketing.reports.workbook import workbook

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 5.0
_LEASE: Final = timedelta(minutes=15)
"""Longer than any one step takes."""
_ATTEMPTS: Final = 3
_WRITING: Final = "生成文档"
GAVE_UP: Final = "reports.gave_up"


def _nobody(_stage: str, _done: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class _Claim:
    report: int
    attempt: int
    kind: ReportKind
    period: Period


class ReportMaker:
    """Makes what is asked for. `database` must allow statements of minutes: a year of a city is counted at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        line: FiguresOfLine,
        *,
        city: str,
        zone: ZoneInfo,
        watched: Callable[[str, int], None] = _nobody,
    ) -> None:
        """`watched` is told each stage and how many are done; the report's row says it to all others."""
        self._watched = watched
        self._database = database
        self._clock = clock
        self._line = line
        self._city = city
        self._zone = zone

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="reports.wait")

    async def step(self, *, only: int | None = None) -> int:
        """Everything that is asked for, or `only` this report; returns how many were made."""
        await self._give_up()
        done = 0
        while (claim := await self._claim(only)) is not None:
            done += await self._make(claim)
        return done

    async def _give_up(self) -> None:
        """What was begun too often will not be made by beginning again."""
        now = self._clock.now()
        hopeless = (
            update(ReportRow)
            .where(
                ReportRow.state == ReportState.RUNNING.value,
                ReportRow.lease_until <= now,
                ReportRow.attempts >= _ATTEMPTS,
            )
            .values(state=ReportState.FAILED.value, error=GAVE_UP, finished_at=now, lease_until=None)
            .returning(ReportRow.id)
        )
        async with self._database.transaction() as session:
            for report in await session.scalars(hopeless):
                _log.error("reports.failed", report=report, reason=GAVE_UP)

    async def _claim(self, only: int | None = None) -> _Claim | None:
        """The oldest that nobody makes."""
        now = self._clock.now()
        open_ = or_(
            ReportRow.state == ReportState.QUEUED.value,
            (ReportRow.state == ReportState.RUNNING.value) & (ReportRow.lease_until <= now),
        )
        async with self._database.transaction() as session:
            wanted = select(ReportRow).where(open_).order_by(ReportRow.id).limit(1).with_for_update(skip_locked=True)
            if only is not None:
                wanted = wanted.where(ReportRow.id == only)
            row = (await session.scalars(wanted)).one_or_none()
            if row is None:
                return None
            row.state, row.attempts, row.lease_until = ReportState.RUNNING.value, row.attempts + 1, now + _LEASE
            row.stage, row.steps_done, row.steps = STAGES[0], 0, len(STAGES) + 1
            return _Claim(row.id, row.attempts, ReportKind(row.kind), Period.named(row.period))

    async def _make(self, claim: _Claim) -> bool:
        try:
            content = await self._content(claim)
            await self._tell(claim, _WRITING)
            pages = await asyncio.to_thread(document, content)
            sheets = await asyncio.to_thread(workbook, content)
        except (SQLAlchemyError, OSError, TimeoutError):
            # Nothing wrong with the report: it is made again when its lease is over.
            raise
        except Exception as error:  # noqa: BLE001 - one that cannot be made keeps no other one waiting
            code = error.code if isinstance(error, HotlineError) else "reports.failed"
            _log.exception("reports.failed", report=claim.report, reason=code)
            await self._end(claim, state=ReportState.FAILED.value, error=code)
            return False
        return await self._end(
            claim,
            state=ReportState.DONE.value,
            content=content.model_dump_json(),
            document=pages,
            workbook=sheets,
            counted_at=content.counted_at,
        )

    async def _content(self, claim: _Claim) -> Content:
        wanted = Wanted(claim.kind, claim.period, self._city, self._zone, self._clock.now())

        async def tell(stage: str) -> None:
            await self._tell(claim, stage)

        async with self._database.transaction() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            return await build(session, wanted, self._line, tell)

    async def _tell(self, claim: _Claim, stage: str) -> None:
        done = len(STAGES) if stage == _WRITING else STAGES.index(stage)
        self._watched(stage, done)
        await self._write(claim, stage=stage, steps_done=done, lease_until=self._clock.now() + _LEASE)

    async def _end(self, claim: _Claim, **values: object) -> bool:
        now = self._clock.now()
        steps = len(STAGES) + 1
        return await self._write(
            claim, stage="", steps_done=steps, steps=steps, lease_until=None, finished_at=now, **values
        )

    async def _write(self, claim: _Claim, **values: object) -> bool:
        """Only while it is still this one's: another process may have taken it over."""
        mine = (
            update(ReportRow)
            .where(
                ReportRow.id == claim.report,
                ReportRow.state == ReportState.RUNNING.value,
                ReportRow.attempts == claim.attempt,
            )
            .values(**values)
            .returning(ReportRow.id)
        )
        async with self._database.transaction() as session:
            return (await session.execute(mine)).scalar_one_or_none() is not None
