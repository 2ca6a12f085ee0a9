"""How lists go on: one way for all of them, by keyset, never by counting rows.

A page that is not the last one has a `Link` header with `rel="next"` (RFC 8288): the same question from behind its last
row. Rows that come meanwhile make no row appear twice, and rows that go make none be left out. Where rows go by one
number the cursor is that number, by name (`before`, `after`); where they go by more it is `cursor`, which is nobody's
to read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response
from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from hotline.database import UtcDateTime
from hotline.errors import InvalidInput

Row = TypeVar("Row")
Key = InstrumentedAttribute[Any]

_MOST = 2**63


@dataclass(frozen=True, slots=True)
class Pages:
    """The list that a request asks for a page of."""

    request: Request
    response: Response

    def shown(self, rows: Sequence[Row], limit: int, **cursor: Callable[[Row], object]) -> Sequence[Row]:
        """The first `limit` of `rows`, which were asked for with one more: if it is there, the list goes on.

        `cursor`: what the query's parameter of that name is for the page that follows, made from a page's last row.
        """
        page = rows[:limit]
        if len(rows) > limit:
            self.go_on(**{name: key(page[-1]) for name, key in cursor.items()})
        return page

    def go_on(self, **cursor: object) -> None:
        """Say where the page that follows is: at the same question with `cursor` in it."""
        url = self.request.url.include_query_params(**{name: str(value) for name, value in cursor.items()})
        self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


def _pages(request: Request, response: Response) -> Pages:
    return Pages(request, response)


Paged = Annotated[Pages, Depends(_pages)]
"""For a route whose cursor is a parameter of its own."""


@dataclass(frozen=True, slots=True)
class Keyset(Pages):
    """A list in the order of several columns, from `cursor` on."""

    cursor: str | None

    async def rows(
        self, session: AsyncSession, query: Select[Row], *by: Key, limit: int, newest: bool = True
    ) -> Sequence[Row]:
        """A page of `query` in the order of `by`, all of them downwards if `newest`, else upwards; the last one tells
        any two rows apart. Raises InvalidInput for a cursor of another list."""
        query = query.order_by(*(column.desc() if newest else column.asc() for column in by)).limit(limit + 1)
        if self.cursor is not None:
            here = _read(self.cursor, by)
            query = query.where(tuple_(*by) < here if newest else tuple_(*by) > here)
        found = (await session.scalars(query)).all()
        return self.shown(found, limit, cursor=lambda row: _written([getattr(row, column.key) for column in by]))


def _keyset(
    request: Request,
    response: Response,
    cursor: Annotated[
        str | None, Query(max_length=400, pattern="^[A-Za-z0-9_-]+$", description="From the `Link` of the page before.")
    ] = None,
) -> Keyset:
    return Keyset(request, response, cursor)


ByKeyset = Annotated[Keyset, Depends(_keyset)]
"""For a route whose rows go by several columns."""


def _written(key: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _read(cursor: str, by: Sequence[Key]) -> tuple[object, ...]:
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, list):
            raise TypeError
        return tuple(_value(one, _kind(column)) for one, column in zip(key, by, strict=True))
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise InvalidInput("the cursor is of another list", remedy="begin without one") from None


def _kind(column: Key) -> type:
    return datetime if isinstance(column.type, UtcDateTime) else column.type.python_type


def _value(said: object, kind: type) -> object:
    if kind is datetime and isinstance(said, str):
        at = datetime.fromisoformat(said)
        if at.tzinfo is None:
            raise ValueError
        return at
    if type(said) is not kind or (isinstance(said, int) and not -_MOST <= said < _MOST):
        raise TypeError
    if isinstance(said, str) and "\x00" in said:
        raise ValueError
    return said
