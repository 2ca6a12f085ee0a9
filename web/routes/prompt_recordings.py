"""Prompts studio (提示音工作室), recordings: uploaded, versions of them, which one is heard, and listening to each.

An upload is the body of its request, as it is, and holds no transaction while it arrives.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from directory.sessions import SignedIn
from hotline.errors import PartUnavailable
from ivr.wording import uses_of_recording
from media import studio_recordings
from media.errors import UploadRefused
from media.studio_decode import LARGEST_BYTES, LONGEST_SECONDS
from media.studio_export import MEDIA_TYPES
from media.studio_recordings import Described
from media.studio_upload import Converted, convert
from web.access import Parts, SignedInBefore, Transaction, roles
from web.administration import Administration, Change
from web.problems import DOCUMENTED
from web.routes.prompts import READERS, Kind, UseOut, sound_response

router = APIRouter(prefix="/api/prompts/recordings", tags=["prompts"], responses=DOCUMENTED)

UPLOADS = r"/api/prompts/recordings/[^/]+/versions"
"""Paths whose requests may hold `LARGEST_BYTES`."""

_ARRIVES_SECONDS = 120.0
_AT_ONCE = 2
"""Conversions: each takes a processor for a second or two."""

Code = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
Version = Annotated[int, Path(ge=1, lt=2**31)]
Name = Annotated[str, Query(min_length=1, max_length=60, description="What it is called.")]
Said = Annotated[str, Query(min_length=1, max_length=600, description="What is said in it.")]


class RecordingOut(BaseModel):
    """A recording; nobody hears it while no version is published."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    text: str
    published: int | None
    published_by: str | None
    published_at: datetime | None


class VersionOut(BaseModel):
    """An upload: its format, and what was made of it. `level_before` in dBFS, all are raised or lowered to -20."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    version: int
    kind: str
    duration_ms: int
    trimmed_ms: int
    level_before: float
    sha256: str
    uploaded_by: str
    uploaded_at: datetime


class ToPublish(BaseModel):
    """The version that is to be heard from now on; an older one as well."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, lt=2**31)]


class Uploads:
    """Takes uploads of a web process in and converts them, few at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def converted(self, request: Request) -> Converted:
        """The sound of a request's body. Raises UploadRefused, EncoderUnavailable, PartUnavailable when it does not
        arrive."""
        with tempfile.TemporaryDirectory(prefix="hotline-upload-") as folder:
            upload = FilePath(folder) / "upload"
            try:
                async with asyncio.timeout(_ARRIVES_SECONDS):
                    await _store(request, upload)
            except TimeoutError:
                raise PartUnavailable("上传没有在两分钟内完成", remedy="请检查网络后重试") from None
            async with self._turn:
                return await asyncio.to_thread(convert, upload)


def _admin(by: SignedInBefore) -> SignedIn:
    by.require(Role.ADMIN)
    return by


@router.get("", dependencies=[roles(*READERS)])
async def listed(session: Transaction) -> list[RecordingOut]:
    """All recordings."""
    return [RecordingOut.model_validate(row) for row in await studio_recordings.recordings(session)]


@router.get("/{code}/versions", dependencies=[roles(*READERS)])
async def versions(code: Code, session: Transaction) -> list[VersionOut]:
    """The versions of a recording, the newest first."""
    return [VersionOut.model_validate(row) for row in await studio_recordings.versions(session, code)]


@router.post(
    "/{code}/versions",
    status_code=status.HTTP_201_CREATED,
    openapi_extra={"requestBody": {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}},
    description=(
        f"Upload a version: a WAV, MP3, M4A or Opus file of at most {LARGEST_BYTES >> 20} MiB and {LONGEST_SECONDS} s, "
        "as the body of the request. It is refused (422) with the reason in Chinese when it is broken, silent, clipped "
        "or too long."
    ),
)
async def upload(  # noqa: PLR0917 - FastAPI gives them by name
    code: Code, request: Request, services: Parts, by: Annotated[SignedIn, Depends(_admin)], name: Name, text: Said
) -> VersionOut:
    """See the description."""
    described = Described(code, name.strip(), text.strip())
    converted = await request.app.state.uploads.converted(request)
    async with services.database.transaction() as session:
        change = Change(session, services, by)
        row = await studio_recordings.add_version(
            session, described, converted, by=change.actor, now=services.clock.now()
        )
        await change.record(
            "recording_prompt.uploaded",
            f"prompt:{code}",
            after={"version": row.version, "sha256": row.sha256, "upload_sha256": row.upload_sha256},
        )
    return VersionOut.model_validate(row)


@router.put("/{code}/published", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def publish(code: Code, body: ToPublish, change: Administration) -> None:
    """From the next second on every flow that names the recording plays this version."""
    before = await studio_recordings.publish(
        change.session, code, body.version, by=change.actor, now=change.services.clock.now()
    )
    await change.record("recording_prompt.published", f"prompt:{code}", {"version": before}, {"version": body.version})


@router.get(
    "/{code}/versions/{version}/sound",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
    dependencies=[roles(*READERS)],
)
async def sound(code: Code, version: Version, session: Transaction, kind: Kind = "wav") -> Response:
    """A version as a caller hears it, as a file."""
    return await sound_response(await studio_recordings.sound_of(session, code, version), kind)


@router.get("/{code}/uses", dependencies=[roles(*READERS)])
async def uses(code: Code, session: Transaction) -> list[UseOut]:
    """Where a recording is played: in drafts and in all that was ever published."""
    return [UseOut.of(one) for one in await uses_of_recording(session, code)]


async def _store(request: Request, upload: FilePath) -> None:
    arrived = 0
    with upload.open("wb") as file:
        async for piece in request.stream():
            arrived += len(piece)
            if arrived > LARGEST_BYTES:
                raise UploadRefused("too_big")
            file.write(piece)
