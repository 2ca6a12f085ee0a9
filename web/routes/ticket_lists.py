"""Lists of tickets: whose step is next, of which unit, about what and where, due when, in whose words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from directory.numbers import normalise
from ticketing import centre_desk, repository
from ticketing.centre_desk import CentreBox
from ticketing.errors import NotYourUnitsTicket
from ticketing.filters import Duty, Narrowing, below
from ticketing.repository import Filters
from ticketing.schemas import Actor, AreaCode, CallId, CategoryCode, Moment, UnitId
from ticketing.vocabulary import Confidentiality, Source, State, TicketType, Urgency
from web.access import CurrentActor, Parts, Transaction, roles
from web.paging import Paged
from web.problems import DOCUMENTED
from web.readings import Readings
from web.routes.tickets import OF_THE_CENTRE, READERS, TicketOut, hides_caller, reach, told_of

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class ListedOut(TicketOut):
    """A ticket in a list. `due_at`: when the first of its clocks ends; null: none runs."""

    due_at: datetime | None = None


class CentreBoxOut(BaseModel):
    """One box of the centre and how much lies in it."""

    box: CentreBox
    term: str
    count: int


class TicketPage(BaseModel):
    """Newest first. `next` goes into `before` for the next page; null: there is none."""

    tickets: list[ListedOut]
    next: int | None


class TicketQuery(BaseModel):
    """Which tickets, and which page of them; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    box: CentreBox | None = Field(None, description="A box of the centre.")
    duty: Duty | None = Field(None, description="Who takes the next step.")
    type: TicketType | None = None
    source: Source | None = None
    urgency: Urgency | None = None
    category: CategoryCode | None = Field(None, description="With the categories below it.")
    area: AreaCode | None = Field(None, description="An administrative division, with those below it.")
    due_from: Moment | None = Field(None, description="A clock that runs ends then or later.")
    due_before: Moment | None = Field(None, description="A clock that runs ends earlier.")
    registered_from: Moment | None = Field(None, description="Registered then or later.")
    registered_before: Moment | None = Field(None, description="Registered earlier.")
    text: str | None = Field(
        None, min_length=1, max_length=60, pattern=r"^[^\x00]*$", description="Words that title or content hold."
    )
    registered_by: str | None = Field(None, pattern=r"^(partner:|channel:)?[a-z0-9][a-z0-9._-]{0,31}$")
    unit_id: UnitId | None = Field(None, description="A unit with a part in the ticket; its clocks are what is due.")
    unit_tag: str | None = Field(None, max_length=64, pattern=r"^[^\x00]*$")
    caller_number: str | None = Field(None, max_length=64, description="In any form.")
    call: CallId | None = None
    before: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)

    async def narrowing(self, session: AsyncSession, unit_id: int | None) -> Narrowing:
        """What goes beyond a ticket's own columns, for tickets of a unit or of all."""
        return Narrowing(
            duty=self.duty,
            source=self.source,
            urgency=self.urgency,
            categories=await below(session, self.category) if self.category else (),
            area=self.area or "",
            due_from=self.due_from,
            due_before=self.due_before,
            due_unit=unit_id,
            registered_from=self.registered_from,
            registered_before=self.registered_before,
        )


@router.get("/centre-desk", dependencies=[roles(*OF_THE_CENTRE)])
async def centre_boxes(session: Transaction, services: Parts) -> list[CentreBoxOut]:
    """The boxes of the centre (待派, 待签收, 办理中, 将超期, 退回, 待回访 …) with how much lies in each."""
    found = await centre_desk.counts(session, at=services.clock.now())
    return [CentreBoxOut(box=box, term=box.term, count=count) for box, count in found.items()]


@router.get("/tickets")
async def newest(
    query: Annotated[TicketQuery, Query()], *, actor: CurrentActor, reading: Readings, services: Parts, pages: Paged
) -> TicketPage:
    """Tickets, newest first, without their callers. People of a unit see their unit's. A search by words or by a
    caller's number leaves a row in the audit log."""
    unit_id = await _unit_of(reading.session, query, actor)
    area_code = services.settings.site.area_code
    caller = None if query.caller_number is None else normalise(query.caller_number, area_code)
    now = services.clock.now()
    narrowing = await query.narrowing(reading.session, unit_id)
    filters = Filters(
        state=query.state,
        type=query.type,
        registered_by=query.registered_by,
        unit_id=unit_id,
        unit_tag=query.unit_tag,
        caller_number=caller,
        call=query.call,
        # A unit, or a leader, does not find out who a confidential caller is by asking for a number.
        openly=query.caller_number is not None and hides_caller(Confidentiality.CONFIDENTIAL, actor),
        text=query.text or "",
        more=(*narrowing.conditions(), *(() if query.box is None else (centre_desk.inside(query.box, now),))),
        marks=narrowing.marks(),
    )
    page, following = await repository.newest(reading.session, filters, before=query.before, limit=query.limit)
    await reading.searched("tickets", found=len(page), caller_number=caller, text=query.text)
    if following is not None:
        pages.go_on(before=following)
    due = await centre_desk.due(reading.session, [ticket.number for ticket in page], unit_id=unit_id)
    rows = [ListedOut(**told_of(ticket, actor), due_at=due.get(ticket.number)) for ticket in page]
    return TicketPage(tickets=rows, next=following)


async def _unit_of(session: AsyncSession, query: TicketQuery, actor: Actor) -> int | None:
    """A county's body asks for one unit below it, or gets its own."""
    if actor.roles & OF_THE_CENTRE:
        return query.unit_id
    if actor.unit_id is None or query.unit_id not in (None, *await reach(session, actor)):
        raise NotYourUnitsTicket("another unit's tickets")
    return query.unit_id or actor.unit_id
