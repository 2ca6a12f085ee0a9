"""What former keys have sealed is sealed anew, in batches, so that a key can be given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, LargeBinary, and_, func, literal, select, tuple_, type_coerce, update

from hotline.database import Base, Database
from hotline.sealed import HEADER_BYTES, SealedColumn, keys, marked, sealed_with

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed column."""

    name: str
    column: Column[Any]

    @property
    def raw(self) -> Any:
        """The column as the table holds it."""
        return type_coerce(self.column, LargeBinary)


def places() -> list[Place]:
    """Every sealed column of the tables that are declared."""
    return [
        Place(column.type.place, column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, SealedColumn)
    ]


async def counted(database: Database, place: Place) -> dict[str, int]:
    """How many values each key has sealed, by its id; it looks at all of them."""
    header = func.substring(place.raw, 1, HEADER_BYTES).label("header")
    query = select(header, func.count()).where(func.length(place.raw) > 0).group_by(header)
    return {sealed_with(bytes(found)): int(number) for found, number in await database.ask(query)}


async def some(database: Database, place: Place, behind: Sequence[Any] = ()) -> tuple[int, Sequence[Any]]:
    """Seal some of what a former key has sealed anew, in a transaction of its own, in the order of the rows' keys and
    behind one of them: how many, and the key of the last. 0: nothing is left.

    A value that changes meanwhile is left as it is: it was sealed with the newest key. Raises FieldBroken, KeyMissing.
    """
    table = place.column.table
    own = list(table.primary_key.columns)
    newest = marked(keys().ids[-1])
    former = and_(
        place.column.is_not(None),
        func.length(place.raw) > 0,
        func.substring(place.raw, 1, HEADER_BYTES) != newest,
    )
    async with database.transaction() as session:
        # Behind the last: what was looked at is not looked at again, however many rows there are.
        wanted = select(*own, place.column).where(former).order_by(*own).limit(_BATCH).with_for_update(of=table)
        if behind:
            wanted = wanted.where(
                tuple_(*own) > tuple_(*(literal(part, c.type) for c, part in zip(own, behind, strict=True)))
            )
        rows = (await session.execute(wanted)).all()
        for *key, value in rows:
            this = and_(*(column == part for column, part in zip(own, key, strict=True)))
            await session.execute(update(table).where(this).values({place.column: value}))
    return len(rows), rows[-1][: len(own)] if rows else behind
