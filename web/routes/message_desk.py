"""Messages (留言) that wait for an agent: taken, heard, made a ticket."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict

from calls.callback_models import Transcription
from calls.message_desk import MessageDesk
from calls.message_files import kept_wave
from hotline.privacy import mask_number
from ticketing import people, repository
from ticketing.attachments.keeping import Attachments
from ticketing.schemas import Intake, Ticket
from web.access import CurrentActor, Parts, Transaction, roles
from web.administration import Administration
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.tickets import TicketOut, desk_of, ticket_out
from web.services import Services

router = APIRouter(
    prefix="/api/message-desk", tags=["messages"], responses=DOCUMENTED, dependencies=[roles(*people.DESK)]
)

MessageId = Annotated[int, Path(ge=1, lt=2**63)]


class WaitingMessageOut(BaseModel):
    """A message that nobody has taken; of the caller's number the ends are shown."""

    id: int
    caller: str
    line: str
    left_at: datetime
    duration_ms: int
    ticket: str | None


class TakenMessageOut(BaseModel):
    """A message that the asker has taken. `ticket`: what it has become already."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    call_id: str
    caller: str | None
    line: str
    left_at: datetime
    duration_ms: int
    transcription: Transcription
    transcript: str | None
    ticket: str | None
    taken_by: str
    taken_at: datetime


@router.get("")
async def waiting(
    session: Transaction,
    services: Parts,
    pages: Paged,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[WaitingMessageOut]:
    """Messages that nobody has taken, oldest first."""
    rows = await _desk(services).waiting(session, after=after, limit=limit)
    return [
        WaitingMessageOut(
            id=row.id,
            caller=mask_number(row.caller or ""),
            line=row.line,
            left_at=row.left_at,
            duration_ms=row.duration_ms,
            ticket=row.ticket,
        )
        for row in pages.shown(rows, limit, after=lambda row: row.id)
    ]


@router.post("/{message}/take")
async def take(message: MessageId, actor: CurrentActor, session: Transaction, services: Parts) -> TakenMessageOut:
    """Take a message; 409 (`message.taken`) once another agent has it."""
    row = await _desk(services).take(session, message, actor, at=services.clock.now())
    return TakenMessageOut.model_validate(row)


@router.get("/{message}/sound", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def sound(message: MessageId, actor: CurrentActor, change: Administration) -> Response:
    """A message the asker has taken, as a WAV file. 404 on another host than the one that took it. In the audit log."""
    row = await _desk(change.services).of(change.session, message, actor)
    content = await asyncio.to_thread(kept_wave, change.services.settings.var_dir / "messages", row.call_id, row.sha256)
    if row.heard_at is None:
        row.heard_at, row.heard_by = change.services.clock.now(), change.actor
    await change.record("message.heard", f"message:{message}")
    return Response(content, media_type="audio/wav", headers={"Cache-Control": "no-store"})


@router.post("/{message}/ticket", status_code=status.HTTP_201_CREATED)
async def register(
    message: MessageId, intake: Intake, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """Make a message the asker has taken a ticket (来源：语音留言), with its caller, call and sound; one that is a
    ticket already keeps it."""
    number, _ = await _desk(services).register(session, message, intake, actor, at=services.clock.now())
    return ticket_out(Ticket.model_validate(await repository.row(session, number)), actor)


def _desk(services: Services) -> MessageDesk:
    settings = services.settings
    return MessageDesk(
        desk=desk_of(services),
        attachments=Attachments.of(settings),
        kept=settings.var_dir / "messages",
        process=f"{settings.asterisk.systemname}/web",
    )
