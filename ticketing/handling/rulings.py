"""职责裁定: a second dispute over the return of a ticket is decided by those who lay down units' duties (TH 16).

The centre reviews the first return by itself (退单争议审核). From the second one on it asks 编制, 司法 or the
government, keeps who ruled and what, and is bound by it: the next dispatch goes to the unit named, which does not
return it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, repository
from ticketing.errors import ActionNotAllowed, UnitNotFound
from ticketing.handling import records
from ticketing.handling.errors import RulingBinds, RulingPending
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.tables import RulingRow
from ticketing.handling.words import Authority, RecordKind, RulingAction, RulingState
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.people import CENTRE, GOVERNMENT
from ticketing.schemas import Actor, Details, Line, UnitId
from ticketing.vocabulary import Action

_S, _A = RulingState, RulingAction

RULING_MOVES: Final = Moves(
    RecordKind.RULING,
    MappingProxyType(
        {
            (_S.ASKED, _A.SUBMIT): Move(_S.SUBMITTED, CENTRE, needs=frozenset({"authority", "note"})),
            (_S.SUBMITTED, _A.RULE): Move(
                _S.RULED,
                CENTRE | GOVERNMENT,
                needs=frozenset({"unit", "ruled_by", "document"}),
                takes=frozenset({"note"}),
            ),
            (_S.RULED, _A.APPLY): Move(_S.APPLIED, CENTRE),
        }
    ),
)
"""APPLY happens with the ticket's own action: the dispatch to the unit named, or the return refused."""


class RulingSaid(Said):
    """What a step of a ruling needs."""

    authority: Authority | None = Field(None, description="Who is asked.")
    unit: UnitId | None = Field(None, description="The unit whose duty it is.")
    ruled_by: Line = Field("", description="Person or meeting that ruled.")
    document: Line = Field("", description="Number of the paper (文号).")


async def act(
    session: AsyncSession,
    number: str,
    ruling_id: int,
    action: RulingAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: RulingSaid,
) -> RulingRow:
    """Submit a dispute, or write down what was ruled. Raises what `records.step` raises, TicketNotFound,
    RecordNotFound, UnitNotFound, ActionNotAllowed for a leader where others are asked; RulingPending for APPLY, which
    goes with the ticket's own action.
    """
    ticket = await records.locked_ticket(session, number)
    ruling = await records.found(session, RulingRow, ruling_id, ticket)
    if action is RulingAction.APPLY:
        raise RulingPending("a ruling is applied by dispatching the ticket, or by refusing its return")
    if action is RulingAction.RULE and not actor.roles & CENTRE and ruling.authority != Authority.GOVERNMENT:
        raise ActionNotAllowed("the leader of the government rules where the government is asked")
    if said.unit is not None and not await repository.known_units(session, [said.unit]):
        raise UnitNotFound(str(said.unit))
    columns: dict[str, object] = {}
    if action is RulingAction.SUBMIT:
        columns = {"authority": None if said.authority is None else said.authority.value}
    else:
        columns = {"unit_id": said.unit, "ruled_by": said.ruled_by, "document": said.document, "ruled_at": at}
    await records.step(
        session,
        RULING_MOVES,
        ruling,
        action,
        actor,
        sides=frozenset(),
        version=version,
        at=at,
        said=said,
        **columns,
    )
    return ruling


async def of(session: AsyncSession, ticket_id: int) -> Sequence[RulingRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, RulingRow, ticket_id)


async def before(session: AsyncSession, ticket: TicketRow, action: Action, details: Details) -> None:
    """What a ruling forbids. Raises RulingPending, RulingBinds."""
    if action not in {Action.RETURN, Action.AGREE_RETURN, Action.REFUSE_RETURN, Action.DISPATCH}:
        return
    lead = await repository.lead_unit(session, ticket.id)
    if action is Action.RETURN:
        named = {ruling.unit_id for ruling in await of(session, ticket.id) if ruling.state == RulingState.APPLIED}
        if lead in named:
            raise RulingBinds("it was ruled that the matter is this unit's duty")
        return
    ruling = await _open(session, ticket.id)
    if ruling is None:
        return
    if ruling.state != RulingState.RULED:
        raise RulingPending(f"the return is before the ruling: {ruling.state}")
    wanted = details.lead_unit if action is Action.DISPATCH else lead
    if (wanted == ruling.unit_id) is (action is Action.AGREE_RETURN):
        raise RulingBinds(f"it was ruled that the matter is unit {ruling.unit_id}'s duty")


async def after(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor, at: datetime) -> None:
    """A second return is a dispute to be ruled; a dispatch, or a return refused, applies what was ruled."""
    if action not in {Action.RETURN, Action.DISPATCH, Action.REFUSE_RETURN}:
        return
    ruling = await _open(session, ticket.id)
    if action is Action.RETURN and ruling is None:
        rules = await clocks.Rules.of(session, ticket)
        if await _returns(session, ticket.id) >= rules.policy.ruling_from_return:
            session.add(
                RulingRow(
                    ticket_id=ticket.id,
                    state=RulingState.ASKED.value,
                    version=1,
                    disputed_unit_id=await repository.lead_unit(session, ticket.id),
                    asked_at=at,
                )
            )
            await session.flush()
    elif action is not Action.RETURN and ruling is not None:
        await records.step(
            session,
            RULING_MOVES,
            ruling,
            RulingAction.APPLY,
            actor,
            sides=frozenset(),
            version=ruling.version,
            at=at,
            said=RulingSaid(),
        )


async def _open(session: AsyncSession, ticket_id: int) -> RulingRow | None:
    wanted = select(RulingRow).where(RulingRow.ticket_id == ticket_id, RulingRow.state != RulingState.APPLIED.value)
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def _returns(session: AsyncSession, ticket_id: int) -> int:
    counted = select(func.count()).where(
        TicketHistoryRow.ticket_id == ticket_id, TicketHistoryRow.action == Action.RETURN.value
    )
    return int((await session.execute(counted)).scalar_one())
