"""上下级与110对接: tickets that other platforms send, and ours that are handed over to them.

A platform signs what it sends with its key (`hotline partners key`) instead of signing in. Repeats are welcome: they
get the first one's answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directory.models import Role
from directory.models.targets import PARTNER_CODE
from directory.snapshot import PartnerPlatform
from hotline.errors import InvalidInput
from hotline.signing import BadSignature
from ticketing import people, repository
from ticketing.exchange import incoming, transfers
from ticketing.exchange.incoming import Answer, IncomingMessage, Sender
from ticketing.exchange.tables import ExchangeMessageRow, ExchangeTransferRow
from ticketing.exchange.transfers import TransferAnswer
from ticketing.exchange.words import Message, Outcome, TransferState
from ticketing.models import TicketRow
from ticketing.schemas import Body
from ticketing.vocabulary import State
from web.access import CurrentActor, Parts, Transaction, roles
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.routes.tickets import Number, desk_of
from web.services import Services
from web.signed import described, signed_request, where_wrong

router = APIRouter(tags=["exchange"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)


class InvalidMessage(InvalidInput):
    """What was sent does not have the form of a message."""

    code = "exchange.invalid_message"


class AnswerOut(BaseModel):
    """The answer to a message, the same for every repeat but for how the ticket stands."""

    model_config = ConfigDict(from_attributes=True)

    number: str
    """Theirs."""
    ticket: str
    """Ours."""
    state: State
    newest: int
    """The version of theirs that the ticket follows."""
    outcome: Outcome


class MessageOut(BaseModel):
    """A message that a platform sent. What it said is in the ticket."""

    model_config = ConfigDict(from_attributes=True)

    partner: str
    message: str
    number: str
    kind: Message
    version: int | None
    received_at: datetime
    outcome: Outcome


class TransferIn(BaseModel):
    """To whom a ticket is handed over, and why."""

    model_config = ConfigDict(extra="forbid")

    partner: Annotated[str, Field(pattern=f"^{PARTNER_CODE}$")]
    reason: Annotated[Body, Field(min_length=1)]


class TransferOut(BaseModel):
    """A ticket that was handed over, and what came back."""

    id: int
    ticket: str
    partner: str
    state: TransferState
    state_term: str
    reason: str
    ordered_by: str
    ordered_at: datetime
    their_number: str
    answered_at: datetime | None
    done_at: datetime | None
    result: str


@router.post("/api/exchange/incoming", response_model=AnswerOut, openapi_extra=described(IncomingMessage))
async def take(request: Request, session: Transaction, services: Parts) -> Answer:
    """A platform sends a ticket of its own, or urges or adds to one: by its number and version, in any order, as often
    as it likes."""
    signed = await signed_request(request, services, services.partner_keys)
    sender = Sender(_partner(services, signed.sender), services.settings.site.area_code)
    try:
        said = IncomingMessage.model_validate_json(signed.body)
    except ValidationError as error:
        raise InvalidMessage(where_wrong(error)) from None
    return await incoming.receive(
        session, desk_of(services), sender, said, message_id=signed.id, now=services.clock.now()
    )


@router.post("/api/exchange/transfers/{transfer}/answers", openapi_extra=described(TransferAnswer))
async def answered(
    transfer: Annotated[int, Path(ge=1, lt=2**63)], request: Request, session: Transaction, services: Parts
) -> TransferOut:
    """A platform accepts a ticket that was handed over to it, refuses it, or tells the result."""
    signed = await signed_request(request, services, services.partner_keys)
    partner = _partner(services, signed.sender)
    try:
        said = TransferAnswer.model_validate_json(signed.body)
    except ValidationError as error:
        raise InvalidMessage(where_wrong(error)) from None
    row = await transfers.answered(session, partner.code, transfer, said, at=services.clock.now())
    return await _out(session, row)


@router.get("/api/exchange/messages", dependencies=[roles(*_READERS)])
async def messages(
    session: Transaction,
    keyset: ByKeyset,
    partner: Annotated[str | None, Query(max_length=24)] = None,
    number: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[MessageOut]:
    """What platforms sent, newest first."""
    found = await keyset.rows(
        session,
        incoming.messages(partner, number),
        ExchangeMessageRow.received_at,
        ExchangeMessageRow.partner,
        ExchangeMessageRow.message,
        limit=limit,
    )
    return [MessageOut.model_validate(row) for row in found]


@router.post(
    "/api/tickets/{number}/transfers", status_code=status.HTTP_201_CREATED, dependencies=[roles(*people.CENTRE)]
)
async def hand_over(
    number: Number, body: TransferIn, actor: CurrentActor, session: Transaction, services: Parts
) -> TransferOut:
    """Hand a ticket over to 110, the province or another platform."""
    at = services.clock.now()
    row = await transfers.hand_over(session, number, body.partner, body.reason, actor, at=at)
    return await _out(session, row)


@router.get("/api/tickets/{number}/transfers", dependencies=[roles(*people.CENTRE, *people.RATERS, *_READERS)])
async def of_ticket(number: Number, session: Transaction) -> list[TransferOut]:
    """To whom a ticket was handed over, oldest first."""
    ticket = await repository.row(session, number)
    return [_transfer(row, number) for row in await transfers.of_ticket(session, ticket.id)]


def _partner(services: Services, code: str) -> PartnerPlatform:
    """The platform whose key it is; raises BadSignature for one that is out of use."""
    partner = services.directory.snapshot.partner(code)
    if partner is None:
        raise BadSignature("the signature does not fit")
    return partner


async def _out(session: Transaction, row: ExchangeTransferRow) -> TransferOut:
    return _transfer(row, (await session.get_one(TicketRow, row.ticket_id)).number)


def _transfer(row: ExchangeTransferRow, number: str) -> TransferOut:
    state = TransferState(row.state)
    return TransferOut(
        id=row.id,
        ticket=number,
        partner=row.partner,
        state=state,
        state_term=state.term,
        reason=row.reason,
        ordered_by=row.ordered_by,
        ordered_at=row.ordered_at,
        their_number=row.their_number,
        answered_at=row.answered_at,
        done_at=row.done_at,
        result=row.result,
    )
