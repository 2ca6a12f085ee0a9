"""Recordings (录音): found, those of a call, their sound by ranges, waveforms, legal holds (依法保全).

Supervisors and auditors may hear them; agents their own talks, if `recording.agents_may_hear`. Each hearing needs a
reason, and is in the audit log before a sound is given out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.models import JournalRow
from calls.recording import finding, keeping
from calls.recording.files import Vault
from calls.recording.finding import Talk, Wanted, answered_by
from calls.recording.keeping import CHANGED
from calls.recording.tables import RecordingRow
from directory.numbers import normalise
from directory.sessions import SignedIn
from hotline.clock import from_ms
from hotline.errors import HotlineError, NotAllowed
from hotline.ids import agent_id, call_id
from hotline.privacy import mask_number
from media.cipher import SealedFile
from media.errors import SealBroken
from media.recording import MEDIA_TYPES
from media.waveform import PEAKS_A_SECOND
from ticketing.schemas import Moment
from web.access import CurrentSession, Parts, Transaction, roles
from web.administration import Administration, Reason
from web.byte_range import RangeNotSatisfiable, byte_range
from web.hearing import HEARERS, KEEPERS, own_talks
from web.paging import ByKeyset
from web.playbacks import Playbacks
from web.problems import DOCUMENTED, respond
from web.readings import Readings
from web.services import Services

_log = structlog.get_logger(__name__)

router = APIRouter(tags=["recordings"], responses=DOCUMENTED)

_FROM = f"Begun then or later. Without it, and without `caller`: in the last {finding.LATEST.days} days before `to`."

RecordingId = Annotated[int, Path(ge=1, lt=2**63)]


class RecordingOut(BaseModel):
    """A segment of a call's recording. `gap_ms` is missing of the talk; `why` it is damaged. `caller` is the citizen's
    number, masked, whoever called whom; null when it is not known or was erased. `agents` are the work numbers of those
    who answered, in order; `tickets` the numbers of those that came of the call."""

    id: int
    call_id: str
    host: str
    state: str
    why: str | None
    started_at: datetime
    length_ms: int
    gap_ms: int
    sound: str | None
    size: int
    sha256: str | None
    retain_until: datetime
    erased_at: datetime | None
    held_at: datetime | None
    held_by: str | None
    hold_reason: str | None
    caller: str | None
    line: str | None
    agents: list[str]
    tickets: list[str]

    @classmethod
    def of(cls, row: RecordingRow, talk: Talk) -> RecordingOut:
        """As a page is told of it."""
        told: dict[str, Any] = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(
            **told,
            started_at=from_ms(row.started_ms),
            caller=mask_number(talk.number) if talk.number else None,
            line=talk.line,
            agents=list(talk.agents),
            tickets=list(talk.tickets),
        )


class Peaks(BaseModel):
    """Largest samples, 0 to 255, `a_second` of them for each channel."""

    a_second: int
    citizen: list[int]
    others: list[int]


class WhyHeard(BaseModel):
    """Why a recording is to be heard, held, or no longer held."""

    reason: Reason


class Ticket(BaseModel):
    """Where the sound is. The address holds the ticket: it is not to be passed on."""

    sound: str


async def _may_hear(session: AsyncSession, services: Services, by: SignedIn, call: str) -> None:
    """Raises NotAllowed."""
    own = own_talks(by.person, services.settings)
    if own is None:
        return
    facts = select(JournalRow.seq).where(JournalRow.call_id == call, answered_by(own))
    if await session.scalar(facts.limit(1)) is None:
        raise NotAllowed("not your recording to hear")


async def _told(session: AsyncSession, rows: Sequence[RecordingRow]) -> list[RecordingOut]:
    talks = await finding.talks(session, (row.call_id for row in rows))
    return [RecordingOut.of(row, talks.get(row.call_id, finding.UNKNOWN)) for row in rows]


@router.get("/api/recordings", dependencies=[roles(*HEARERS)])
async def found(  # noqa: PLR0917 - FastAPI gives them by name
    reading: Readings,
    services: Parts,
    by: CurrentSession,
    start: Annotated[Moment | None, Query(alias="from", description=_FROM)] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Begun before.")] = None,
    agent: Annotated[str | None, Query(max_length=32, description="Work number of one who answered.")] = None,
    line: Annotated[str | None, Query(max_length=32, description="A hotline's number.")] = None,
    caller: Annotated[str | None, Query(max_length=64, description="The citizen's number, in any form.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    *,
    pages: ByKeyset,
) -> list[RecordingOut]:
    """Recordings, newest first, numbers masked. An agent finds own talks, if that is the policy. That somebody looked
    for a number is audited."""
    own = own_talks(by.person, services.settings)
    number = None if caller is None else normalise(caller, services.settings.site.area_code)
    wanted = Wanted(start, end, None if agent is None else agent_id(agent), line, number)
    query = finding.recordings(finding.bounded(wanted, now=services.clock.now()), own=own)
    rows = await pages.rows(reading.session, query, RecordingRow.started_ms, RecordingRow.id, limit=limit)
    await reading.searched("recordings", found=len(rows), caller=number)
    return await _told(reading.session, rows)


@router.get("/api/calls/{call}/recordings", dependencies=[roles(*HEARERS)])
async def listed(
    session: Transaction, services: Parts, by: CurrentSession, call: Annotated[str, Path(max_length=64)]
) -> list[RecordingOut]:
    """The segments of a call, in order; usually one. Numbers are masked."""
    await _may_hear(session, services, by, call_id(call))
    return await _told(session, await keeping.of_call(session, call))


@router.get("/api/recordings/{recording}/peaks", dependencies=[roles(*HEARERS)])
async def peaks(session: Transaction, services: Parts, by: CurrentSession, recording: RecordingId) -> Peaks:
    """The waveform."""
    row = await keeping.recording(session, recording)
    await _may_hear(session, services, by, row.call_id)
    return Peaks(a_second=PEAKS_A_SECOND, citizen=list(row.peaks_citizen or b""), others=list(row.peaks_others or b""))


@router.post("/api/recordings/{recording}/playbacks", status_code=201, dependencies=[roles(*HEARERS)])
async def play(change: Administration, recording: RecordingId, why: WhyHeard) -> Ticket:
    """Ask to hear a recording; the reason goes into the audit log."""
    services = change.services
    row = await keeping.recording(change.session, recording)
    await _may_hear(change.session, services, change.by, row.call_id)
    try:
        await asyncio.to_thread(_whole, services, row)
    except SealBroken:
        await _note_damage(services, recording)
        raise
    ticket = await Playbacks(services.redis, services.settings.site.id).give(recording, length_ms=row.length_ms)
    await change.record("recording.heard", f"recording:{recording}", after={"call": row.call_id, "reason": why.reason})
    return Ticket(sound=f"/api/recordings/{recording}/sound?ticket={ticket}")


@router.head("/api/recordings/{recording}/sound", include_in_schema=False)
@router.get(
    "/api/recordings/{recording}/sound",
    response_class=Response,
    responses={code: {"content": {kind: {} for kind in MEDIA_TYPES.values()}} for code in (200, 206)},
)
async def sound(  # noqa: PLR0917 - FastAPI gives them by name
    request: Request,
    services: Parts,
    session: Transaction,
    recording: RecordingId,
    ticket: Annotated[str, Query(max_length=64)],
    range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(alias="If-Range", max_length=200)] = None,
) -> Response:
    """The sound, or a range of it (206). Nothing is given out that was changed since it was sealed."""
    await Playbacks(services.redis, services.settings.site.id).check(ticket, recording)
    row = await keeping.recording(session, recording)
    etag = f'"{row.sha256}"'
    try:
        file = await asyncio.to_thread(_opened, services, row)
        try:
            part = byte_range(range_ if if_range in (None, etag) else None, file.size)
            start, end = part or (0, file.size)
            pieces = file.read(start, end - start)
            # The first piece now: what cannot be opened is a problem, and not half an answer.
            first = b"" if request.method == "HEAD" else await asyncio.to_thread(next, pieces, b"")
        except BaseException:
            file.close()
            raise
    except RangeNotSatisfiable as error:
        response = respond(error)
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{error.size}"
        return response
    except SealBroken:
        await _note_damage(services, recording)
        raise
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Length": str(end - start),
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 200 if part is None else 206
    kind = MEDIA_TYPES[row.sound or "mp3"]
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(_given(file, first, pieces, recording), status, headers, media_type=kind)


def _given(file: SealedFile, first: bytes, pieces: Iterator[bytes], recording: int) -> Iterator[bytes]:
    try:
        yield from chain((first,), pieces)
    except SealBroken:
        # The answer has begun: it is cut off, and shorter than it said.
        _log.error("recording.damaged", recording=recording)
        raise
    finally:
        file.close()


@router.post("/api/recordings/{recording}/hold", status_code=204, dependencies=[roles(*KEEPERS)])
async def hold(change: Administration, recording: RecordingId, why: WhyHeard) -> None:
    """Keep it whatever its time (依法保全)."""
    row = await keeping.recording(change.session, recording, lock=True)
    keeping.hold(row, by=change.actor, reason=why.reason, at=change.services.clock.now())
    await change.record("recording.held", f"recording:{recording}", after={"reason": why.reason})


@router.post("/api/recordings/{recording}/hold/lift", status_code=204, dependencies=[roles(*KEEPERS)])
async def lift(change: Administration, recording: RecordingId, why: WhyHeard) -> None:
    """End a hold: from now on its time counts again."""
    row = await keeping.recording(change.session, recording, lock=True)
    before = {"reason": row.hold_reason, "by": row.held_by}
    keeping.lift(row)
    await change.record("recording.hold_lifted", f"recording:{recording}", before, {"reason": why.reason})


def _opened(services: Services, row: RecordingRow) -> SealedFile:
    return keeping.opened(Vault.of(services.settings), row, services.settings.asterisk.systemname)


def _whole(services: Services, row: RecordingRow) -> None:
    _opened(services, row).close()


async def _note_damage(services: Services, recording: int) -> None:
    """In a transaction of its own: that of the request is rolled back."""
    _log.error("recording.damaged", recording=recording)
    async with services.database.transaction() as session:
        row = await keeping.recording(session, recording, lock=True)
        try:
            keeping.found(row, CHANGED)
        except HotlineError:
            # Erased or noted meanwhile.
            return
