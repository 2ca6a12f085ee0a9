"""专题协调会 and 联席会议: reported with the facts, called by somebody, concluded with an outcome - all on record.

A special meeting follows the last extension: the unit itself reports to the government leader in charge, who calls it
(TH 16). A joint one is asked for by the centre where a matter concerns many units (SX 三(二)).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import repository
from ticketing.clocks import Rules
from ticketing.coordination.errors import ExtensionsLeft, MeetingOpen, NoMeetingReported
from ticketing.coordination.tables import MeetingRow
from ticketing.coordination.words import MeetingAction, MeetingKind, MeetingState
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing, UnitNotFound
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.people import CENTRE, GOVERNMENT, OF_A_UNIT
from ticketing.procedures.leading import lead_part
from ticketing.schemas import Actor, Body, Details, Moment, Name, UnitId
from ticketing.vocabulary import Action, State

_S, _A = MeetingState, MeetingAction
_NOTE = frozenset({"note"})
_WITH = frozenset({"note", "units", "held_at"})

_CALLERS: Final = CENTRE | GOVERNMENT
"""A joint one is the centre's all the same (`act`)."""

MEETING_MOVES: Final = Moves(
    RecordKind.MEETING,
    MappingProxyType(
        {
            (_S.REPORTED, _A.CONVENE): Move(
                _S.CONVENED, _CALLERS, needs=frozenset({"convener", "held_at"}), takes=_WITH
            ),
            (_S.REPORTED, _A.CONCLUDE): Move(_S.CONCLUDED, _CALLERS, needs=_NOTE | {"convener"}, takes=_WITH),
            (_S.REPORTED, _A.CANCEL): Move(_S.CANCELLED, CENTRE, needs=_NOTE),
            (_S.CONVENED, _A.CONCLUDE): Move(_S.CONCLUDED, _CALLERS, needs=_NOTE, takes=_WITH | {"convener"}),
            (_S.CONVENED, _A.CANCEL): Move(_S.CANCELLED, CENTRE, needs=_NOTE),
        }
    ),
)
"""The ticket's action `meet` concludes the special one, too."""


class MeetingSaid(Said):
    """What a step of a meeting needs; the note of CONCLUDE is its outcome."""

    convener: Name = Field("", description="Who calls it: of a special one the government leader in charge.")
    held_at: Moment | None = Field(None, description="When it is held, or was.")
    units: tuple[UnitId, ...] = Field((), max_length=50, description="Units that are asked to it.")


class MeetingReport(BaseModel):
    """Why there is to be a meeting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MeetingKind
    report: Annotated[Body, Field(min_length=1)]
    units: tuple[UnitId, ...] = Field((), max_length=50, description="Units it concerns.")


async def report(session: AsyncSession, number: str, said: MeetingReport, actor: Actor, *, at: datetime) -> MeetingRow:
    """Of a special meeting by the unit that leads, after the last extension; of a joint one by the centre, naming two
    units or more.

    Raises TicketNotFound, ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible, ExtensionsLeft, MeetingOpen,
    DetailMissing, UnitNotFound. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    unit = None
    if said.kind is MeetingKind.SPECIAL:
        unit = (await lead_part(session, ticket, actor, what=said.kind.term, roles=OF_A_UNIT)).unit_id
        rules = await Rules.of(session, ticket)
        granted = select(func.count()).where(
            TicketHistoryRow.ticket_id == ticket.id, TicketHistoryRow.action == Action.GRANT_EXTENSION.value
        )
        if int((await session.execute(granted)).scalar_one()) < rules.policy.most_extensions:
            raise ExtensionsLeft(number)
    else:
        if not actor.roles & CENTRE:
            raise ActionNotAllowed(f"{said.kind.term}: for people of the centre")
        if not State(ticket.state).open:
            raise ActionNotPossible(f"{said.kind.term}: not in state {ticket.state}")
        if len(set(said.units)) < 2:
            raise DetailMissing("a joint meeting is of two units or more")
    await _must_be_known(session, said.units)
    if await open_of(session, ticket.id, said.kind) is not None:
        raise MeetingOpen(number)
    row = MeetingRow(
        ticket_id=ticket.id,
        kind=said.kind.value,
        state=MeetingState.REPORTED.value,
        version=1,
        unit_id=unit,
        report=said.report,
        units=list(said.units),
        reported_by=actor.user,
        reported_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    number: str,
    meeting_id: int,
    action: MeetingAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: MeetingSaid,
) -> MeetingRow:
    """One step. Raises what `records.step` raises, TicketNotFound, RecordNotFound, UnitNotFound. The caller commits."""
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, MeetingRow, meeting_id, ticket)
    if not actor.roles & CENTRE and row.kind != MeetingKind.SPECIAL:
        raise ActionNotAllowed(f"{MeetingKind.JOINT.term}: for people of the centre")
    await _must_be_known(session, said.units)
    columns: dict[str, object] = {}
    if said.convener:
        columns["convener"] = said.convener
    if said.held_at is not None:
        columns["held_at"] = said.held_at
    if said.units:
        columns["units"] = list(said.units)
    if action is MeetingAction.CONCLUDE:
        columns |= {"outcome": said.note, "concluded_at": at}
    await records.step(
        session,
        MEETING_MOVES,
        row,
        action,
        actor,
        sides=frozenset(),
        version=version,
        at=at,
        said=said,
        **columns,
    )
    return row


async def before(session: AsyncSession, ticket: TicketRow, action: Action) -> None:
    """A special meeting is written down after the unit's report. Raises NoMeetingReported."""
    if action is Action.MEET and await open_of(session, ticket.id, MeetingKind.SPECIAL) is None:
        raise NoMeetingReported(ticket.number)


async def after(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, actor: Actor, *, at: datetime
) -> None:
    """`meet` concludes the special meeting with its outcome."""
    if action is not Action.MEET:
        return
    row = await open_of(session, ticket.id, MeetingKind.SPECIAL)
    if row is not None:
        said = MeetingSaid(note=details.note, convener=details.convener)
        await act(session, ticket.number, row.id, MeetingAction.CONCLUDE, actor, version=row.version, at=at, said=said)


async def open_of(session: AsyncSession, ticket_id: int, kind: MeetingKind) -> MeetingRow | None:
    """The one that was reported and is not concluded."""
    wanted = select(MeetingRow).where(
        MeetingRow.ticket_id == ticket_id,
        MeetingRow.kind == kind.value,
        MeetingRow.state.in_([MeetingState.REPORTED.value, MeetingState.CONVENED.value]),
    )
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def of(session: AsyncSession, ticket_id: int) -> Sequence[MeetingRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, MeetingRow, ticket_id)


async def _must_be_known(session: AsyncSession, units: Collection[int]) -> None:
    if missing := set(units) - await repository.known_units(session, list(units)):
        raise UnitNotFound(", ".join(map(str, sorted(missing))))
