"""Tickets that belong together: possible duplicates, 并单, 拆单, repeats, and the leads that many months raise."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from directory.numbers import normalise
from ticketing import clocks, lifecycle, people, repository
from ticketing.progress import typed_number
from ticketing.relations import duplicates, links, repeats, splitting
from ticketing.relations.duplicates import Demand
from ticketing.relations.schemas import (
    Candidate,
    Matter,
    MergeDetails,
    Relations,
    TicketNumber,
)
from ticketing.schemas import AreaCode, Body, Line, Title, WrittenNumber
from ticketing.vocabulary import Action
from web.access import CurrentActor, Parts, Transaction, Work, roles
from web.conditional import Expected
from web.problems import DOCUMENTED
from web.readings import Readings
from web.routes.tickets import Number, RegisteredOut, TicketOut, Version, desk_of, must_reach, ticket_out, told_of

LINKERS = people.DESK | people.CENTRE | {Role.VISIT_AGENT}
"""People who take demands, route them or talk with citizens."""

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED)


class DemandIn(BaseModel):
    """A demand as far as it is written down."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    content: Body = ""
    caller_number: WrittenNumber = ""
    address: Line = ""
    area_code: AreaCode = ""


class MergeIn(BaseModel):
    """Into which ticket, and why."""

    model_config = ConfigDict(extra="forbid")

    version: Version = None
    parent: TicketNumber
    note: Body = ""


class SplitIn(BaseModel):
    """What becomes tickets of their own; the demand keeps the rest."""

    model_config = ConfigDict(extra="forbid")

    version: Version = None
    matters: list[Matter] = Field(min_length=1, max_length=10)
    note: Body = ""


class SplitOut(BaseModel):
    """The demand as it stands, and the new tickets with their numbers and codes for the citizen."""

    kept: TicketOut
    made: list[RegisteredOut]


class RepeatIn(BaseModel):
    """The closed ticket whose matter this is again."""

    model_config = ConfigDict(extra="forbid")

    earlier: TicketNumber
    note: Body = ""


class RaisedLead(BaseModel):
    """The lead that many months of a matter have raised, for people to decide on."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    first_month: date
    last_month: date


class RepeatOut(BaseModel):
    """The links as they are now, and the lead this has raised, if it has."""

    relations: Relations
    lead: RaisedLead | None


@router.post("/duplicates", dependencies=[roles(*LINKERS)])
async def before_registration(body: DemandIn, reading: Readings, services: Parts) -> list[Candidate]:
    """Tickets that a demand may be about, before it is registered. Suggestions only: nothing is merged or linked."""
    session = reading.session
    site, now = services.settings.site, services.clock.now()
    number = normalise(body.caller_number, site.area_code) if body.caller_number else ""
    policy = (await clocks.policies(session)).in_force(now.astimezone(ZoneInfo(site.timezone)).date()).policy
    demand = Demand(body.title, body.content, number, body.address, body.area_code)
    found = await duplicates.candidates(session, demand, policy=policy, at=now)
    await reading.searched("tickets", found=len(found), caller_number=number)
    return found


@router.get("/{number}/duplicates", dependencies=[roles(*LINKERS)])
async def of_a_ticket(number: Number, session: Transaction, services: Parts) -> list[Candidate]:
    """Tickets that this one may be about."""
    row = await repository.row(session, number)
    policy = (await clocks.policies(session)).numbered(row.policy).policy
    demand = Demand(row.title, row.content, row.caller_number, row.address, row.area_code, row.number)
    return await duplicates.candidates(session, demand, policy=policy, at=services.clock.now())


@router.get("/{number}/relations", dependencies=[roles(*(frozenset(Role) - {Role.KNOWLEDGE_EDITOR}))])
async def relations(number: Number, actor: CurrentActor, session: Transaction) -> Relations:
    """Merges, splits and repeats of a ticket, and replies offered. People of a unit see their unit's tickets only."""
    await must_reach(session, number, actor)
    return await links.of(session, number)


@router.post("/{number}/merge", dependencies=[roles(*LINKERS)])
async def merge(
    number: Number, body: MergeIn, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """并单. Undone, and the main ticket's reply taken, by the actions `unmerge` and `take_reply`."""
    ticket = await lifecycle.apply(
        session,
        number,
        Action.MERGE,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        details=MergeDetails(parent=body.parent, note=body.note),
    )
    return ticket_out(ticket, actor)


@router.post("/{number}/split", status_code=status.HTTP_201_CREATED, dependencies=[roles(*LINKERS)])
async def split(
    number: Number, body: SplitIn, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> SplitOut:
    """拆单: matters of a demand that is not dispatched yet become tickets of their own."""
    now = services.clock.now()
    kept, *made = await splitting.split(
        session,
        desk_of(services),
        number,
        body.matters,
        actor,
        version=expected.version(body.version),
        note=body.note,
        at=now,
    )
    codes = services.progress.codes
    return SplitOut(
        kept=ticket_out(kept, actor),
        made=[
            RegisteredOut(
                **told_of(ticket, actor),
                typed_number=typed_number(ticket.number, services.settings.site.id),
                query_code=await codes.first(session, ticket.number, by=actor.user, at=now),
            )
            for ticket in made
        ],
    )


@router.post("/{number}/repeats", status_code=status.HTTP_201_CREATED, dependencies=[roles(*LINKERS)])
async def repeat(number: Number, body: RepeatIn, actor: CurrentActor, work: Work, services: Parts) -> RepeatOut:
    """The matter of a closed ticket again. Months of that in a row raise a lead, for people to decide on (TH 29)."""
    at = services.clock.now()
    lead = await repeats.link(work.session, number, body.earlier, note=body.note, by=actor.user, at=at)
    return RepeatOut(
        relations=await links.of(work.session, number),
        lead=None if lead is None else RaisedLead.model_validate(lead),
    )
