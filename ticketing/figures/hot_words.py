"""热词: words that demands have suddenly in common, without a dictionary, so that a new name is found on its first day.

A ticket's text is kept as its characters and pairs of neighbours (`hotline.search`). Pairs that suddenly stand in more
demands are found as in `rises`; each then grows by its neighbour on either side for as long as nearly all of the
demands that have it go on alike: from 停水 to 全城停水, if that is what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.workdays import Workdays
from ticketing.figures.chance import Rise, rise
from ticketing.figures.rises import Watch, midnight

_DAY: Final = timedelta(days=1)
_ALIKE: Final = 0.8
"""Share of the demands that must go on with the same character."""
_LONGEST: Final = 8
_TEXTS: Final = 200
"""Demands that are read for one pair."""
_CANDIDATES: Final = 60

_PAIRS = text("""
    SELECT pair, count(*) AS tickets
    FROM ticket_text, unnest(tsvector_to_array(search)) AS pair
    WHERE registered_at >= :start AND registered_at < :end AND pair ~ '^[\u4e00-\u9fff]{2}$'
    GROUP BY pair
    HAVING count(*) >= :least
""")
_KNOWN = text("""
    SELECT pair, count(*) AS tickets
    FROM ticket_text, unnest(tsvector_to_array(search)) AS pair
    WHERE registered_at >= :start AND registered_at < :end AND pair = ANY(:pairs)
    GROUP BY pair
""")
_SAYING = text("""
    SELECT compared FROM ticket_text
    WHERE registered_at >= :start AND registered_at < :end AND :pair = ANY(tsvector_to_array(search))
    ORDER BY ticket_id DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class HotWord:
    """A word and in how many demands it stands, now and before."""

    word: str
    found: Rise


async def hot_words(
    session: AsyncSession, watch: Watch, workdays: Workdays, zone: ZoneInfo, *, most: int = 20
) -> list[HotWord]:
    """The rarest rises first. A word that only repeats part of a longer one with the same demands is left out."""
    newest, *earlier = watch.windows(workdays)
    now = await _tickets(session, _PAIRS, newest, zone, least=watch.least)
    if not now:
        return []
    before = [await _tickets(session, _KNOWN, window, zone, pairs=sorted(now)) for window in earlier]
    rises = {pair: rise(count, [window.get(pair, 0) for window in before]) for pair, count in now.items()}
    sudden = [pair for pair, found in rises.items() if watch.sudden(found, len(rises))]
    sudden.sort(key=lambda pair: (rises[pair].chance, pair))
    words: dict[str, HotWord] = {}
    for pair in sudden[:_CANDIDATES]:
        texts = list(await session.scalars(_SAYING, {**_span(newest, zone), "pair": pair, "most": _TEXTS}))
        word = grown(pair, texts)
        known = words.get(word)
        if known is None or rises[pair].chance < known.found.chance:
            words[word] = HotWord(word, rises[pair])
    kept = [one for one in words.values() if not any(one.word != other and one.word in other for other in words)]
    return sorted(kept, key=lambda one: (one.found.chance, one.word))[:most]


def grown(pair: str, texts: Sequence[str]) -> str:
    """The pair with those neighbours that nearly all texts have."""
    word = pair
    while len(word) < _LONGEST:
        places = [(text_, at) for text_ in texts if (at := text_.find(word)) >= 0]
        after = Counter(text_[at + len(word)] for text_, at in places if at + len(word) < len(text_))
        ahead = Counter(text_[at - 1] for text_, at in places if at > 0)
        needed = _ALIKE * len(places)
        longer = [
            (count, word + letter if side is after else letter + word)
            for side in (after, ahead)
            for letter, count in side.most_common(1)
            if count >= needed and not letter.isspace()
        ]
        if not longer:
            return word
        word = max(longer)[1]
    return word


async def _tickets(
    session: AsyncSession, question: TextClause, days: tuple[date, ...], zone: ZoneInfo, **values: object
) -> Mapping[str, int]:
    rows = await session.execute(question, {**_span(days, zone), **values})
    return {row.pair: row.tickets for row in rows}


def _span(days: tuple[date, ...], zone: ZoneInfo) -> dict[str, object]:
    return {"start": midnight(days[0], zone), "end": midnight(days[-1] + _DAY, zone)}
