"""数据推送: who is told of tickets, how far each has come, and its feed to fetch.

A receiver signs its question (`hotline.signing`) with the key that pushes to it are signed with; people of a unit read
their unit's feed signed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field, model_validator

from directory import reads
from directory.models import Role
from directory.models.targets import PARTNER_CODE
from hotline import signing
from hotline.signing import Keys
from ticketing import people
from ticketing.errors import NotYourUnitsTicket
from ticketing.exchange import feed, receivers
from ticketing.exchange.errors import ReceiverNotFound
from ticketing.exchange.receivers import Receiver, Standing
from ticketing.exchange.tables import ExchangeReceiverRow
from ticketing.exchange.words import Personal, Scope
from ticketing.schemas import Moment, UnitId
from web.access import CurrentActor, Parts, Transaction, roles
from web.administration import Administration, Name
from web.problems import DOCUMENTED
from web.signed import HEADERS, signed_request

router = APIRouter(prefix="/api/exchange", tags=["exchange"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)

Code = Annotated[str, Path(pattern=f"^{PARTNER_CODE}$")]
Position = Annotated[int, Path(ge=1, lt=2**63)]
After = Annotated[int, Query(ge=0, lt=2**63, description="The last position that was read; 0: from the beginning.")]
Limit = Annotated[int, Query(ge=1, le=feed.LONGEST_PAGE)]


class ReceiverIn(BaseModel):
    """A receiver (订阅方): a unit's system, a platform's, or one that may know of all tickets."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scope: Scope
    unit_id: UnitId | None = None
    partner: Annotated[str, Field(pattern=f"^{PARTNER_CODE}$")] | None = None
    personal: Personal = Personal.MASKED
    webhook: Annotated[str, Field(max_length=500)] = ""
    """Where events are pushed to; empty: it fetches them."""
    enabled: bool = True


class NewReceiver(ReceiverIn):
    """A receiver as it is entered or changed."""

    since: Moment | None = Field(
        None, description="A new one gets what happened since then; null: from now on. Of no use to one that is there."
    )


class ReceiverOut(ReceiverIn):
    """A receiver as it stands."""

    code: str
    last: int
    """The newest position in its feed."""
    waiting: int
    """Events of its feed that its webhook has not taken; counts with a webhook alone."""
    parked: int
    failures: int
    """Tries in vain since it answered last."""
    failing_since: datetime | None
    resting_until: datetime | None
    answered_at: datetime | None
    has_key: bool
    """Whether this host has a key to sign with: `hotline exchange key`, or `hotline partners key` of a platform."""


class ParkedOut(BaseModel):
    """An event that a receiver refuses; later ones of its ticket wait behind it."""

    receiver: str
    position: int
    event: str
    action: str
    attempts: int
    failing_since: datetime | None
    why: str


class ReplayIn(BaseModel):
    """From where on everything is pushed again."""

    model_config = ConfigDict(extra="forbid")

    position: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    since: Moment | None = Field(None, description="From the first event at or after this moment on.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.position is None) == (self.since is None):
            raise ValueError("position or since")
        return self


class FeedPage(BaseModel):
    """Part of a feed, in order and without a gap. `next` goes into `after`; once it is `last` there is no more yet."""

    events: list[dict[str, Any]]
    next: int
    last: int


class _One:
    """The keys of one receiver, whatever name it gives."""

    def __init__(self, keys: Keys, name: str) -> None:
        self._keys = keys
        self._name = name

    def of(self, _partner: str, /) -> Sequence[bytes]:
        return self._keys.of(self._name)


@router.get("/receivers", dependencies=[roles(*_READERS)])
async def listed(session: Transaction, services: Parts) -> list[ReceiverOut]:
    """Every receiver by its code, and how far it has come."""
    known = services.partner_keys.partners()
    return [_out(one, known) for one in await receivers.standing(session)]


@router.put("/receivers/{code}", dependencies=[roles(Role.ADMIN)])
async def save(code: Code, body: NewReceiver, change: Administration) -> ReceiverOut:
    """Enter a receiver, or change it. Its key is given on the host: `hotline exchange key`."""
    session, services = change.session, change.services
    found = await receivers.standing(session)
    before = next((_entry(one.row) for one in found if one.row.code == code), None)
    entry = Receiver(**body.model_dump(exclude={"since"}))
    await receivers.save(
        session,
        code,
        entry,
        named_hosts=services.settings.exchange.allowed_hosts,
        since=body.since or services.clock.now(),
    )
    await change.record("exchange.receiver_saved", f"receiver:{code}", before, entry)
    known = services.partner_keys.partners()
    return next(_out(one, known) for one in await receivers.standing(session) if one.row.code == code)


@router.delete("/receivers/{code}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove(code: Code, change: Administration) -> None:
    """Take a receiver away, with its feed."""
    before = _entry(await receivers.one(change.session, code))
    await receivers.remove(change.session, code)
    await change.record("exchange.receiver_removed", f"receiver:{code}", before)


@router.post("/receivers/{code}/replay", dependencies=[roles(Role.ADMIN)])
async def replay(code: Code, body: ReplayIn, change: Administration) -> ReceiverOut:
    """Push everything from a position, or a moment, on again, under the same event ids."""
    session = change.session
    position = body.position
    if position is None and body.since is not None:
        await receivers.one(session, code)
        position = await receivers.position_at(session, code, body.since)
    await receivers.replay(session, code, position or 1)
    await change.record("exchange.replayed", f"receiver:{code}", after={"position": position})
    known = change.services.partner_keys.partners()
    return next(_out(one, known) for one in await receivers.standing(session) if one.row.code == code)


@router.get("/parked", dependencies=[roles(*_READERS)])
async def parked(session: Transaction, receiver: Annotated[str | None, Query(max_length=24)] = None) -> list[ParkedOut]:
    """What receivers refuse, and what somebody has to look at."""
    return [
        ParkedOut(
            receiver=row.receiver,
            position=row.position,
            event=uid,
            action=action,
            attempts=row.attempts,
            failing_since=row.failing_since,
            why=row.why,
        )
        for row, uid, action in await receivers.parked(session, receiver)
    ]


@router.post(
    "/receivers/{code}/parked/{position}/retry",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)],
)
async def retry(code: Code, position: Position, change: Administration) -> None:
    """Try a parked event again, and what waits behind it after it."""
    await receivers.release(change.session, code, position, now=change.services.clock.now())
    await change.record("exchange.retried", f"receiver:{code}", after={"position": position})


