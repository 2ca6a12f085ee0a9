"""Tickets whose title or content hold words, newest first, among millions.

A rare word has few tickets: all are looked at. A common one has a page of them among the newest, which are looked for
in stretches that grow eightfold, from the first that may be expected to hold some. Where the list is narrowed to few
tickets anyhow, those are looked at one by one, the newest first, until the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, cast, select, text, true
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from hotline import search
from ticketing.models import TicketRow
from ticketing.relations import nearness, stretches
from ticketing.relations.tables import TicketTextRow

_RARE: Final = 2_000
"""Tickets with a word that are all looked at."""
_WORTHWHILE: Final = 0.2
"""The part of a page that a stretch must be expected to give, by the rarest pair, to be looked at."""


def whole(ids: Select[int]) -> Select[TicketRow]:
    """The tickets with these ids, newest first. Which they are is often known from indexes alone, and a ticket is a
    wide row that lies by itself: only those of the page are read."""
    return select(TicketRow).where(TicketRow.id.in_(ids.correlate(None))).order_by(TicketRow.id.desc())


async def newest_saying(
    session: AsyncSession,
    ids: Select[int],
    words: str,
    *,
    by: InstrumentedAttribute[int],
    marks: Sequence[str],
    few: bool,
    before: int | None,
    limit: int,
) -> Sequence[TicketRow]:
    """At most `limit` tickets of these `ids` that hold each of the words as it is written, those with ids (`by`) below
    `before` first. `marks`: what all of them have among their words (`stretches`), as `tsquery` each; `few`: they are
    few whatever they say. Words without a letter or digit are in none."""
    wanted = search.terms(words)
    if not wanted:
        return []
    said = and_(*(TicketTextRow.compared.contains(one, autoescape=True) for one in wanted))
    asked = [search.query(wanted), *marks]
    lexemes = [*search.pairs(wanted), *(mark for mark in marks if "|" not in mark)]
    share = min((await nearness.shares_of(session, lexemes)).values())
    tickets, newest = (await session.execute(_SIZE)).one()
    rare = tickets * share <= _RARE
    if few and not rare:
        # OFFSET keeps PostgreSQL from beginning with the words, whose pairs it takes for independent.
        those = (
            select(TicketTextRow.ticket_id).where(TicketTextRow.ticket_id == TicketRow.id, _have(asked), said).offset(0)
        )
        found = ids.join(those.lateral(), true()).order_by(by.desc()).limit(limit)
        return (await session.scalars(whole(found if before is None else found.where(by < before)))).all()
    of_words = TicketTextRow.ticket_id
    found = ids.join(TicketTextRow, of_words == TicketRow.id).where(said).order_by(of_words.desc()).limit(limit)
    before = newest + 1 if before is None else before
    found = found.where(of_words < before)
    for place, width in () if rare else enumerate(stretches.WIDTHS):
        if share * 2 ** (width + 1) < limit * _WORTHWHILE:
            continue
        # The stretch first: the index then begins where it does, and does not walk there through every older text.
        near = found.where(_have([stretches.newest(before, place)]), _have(asked))
        rows = (await session.scalars(whole(near))).all()
        if len(rows) == limit or stretches.reaches_first(before, place):
            return rows
        # A pair may be common, and what is asked for rare: what was seen says more.
        share = min(share, (len(rows) + 1) / 2 ** (width + 1))
    return (await session.scalars(whole(found.where(_have(asked))))).all()


_SIZE: Final = text(
    "SELECT greatest(reltuples, 0) AS tickets, (SELECT coalesce(max(ticket_id), 0) FROM ticket_text) AS newest "
    "FROM pg_class WHERE oid = 'ticket_text'::regclass"
)


def _have(queries: Sequence[str]) -> ColumnElement[bool]:
    """Texts that fit all of these, as one query: the index goes along the list of the rarest lexeme alone, and looks
    into the others' only where that one is."""
    return TicketTextRow.search.op("@@")(cast(" & ".join(f"({query})" for query in queries), TSQUERY))
