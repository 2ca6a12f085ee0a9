"""Who reads figures of tickets: people of the centre all, people of a unit their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from directory.unit_tree import with_those_below
from hotline.errors import NotAllowed
from ticketing.errors import NotYourUnitsTicket
from ticketing.figures.counting import Narrow
from ticketing.people import COUNTY, OF_A_UNIT
from ticketing.schemas import Actor

OVERSEERS: Final = frozenset(
    {Role.SUPERVISOR, Role.DISPATCHER, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN, Role.GOVERNMENT_LEADER}
)
"""Who may see every unit's figures."""
FIGURE_READERS: Final = OVERSEERS | OF_A_UNIT


async def own_figures(session: AsyncSession, narrow: Narrow, actor: Actor, *, below: bool = False) -> Narrow:
    """What is asked for: of the own unit for people of a unit, of it and all below it for a county's body. `below`:
    with the units below the one that is asked for. Raises NotYourUnitsTicket, NotAllowed."""
    if not actor.roles & OVERSEERS:
        if actor.unit_id is None:
            raise NotAllowed("of no unit")
        of_county = bool(actor.roles & COUNTY)
        reached = await with_those_below(session, [actor.unit_id]) if of_county else {actor.unit_id}
        if narrow.unit not in (None, *reached):
            raise NotYourUnitsTicket("another unit's figures")
        if narrow.unit is None:
            narrow, below = replace(narrow, unit=actor.unit_id), of_county
        elif not of_county:
            below = False
    if below and narrow.unit is not None:
        return replace(narrow, unit=None, units=await with_those_below(session, [narrow.unit]))
    return narrow
