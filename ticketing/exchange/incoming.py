"""Tickets of other platforms (省平台、110) become ours: sent as often and in whatever order, one ticket in its newest
state (SMX 二(一), YZ 二(三), SX 三(二)).

A platform knows a ticket by its own number and counts its versions. The newest is what our ticket follows; an older one
that comes late is kept and changes nothing; a repeat gets the answer of the first. What they urge or add is part of the
ticket's history.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import PartnerKind, Role
from directory.numbers import caller
from directory.snapshot import PartnerPlatform
from ticketing import lifecycle, repository
from ticketing.exchange.errors import TicketUnknownYet, VersionChanged
from ticketing.exchange.tables import ExchangeIncomingRow, ExchangeMessageRow
from ticketing.exchange.words import Message, Outcome
from ticketing.handling import records
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.relations import texts
from ticketing.schemas import (
    Actor,
    AreaCode,
    Body,
    Details,
    Intake,
    Line,
    Name,
    TheirNumber,
    Title,
    WrittenNumber,
)
from ticketing.vocabulary import Action, Confidentiality, Source, State, TicketType, Urgency

SOURCES: Final = MappingProxyType(
    {
        PartnerKind.BRANCH: Source.BRANCH,
        PartnerKind.POLICE: Source.POLICE_110,
        PartnerKind.PROVINCE: Source.PROVINCE,
        PartnerKind.EMERGENCY: Source.PLATFORM,
        PartnerKind.UTILITY: Source.PLATFORM,
        PartnerKind.OTHER: Source.PLATFORM,
    }
)
"""The source (诉求来源) of a ticket by who sent it."""


class IncomingTicket(BaseModel):
    """A ticket as it stands with the platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: TicketType = TicketType.HELP
    title: Title
    content: Body = ""
    caller_number: WrittenNumber = Field("", description="The citizen's number, in any form; empty: withheld.")
    caller_name: Name = ""
    address: Line = ""
    area_code: AreaCode = ""
    urgency: Urgency = Urgency.GENERAL
    confidentiality: Confidentiality = Confidentiality.OPEN


class IncomingMessage(BaseModel):
    """What a platform sends of one of its tickets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: TheirNumber = Field(description="The platform's own number of the ticket.")
    kind: Message = Message.TICKET
    version: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description="Of the ticket, rising with each change; only with kind `ticket`."
    )
    ticket: IncomingTicket | None = Field(None, description="With kind `ticket`.")
    note: Annotated[Body, Field(min_length=1)] | None = Field(
        None, description="What is urged (催办) or added (补充); not with kind `ticket`."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        of_ticket = self.kind is Message.TICKET
        if of_ticket != (self.version is not None) or of_ticket != (self.ticket is not None):
            raise ValueError("version and ticket go with kind ticket, and with it alone")
        if of_ticket == (self.note is not None):
            raise ValueError("note goes with kinds urge and supplement, and with them alone")
        return self

    def digest(self) -> bytes:
        """SHA-256 of what it says, however it was written down."""
        return hashlib.sha256(self.model_dump_json().encode()).digest()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and how what it sends is read. `area_code`: of callers' numbers that have none."""

    partner: PartnerPlatform
    area_code: str

    @property
    def actor(self) -> Actor:
        """As whoever takes demands: the platform's people did."""
        return Actor(f"partner:{self.partner.code}", frozenset({Role.AGENT}))

    def known(self, written: str) -> str:
        """A caller's number as tickets keep it; empty: none that anybody could dial."""
        return caller(written, self.area_code).number or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a message. `ticket` is our number, `state` how it stands, `newest` the version it follows."""

    number: str
    ticket: str
    state: State
    newest: int
    outcome: Outcome


async def receive(
    session: AsyncSession,
    desk: IntakeDesk,
    sender: Sender,
    said: IncomingMessage,
    *,
    message_id: str,
    now: datetime,
) -> Answer:
    """Take a message of a platform; `message_id` is the one its request is signed with. Messages about one ticket are
    taken one after the other.

    Raises VersionChanged, TicketUnknownYet. The caller commits.
    """
    code = sender.partner.code
    row = await _locked(session, code, said.number)
    key = f"v{said.version}:{said.number}" if said.kind is Message.TICKET else f"m:{message_id}"
    earlier = await session.get(ExchangeMessageRow, (code, _short(key)), populate_existing=True)
    if earlier is not None:
        if earlier.digest != said.digest():
            raise VersionChanged("another content was sent under this version or id")
        return await _answer(session, row, Outcome(earlier.outcome))
    if said.ticket is None or said.version is None:
        outcome = await _words(session, row, said, sender, now)
    elif row.ticket_id is None:
        ticket = await desk.register(session, _intake(said.ticket, sender), sender.actor)
        row.ticket_id, row.version = (await repository.row(session, ticket.number)).id, said.version
        outcome = Outcome.CREATED
    elif said.version <= row.version:
        outcome = Outcome.OUTDATED
    else:
        row.version = said.version
        outcome = await _update(session, row, said.ticket, sender, now)
    session.add(
        ExchangeMessageRow(
            partner=code,
            message=_short(key),
            number=said.number,
            kind=said.kind.value,
            version=said.version,
            digest=said.digest(),
            received_at=now,
            outcome=outcome.value,
        )
    )
    await session.flush()
    return await _answer(session, row, outcome)


async def noted(session: AsyncSession, partner: str, number: str, note: str, *, at: datetime) -> str | None:
    """Write down what a platform says of a ticket of its own that it has sent as one; returns our number. None: it has
    not, or the ticket is closed; nobody else takes it until the transaction ends."""
    row = await _locked(session, partner, number)
    if not row.version or not State((ticket := await _ours(session, row)).state).open:
        return None
    actor = Actor(f"partner:{partner}", frozenset({Role.AGENT}))
    details = Details(note=note)
    await lifecycle.apply(
        session, ticket.number, Action.SUPPLEMENT, actor, version=ticket.version, at=at, details=details
    )
    return ticket.number


async def link(session: AsyncSession, partner: str, number: str, ticket: str) -> None:
    """A platform's ticket that came another way (数据随话务) is this one of ours: what it sends of it later follows."""
    row = await _locked(session, partner, number)
    row.ticket_id = (await repository.row(session, ticket)).id
    await session.flush()


