"""Prompts studio (提示音工作室), texts: what is spoken, in which voice, where it is used, and listening to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from directory.models import Role
from hotline.errors import NotFound
from ivr import drafts
from ivr.wording import Use, uses_of_text, wording
from media import kokoro, studio
from media.spoken import text_key
from media.studio_export import MEDIA_TYPES, exported
from media.studio_tables import StudioTextRow, TextState
from media.voices import DEFAULT_VOICE, VOICES
from ticketing.knowledge.finding import spoken_texts
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.paging import ByKeyset
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/prompts", tags=["prompts"], responses=DOCUMENTED)

READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)

Voice = Annotated[str, Field(pattern=r"^[a-z]{2}_[a-z]{1,24}$")]
TextKey = Annotated[str, Path(pattern=r"^text-[0-9a-f]{32}$")]
FlowKey = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Kind = Annotated[Literal["wav", "mp3"], Query(alias="format", description="Of the file.")]
Words = Annotated[str, Field(min_length=1, max_length=studio.LONGEST_TEXT)]


class VoicesOut(BaseModel):
    """The voices (音色) to choose from, and whether texts can be spoken on this host at all."""

    voices: list[str]
    default: str
    installed: bool


class TextOut(BaseModel):
    """A text of the site: `why` it was refused; `spoken_by` and `duration_ms` are of the sound there is."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    text: str
    state: str
    voice: str
    why: str | None
    ordered_by: str
    ordered_at: datetime
    spoken_by: str | None
    duration_ms: int | None
    rendered_at: datetime | None


class PieceOut(BaseModel):
    """A fixed text of a flow's draft, at these nodes. `seconds` are estimated where it is not rendered."""

    key: str
    text: str
    nodes: list[str]
    rendered: bool
    seconds: float


class UseOut(BaseModel):
    """A flow that says it: at which nodes of the draft, and of each published version."""

    flow: str
    name: str
    draft: list[str]
    versions: dict[int, list[str]]

    @classmethod
    def of(cls, use: Use) -> UseOut:
        """As a page is told of it."""
        versions = {version: list(nodes) for version, nodes in use.versions.items()}
        return cls(flow=use.flow, name=use.name, draft=list(use.draft), versions=versions)


class ToSpeak(BaseModel):
    """Texts to be spoken; without a voice, whichever they have, or the default."""

    model_config = ConfigDict(extra="forbid")

    texts: list[Words] = Field(min_length=1, max_length=100)
    voice: Voice | None = None


class InVoice(BaseModel):
    """The voice to speak a flow's texts in; none: only what was not spoken is."""

    model_config = ConfigDict(extra="forbid")

    voice: Voice | None = None


@router.get("/voices", dependencies=[roles(*READERS)])
async def voices() -> VoicesOut:
    """The voices there are."""
    return VoicesOut(voices=list(VOICES), default=DEFAULT_VOICE, installed=kokoro.is_installed())


@router.get("/texts", dependencies=[roles(*READERS)])
async def texts(
    session: Transaction,
    state: TextState | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    *,
    pages: ByKeyset,
) -> list[TextOut]:
    """Texts that were ordered here, the newest first."""
    query = select(StudioTextRow)
    if state is not None:
        query = query.where(StudioTextRow.state == state)
    rows = await pages.rows(session, query, StudioTextRow.ordered_at, StudioTextRow.key, limit=limit)
    return [TextOut.model_validate(row) for row in rows]


@router.post("/texts", status_code=status.HTTP_202_ACCEPTED, dependencies=[roles(Role.ADMIN)])
async def speak(body: ToSpeak, change: Administration) -> list[TextOut]:
    """Have texts spoken; those that are already are left alone. 503 with what to do where no voice is installed."""
    return await _order(change, body.texts, body.voice, "prompts:texts")


@router.get("/texts/{key}", dependencies=[roles(*READERS)])
async def text(key: TextKey, session: Transaction) -> TextOut:
    """One text."""
    row = await session.get(StudioTextRow, key)
    if row is None:
        raise NotFound("没有这段文字")
    return TextOut.model_validate(row)


@router.get(
    "/texts/{key}/sound",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
    dependencies=[roles(*READERS)],
)
async def sound(key: TextKey, session: Transaction, kind: Kind = "wav") -> Response:
    """What a caller hears, as a file."""
    return await sound_response(await studio.sound_of(session, key), kind)


@router.get("/texts/{key}/uses", dependencies=[roles(*READERS)])
async def uses(key: TextKey, session: Transaction) -> list[UseOut]:
    """Where a text is said: in drafts and in all that was ever published."""
    words = await session.scalar(select(StudioTextRow.text).where(StudioTextRow.key == key))
    if words is None:
        raise NotFound("没有这段文字")
    return [UseOut.of(one) for one in await uses_of_text(session, words)]


@router.get("/flows/{flow}", dependencies=[roles(*READERS)])
async def of_flow(flow: FlowKey, session: Transaction, services: Parts) -> list[PieceOut]:
    """Every fixed text of a flow's draft; of one that says the dialled line's name, the names of all lines."""
    said = wording((await drafts.draft(session, flow)).flow)
    library = await studio.library(session)
    pieces = {**said.texts}
    if said.names_lines:
        pieces |= {line.name_spoken: () for line in services.directory.snapshot.lines if line.name_spoken not in pieces}
    return [
        PieceOut(
            key=text_key(words),
            text=words,
            nodes=list(nodes),
            rendered=library.rendered(words),
            seconds=round(library.seconds(words), 2),
        )
        for words, nodes in pieces.items()
    ]


@router.post("/flows/{flow}", status_code=status.HTTP_202_ACCEPTED, dependencies=[roles(Role.ADMIN)])
async def speak_flow(flow: FlowKey, body: InVoice, change: Administration) -> list[TextOut]:
    """Have every fixed text of a flow's draft spoken that is not yet, or not in this voice."""
    pieces = await of_flow(flow, change.session, change.services)
    return await _order(change, [one.text for one in pieces], body.voice, f"prompts:menu:{flow}")


@router.post("/knowledge", status_code=status.HTTP_202_ACCEPTED, dependencies=[roles(Role.ADMIN)])
async def speak_knowledge(body: InVoice, change: Administration) -> list[TextOut]:
    """Have every answer of the knowledge base spoken that is to be read aloud on the telephone and was not yet."""
    settings, now = change.services.settings, change.services.clock.now()
    today = now.astimezone(ZoneInfo(settings.site.timezone)).date()
    answers = await spoken_texts(change.session, today=today)
    return await _order(change, [words for _, words in answers], body.voice, "prompts:knowledge")


async def _order(change: Administration, wanted: Sequence[str], voice: str | None, subject: str) -> list[TextOut]:
    rows = await studio.order(change.session, wanted, voice=voice, by=change.actor, now=change.services.clock.now())
    if rows:
        await change.record("prompts.ordered", subject, after={"texts": [row.key for row in rows], "voice": voice})
    return [TextOut.model_validate(row) for row in rows]


async def sound_response(content: bytes, kind: str) -> Response:
    """A-law as the file that was asked for."""
    made = await asyncio.to_thread(exported, content, kind)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(made, media_type=MEDIA_TYPES[kind], headers=headers)
