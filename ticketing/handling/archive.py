"""归档: a ticket's whole file when it was archived, with its hash, in a table that takes no change (TH 19).

That table has it without the citizen; complete it is sealed in another one, whose row goes when the citizen's data are
erased, while what was archived stays provably what it was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

import orjson
from sqlalchemy import FromClause, select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import HotlineError
from hotline.privacy import without_person
from ticketing.attachments.tables import AttachmentRow
from ticketing.catalogue.tables import AccusedRow
from ticketing.clock_tables import TicketClockMoveRow, TicketClockRow, TicketNoticeRow
from ticketing.coordination.tables import FirstUnitRow, MeetingRow
from ticketing.handling.errors import RecordNotFound
from ticketing.handling.tables import (
    AccountabilityLeadRow,
    CitizenContactRow,
    CompleteFileRow,
    RecordStepRow,
    RulingRow,
    SupervisionRow,
    TicketArchiveRow,
    UnreasonableRepeatRow,
)
from ticketing.models import TicketAssignmentRow, TicketCallRow, TicketHistoryRow, TicketRow
from ticketing.procedures.tables import MajeureRow, QuestionRow, StatutoryRow
from ticketing.refusals.tables import CitizenNoticeRow, RefusalRow
from ticketing.relations.tables import ReplyOfferRow, TicketLinkRow
from ticketing.unit_desk.tables import HandlerRow
from ticketing.visits.tables import ComplianceFindingRow, VisitAttemptRow, VisitRow

FORMAT: Final = 2
"""Of the file; a change of what it holds is a new number."""

OF_A_TICKET: Final[Mapping[str, Any]] = {
    "history": TicketHistoryRow,
    "assignments": TicketAssignmentRow,
    "clocks": TicketClockRow,
    "notices": TicketNoticeRow,
    "calls": TicketCallRow,
    "contacts": CitizenContactRow,
    "rulings": RulingRow,
    "supervisions": SupervisionRow,
    "leads": AccountabilityLeadRow,
    "repeats": UnreasonableRepeatRow,
    "steps": RecordStepRow,
    "links": TicketLinkRow,
    "reply_offers": ReplyOfferRow,
    "refusals": RefusalRow,
    "citizen_notices": CitizenNoticeRow,
    "accused": AccusedRow,
    "statutory": StatutoryRow,
    "questions": QuestionRow,
    "force_majeure": MajeureRow,
    "meetings": MeetingRow,
    "first_unit": FirstUnitRow,
    "handlers": HandlerRow,
    "visits": VisitRow,
    "visit_attempts": VisitAttemptRow,
    "findings": ComplianceFindingRow,
    "attachments": AttachmentRow,
}


COMPLETE: Final = "complete_sha256"
"""Where the file names the hash of the complete one."""
_OF_THE_CALLER: Final = frozenset({"caller_number", "caller_name", "address"})
_REMEDY: Final = "compare with a backup of the database"


class ArchiveBroken(HotlineError):
    """The file kept is not the one that was archived."""

    code = "ticket.archive_broken"


@dataclass(frozen=True, slots=True)
class Archived:
    """A ticket's file: JSON and its hash. `complete`: the citizen is in it."""

    number: str
    archived_at: datetime
    file: str
    sha256: bytes
    complete: bool


async def keep(session: AsyncSession, ticket: TicketRow, at: datetime) -> TicketArchiveRow:
    """Write the file down, once: without the citizen for good, and complete until their data are erased. The caller
    commits."""
    (row,) = await keep_all(session, [ticket], at)
    return row


async def keep_all(session: AsyncSession, tickets: Sequence[TicketRow], at: datetime) -> list[TicketArchiveRow]:
    """The same for many tickets at once."""
    found = await _files(session, [ticket.id for ticket in tickets])
    rows = []
    for ticket in tickets:
        file, complete = files(
            found[ticket.id], number=ticket.caller_number, name=ticket.caller_name, address=ticket.address
        )
        rows.append(
            TicketArchiveRow(ticket_id=ticket.id, number=ticket.number, archived_at=at, file=file, sha256=_digest(file))
        )
        session.add(CompleteFileRow(ticket_id=ticket.id, file=complete))
    session.add_all(rows)
    await session.flush()
    return rows


