"""What an import does with rows, whatever they hold: known again, judged against what is here, written."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.catalogue.importing import units_by_name
from ticketing.importing.knowledge_rows import OldEntry
from ticketing.importing.rows import Problem, RowReader
from ticketing.importing.tables import ImportRecordRow
from ticketing.importing.ticket_rows import OldTicket
from ticketing.importing.unit_rows import OldUnit
from ticketing.importing.words import Clash, Kind, Outcome
from ticketing.knowledge.schemas import Editor

ItemT = TypeVar("ItemT", OldTicket, OldUnit, OldEntry)
Records = Mapping[str, ImportRecordRow]
"""By the old system's number: what earlier imports made of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose import it is: the city, the old system, the person, the moment."""

    site: str
    zone: ZoneInfo
    area_code: str
    source: str
    editor: Editor
    now: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What a row became, or would; with why not, if it clashes."""

    outcome: Outcome
    clash: Clash | None = None


UNCHANGED: Final = Result(Outcome.UNCHANGED)
ADDED: Final = Result(Outcome.ADDED)
CHANGED: Final = Result(Outcome.CHANGED)


def digest(item: OldTicket | OldUnit | OldEntry) -> bytes:
    """Of what a row says: the same row is known again by it."""
    return hashlib.sha256(orjson.dumps(dataclasses.asdict(item), option=orjson.OPT_SORT_KEYS)).digest()


class Target(Protocol[ItemT]):
    """One kind. `batch` is how many rows go in one transaction."""

    batch: int

    async def prepare(self, session: AsyncSession) -> None:
        """Learn what rows are read against."""

    def read(self, row: RowReader) -> ItemT | None:
        """A row's item; None where `row.problems` says why not. Runs in a thread."""

    def check(self, rows: Sequence[tuple[RowReader, ItemT]], records: Records) -> list[Problem]:
        """What is wrong with rows of a batch among each other."""

    async def take(
        self, session: AsyncSession, items: Sequence[ItemT], records: Records, *, write: bool
    ) -> list[Result]:
        """What becomes of each; with `write` it does, new records included."""


def record_of(
    place: Place, kind: Kind, item: OldTicket | OldUnit | OldEntry, version: int, **target: int
) -> ImportRecordRow:
    """What ties a row of the old system to ours; `target`: which column names it."""
    return ImportRecordRow(
        kind=kind.value,
        source=place.source,
        key=item.key,
        version=version,
        digest=digest(item),
        imported_by=place.editor.user,
        imported_at=place.now,
        **target,
    )


async def known_units(session: AsyncSession, source: str) -> dict[str, list[int]]:
    """By name, by the way down to it, and by the code it has in the old system, which goes first."""
    names = await units_by_name(session)
    of_source = select(ImportRecordRow.key, ImportRecordRow.unit_id).where(
        ImportRecordRow.kind == Kind.UNITS.value, ImportRecordRow.source == source
    )
    return names | {key: [unit_id] for key, unit_id in await session.execute(of_source) if unit_id is not None}