@router.post(
    "/receivers/{code}/parked/{position}/skip",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[roles(Role.ADMIN)],
)
async def skip(code: Code, position: Position, change: Administration) -> None:
    """Leave a parked event out; what waits behind it goes on."""
    await receivers.release(change.session, code, position, now=change.services.clock.now(), skip=True)
    await change.record("exchange.skipped", f"receiver:{code}", after={"position": position})


@router.get("/feed", openapi_extra={"parameters": HEADERS})
async def fetch(
    request: Request, session: Transaction, services: Parts, after: After = 0, limit: Limit = 100
) -> FeedPage:
    """A receiver fetches what it is told, signed with its key."""
    claim = signing.claimed(request.headers)
    try:
        receiver = await receivers.one(session, claim.sender)
    except ReceiverNotFound:
        raise signing.BadSignature("the signature does not fit") from None
    await signed_request(request, services, _One(services.partner_keys, receivers.key_name(receiver)))
    if not receiver.enabled:
        raise signing.BadSignature("the signature does not fit")
    return await _page(session, services, receiver, after=after, limit=limit, by=f"receiver:{receiver.code}")


@router.get("/unit-feed", dependencies=[roles(*people.OF_A_UNIT)])
async def of_my_unit(
    actor: CurrentActor, session: Transaction, services: Parts, after: After = 0, limit: Limit = 100
) -> FeedPage:
    """People of a unit read what their unit is told."""
    if actor.unit_id is None:
        raise NotYourUnitsTicket("of no unit")
    receiver = await receivers.of_unit(session, actor.unit_id)
    if not receiver.enabled:
        raise ReceiverNotFound("the unit's receiver is out of use")
    return await _page(session, services, receiver, after=after, limit=limit, by=actor.user)


async def _page(
    session: Transaction, services: Parts, receiver: ExchangeReceiverRow, *, after: int, limit: int, by: str
) -> FeedPage:
    page = await feed.page(session, receiver, after=after, limit=limit, site=services.settings.site.id)
    if page.events and receiver.personal != Personal.NONE:
        # What goes out with citizens' data is an export (TH 23).
        await reads.note(
            session,
            at=services.clock.now(),
            actor=by,
            action="exchange.fetched",
            subject=f"receiver:{receiver.code}",
            why={"from": page.events[0]["position"], "to": page.next},
        )
    return FeedPage(events=page.events, next=page.next, last=page.last)


def _entry(row: ExchangeReceiverRow) -> Receiver:
    return Receiver(
        name=row.name,
        scope=Scope(row.scope),
        personal=Personal(row.personal),
        unit_id=row.unit_id,
        partner=row.partner,
        webhook=row.webhook,
        enabled=row.enabled,
    )


def _out(one: Standing, known: set[str]) -> ReceiverOut:
    row, entry = one.row, _entry(one.row)
    return ReceiverOut(
        code=row.code,
        name=entry.name,
        scope=entry.scope,
        unit_id=entry.unit_id,
        partner=entry.partner,
        personal=entry.personal,
        webhook=entry.webhook,
        enabled=entry.enabled,
        last=row.last,
        waiting=one.waiting if row.webhook else 0,
        parked=one.parked,
        failures=row.failures,
        failing_since=row.failing_since,
        resting_until=row.resting_until,
        answered_at=row.answered_at,
        has_key=receivers.key_name(row) in known,
    )