def files(file: dict[str, Any], *, number: str, name: str, address: str) -> tuple[str, str]:
    """The file of a ticket of this caller as JSON: without them, and complete."""
    # With a salt the hash does not tell who guesses a number that it was the one.
    complete = _json(file | {"salt": secrets.token_hex(16)})
    masked = _without(file, _Known(number=number, name=name, address=address))
    masked["ticket"] |= dict.fromkeys(_OF_THE_CALLER, "")
    return _json(masked | {COMPLETE: _digest(complete).hex()}), complete


async def of(session: AsyncSession, number: str) -> Archived:
    """The archived file of a ticket, complete while the citizen's data are kept.

    Raises RecordNotFound; ArchiveBroken if one of its two is not what its hash is of.
    """
    wanted = select(TicketArchiveRow).where(TicketArchiveRow.number == number)
    row = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if row is None:
        raise RecordNotFound(number)
    if _digest(row.file) != row.sha256:
        raise ArchiveBroken(number, remedy=_REMEDY)
    complete = await session.scalar(select(CompleteFileRow.file).where(CompleteFileRow.ticket_id == row.ticket_id))
    if complete is None:
        return Archived(row.number, row.archived_at, row.file, row.sha256, complete=False)
    digest = _digest(complete)
    if orjson.loads(row.file).get(COMPLETE) != digest.hex():
        raise ArchiveBroken(number, remedy=_REMEDY)
    return Archived(row.number, row.archived_at, complete, digest, complete=True)


def _digest(file: str) -> bytes:
    return hashlib.sha256(file.encode()).digest()


def _json(file: dict[str, Any]) -> str:
    return orjson.dumps(file, option=orjson.OPT_SORT_KEYS).decode()


class _Known(TypedDict):
    number: str
    name: str
    address: str


def _without(value: Any, known: _Known) -> Any:
    match value:
        case str():
            return without_person(value, **known)
        case dict():
            return {field: _without(inner, known) for field, inner in value.items()}
        case list() | tuple():
            return [_without(inner, known) for inner in value]
        case _:
            return value


async def _files(session: AsyncSession, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By ticket. Whatever a file holds is in the order of its keys."""
    if not ids:
        return {}
    await session.flush()
    clocks = select(TicketClockRow.id, TicketClockRow.ticket_id).where(TicketClockRow.ticket_id.in_(ids)).subquery()
    moves = (
        select(TicketClockMoveRow.__table__, clocks.c.ticket_id.label("of_ticket"))
        .join(clocks, clocks.c.id == TicketClockMoveRow.clock_id)
        .order_by(TicketClockMoveRow.id)
    )
    files: dict[int, dict[str, Any]] = {
        ticket: {"format": FORMAT, "clock_moves": [], **{name: [] for name in OF_A_TICKET}} for ticket in ids
    }
    for row in (await session.execute(moves)).mappings():
        move = dict(row)
        files[move.pop("of_ticket")]["clock_moves"].append(move)
    for ticket in await _rows(session, TicketRow.__table__, "id", ids):
        del ticket["caller_index"]
        files[ticket["id"]]["ticket"] = ticket
    for name, kind in OF_A_TICKET.items():
        for found in await _rows(session, kind.__table__, "ticket_id", ids):
            files[found["ticket_id"]][name].append(found)
    return files


async def _rows(session: AsyncSession, table: FromClause, column: str, ids: Sequence[int]) -> list[dict[str, Any]]:
    wanted = select(table).where(table.c[column].in_(ids)).order_by(*table.primary_key)
    return [dict(row) for row in (await session.execute(wanted)).mappings()]
