"""A demand that a channel brings becomes a ticket, once (TH 8, 14).

The channel's key makes a repeat known. A citizen, or a gateway, whose answer was lost asks again and gets the first
one's answer, the query code (查询码) included: it is made of the key under a secret, and nothing need be kept of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.channels.errors import KeyTaken, RequestNotFound
from ticketing.channels.registry import Channel
from ticketing.channels.tables import IntakeRequestRow
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.progress_codes import QueryCodes
from ticketing.schemas import Actor, AreaCode, Body, CategoryCode, Intake, Line, Name, Title, WrittenNumber, printable
from ticketing.vocabulary import Confidentiality, Source, TicketType, Urgency

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{8,64}$")]
"""Chosen by who sends; of a citizen's form nobody else may guess it."""
ContactAddress = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]


class Demand(BaseModel):
    """What a citizen says through a channel. An anonymous one (匿名) holds nothing that says who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: Title
    content: Annotated[Body, Field(min_length=1)]
    type: TicketType = TicketType.HELP
    caller_number: WrittenNumber = Field("", description="The citizen's telephone number, in any form.")
    caller_name: Name = ""
    address: Line = Field("", description="The place the demand is about.")
    area_code: AreaCode = Field("", description="Administrative division code of that place, 6 or 12 digits.")
    category: CategoryCode = ""
    confidentiality: Confidentiality = Confidentiality.OPEN

    @model_validator(mode="after")
    def _anonymous(self) -> Self:
        if self.confidentiality is Confidentiality.ANONYMOUS and (self.caller_number or self.caller_name):
            raise ValueError("an anonymous demand holds no name and no number")
        return self


class GatewayDemand(Demand):
    """The same from a gateway, which says where it came from and how the citizen is reached there."""

    source: Source | None = Field(None, description="Needed where the channel has several.")
    contact: ContactAddress = Field("", description="The citizen's account there, to answer to.")
    urgency: Urgency = Urgency.GENERAL

    @model_validator(mode="after")
    def _visible_contact(self) -> Self:
        printable(self.contact)
        if self.contact and self.confidentiality is Confidentiality.ANONYMOUS:
            raise ValueError("an anonymous demand holds no contact")
        return self


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a demand, the same for every repeat: `query_code` is None once the citizen was given another."""

    ticket: str
    query_code: str | None = field(repr=False)
    received_at: datetime
    repeated: bool


class Reception:
    """Where channels' demands are taken in. Nothing here commits: the caller's transaction does."""

    def __init__(self, desk: IntakeDesk, codes: QueryCodes) -> None:
        self._desk = desk
        self._codes = codes

    async def receive(
        self, session: AsyncSession, channel: Channel, key: str, demand: Demand, *, now: datetime
    ) -> Received:
        """Make the demand's ticket, or give the first one's answer again. Of two at the same time the second waits
        until the first is committed.

        Raises ChannelSuspended, SourceNotAllowed, SourceMissing, KeyTaken, and what IntakeDesk.register and
        QueryCodes.first raise. What was answered before is answered again even where the channel is suspended now.
        """
        digest = hashlib.sha256(demand.model_dump_json().encode()).digest()
        earlier = await session.get(IntakeRequestRow, (channel.code, key), populate_existing=True)
        if earlier is None:
            channel.must_be_open()
        gateway = demand if isinstance(demand, GatewayDemand) else None
        source = channel.source(gateway.source if gateway else None)
        new = {
            "digest": digest,
            "source": source.value,
            "contact": gateway.contact if gateway else "",
            "received_at": now,
        }
        if earlier is None and await _first(session, channel.code, key, new):
            return await self._register(session, channel, key, demand, source=source, digest=digest, now=now)
        row = await session.get(IntakeRequestRow, (channel.code, key), populate_existing=True)
        if row is None or row.ticket_id is None:
            raise RequestNotFound("the demand is gone")
        if row.digest != digest:
            raise KeyTaken("another demand was sent under this key")
        ticket = await ticket_of(session, channel.code, key)
        code = await self.code_again(session, channel.code, key)
        return Received(ticket.number, code, row.received_at, repeated=True)

    async def code_again(self, session: AsyncSession, channel: str, key: str) -> str | None:
        """The query code of a demand's ticket; None once the citizen was given another. Raises RequestNotFound."""
        ticket = await ticket_of(session, channel, key)
        row = await session.get_one(IntakeRequestRow, (channel, key))
        return await self._codes.derived_again(session, ticket.number, _seed(channel, key, row.digest))

    async def _register(
        self,
        session: AsyncSession,
        channel: Channel,
        key: str,
        demand: Demand,
        *,
        source: Source,
        digest: bytes,
        now: datetime,
    ) -> Received:
        fields = demand.model_dump(exclude={"source", "contact"})
        # As whoever takes demands: the channel stands where an agent would.
        actor = Actor(f"channel:{channel.code}", frozenset({Role.AGENT}))
        ticket = await self._desk.register(session, Intake(**fields, source=source), actor)
        row = await session.get_one(IntakeRequestRow, (channel.code, key), populate_existing=True)
        row.ticket_id = (await repository.row(session, ticket.number)).id
        seed = _seed(channel.code, key, digest)
        code = await self._codes.first(session, ticket.number, by=actor.user, at=now, seed=seed)
        await session.flush()
        return Received(ticket.number, code, now, repeated=False)


async def ticket_of(session: AsyncSession, channel: str, key: str) -> TicketRow:
    """The ticket that a channel's demand became. Raises RequestNotFound."""
    row = await session.get(IntakeRequestRow, (channel, key), populate_existing=True)
    ticket = await session.get(TicketRow, row.ticket_id) if row is not None and row.ticket_id is not None else None
    if ticket is None:
        raise RequestNotFound("no demand under this key")
    return ticket


async def _first(session: AsyncSession, channel: str, key: str, new: Mapping[str, Any]) -> bool:
    statement = insert(IntakeRequestRow).values(channel=channel, key=key, **new).on_conflict_do_nothing()
    made = await session.execute(statement.returning(IntakeRequestRow.key))
    return made.scalar_one_or_none() is not None


def _seed(channel: str, key: str, digest: bytes) -> str:
    return f"{channel}\n{key}\n{digest.hex()}"
