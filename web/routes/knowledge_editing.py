"""Keeping the knowledge base (知识库): entries are written by one person, checked by another (双人核对), published."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from media.errors import SpeechUnavailable
from media.studio import must_be_speakable, order
from ticketing.knowledge import editing, finding
from ticketing.knowledge.editing import OF_THE_CENTRE, WRITERS
from ticketing.knowledge.schemas import Comment, Content, Editor, EntryFile, NewEntry, Report
from ticketing.knowledge.states import Step, VersionState
from ticketing.schemas import UnitId
from web import conditional
from web.access import CurrentSession, Transaction, actor_of, roles
from web.administration import Administration, Change
from web.conditional import Expected, IfNoneMatch
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.knowledge import Code, today

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"], responses=DOCUMENTED, dependencies=[roles(*WRITERS)])

_log = structlog.get_logger(__name__)

VersionNumber = Annotated[int, Path(ge=1, lt=2**31)]


class NextVersion(BaseModel):
    """A correction."""

    model_config = ConfigDict(extra="forbid")

    read: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="Number of the newest version that was read; may be named by If-Match instead.",
    )
    content: Content


class StepIn(BaseModel):
    """Why, where the step needs a reason: rejecting and withdrawing do."""

    model_config = ConfigDict(extra="forbid")

    reason: Comment = ""


class Review(BaseModel):
    """It was looked at and still holds."""

    model_config = ConfigDict(extra="forbid")

    review_on: date = Field(description="The next time it is looked at.")
    unit_id: UnitId | None = Field(None, description="Another unit answers for it from now on.")


class Settlement(BaseModel):
    """What became of an error report."""

    model_config = ConfigDict(extra="forbid")

    outcome: Annotated[Comment, Field(min_length=1)]


class WaitingOut(BaseModel):
    """A version that waits to be checked or published."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    unit_id: int
    number: int
    state: VersionState
    title: str
    comment: str
    written_by: str
    written_at: datetime


class KeptOut(BaseModel):
    """An entry by its newest version; `id` goes into `after` for the next page."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    code: str
    unit_id: int
    unit: str
    number: int
    state: VersionState
    title: str
    category: str
    public: bool
    review_on: date
    valid_until: date | None


def _editor(by: CurrentSession) -> Editor:
    actor = actor_of(by)
    return Editor(by.person.id, actor.user, actor.roles, actor.unit_id)


CurrentEditor = Annotated[Editor, Depends(_editor)]


@router.get("/waiting")
async def waiting(editor: CurrentEditor, session: Transaction) -> list[WaitingOut]:
    """Versions that wait to be checked or published, oldest first. People of a unit see their unit's."""
    own = None if editor.roles & OF_THE_CENTRE else editor.unit_id
    return [WaitingOut.model_validate(one) for one in await finding.waiting(session, unit_id=own)]


@router.get("/entries")
async def listed(
    *,
    session: Transaction,
    pages: Paged,
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$", description="Stands in the title or code.")] = "",
    unit_id: Annotated[UnitId | None, Query()] = None,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[KeptOut]:
    """Entries with their newest version, published or not, in the order in which they were made."""
    found = await finding.kept(session, words=q.strip(), unit_id=unit_id, after=after, limit=limit + 1)
    return [KeptOut.model_validate(one) for one in pages.shown(found, limit, after=lambda one: one.id)]


@router.post("/entries", status_code=status.HTTP_201_CREATED)
async def create(body: NewEntry, editor: CurrentEditor, change: Administration) -> EntryFile:
    """A new entry; its first version is a draft. 422 for spoken words that no voice can say."""
    _speakable(body.content)
    made = await editing.create(change.session, body, editor, at=change.services.clock.now())
    await change.record("knowledge.created", f"knowledge:{body.code}", after=body.model_dump(mode="json"))
    return made


@router.get("/entries/{code}", response_model=EntryFile)
async def one(code: Code, session: Transaction, if_none_match: IfNoneMatch = None) -> Response:
    """An entry with all its versions and error reports."""
    found = await editing.file(session, code)
    return conditional.answer(found, found.entry.latest, if_none_match)


@router.post("/entries/{code}/versions", status_code=status.HTTP_201_CREATED)
async def write(
    code: Code, body: NextVersion, expected: Expected, editor: CurrentEditor, change: Administration
) -> EntryFile:
    """The next version, a draft. 409 when somebody else wrote one since `read`, 422 as for a new entry."""
    _speakable(body.content)
    read = expected.version(body.read)
    made = await editing.write(change.session, code, body.content, editor, read=read, at=change.services.clock.now())
    await change.record(
        "knowledge.written",
        f"knowledge:{code}",
        before={"version": read},
        after={"version": made.entry.latest, "content": body.content.model_dump(mode="json")},
    )
    return made


@router.post("/entries/{code}/versions/{number}/{step}")
async def step(
    *, code: Code, number: VersionNumber, step: Step, body: StepIn, editor: CurrentEditor, change: Administration
) -> EntryFile:
    """Check, reject, publish or withdraw a version. Who wrote it cannot check it; the centre publishes. Once checked,
    its spoken words are given to a voice."""
    at = change.services.clock.now()
    made = await editing.step(change.session, code, number, step, editor, at=at, reason=body.reason)
    if step is Step.CHECK:
        await _have_spoken(change, next(one.spoken for one in made.versions if one.number == number))
    await change.record(
        f"knowledge.{step.value}",
        f"knowledge:{code}",
        after={"version": number, "reason": body.reason},
    )
    return made


@router.put("/entries/{code}/review")
async def review(code: Code, body: Review, editor: CurrentEditor, change: Administration) -> EntryFile:
    """The entry was looked at and still holds until the next review."""
    made = await editing.review(
        change.session, code, editor, review_on=body.review_on, today=today(change.services), unit_id=body.unit_id
    )
    await change.record("knowledge.reviewed", f"knowledge:{code}", after=body.model_dump(mode="json"))
    return made


@router.post("/entries/{code}/reports/{report}/settle")
async def settle(
    code: Code,
    report: Annotated[int, Path(ge=1, lt=2**63)],
    body: Settlement,
    editor: CurrentEditor,
    change: Administration,
) -> Report:
    """What became of an error report (纠错)."""
    at = change.services.clock.now()
    settled = await editing.settle(change.session, code, report, editor, outcome=body.outcome, at=at)
    await change.record("knowledge.settled", f"knowledge:{code}", after={"report": report, "outcome": settled.outcome})
    return settled


def _speakable(content: Content) -> None:
    if content.spoken:
        must_be_speakable(content.spoken)


async def _have_spoken(change: Change, words: str) -> None:
    """Their sound is made beside, and is on every host soon after. Where no voice is installed the answer is published
    all the same; the telephone then leads to a human instead (`calls.menu_answers`)."""
    if not words:
        return
    try:
        async with change.session.begin_nested():
            await order(change.session, [words], voice=None, by=change.actor, now=change.services.clock.now())
    except SpeechUnavailable:
        _log.warning("knowledge.not_spoken", reason="no voice is installed")
