"""不予受理: grounds, refusing with basis and guidance, telling the citizen, counting."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from directory.models import Role
from hotline.errors import NotFound
from ticketing import clocks, lifecycle, people, repository
from ticketing.refusals import refusing
from ticketing.refusals.schemas import CitizenNotice, Ground, Refusal, RefusalCount, RefusalDetails
from ticketing.schemas import Body, Moment
from ticketing.vocabulary import Action, Told
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.tickets import Number, TicketOut, Version, must_have_part, must_reach, ticket_out

TELLERS = people.DESK | people.CENTRE | {Role.VISIT_AGENT}
"""People who talk with citizens."""
REFUSERS = people.DESK | people.CENTRE | people.UNIT_HEAD
READERS = frozenset(Role) - {Role.KNOWLEDGE_EDITOR}
COUNTERS = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR})

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED)

Id = Annotated[int, Path(ge=1, lt=2**63)]


class RefusalIn(RefusalDetails):
    """A refusal; what is not given of basis and guidance is the ground's own."""

    version: Version = None


class ToldIn(BaseModel):
    """How the citizen was told."""

    model_config = ConfigDict(extra="forbid")

    how: Told
    note: Body = ""


class Counts(BaseModel):
    """Refusals of a period. They are demands like others, and counted as such elsewhere."""

    since: datetime
    before: datetime
    total: int
    grounds: list[RefusalCount]


@router.get("/tickets/{number}/refusal-grounds", dependencies=[roles(*REFUSERS)])
async def grounds(number: Number, actor: CurrentActor, session: Transaction) -> list[Ground]:
    """The grounds this ticket may be refused on: the seven, and the city's own as its policy has them."""
    await must_reach(session, number, actor)
    row = await repository.row(session, number)
    return refusing.grounds((await clocks.policies(session)).numbered(row.policy).policy)


@router.post("/tickets/{number}/refuse", dependencies=[roles(*REFUSERS)])
async def refuse(
    number: Number, body: RefusalIn, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """Refuse a demand (TH 10). The citizen is to be told; the notice is there at once."""
    await must_have_part(session, number, actor)
    details = RefusalDetails.model_validate(body.model_dump(exclude={"version"}))
    ticket = await lifecycle.apply(
        session,
        number,
        Action.REFUSE,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        details=details,
    )
    return ticket_out(ticket, actor)


@router.get("/tickets/{number}/refusal", dependencies=[roles(*READERS)])
async def refusal(number: Number, actor: CurrentActor, session: Transaction) -> Refusal:
    """Why a demand was refused; 404 if it was not."""
    await must_reach(session, number, actor)
    found = await refusing.of(session, number)
    if found is None:
        raise NotFound(f"{number} was not refused")
    return found


@router.get("/citizen-notices", dependencies=[roles(*TELLERS)])
async def notices(
    session: Transaction,
    number: Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,40}$")] = None,
    open_only: bool = False,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    *,
    pages: Paged,
) -> list[CitizenNotice]:
    """What citizens are to be told, oldest first; `id` goes into `after` for the next page."""
    found = await refusing.notices(session, number=number, open_only=open_only, after=after, limit=limit + 1)
    return list(pages.shown(found, limit, after=lambda notice: notice.id))


@router.post("/citizen-notices/{notice}/told", dependencies=[roles(*TELLERS)])
async def told(notice: Id, body: ToldIn, actor: CurrentActor, session: Transaction, services: Parts) -> CitizenNotice:
    """The citizen was told, or cannot be reached."""
    return await refusing.told(session, notice, body.how, note=body.note, by=actor.user, at=services.clock.now())


@router.get("/refusals/counts", dependencies=[roles(*COUNTERS)])
async def counts(session: Transaction, since: Annotated[Moment, Query()], before: Annotated[Moment, Query()]) -> Counts:
    """How often each ground was given. The seven include what a city's own grounds come under."""
    found = await refusing.counts(session, since=since, before=before)
    total = sum(one.count for one in found if not one.local_ground)
    return Counts(since=since, before=before, total=total, grounds=found)
