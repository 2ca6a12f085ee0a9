"""附件: files of a ticket, added by people, by the citizen with the query code, and by gateways.

The file is the body, its name is in the query. What it is, its own bytes say. Each reading is in the audit log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict

from directory.models import Role
from ticketing import people, repository
from ticketing.attachments import keeping
from ticketing.attachments.keeping import Attachments
from ticketing.attachments.tables import AttachmentRow
from ticketing.channels.receiving import ticket_of
from ticketing.channels.words import FORM
from ticketing.progress import number_of
from web.access import CurrentActor, Parts, SignedInBefore, Transaction, actor_of, roles
from web.administration import Administration, Change, Reason
from web.file_uploads import Uploads
from web.problems import DOCUMENTED, Problem
from web.public_limits import ClientAddress, per_minute
from web.routes.tickets import OF_THE_CENTRE, READERS, Number, check_reader, hides_caller
from web.signed import HEADERS, signed_request

UPLOADS: Final = (
    r"/api/tickets/[A-Z0-9]{1,40}/attachments"
    r"|/api/public/demands/[A-Za-z0-9 %]{1,120}/attachments"
    r"|/api/channels/demands/[^/]{1,200}/attachments"
)
"""Paths whose requests may hold a file."""

ADDERS = people.DESK | people.CENTRE | people.VISITORS | people.UNIT
_RELEASERS = tuple(people.CENTRE)
_FILE = {"requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}}

router = APIRouter(prefix="/api", tags=["attachments"], responses=DOCUMENTED)

FileName = Annotated[
    str, Query(min_length=1, max_length=255, description="The file's name; only its last part counts.")
]
AttachmentId = Annotated[int, Path(ge=1, lt=2**63)]


class AttachmentOut(BaseModel):
    """A file of a ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    kind: str
    """Media type, by what it holds."""
    bytes: int
    sha256: str
    released: bool
    """Whether units may have it although the caller asked for confidence."""
    added_by: str
    added_at: datetime


class AddedOut(BaseModel):
    """What a citizen or a gateway is told of a file that was kept."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str
    bytes: int


class RemovalIn(BaseModel):
    """Why an attachment is taken away."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@router.post(
    "/tickets/{number}/attachments",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=_FILE,
)
async def add(
    number: Number, name: FileName, *, request: Request, services: Parts, by: SignedInBefore, uploads: Uploads
) -> AttachmentOut:
    """Add a file to a ticket: people of the centre, and of a unit to what it has a part in."""
    by.require(*ADDERS)
    actor = actor_of(by)
    async with uploads.turn("people"):
        content = await request.body()
        async with services.database.transaction() as session:
            await check_reader(session, await repository.row(session, number), actor)
            row = await Attachments.of(services.settings).add(
                session,
                number,
                name,
                content,
                by=actor.user,
                at=services.clock.now(),
                # What people of a unit bring they have already.
                released=not actor.roles & OF_THE_CENTRE,
            )
            return AttachmentOut.model_validate(row)


@router.get("/tickets/{number}/attachments", dependencies=[roles(*READERS)])
async def listed(number: Number, actor: CurrentActor, session: Transaction) -> list[AttachmentOut]:
    """A ticket's files, oldest first. Of a caller who asked for confidence a unit sees what was released to it."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    rows = await keeping.listed(session, ticket.id, hidden=hides_caller(ticket.confidentiality, actor))
    return [AttachmentOut.model_validate(row) for row in rows]


@router.get(
    "/tickets/{number}/attachments/{attachment}",
    dependencies=[roles(*READERS)],
    response_class=Response,
    responses={200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def one(number: Number, attachment: AttachmentId, change: Administration) -> Response:
    """A file, to be saved and never shown in place."""
    row = await _found(change, number, attachment)
    content = await Attachments.of(change.services.settings).read(row)
    await change.record("attachment.read", f"ticket:{number}", after={"attachment": row.id, "sha256": row.sha256})
    return Response(content, media_type=row.kind, headers=_headers(row.name))


@router.post("/tickets/{number}/attachments/{attachment}/release", dependencies=[roles(*_RELEASERS)])
async def release(number: Number, attachment: AttachmentId, change: Administration) -> AttachmentOut:
    """Let the ticket's units have a file although the caller asked for confidence: it names nobody (TH 17, 23)."""
    row = await _found(change, number, attachment)
    row.released = True
    await change.record("attachment.released", f"ticket:{number}", after={"attachment": row.id})
    return AttachmentOut.model_validate(row)


@router.post(
    "/tickets/{number}/attachments/{attachment}/remove",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[roles(Role.SUPERVISOR)],
)
async def remove(number: Number, attachment: AttachmentId, body: RemovalIn, change: Administration) -> None:
    """Take a file away; who did and why stays."""
    row = await _found(change, number, attachment)
    await keeping.remove(change.session, row, by=change.actor, why=body.reason, at=change.services.clock.now())
    await change.record(
        "attachment.removed",
        f"ticket:{number}",
        before={"attachment": row.id, "sha256": row.sha256},
        after={"reason": body.reason},
    )


@router.post(
    "/public/demands/{number}/attachments",
    status_code=status.HTTP_201_CREATED,
    dependencies=[per_minute("attachments")],
    openapi_extra=_FILE,
    responses={429: {"model": Problem, "description": "Too many requests from this address"}},
)
async def add_by_citizen(
    number: Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9 ]+$")],
    *,
    name: FileName,
    code: Annotated[str, Header(alias="X-Query-Code", pattern=r"^[0-9]{6}$")],
    request: Request,
    services: Parts,
    address: ClientAddress,
    uploads: Uploads,
) -> AddedOut:
    """A citizen adds a file to the own demand, known by number and query code; refused as a question would be (404,
    `progress.refused`)."""
    found = await services.progress.look_up(number, code, way="web", caller=address)
    async with uploads.turn("citizens"):
        content = await request.body()
        async with services.database.transaction() as session:
            row = await Attachments.of(services.settings).add(
                session,
                number_of(found.number, services.settings.site.id),
                name,
                content,
                by=f"channel:{FORM}",
                at=services.clock.now(),
                released=False,
            )
            return AddedOut.model_validate(row)


@router.post(
    "/channels/demands/{request_id}/attachments",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=_FILE | {"parameters": HEADERS},
)
async def add_by_gateway(
    request_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{8,64}$")],
    name: FileName,
    *,
    request: Request,
    services: Parts,
    uploads: Uploads,
) -> AddedOut:
    """A gateway adds a file to a demand that it sent under this id. Signed; the same file again changes nothing."""
    async with uploads.turn("gateways"):
        signed = await signed_request(request, services, services.channel_keys)
        async with services.database.transaction() as session:
            ticket = await ticket_of(session, signed.sender, request_id)
            row = await Attachments.of(services.settings).add(
                session,
                ticket.number,
                name,
                signed.body,
                by=f"channel:{signed.sender}",
                at=services.clock.now(),
                released=False,
            )
            return AddedOut.model_validate(row)


async def _found(change: Change, number: str, attachment: int) -> AttachmentRow:
    ticket = await repository.row(change.session, number)
    actor = actor_of(change.by)
    await check_reader(change.session, ticket, actor)
    hidden = hides_caller(ticket.confidentiality, actor)
    return await keeping.one(change.session, ticket.id, attachment, hidden=hidden)


def _headers(name: str) -> dict[str, str]:
    """Whatever a file holds, a browser saves it: it neither guesses a type nor runs anything in our name."""
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
    }
