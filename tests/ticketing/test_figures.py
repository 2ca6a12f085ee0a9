"""Figures of tickets against counts by hand, on generated histories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from hotline.database import Database
from tests.ticketing.figure_histories import NOW, ZONE, histories
from tests.ticketing.hand_counts import by_hand
from ticketing.figures.counting import count
from ticketing.figures.definition import Measure
from ticketing.figures.definitions import FIGURES
from ticketing.figures.periods import PeriodKind, periods
from ticketing.figures.words import Dimension


@pytest.fixture
async def made(database: Database, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with histories(database, database_url, tickets=600) as connection:
        yield connection


@pytest.mark.parametrize("name", FIGURES)
async def test_figure_by_hand(database: Database, made: asyncpg.Connection, name: str) -> None:
    figure = FIGURES[name]
    for kind, by in (
        (PeriodKind.MONTH, None),
        (PeriodKind.HALF_YEAR, Dimension.UNIT),
        (PeriodKind.WEEK, Dimension.AREA),
        (PeriodKind.QUARTER, Dimension.COUNTY),
    ):
        several = list(periods(kind, date(2025, 9, 1), date(2026, 11, 30)))
        async with database.transaction() as session:
            table = await count(session, [figure], [one.span(ZONE) for one in several], now=NOW, by=by)
        found = {
            (subject, several[number].first): (row[name].over, row[name].under, row[name].excluded)
            for (subject, number), row in table.items()
        }
        hand = await by_hand(
            made,
            name,
            now=NOW,
            step=kind.value,
            by=by,
            first=datetime.combine(several[0].first, datetime.min.time()),
            end=datetime.combine(several[-1].last + timedelta(days=1), datetime.min.time()),
        )
        assert found == hand
        assert hand
        if figure.measure is Measure.RATIO:
            assert sum(under for _, under, _ in hand.values()) > 0
