"""Demands that gateways send (短信、微信、微博、客户端网关): signed, each a ticket once.

The id of the signature, `X-Hotline-Id`, is the key that makes a repeat known: with the same demand it gets the first
one's answer, with another it is refused (`channel.key_taken`).
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ValidationError

from hotline.signing import BadSignature
from ticketing.channels import registry
from ticketing.channels.errors import ChannelNotFound, DemandInvalid
from ticketing.channels.receiving import GatewayDemand, Reception
from ticketing.progress import typed_number
from web.access import Parts
from web.problems import DOCUMENTED
from web.routes.tickets import desk_of
from web.signed import described, signed_request, where_wrong

router = APIRouter(prefix="/api/channels/demands", tags=["channels"], responses=DOCUMENTED)


class GatewayReceiptOut(BaseModel):
    """The answer to a demand, the same for every repeat."""

    id: str
    number: str
    typed_number: str
    query_code: str | None
    received_at: datetime


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=described(GatewayDemand))
async def send(request: Request, services: Parts) -> GatewayReceiptOut:
    """A gateway's demand becomes a ticket. Signed; a repeat is welcome."""
    signed = await signed_request(request, services, services.channel_keys)
    try:
        demand = GatewayDemand.model_validate_json(signed.body)
    except ValidationError as error:
        raise DemandInvalid(where_wrong(error)) from None
    reception = Reception(desk_of(services), services.progress.codes)
    async with services.database.transaction() as session:
        try:
            channel = await registry.one(session, signed.sender)
        except ChannelNotFound:
            # A key without a channel proves nothing, and says no more than a wrong one.
            raise BadSignature("the signature does not fit") from None
        received = await reception.receive(session, channel, signed.id, demand, now=services.clock.now())
    return GatewayReceiptOut(
        id=signed.id,
        number=received.ticket,
        typed_number=typed_number(received.ticket, services.settings.site.id),
        query_code=received.query_code,
        received_at=received.received_at,
    )