def messages(partner: str | None = None, number: str | None = None) -> Select[ExchangeMessageRow]:
    """What platforms sent: one of them, of one of its numbers."""
    query = select(ExchangeMessageRow)
    if partner is not None:
        query = query.where(ExchangeMessageRow.partner == partner)
    return query if number is None else query.where(ExchangeMessageRow.number == number)


def _short(key: str) -> str:
    """A key of any length in the length of the column, and never the same for two."""
    return key if len(key) <= 80 else f"h:{hashlib.sha256(key.encode()).hexdigest()}"


async def _locked(session: AsyncSession, partner: str, number: str) -> ExchangeIncomingRow:
    await session.execute(
        insert(ExchangeIncomingRow).values(partner=partner, number=number, version=0).on_conflict_do_nothing()
    )
    wanted = select(ExchangeIncomingRow).where(
        ExchangeIncomingRow.partner == partner, ExchangeIncomingRow.number == number
    )
    return (await session.scalars(wanted.with_for_update().execution_options(populate_existing=True))).one()


async def _answer(session: AsyncSession, row: ExchangeIncomingRow, outcome: Outcome) -> Answer:
    ticket = await session.get_one(TicketRow, row.ticket_id, populate_existing=True)
    return Answer(row.number, ticket.number, State(ticket.state), row.version, outcome)


def _intake(said: IncomingTicket, sender: Sender) -> Intake:
    known = sender.known(said.caller_number)
    fields = said.model_dump() | {"caller_number": known, "content": _content(said, known)}
    return Intake(**fields, source=SOURCES[sender.partner.kind], hotline=sender.partner.line)


def _content(said: IncomingTicket, known: str) -> str:
    """With the number as it was written, where it is none that can be dialled: rather that than none."""
    odd = said.caller_number and not known
    return f"{said.content}\n来电号码（原文）：{said.caller_number}".strip() if odd else said.content


async def _update(
    session: AsyncSession,
    row: ExchangeIncomingRow,
    said: IncomingTicket,
    sender: Sender,
    now: datetime,
) -> Outcome:
    ticket = await _ours(session, row)
    state = State(ticket.state)
    if not state.open:
        return Outcome.AFTER_CLOSE
    known = sender.known(said.caller_number)
    given = said.model_dump(mode="json") | {"caller_number": known, "content": _content(said, known)}
    changes = {name: str(value) for name, value in given.items() if getattr(ticket, name) != value}
    if state is State.REGISTERED:
        action, details = Action.AMEND, Details()
    else:
        # Clocks and units follow type and urgency: of a ticket under way the centre decides on them.
        asked = [
            f"{name}：{term}"
            for name, field, term in (
                ("类型", "type", said.type.term),
                ("紧急程度", "urgency", said.urgency.term),
                ("所属区域", "area_code", said.area_code),
            )
            if changes.pop(field, None) is not None
        ]
        if said.confidentiality is Confidentiality.OPEN:
            # Who asked for confidence keeps it.
            changes.pop("confidentiality", None)
        note = "；".join([f"来源平台更新至第{row.version}版", *asked])
        action, details = Action.SUPPLEMENT, Details(note=note)
    if action is Action.AMEND and not changes:
        return Outcome.UPDATED
    await lifecycle.apply(
        session, ticket.number, action, sender.actor, version=ticket.version, at=now, details=details, changes=changes
    )
    await texts.remember(session, await repository.row(session, ticket.number))
    return Outcome.UPDATED


async def _words(
    session: AsyncSession, row: ExchangeIncomingRow, said: IncomingMessage, sender: Sender, now: datetime
) -> Outcome:
    if row.ticket_id is None:
        raise TicketUnknownYet(remedy="send the ticket first, then this again under the same id")
    ticket = await _ours(session, row)
    if not State(ticket.state).open:
        return Outcome.AFTER_CLOSE
    action = Action.URGE if said.kind is Message.URGE else Action.SUPPLEMENT
    details = Details(note=said.note or "")
    await lifecycle.apply(session, ticket.number, action, sender.actor, version=ticket.version, at=now, details=details)
    return Outcome.NOTED


async def _ours(session: AsyncSession, row: ExchangeIncomingRow) -> TicketRow:
    """Our ticket, locked, so that nobody's action comes between reading its version and taking ours."""
    number = (await session.get_one(TicketRow, row.ticket_id)).number
    return await records.locked_ticket(session, number)
