"""公开办理: settled demands and their course, as everybody may see them by the city's policy (YZ 公开受理、公开办理).

Only of demands that were made openly (公开). Nothing is shown that says who made one: no number, name or place, no
content, and of the title neither the caller's own words for these nor any long number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from hotline.errors import NotFound
from hotline.privacy import without_person
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.vocabulary import SETTLED_STATES, Action, Confidentiality, Part, TicketType

_SHOWN: Final = (
    Action.REGISTER,
    Action.ACCEPT,
    Action.DISPATCH,
    Action.SIGN_FOR,
    Action.REPLY,
    Action.ANSWER,
    Action.VISIT,
    Action.CLOSE,
)
"""Steps of the course (TH 13); who took them and what was said is not part of it."""
_LONG_NUMBER: Final = re.compile(r"[0-9０-９](?:[\s\-]*[0-9０-９Xx]){5,}")


class CaseNotPublic(NotFound):
    """No demand of this id is shown to everybody."""

    code = "case.not_public"


@dataclass(frozen=True, slots=True)
class PublicCase:
    """A settled demand. `id` is the ticket's own and says nothing to the telephone's or the page's progress query."""

    id: int
    title: str
    type: TicketType
    unit: str
    registered_at: datetime
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the course."""

    action: Action
    at: datetime


async def cases(
    session: AsyncSession, *, types: Sequence[str], settled_before: datetime, before: int | None = None, limit: int = 20
) -> list[PublicCase]:
    """The newest first; `before` is the last id of the page before."""
    wanted = _public(types, settled_before).order_by(TicketRow.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(TicketRow.id < before)
    return [_case(row[0], row[1]) for row in await session.execute(wanted)]


async def course(
    session: AsyncSession, case: int, *, types: Sequence[str], settled_before: datetime
) -> tuple[PublicCase, list[Step]]:
    """One of them with its course. Raises CaseNotPublic."""
    found = (await session.execute(_public(types, settled_before).where(TicketRow.id == case))).one_or_none()
    if found is None:
        raise CaseNotPublic("no such case")
    rows = await session.execute(
        select(TicketHistoryRow.action, TicketHistoryRow.at)
        .where(TicketHistoryRow.ticket_id == case, TicketHistoryRow.action.in_([one.value for one in _SHOWN]))
        .order_by(TicketHistoryRow.version)
    )
    return _case(found[0], found[1]), [Step(Action(action), at) for action, at in rows]


def _public(types: Sequence[str], settled_before: datetime) -> Select[Any]:
    unit = (
        select(Unit.name)
        .join(TicketAssignmentRow, TicketAssignmentRow.unit_id == Unit.id)
        .where(
            TicketAssignmentRow.ticket_id == TicketRow.id,
            TicketAssignmentRow.part == Part.LEAD.value,
            TicketAssignmentRow.withdrawn_at.is_(None),
        )
        .scalar_subquery()
    )
    return select(TicketRow, unit).where(
        TicketRow.state.in_(SETTLED_STATES),
        TicketRow.confidentiality == Confidentiality.OPEN.value,
        TicketRow.type.in_(types),
        TicketRow.updated_at <= settled_before,
    )


def _case(ticket: TicketRow, unit: str | None) -> PublicCase:
    title = without_person(ticket.title, number=ticket.caller_number, name=ticket.caller_name, address=ticket.address)
    return PublicCase(
        id=ticket.id,
        title=_LONG_NUMBER.sub("*", title),
        type=TicketType(ticket.type),
        unit=unit or "",
        registered_at=ticket.registered_at,
        settled_at=ticket.updated_at,
    )
