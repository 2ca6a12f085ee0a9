"""Callers with a mark: who misuses the line (恶意骚扰电话, TH 28), and who is not to be kept waiting (特殊群体).

A number is sent in the body and never in a path or query, for those are logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from calls import nuisance, vulnerable
from calls.nuisance import NewFlag
from calls.nuisance_evidence import Piece, evidence_of
from calls.nuisance_tables import Measure, NuisanceEvidence, NuisanceFlag
from directory.models import Role
from directory.numbers import normalise
from hotline.errors import InvalidInput, NotAllowed
from hotline.privacy import mask_number
from web.access import Parts, Transaction, roles
from web.administration import Administration, Change, known_queues
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/callers", tags=["callers"], responses=DOCUMENTED)

_SUPERVISORS = (Role.SUPERVISOR, Role.ADMIN)

Caller = Annotated[str, Field(min_length=1, max_length=64, description="The caller's number, in any form.")]
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=_NO_CONTROL)]
Evidence = Annotated[str, Field(min_length=1, max_length=64, description="A call's id or a ticket's number.")]
RecordingId = Annotated[int, Field(ge=1, lt=2**63)]


class FlagIn(BaseModel):
    """A flag to set. Agents may only flag; a supervisor warns and limits."""

    model_config = ConfigDict(extra="forbid")

    caller: Caller
    measure: Measure = Measure.FLAG
    reason: Annotated[Text, Field(max_length=500)]
    evidence: list[Evidence] = Field([], max_length=50)
    recordings: list[RecordingId] = Field([], max_length=50, description="Recordings (录音) as evidence.")
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=_NO_CONTROL)] = Field(
        "", description="What the evidence shows."
    )
    expires_at: AwareDatetime
    calls_per_hour: Annotated[int, Field(ge=0, le=60)] | None = Field(None, description="Of a limit; none else.")
    queue: Annotated[str, Field(max_length=32)] = Field("", description="Where a limited caller waits.")


class EvidenceIn(BaseModel):
    """One more piece of evidence: at most one of call, ticket and recording, and a note."""

    model_config = ConfigDict(extra="forbid")

    call: Annotated[str, Field(max_length=64)] = ""
    ticket: Annotated[str, Field(max_length=40)] = ""
    recording: RecordingId | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=_NO_CONTROL)] = ""


class EvidenceOut(BaseModel):
    """A piece of evidence, and who added it when."""

    model_config = ConfigDict(from_attributes=True)

    call_id: str | None
    ticket: str | None
    recording_id: int | None
    note: str | None
    added_by: str
    added_at: datetime


class FlagOut(BaseModel):
    """A flag, in force unless `lifted_at` is set or `expires_at` is past. `lifted_by` empty: it ran to its end."""

    id: int
    caller: str
    measure: Measure
    reason: str
    evidence: list[EvidenceOut]
    calls_per_hour: int | None
    queue: str | None
    flagged_by: str
    flagged_at: datetime
    expires_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


class VulnerableIn(BaseModel):
    """A number to mark, and why."""

    model_config = ConfigDict(extra="forbid")

    caller: Caller
    reason: Annotated[Text, Field(max_length=200)]


class CallerIn(BaseModel):
    """A number."""

    model_config = ConfigDict(extra="forbid")

    caller: Caller


class VulnerableOut(BaseModel):
    """A marked number."""

    model_config = ConfigDict(from_attributes=True)

    caller: str
    reason: str
    marked_by: str
    marked_at: datetime


@router.get("/nuisance", dependencies=[roles(*_SUPERVISORS)])
async def list_flags(
    session: Transaction,
    services: Parts,
    ended: Annotated[bool, Query(description="Also those that were.")] = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[FlagOut]:
    """Flags, newest first."""
    found = await nuisance.flags(session, now=services.clock.now(), ended=ended, limit=limit)
    evidence = await evidence_of(session, [one.id for one in found])
    return [_out(one, evidence.get(one.id, ())) for one in found]


@router.post(
    "/nuisance",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(Role.AGENT, Role.EXPERT, *_SUPERVISORS)],
)
async def flag(body: FlagIn, change: Administration) -> FlagOut:
    """Flag a caller with evidence."""
    if body.measure is not Measure.FLAG and change.by.person.roles.isdisjoint(_SUPERVISORS):
        raise NotAllowed("only a supervisor warns or limits a caller")
    session, services = change.session, change.services
    if body.queue and body.queue not in await known_queues(session, services):
        raise InvalidInput("the queue for limited callers is none there is")
    new = NewFlag(
        caller=normalise(body.caller, services.settings.site.area_code),
        measure=body.measure,
        reason=body.reason,
        evidence=(
            *map(Piece.named, body.evidence),
            *(Piece(recording=recording) for recording in body.recordings),
            *([Piece(note=body.note)] if body.note else []),
        ),
        expires_at=body.expires_at,
        calls_per_hour=body.calls_per_hour,
        queue=body.queue,
    )
    row = await nuisance.flag(session, new, by=change.actor, now=services.clock.now())
    evidence = await _evidence(change, row)
    await change.record("nuisance.flagged", f"nuisance:{row.id}", None, _told(row, evidence))
    return _out(row, evidence)


@router.post(
    "/nuisance/{flag_id}/evidence",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(Role.AGENT, Role.EXPERT, *_SUPERVISORS)],
)
async def add_evidence(
    flag_id: Annotated[int, Path(ge=1, lt=2**63)], body: EvidenceIn, change: Administration
) -> FlagOut:
    """Another piece of evidence for a flag in force."""
    piece = Piece(call=body.call, ticket=body.ticket, recording=body.recording, note=body.note)
    row = await nuisance.add_evidence(change.session, flag_id, piece, by=change.actor, now=change.services.clock.now())
    evidence = await _evidence(change, row)
    await change.record("nuisance.evidence_added", f"nuisance:{row.id}", None, {"evidence": _shown(evidence[-1:])})
    return _out(row, evidence)


@router.post("/nuisance/{flag_id}/lift", dependencies=[roles(*_SUPERVISORS)])
async def lift(flag_id: Annotated[int, Path(ge=1, lt=2**63)], change: Administration) -> FlagOut:
    """End a flag before its time."""
    row = await nuisance.lift(change.session, flag_id, by=change.actor, now=change.services.clock.now())
    evidence = await _evidence(change, row)
    await change.record("nuisance.lifted", f"nuisance:{row.id}", _told(row, evidence))
    return _out(row, evidence)


@router.get("/vulnerable", dependencies=[roles(*_SUPERVISORS)])
async def list_vulnerable(session: Transaction) -> list[VulnerableOut]:
    """Marked numbers, newest first."""
    return [VulnerableOut.model_validate(one) for one in await vulnerable.marked(session)]


@router.post("/vulnerable", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_SUPERVISORS)])
async def mark_vulnerable(body: VulnerableIn, change: Administration) -> None:
    """Mark a number: its calls get a head start."""
    caller = normalise(body.caller, change.services.settings.site.area_code)
    now = change.services.clock.now()
    await vulnerable.mark(change.session, caller, body.reason, by=change.actor, now=now)
    await change.record("vulnerable.marked", "vulnerable", None, {"caller": mask_number(caller), "reason": body.reason})


@router.post("/vulnerable/unmark", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*_SUPERVISORS)])
async def unmark_vulnerable(body: CallerIn, change: Administration) -> None:
    """Take the mark away."""
    caller = normalise(body.caller, change.services.settings.site.area_code)
    await vulnerable.unmark(change.session, caller)
    await change.record("vulnerable.unmarked", "vulnerable", {"caller": mask_number(caller)})


async def _evidence(change: Change, row: NuisanceFlag) -> Sequence[NuisanceEvidence]:
    return (await evidence_of(change.session, [row.id])).get(row.id, ())


def _out(row: NuisanceFlag, evidence: Sequence[NuisanceEvidence]) -> FlagOut:
    return FlagOut(
        id=row.id,
        caller=row.caller,
        measure=row.measure,
        reason=row.reason,
        evidence=[EvidenceOut.model_validate(one) for one in evidence],
        calls_per_hour=row.calls_per_hour,
        queue=row.queue,
        flagged_by=row.flagged_by,
        flagged_at=row.flagged_at,
        expires_at=row.expires_at,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
    )


def _shown(evidence: Sequence[NuisanceEvidence]) -> list[dict[str, object]]:
    return [{"call": one.call_id, "ticket": one.ticket, "recording": one.recording_id} for one in evidence]


def _told(row: NuisanceFlag, evidence: Sequence[NuisanceEvidence]) -> dict[str, object]:
    """For the audit log, which stays for ever: without the number in clear, and without notes, which may hold one."""
    return {
        "caller": mask_number(row.caller),
        "measure": row.measure.value,
        "reason": row.reason,
        "evidence": _shown(evidence),
        "calls_per_hour": row.calls_per_hour,
        "queue": row.queue,
        "expires_at": row.expires_at.isoformat(),
    }
