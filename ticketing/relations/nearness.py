"""Texts of similar words, found by their index among millions: what is asked for, and how much of it a text has.

A text that has a share of the asked pairs of characters has some of the rarer ones, so few texts are looked at: those
with one of the rarest pairs, in all the time that counts, and those with any two, in the newest stretches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from hotline import search
from ticketing.relations import stretches
from ticketing.relations.tables import TicketTextRow

_ASKED_PAIRS: Final = 24
_OFTEN: Final = 0.05
_ALWAYS_ASKED: Final = 6
"""Pairs that more tickets than `_OFTEN` have are not asked for, unless there are no rarer ones."""
LEAST_SHARE: Final = 0.249
"""A quarter of the question: what has a single pair in common has nothing in common."""
_RANK_OF_ALL: Final = 6 / math.pi**2
"""What `ts_rank` gives a text that has every lexeme of an OR query once, at weight 1 (PostgreSQL, tsrank.c)."""
_LOOKED_AT: Final = 2_000
"""Texts that may be expected to have one of the rarest pairs."""
_TWO_FROM: Final = 8
"""Of so many pairs a quarter is two."""
_NEWEST: Final = 1
"""Place in `stretches.WIDTHS`: the sixteen thousand newest tickets."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Pairs of characters, as `tsquery` each, the rarest first, with the share of all texts that have one."""

    pairs: tuple[str, ...]
    shares: tuple[float, ...]

    def near(self) -> ColumnElement[bool]:
        """Texts that have a quarter of the pairs."""
        return and_(_has(" | ".join(self.pairs)), self.share() >= LEAST_SHARE)

    def share(self) -> ColumnElement[Any]:
        """The share of the pairs that a text has, in one look at it: each found adds the same, whatever its weight."""
        wanted = cast(" | ".join(self.pairs), TSQUERY)
        return func.ts_rank(cast([1.0] * 4, ARRAY(REAL)), TicketTextRow.search, wanted) / _RANK_OF_ALL

    def rarest(self, texts: int) -> tuple[str, ...]:
        """Those that few of so many texts have, two at least."""
        expected = 0.0
        chosen: list[str] = []
        for pair, share in zip(self.pairs, self.shares, strict=True):
            expected += share * texts
            if len(chosen) >= 2 and expected > _LOOKED_AT:
                break
            chosen.append(pair)
        return tuple(chosen)


async def asked(session: AsyncSession, title: str, content: str) -> Asked | None:
    """What texts like these are asked for by: the title's pairs, with the content's where the title is short; None for
    a text without words. Without the pairs that many tickets have (市民, 反映), as PostgreSQL has counted them last:
    they tell nothing, and would have every ticket looked at."""
    pairs = [lexeme for lexeme in search.pairs(search.normal(title).split()) if len(lexeme) > 3]
    if len(pairs) < _ASKED_PAIRS:
        pairs += [one for one in search.pairs(search.normal(content).split()) if len(one) > 3 and one not in pairs]
    pairs = pairs[:_ASKED_PAIRS]
    if not pairs:
        return None
    shares = await shares_of(session, pairs)
    by_rarity = sorted(pairs, key=shares.__getitem__)
    kept = [pair for place, pair in enumerate(by_rarity) if place < _ALWAYS_ASKED or shares[pair] <= _OFTEN]
    return Asked(tuple(kept), tuple(shares[pair] for pair in kept))


async def shares_of(session: AsyncSession, pairs: Sequence[str]) -> dict[str, float]:
    """The share of all texts that have each of these lexemes (`tsquery` each), as PostgreSQL has counted them last; of
    those it has not, an upper bound."""
    rows = await session.execute(_FREQUENCIES, {"asked": [pair[1:-1] for pair in pairs]})
    counted: dict[str | None, float] = {row.pair: row.share for row in rows}
    # What is not among the counted ones is rarer than the rarest of them.
    least = counted.pop(None, 0.0)
    return {pair: counted.get(pair[1:-1], least) for pair in pairs}


async def narrowed(
    session: AsyncSession, what: Asked, *, since: datetime, at: datetime
) -> Sequence[ColumnElement[bool]]:
    """Conditions that find the texts `near`, of tickets registered between two moments, each among few texts: what one
    does not find the next one may."""
    newest = await session.scalar(select(func.max(TicketTextRow.ticket_id)))
    first = await session.scalar(
        select(TicketTextRow.ticket_id)
        .where(TicketTextRow.registered_at >= since)
        .order_by(TicketTextRow.registered_at)
        .limit(1)
    )
    if newest is None or first is None:
        return []
    in_time = and_(TicketTextRow.registered_at.between(since, at), _has(stretches.since(since, at)), what.near())
    rarest = what.rarest(newest - first + 1)
    if len(rarest) == len(what.pairs):
        return [in_time]
    two = _two_of(what.pairs) if len(what.pairs) >= _TWO_FROM else " | ".join(what.pairs)
    return [
        and_(in_time, _has(" | ".join(rarest))),
        and_(in_time, _has(two), _has(stretches.newest(newest + 1, _NEWEST))),
    ]


def _two_of(pairs: Sequence[str]) -> str:
    """The `tsquery` of texts that have any two of these."""
    if len(pairs) == 2:
        return " & ".join(pairs)
    half = len(pairs) // 2
    halves = [pairs[:half], pairs[half:]]
    one_of_each = " & ".join(f"({' | '.join(some)})" for some in halves)
    return " | ".join([f"({one_of_each})", *(f"({_two_of(some)})" for some in halves if len(some) > 1)])


def _has(query: str) -> ColumnElement[bool]:
    return TicketTextRow.search.op("@@")(cast(query, TSQUERY))


_FREQUENCIES: Final = text(
    "SELECT pair, min(share) AS share FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) "
    "AS c(pair, share) WHERE schemaname = current_schema() AND tablename = 'ticket_text' AND attname = 'search' "
    "AND (pair = ANY(:asked) OR pair IS NULL) GROUP BY pair"
)
"""Behind the counted ones, without a pair, stand the least and the greatest share of any (pg_stats)."""
