"""Whom to dispatch a ticket to: suggested from the dispatch catalogue and from similar tickets that were closed.

A suggestion comes with its reasons and is taken by a person, or by policy (`unattended`); a unit that the ticket
accuses is never among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from ticketing import clocks, repository
from ticketing.catalogue import accused, categories
from ticketing.catalogue.tables import CatalogueRow, CategoryRow
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.relations import nearness, similarity
from ticketing.relations.tables import TicketTextRow
from ticketing.vocabulary import SETTLED_STATES, Part

EXACT: Final = 0.95
"""Of the catalogue's row for the ticket's own category and area."""
_FARTHER: Final = 0.85
"""Each step up, in the tree of categories or from a county to the city, is worth so much of the one below."""
_SIMILAR_AT_MOST: Final = 0.8
_LEAST_WORDS: Final = 0.35
_SIMILAR_SINCE: Final = timedelta(days=366)
_LOOKED_AT: Final = 40


class From(StrEnum):
    """What speaks for a unit."""

    CATALOGUE = "catalogue"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason, in words; `numbers` are the similar tickets."""

    source: From
    text: str
    numbers: tuple[str, ...] = ()


@dataclass(slots=True)
class Suggestion:
    """A lead unit with those that assist, how sure that is (0 to 1), and why."""

    lead_unit: int
    lead_name: str
    assisting_units: tuple[int, ...]
    confidence: float
    grounds: list[Ground] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The most probable first. `barred`: units left out because the ticket accuses them, or one above them."""

    suggested: tuple[Suggestion, ...]
    barred: tuple[int, ...]


async def suggest(session: AsyncSession, number: str, *, at: datetime, limit: int = 5) -> Suggestions:
    """For a ticket as it stands at `at`. Raises TicketNotFound."""
    ticket = await repository.row(session, number)
    barred = await accused.barred(session, ticket)
    rules = await clocks.Rules.of(session, ticket)
    by_unit: dict[int, Suggestion] = {}
    if (entry := await catalogued(session, ticket.category, ticket.area_code, rules.limits.day_of(at))) is not None:
        row, confidence, text = entry
        if row.lead_unit_id not in barred:
            assisting = tuple(unit for unit in row.assisting_unit_ids if unit not in barred)
            ground = Ground(From.CATALOGUE, text)
            by_unit[row.lead_unit_id] = Suggestion(row.lead_unit_id, "", assisting, confidence, [ground])
    for unit, (share, numbers) in (await _similar(session, ticket, at, barred)).items():
        suggestion = by_unit.setdefault(unit, Suggestion(unit, "", (), 0.0))
        suggestion.confidence = round(1 - (1 - suggestion.confidence) * (1 - share), 3)
        suggestion.grounds.append(Ground(From.SIMILAR, f"{len(numbers)}件相似工单由该单位办结", numbers))
    units = await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(by_unit)))
    names = {row.id: row.name for row in units}
    for suggestion in by_unit.values():
        suggestion.lead_name = names[suggestion.lead_unit]
    best = sorted(by_unit.values(), key=lambda one: (-one.confidence, one.lead_unit))
    return Suggestions(tuple(best[:limit]), tuple(sorted(barred)))


async def catalogued(
    session: AsyncSession, category: str, area: str, day: date
) -> tuple[CatalogueRow, float, str] | None:
    """The catalogue's row for a category of an area on a day, how sure it is, and in words: of the nearest category,
    the nearest area. None if there is none."""
    way = await categories.path(session, category)
    if not way:
        return None
    rows = await session.scalars(
        select(CatalogueRow)
        .where(CatalogueRow.category_code.in_([node.code for node in way]), CatalogueRow.from_day <= day)
        .order_by(CatalogueRow.from_day)
    )
    # The newest that has begun counts, and it alone: ordered by day, later ones replace earlier ones.
    newest = {(row.category_code, row.area_code): row for row in rows}
    standing = [row for row in newest.values() if row.until_day is None or row.until_day >= day]
    steps = {node.code: step for step, node in enumerate(way)}
    inside = [row for row in standing if not row.area_code or area.startswith(similarity.area_prefix(row.area_code))]
    if not inside:
        return None
    best = min(inside, key=lambda row: (steps[row.category_code], -len(similarity.area_prefix(row.area_code))))
    farther = steps[best.category_code] + (not best.area_code and bool(area))
    return best, round(EXACT * _FARTHER**farther, 3), _words(best, way)


def _words(row: CatalogueRow, way: Sequence[CategoryRow]) -> str:
    name = next(node.name for node in way if node.code == row.category_code)
    return f"派单目录：{name}（{row.category_code}），区划{row.area_code or '全市'}，{row.from_day}起"


async def _similar(
    session: AsyncSession, ticket: TicketRow, at: datetime, barred: Collection[int]
) -> dict[int, tuple[float, tuple[str, ...]]]:
    asked = await nearness.asked(session, ticket.title, ticket.content)
    if asked is None:
        return {}
    closed = (
        select(TicketRow, TicketAssignmentRow.unit_id)
        .join(TicketTextRow, TicketTextRow.ticket_id == TicketRow.id)
        .join(
            TicketAssignmentRow,
            and_(
                TicketAssignmentRow.ticket_id == TicketRow.id,
                TicketAssignmentRow.part == Part.LEAD.value,
                TicketAssignmentRow.withdrawn_at.is_(None),
            ),
        )
        .where(
            TicketRow.state.in_(SETTLED_STATES),
            TicketRow.id != ticket.id,
        )
        .order_by(asked.share().desc(), TicketRow.id.desc())
        .limit(_LOOKED_AT)
    )
    rows: dict[int, tuple[TicketRow, int]] = {}
    for near in await nearness.narrowed(session, asked, since=at - _SIMILAR_SINCE, at=at):
        rows |= {row.id: (row, unit) for row, unit in await session.execute(closed.where(near))}
    mine = similarity.pairs(f"{ticket.title} {ticket.content}")
    found: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for row, unit in rows.values():
        share = similarity.words(mine, similarity.pairs(f"{row.title} {row.content}"))
        if share >= _LEAST_WORDS and similarity.same_area(ticket.area_code, row.area_code):
            found[unit].append((share, row.number))
    everything = sum(share for votes in found.values() for share, _ in votes)
    # How near the nearest one is, times how much of all that is near went the same way.
    return {
        unit: (
            round(_SIMILAR_AT_MOST * max(votes)[0] * sum(share for share, _ in votes) / everything, 3),
            tuple(number for _, number in sorted(votes, reverse=True)[:5]),
        )
        for unit, votes in found.items()
        if unit not in barred
    }
