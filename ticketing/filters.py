"""What a list of tickets may be narrowed by beside its columns: whose step is next, what about, due when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.catalogue.tables import CategoryRow
from ticketing.clock_tables import TicketClockRow
from ticketing.models import TicketRow
from ticketing.relations import stretches
from ticketing.vocabulary import Source, State, Term, Urgency

_COUNTY: Final = 6
"""Digits of a code down to the county; below it each level has its own."""


class Duty(Term):
    """Who takes the next step (责任环节)."""

    DESK = "desk", "受理座席"
    DISPATCH = "dispatch", "派单员"
    UNIT = "unit", "承办单位"
    UNIT_HEAD = "unit_head", "承办单位负责人"
    VISIT = "visit", "回访员"
    NOBODY = "nobody", "无"


OF_STATE: Mapping[State, Duty] = {
    State.REGISTERED: Duty.DESK,
    State.ANSWERED: Duty.DESK,
    State.TO_DISPATCH: Duty.DISPATCH,
    State.RETURN_ASKED: Duty.DISPATCH,
    State.EXTENSION_ASKED: Duty.DISPATCH,
    State.TO_SIGN: Duty.UNIT,
    State.HANDLING: Duty.UNIT,
    State.REPLY_TO_REVIEW: Duty.UNIT_HEAD,
    State.REPLIED: Duty.VISIT,
    State.VISITED: Duty.VISIT,
    State.MERGED: Duty.NOBODY,
    State.REFUSED: Duty.NOBODY,
    State.CLOSED: Duty.NOBODY,
    State.ARCHIVED: Duty.NOBODY,
}
"""Whose step a state waits for. What jobs do by themselves is nobody's."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which tickets; None and "" do not narrow."""

    duty: Duty | None = None
    source: Source | None = None
    urgency: Urgency | None = None
    categories: tuple[str, ...] = ()
    """Codes: see `below`."""
    area: str = ""
    """An administrative division with all below it: codes that begin with it, trailing zeros of a division left out."""
    due_from: datetime | None = None
    due_before: datetime | None = None
    """A clock that runs ends in this window; either side may be open."""
    due_unit: int | None = None
    """Whose clocks are meant by that; None: anybody's."""
    registered_from: datetime | None = None
    registered_before: datetime | None = None

    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """The same for SQL."""
        found: list[ColumnElement[bool]] = []
        if self.duty is not None:
            found.append(TicketRow.state.in_([state.value for state, duty in OF_STATE.items() if duty is self.duty]))
        if self.source is not None:
            found.append(TicketRow.source == self.source.value)
        if self.urgency is not None:
            found.append(TicketRow.urgency == self.urgency.value)
        if self.categories:
            found.append(_among(self.categories))
        if self.area:
            found.append(TicketRow.area_code.startswith(division(self.area), autoescape=True))
        if self.due_from is not None or self.due_before is not None:
            found.append(self._due())
        if self.registered_from is not None:
            found.append(TicketRow.registered_at >= self.registered_from)
        if self.registered_before is not None:
            found.append(TicketRow.registered_at < self.registered_before)
        return tuple(found)

    def marks(self) -> tuple[str, ...]:
        """What such tickets have among their words (`relations.stretches`), as `tsquery` each: for a search. More
        tickets may have them, but none that `conditions` fit is without."""
        found = [None if self.source is None else stretches.of_source(self.source)]
        found.append(" | ".join(map(stretches.of_category, self.categories)) or None)
        found.append(stretches.of_area(division(self.area)))
        return tuple(mark for mark in found if mark is not None)

    def _due(self) -> ColumnElement[bool]:
        clock = [TicketClockRow.ticket_id == TicketRow.id, TicketClockRow.ended.is_(None)]
        if self.due_from is not None:
            clock.append(TicketClockRow.ends_at >= self.due_from)
        if self.due_before is not None:
            clock.append(TicketClockRow.ends_at < self.due_before)
        if self.due_unit is not None:
            clock.append(TicketClockRow.unit_id == self.due_unit)
        return select(TicketClockRow.id).where(*clock).exists()


async def below(session: AsyncSession, category: str) -> tuple[str, ...]:
    """A category's code with those of all below it; itself too if the tree does not have it."""
    tree = select(CategoryRow.code).where(CategoryRow.code == category).cte(recursive=True)
    tree = tree.union(select(CategoryRow.code).where(CategoryRow.parent_code == tree.c.code))
    return tuple(await session.scalars(select(tree.c.code))) or (category,)


def _among(categories: tuple[str, ...]) -> ColumnElement[bool]:
    # Of one category the index has the newest at hand, of several it has to sort.
    return TicketRow.category == categories[0] if len(categories) == 1 else TicketRow.category.in_(categories)


def division(code: str) -> str:
    """What codes of a division and all below begin with: 150500 is a city, 150502 a district of it (GB/T 2260)."""
    if len(code) != _COUNTY:
        return code
    return code.removesuffix("00").removesuffix("00")
