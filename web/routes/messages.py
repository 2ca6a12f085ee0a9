"""Messages (留言): who left one, and its sound. Each hearing is in the audit log: it is a citizen's voice."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from calls.callback_models import Transcription, VoiceMessageRow
from calls.message_files import kept_wave
from directory.models import Role
from hotline.errors import NotFound
from web.access import roles
from web.administration import Administration
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.readings import Readings

router = APIRouter(
    prefix="/api/messages",
    tags=["messages"],
    responses=DOCUMENTED,
    dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)],
)


class MessageOut(BaseModel):
    """A message. `heard_at` and `heard_by` tell of the first hearing. `transcript` is what an engine made of it, if
    `transcription` is `done`; `none`: there is no engine (未转写), and it has to be listened to."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    call_id: str
    caller: str | None
    line: str
    left_at: datetime
    duration_ms: int
    host: str
    heard_at: datetime | None
    heard_by: str | None
    transcription: Transcription
    transcript: str | None
    transcribed_by: str | None
    ticket: str | None


@router.get("")
async def listed(
    reading: Readings,
    unheard: Annotated[bool, Query(description="Only those nobody has heard.")] = False,
    ticket: Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,40}$", description="The one of this ticket.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    *,
    pages: ByKeyset,
) -> list[MessageOut]:
    """Messages, newest first."""
    query = select(VoiceMessageRow)
    if unheard:
        query = query.where(VoiceMessageRow.heard_at.is_(None))
    if ticket is not None:
        query = query.where(VoiceMessageRow.ticket == ticket)
    rows = await pages.rows(reading.session, query, VoiceMessageRow.left_at, VoiceMessageRow.id, limit=limit)
    await reading.listed("messages", (row.caller for row in rows))
    return [MessageOut.model_validate(row) for row in rows]


@router.get("/{message}/sound", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def sound(message: Annotated[int, Path(ge=1, lt=2**63)], change: Administration) -> Response:
    """The message as a WAV file. 404 on another host than the one that took it."""
    row = await change.session.get(VoiceMessageRow, message, with_for_update=True)
    if row is None:
        raise NotFound("no such message")
    content = await asyncio.to_thread(kept_wave, change.services.settings.var_dir / "messages", row.call_id, row.sha256)
    if row.heard_at is None:
        row.heard_at, row.heard_by = change.services.clock.now(), change.actor
    await change.record("message.heard", f"message:{message}")
    return Response(content, media_type="audio/wav", headers={"Cache-Control": "no-store"})
