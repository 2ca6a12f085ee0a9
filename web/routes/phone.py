"""What an agent's page needs for its browser phone (网页话机)."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from web.access import CurrentAgent, CurrentSession, Parts, Transaction
from web.phone.proof import session_password
from web.phone.seats import PhoneKind, extension_of, kind_of
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/phone", tags=["agents"], responses=DOCUMENTED)

DOMAIN: Final = "hotline.invalid"
"""Of every phone's address. Nobody looks it up: there is one way to Asterisk."""


class PhoneOut(BaseModel):
    """What rings at the agent's seat: `desk`, a phone on the table; `none`, no seat was named. Only `browser` has the
    rest."""

    kind: PhoneKind
    extension: str | None
    uri: str | None = Field(None, description="Address of the phone, sip:")
    authorization_user: str | None = None
    password: str | None = Field(
        None, description="Good for this session and through /sip alone. Never kept, never logged."
    )
    socket: str | None = Field(None, description="Path of the WebSocket, subprotocol `sip`.")
    register_expires: int | None = Field(None, description="Seconds between two registrations.")


@router.get("")
async def phone(
    *,
    response: Response,
    signed_in: CurrentSession,
    agent: CurrentAgent,
    session: Transaction,
    services: Parts,
    extension: Annotated[
        str | None, Query(pattern=r"^[0-9]{2,8}$", description="Of the seat; without it the agent's own.")
    ] = None,
) -> PhoneOut:
    """The phone of the agent's seat: where the agent is signed in (签入), else `extension`, else their own. A seat that
    is another agent's is refused."""
    seat = await extension_of(session, services, agent, extension)
    kind = kind_of(services.settings, seat)
    response.headers["Cache-Control"] = "no-store"
    if seat is None or kind is not PhoneKind.BROWSER:
        return PhoneOut(kind=kind, extension=seat)
    return PhoneOut(
        kind=kind,
        extension=seat,
        uri=f"sip:{seat}@{DOMAIN}",
        authorization_user=seat,
        password=session_password(services.phone_password(seat), signed_in.session_id),
        socket=f"/sip?extension={seat}",
        register_expires=120,
    )
