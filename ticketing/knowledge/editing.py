"""Writing, checking and publishing entries of the knowledge base (知识库).

A version is never changed: who corrects a draft writes the next one. Nothing here commits: the caller's transaction
does, with the audit of what was done.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role, Unit
from hotline import search
from hotline.errors import InvalidInput, NotAllowed
from ticketing.errors import UnitNotFound
from ticketing.knowledge.errors import CodeTaken, EntryNotFound, NotYourEntry, SamePerson, StaleEntry
from ticketing.knowledge.schemas import Content, Editor, Entry, EntryFile, NewEntry, Report, Version
from ticketing.knowledge.states import Step, VersionState, rule_of
from ticketing.knowledge.tables import EntryRow, ReportRow, VersionRow

OF_THE_CENTRE: Final = frozenset({Role.KNOWLEDGE_EDITOR, Role.SUPERVISOR})
"""Who works on every entry."""
OF_ITS_UNIT: Final = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD})
"""Who writes and checks the entries of the own unit."""
WRITERS: Final = OF_THE_CENTRE | OF_ITS_UNIT


async def create(session: AsyncSession, new: NewEntry, editor: Editor, *, at: datetime) -> EntryFile:
    """A new entry, its first version a draft. Raises CodeTaken, UnitNotFound, NotYourEntry."""
    _may_write(editor, new.unit_id)
    await _unit(session, new.unit_id)
    row = EntryRow(
        code=new.code,
        unit_id=new.unit_id,
        review_on=new.review_on,
        latest=1,
        created_by=editor.user,
        created_at=at,
    )
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError:
        raise CodeTaken(new.code) from None
    session.add(_version(row, 1, new.content, editor, at))
    await session.flush()
    return await file(session, new.code)


async def write(
    session: AsyncSession, code: str, content: Content, editor: Editor, *, read: int, at: datetime
) -> EntryFile:
    """A new version on top of number `read`; an older draft is replaced by it. Raises EntryNotFound, NotYourEntry,
    StaleEntry when somebody else wrote one meanwhile."""
    entry = await _entry(session, code)
    _may_write(editor, entry.unit_id)
    if entry.latest != read:
        raise StaleEntry(f"version {read} was read, {entry.latest} stands")
    for older in await _in_state(session, entry, VersionState.DRAFT, VersionState.CHECKED):
        _take(older, Step.REPLACE, editor, at)
    entry.latest += 1
    session.add(_version(entry, entry.latest, content, editor, at))
    await session.flush()
    return await file(session, code)


async def step(
    session: AsyncSession, code: str, number: int, what: Step, editor: Editor, *, at: datetime, reason: str = ""
) -> EntryFile:
    """Check, reject or publish a version, or withdraw it with every published one before it: what is withdrawn must not
    make room for something older.

    Raises EntryNotFound, StepNotPossible, SamePerson, NotYourEntry, InvalidInput without a reason where one is needed.
    """
    if what is Step.REPLACE:
        raise InvalidInput("a version is replaced by writing the next one")
    entry = await _entry(session, code)
    _may_write(editor, entry.unit_id)
    if what in (Step.PUBLISH, Step.WITHDRAW) and not editor.roles & OF_THE_CENTRE:
        raise NotAllowed("the centre publishes and withdraws")
    version = await session.scalar(
        select(VersionRow)
        .where(VersionRow.entry_id == entry.id, VersionRow.number == number)
        .execution_options(populate_existing=True)
    )
    if version is None:
        raise EntryNotFound(f"{code} has no version {number}")
    _take(version, what, editor, at, reason)
    if what is Step.WITHDRAW:
        for older in await _in_state(session, entry, VersionState.PUBLISHED):
            if older.number < number:
                _take(older, what, editor, at, reason)
    await session.flush()
    return await file(session, code)


async def review(
    session: AsyncSession, code: str, editor: Editor, *, review_on: date, today: date, unit_id: int | None = None
) -> EntryFile:
    """It was looked at and still holds: the next review is on `review_on`, after `today`. `unit_id`: another unit
    answers for it from now on. Raises EntryNotFound, NotYourEntry, UnitNotFound, InvalidInput."""
    entry = await _entry(session, code)
    _may_write(editor, entry.unit_id)
    if review_on <= today:
        raise InvalidInput("the next review is in the future")
    if unit_id is not None and unit_id != entry.unit_id:
        if not editor.roles & OF_THE_CENTRE:
            raise NotYourEntry("the centre gives an entry to another unit")
        await _unit(session, unit_id)
        entry.unit_id = unit_id
    entry.review_on = review_on
    await session.flush()
    return await file(session, code)


async def report(session: AsyncSession, code: str, *, version: int, note: str, by: str, at: datetime) -> Report:
    """纠错: somebody found a version wrong. Raises EntryNotFound."""
    entry = await _entry(session, code)
    if not 1 <= version <= entry.latest:
        raise EntryNotFound(f"{code} has no version {version}")
    row = ReportRow(entry_id=entry.id, version=version, note=note, reported_by=by, reported_at=at)
    session.add(row)
    await session.flush()
    return Report.model_validate(row)


async def settle(
    session: AsyncSession, code: str, report_id: int, editor: Editor, *, outcome: str, at: datetime
) -> Report:
    """What became of an error report. Settled twice: the first outcome stays. Raises EntryNotFound, NotYourEntry."""
    entry = await _entry(session, code)
    _may_write(editor, entry.unit_id)
    row = await session.get(ReportRow, report_id, populate_existing=True)
    if row is None or row.entry_id != entry.id:
        raise EntryNotFound(f"{code} has no report {report_id}")
    if row.settled_at is None:
        row.settled_by, row.settled_at, row.outcome = editor.user, at, outcome
        await session.flush()
    return Report.model_validate(row)


async def file(session: AsyncSession, code: str) -> EntryFile:
    """An entry with everything that belongs to it. Raises EntryNotFound."""
    entry = await session.scalar(select(EntryRow).where(EntryRow.code == code))
    if entry is None:
        raise EntryNotFound(code)
    versions = await session.scalars(
        select(VersionRow).where(VersionRow.entry_id == entry.id).order_by(VersionRow.number.desc())
    )
    reports = await session.scalars(
        select(ReportRow).where(ReportRow.entry_id == entry.id).order_by(ReportRow.id.desc())
    )
    return EntryFile(
        entry=Entry.model_validate(entry),
        versions=tuple(Version.model_validate(one) for one in versions),
        reports=tuple(Report.model_validate(one) for one in reports),
    )


def _version(entry: EntryRow, number: int, content: Content, editor: Editor, at: datetime) -> VersionRow:
    return VersionRow(
        entry_id=entry.id,
        number=number,
        state=VersionState.DRAFT.value,
        **content.model_dump(),
        compared=search.normal(f"{content.title}\n{content.answer}"),
        search=search.vector((content.title, "A"), (content.answer, "C")),
        written_by=editor.user,
        written_by_user=editor.user_id,
        written_at=at,
    )


def _take(version: VersionRow, what: Step, editor: Editor, at: datetime, reason: str = "") -> None:
    rule = rule_of(VersionState(version.state), what)
    if rule.second_person and editor.user_id == version.written_by_user:
        raise SamePerson("another person checks what somebody wrote")
    if rule.reason and not reason:
        raise InvalidInput(f"{what} ({what.term}) needs a reason")
    version.state = rule.next.value
    match what:
        case Step.CHECK:
            version.checked_by, version.checked_by_user, version.checked_at = editor.user, editor.user_id, at
        case Step.PUBLISH:
            version.published_by, version.published_at = editor.user, at
        case _:
            version.closed_by, version.closed_at, version.closed_why = editor.user, at, reason


def _may_write(editor: Editor, unit_id: int) -> None:
    if editor.roles & OF_THE_CENTRE:
        return
    if not (editor.roles & OF_ITS_UNIT and editor.unit_id == unit_id):
        raise NotYourEntry("the entry belongs to another unit")


async def _unit(session: AsyncSession, unit_id: int) -> None:
    if await session.get(Unit, unit_id) is None:
        raise UnitNotFound(str(unit_id))


async def _entry(session: AsyncSession, code: str) -> EntryRow:
    """Held until the transaction ends: of two who write at once, the second sees what the first has written."""
    found = await session.scalar(
        select(EntryRow).where(EntryRow.code == code).with_for_update().execution_options(populate_existing=True)
    )
    if found is None:
        raise EntryNotFound(code)
    return found


async def _in_state(session: AsyncSession, entry: EntryRow, *states: VersionState) -> list[VersionRow]:
    found = await session.scalars(
        select(VersionRow)
        .where(VersionRow.entry_id == entry.id, VersionRow.state.in_([state.value for state in states]))
        .execution_options(populate_existing=True)
    )
    return list(found)
