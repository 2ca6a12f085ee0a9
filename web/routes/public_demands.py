"""网上诉求表单: a citizen writes a demand down without a login, and is told the number and query code to ask with."""

from __future__ import annotations

import secrets
from datetime import datetime

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from ticketing.channels import registry
from ticketing.channels.receiving import Demand, Key, Reception
from ticketing.channels.words import FORM
from ticketing.progress import typed_number
from web.access import Parts, Transaction
from web.problems import DOCUMENTED, Problem
from web.public_limits import per_minute
from web.routes.tickets import desk_of

router = APIRouter(
    prefix="/api/public/demands",
    tags=["public"],
    responses=DOCUMENTED | {429: {"model": Problem, "description": "Too many requests from this address"}},
)


class Form(Demand):
    """A filled-in form."""

    request_key: Key | None = Field(
        None, description="Made at random when the form is opened: sent again with it, the first answer comes back."
    )


class ReceiptOut(BaseModel):
    """What the citizen keeps."""

    number: str
    typed_number: str
    """The digits that are typed on a telephone to ask how it stands."""
    query_code: str | None
    """Null in the answer to a repeat once the citizen was given another code."""
    received_at: datetime


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[per_minute("demands")])
async def send(form: Form, session: Transaction, services: Parts) -> ReceiptOut:
    """A citizen's demand becomes a ticket. `confidential` hides the citizen from units, `anonymous` holds no name and
    number at all (TH 4, 17)."""
    channel = await registry.one(session, FORM)
    demand = Demand.model_validate(form.model_dump(exclude={"request_key"}))
    key = form.request_key or secrets.token_hex(16)
    reception = Reception(desk_of(services), services.progress.codes)
    received = await reception.receive(session, channel, key, demand, now=services.clock.now())
    return ReceiptOut(
        number=received.ticket,
        typed_number=typed_number(received.ticket, services.settings.site.id),
        query_code=received.query_code,
        received_at=received.received_at,
    )
