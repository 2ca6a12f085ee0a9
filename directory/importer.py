"""Bringing a list of hotlines into the directory.

The whole file is refused if one row is bad, unless the operator asks for the good rows only. A second run of the same
file changes nothing. A line that the file no longer names is left as it is: taking a number out of service is a
decision of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from directory import lines, repository
from directory.hotline_list import BadRow, ListedLine, read_list
from directory.models import Hotline, HotlineMode, Unit, UnitLevel
from directory.modes import PathKind, path_of
from hotline.errors import InvalidInput
from hotline.settings import Site

SANMENXIA = Path(__file__).parent / "data" / "hotlines-sanmenxia.csv"
"""The annex of 三政办〔2021〕26号 with the emergency and excluded numbers that the plan names."""


@dataclass(frozen=True, slots=True)
class ImportWarning:
    """Something an operator should look at; the row was taken."""

    line: int
    number: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.number}: {self.text}"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, by number, and what it refused. `bad` is empty unless good rows only were asked for."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    bad: tuple[BadRow, ...]
    warnings: tuple[ImportWarning, ...]


class ImportRefused(InvalidInput):
    """The file has bad rows; nothing was changed. `bad` names each."""

    code = "import.refused"

    def __init__(self, bad: tuple[BadRow, ...]) -> None:
        super().__init__(
            "; ".join(map(str, bad)), remedy="correct these rows, or import the good ones only with --good-rows-only"
        )
        self.bad = bad


async def import_hotlines(
    session: AsyncSession,
    content: bytes,
    site: Site,
    *,
    now: datetime,
    effective_from: datetime | None = None,
    good_rows_only: bool = False,
    actor: str = "import",
) -> ImportReport:
    """Bring the rows of a CSV file (see `hotline_list.read_list`) into the directory, and 12345 itself.

    New lines, and changed modes of known ones, take effect at `effective_from` (default `now`). A spoken name that an
    operator has confirmed is kept. Raises UnreadableList, ImportRefused, and InvalidInput if a known line's mode
    would change in the past.
    """
    listed = read_list(content, site.area_code)
    if listed.bad and not good_rows_only:
        raise ImportRefused(listed.bad)
    await repository.begin_change(session, now)
    return await _Import(session, site, now, effective_from or now, actor).run(listed.rows, listed.bad)


class _Import:
    def __init__(self, session: AsyncSession, site: Site, now: datetime, effective_from: datetime, actor: str) -> None:
        self._session = session
        self._site = site
        self._now = now
        self._effective_from = effective_from
        self._actor = actor
        self._units: dict[str, Unit] = {}
        self._modes: dict[int, HotlineMode] = {}
        self._warnings: list[ImportWarning] = []

    async def run(self, rows: tuple[ListedLine, ...], bad: tuple[BadRow, ...]) -> ImportReport:
        self._units = await repository.city_units(self._session)
        self._modes = await repository.modes_in_force(self._session, self._effective_from)
        known = await repository.hotlines(self._session)
        with_targets = await repository.lines_with_targets(self._session)
        added, changed, unchanged = [], [], []
        for row in rows:
            line = known.get(row.number)
            if line is None:
                line = await self._add(row)
                added.append(row.number)
            elif await self._update(line, row):
                changed.append(row.number)
            else:
                unchanged.append(row.number)
            self._look_over(line, row, has_targets=line.id in with_targets)
        main_added = await lines.ensure_main_line(self._session, self._site.name, now=self._effective_from)
        if added or changed or main_added:
            await repository.changed(self._session, self._now)
        return ImportReport(tuple(added), tuple(changed), tuple(unchanged), bad, tuple(self._warnings))

    async def _add(self, row: ListedLine) -> Hotline:
        line = Hotline(
            number=row.number,
            name_source=row.name_source,
            name_spoken=row.name_spoken,
            name_confirmed=False,
            unit_id=await self._unit_id(row.unit),
        )
        self._session.add(line)
        await self._session.flush()
        self._session.add(self._mode(line, row))
        return line

    async def _update(self, line: Hotline, row: ListedLine) -> bool:
        name_spoken = line.name_spoken if line.name_confirmed else row.name_spoken
        if name_spoken != row.name_spoken:
            self._warn(row, f"the confirmed spoken name {line.name_spoken!r} is kept")
        wanted = (row.name_source, name_spoken, await self._unit_id(row.unit))
        differs = (line.name_source, line.name_spoken, line.unit_id) != wanted
        line.name_source, line.name_spoken, line.unit_id = wanted
        mode = self._modes.get(line.id)
        if mode and (mode.mode, mode.platform, mode.expert_seats) == (row.mode, row.platform, row.expert_seats):
            return differs
        changed = await lines.change_mode(
            self._session,
            line,
            row.mode,
            row.platform,
            expert_seats=row.expert_seats,
            effective_from=self._effective_from,
            actor=self._actor,
            now=self._now,
        )
        return differs or changed

    def _mode(self, line: Hotline, row: ListedLine) -> HotlineMode:
        return HotlineMode(
            hotline_id=line.id,
            mode=row.mode,
            platform=row.platform,
            expert_seats=row.expert_seats,
            effective_from=self._effective_from,
            recorded_at=self._now,
            recorded_by=self._actor,
        )

    async def _unit_id(self, name: str) -> int | None:
        if not name:
            return None
        if name not in self._units:
            unit = Unit(name=name, level=UnitLevel.CITY)
            self._session.add(unit)
            await self._session.flush()
            self._units[name] = unit
        return self._units[name].id

    def _look_over(self, line: Hotline, row: ListedLine, *, has_targets: bool) -> None:
        if not line.name_confirmed:
            self._warn(row, f"the spoken name {line.name_spoken!r} is not confirmed")
        if path_of(row.mode, row.platform).kind is PathKind.TRANSFER and not has_targets:
            self._warn(row, "no transfer target is entered")

    def _warn(self, row: ListedLine, text: str) -> None:
        self._warnings.append(ImportWarning(row.line, row.number, text))
