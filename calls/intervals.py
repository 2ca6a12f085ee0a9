"""Half-hour intervals of every hotline, queue and agent, counted from the journal.

A call with new facts is counted again as a whole (`calls.counting`), and so is every interval it touches, before or
after (`calls.interval_counts`). So a fact may come as late as it likes, and counting twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ARRAY, String, any_, bindparam, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls.counting import COUNTED, AgentOffer, Fact, Stay, count_call
from calls.figure_tables import AgentOfferRow, CountDueRow, StayRow
from calls.interval_counts import Touched, attribute_wrap_ups, count_intervals, interval_of, take_turn
from calls.models import JournalRow
from hotline.database import Database

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 10.0
"""Each pass has a price that does not depend on how many calls it counts; figures of today are looked up as often."""
_BATCH = 300

_CALLS = any_(bindparam("calls", type_=ARRAY(String)))
_OLDEST = select(CountDueRow.id).order_by(CountDueRow.id).limit(_BATCH)
_TAKE_DUE = delete(CountDueRow).where(CountDueRow.id.in_(_OLDEST.scalar_subquery())).returning(CountDueRow.call_id)
_FACTS = select(
    JournalRow.call_id,
    JournalRow.kind,
    JournalRow.at,
    JournalRow.seq,
    JournalRow.fact,
    JournalRow.agent,
    JournalRow.attributes,
).where(JournalRow.call_id == _CALLS, JournalRow.kind.in_(sorted(COUNTED)))
_DROP_STAYS = (
    delete(StayRow).where(StayRow.call_id == _CALLS).returning(StayRow.scope, StayRow.subject, StayRow.starts_at)
)
_DROP_OFFERS = (
    delete(AgentOfferRow)
    .where(AgentOfferRow.call_id == _CALLS)
    .returning(AgentOfferRow.agent, AgentOfferRow.starts_at, AgentOfferRow.answered_at)
)


class Intervals:
    """Counts the calls that are due. Any number may run: only one counts at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Count every ten seconds until cancelled, through outages of the database."""
        while True:
            try:
                while await self.step():
                    pass
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("figures.counting_waits", reason=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def step(self) -> int:
        """Count one batch; returns how many calls it held, 0 when none is due or somebody else counts."""
        async with self._database.transaction() as session:
            if not await take_turn(session, wait=False):
                return 0
            calls = set(await session.scalars(_TAKE_DUE))
            if calls:
                await count_calls(session, calls)
            return len(calls)


async def count_calls(session: AsyncSession, calls: Collection[str]) -> None:
    """Count these calls again, and every interval that changes by it. The caller has taken its turn."""
    facts = await _facts(session, calls)
    counted = {call: count_call(facts[call]) for call in calls}
    touched = Touched()
    answers = await _drop(session, calls, touched)
    rows: list[dict[str, Any]] = []
    offer_rows: list[dict[str, Any]] = []
    for call, (stays, offers) in counted.items():
        touched.calls.update((stay.scope, stay.subject, interval_of(stay.offered_at)) for stay in stays)
        touched.agents.update((offer.agent, interval_of(offer.offered_at)) for offer in offers)
        answers.update((offer.agent, offer.answered_at) for offer in offers if offer.answered_at)
        rows += [_row(call, stay) for stay in stays]
        offer_rows += [_row(call, offer) for offer in offers]
    if rows:
        await session.execute(insert(StayRow), rows)
    if offer_rows:
        await session.execute(insert(AgentOfferRow), [row | {"wrap_up_ms": 0} for row in offer_rows])
    await attribute_wrap_ups(session, answers, touched)
    await count_intervals(session, touched)


async def _facts(session: AsyncSession, calls: Collection[str]) -> dict[str, list[Fact]]:
    rows = await session.execute(_FACTS, {"calls": list(calls)})
    facts: dict[str, list[Fact]] = defaultdict(list)
    for row in rows:
        about = row.fact.partition(":")[2]
        facts[row.call_id].append(Fact(row.kind, row.at, row.seq, about, row.agent, row.attributes))
    return facts


async def _drop(session: AsyncSession, calls: Collection[str], touched: Touched) -> set[tuple[str, datetime]]:
    """Forget how these calls counted so far; returns the answers (agent, moment) among it."""
    stays = await session.execute(_DROP_STAYS, {"calls": list(calls)})
    touched.calls.update((row.scope, row.subject, row.starts_at) for row in stays)
    offers = await session.execute(_DROP_OFFERS, {"calls": list(calls)})
    answers = set()
    for row in offers:
        touched.agents.add((row.agent, row.starts_at))
        if row.answered_at is not None:
            answers.add((row.agent, row.answered_at))
    return answers


def _row(call: str, counted: Stay | AgentOffer) -> dict[str, Any]:
    told = {name: getattr(counted, name) for name in counted.__slots__}
    return {"call_id": call, "starts_at": interval_of(counted.offered_at), **told}
