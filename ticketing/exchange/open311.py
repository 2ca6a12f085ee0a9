"""Open311 GeoReport v2 (http://wiki.open311.org/GeoReport_v2/): what of our tickets everybody may read, and new ones.

A request is a ticket and its id the ticket's number; a service is a category (事项分类). Nothing that anybody wrote is
told, for it may name somebody: neither description nor address, nor who handles it. Reports (举报) and what was asked
for in confidence are not told of at all (TH 4, 23).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from directory.numbers import caller
from hotline import sealed
from hotline.locks import Lock, one_at_a_time
from ticketing import repository
from ticketing.catalogue import categories
from ticketing.catalogue.tables import CategoryRow
from ticketing.exchange.errors import ClientKeyTaken
from ticketing.exchange.tables import Open311KeyRow, Open311RequestRow
from ticketing.intake import IntakeDesk
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.progress_words import SENTENCES
from ticketing.schemas import Actor, Intake, Line, Name, Ticket, WrittenNumber
from ticketing.vocabulary import Action, Confidentiality, Source, State, TicketType

LONGEST_SPAN: Final = timedelta(days=90)
MOST: Final = 1_000
"""Requests that are told at a time."""
LONGEST_DESCRIPTION: Final = 4_000

_AREA: Final = re.compile(r"[0-9]{6}([0-9]{6})?")
_LONGEST_TITLE: Final = 60
_CLOSED: Final = tuple(state.value for state in State if not state.open)
_ENDED_BY: Final = (Action.CLOSE.value, Action.REFUSE.value)

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


@dataclass(frozen=True, slots=True)
class Service:
    """A category as the standard tells of it; `group` is the name of the one above."""

    code: str
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class PublicRequest:
    """What everybody may know of a ticket."""

    id: str
    open: bool
    notes: str
    service_code: str
    service_name: str
    area_code: str
    requested_at: datetime
    updated_at: datetime
    """Of a closed one when it was closed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests: by their ids, which overrides all else; else of `services` (empty: of each), from `start` to
    `end`, open, closed or both."""

    start: datetime
    end: datetime
    ids: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    open: bool | None = None


class NewRequest(BaseModel):
    """A request as a citizen's app sends it. At least one of the three ways to say where."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    service_code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_DESCRIPTION)] = ""
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    long: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    address_string: Line = ""
    address_id: Text = ""
    first_name: Name = ""
    last_name: Name = ""
    phone: WrittenNumber = ""
    email: Text = ""
    media_url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @property
    def located(self) -> bool:
        """Whether it says where."""
        return bool(self.address_string or self.address_id) or (self.lat is not None and self.long is not None)


def span(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """From when to when requests are looked for: 90 days where an end is open, as the standard says."""
    if start is None:
        end = end or now
        return end - LONGEST_SPAN, end
    return start, end or min(start + LONGEST_SPAN, max(now, start))


async def services(session: AsyncSession) -> Sequence[Service]:
    """Every category that a new request may have, by code."""
    tree = {row.code: row for row in await categories.tree(session)}
    return [
        Service(row.code, row.name, tree[row.parent_code].name if row.parent_code in tree else "")
        for row in tree.values()
        if row.active
    ]


async def service(session: AsyncSession, code: str) -> Service | None:
    """A category that a new request may have; None: there is none of this code."""
    return next((one for one in await services(session) if one.code == code), None)


async def requests(
    session: AsyncSession, wanted: Wanted, *, page: int = 1, page_size: int = MOST
) -> Sequence[PublicRequest]:
    """What everybody may know of the tickets that are wanted, newest first."""
    query = (
        select(TicketRow, CategoryRow.name)
        .outerjoin(CategoryRow, CategoryRow.code == TicketRow.category)
        .where(
            TicketRow.confidentiality == Confidentiality.OPEN.value,
            TicketRow.type != TicketType.REPORT.value,
        )
    )
    if wanted.ids:
        query = query.where(TicketRow.number.in_(wanted.ids))
    else:
        query = query.where(TicketRow.registered_at >= wanted.start, TicketRow.registered_at <= wanted.end)
        if wanted.services:
            query = query.where(TicketRow.category.in_(wanted.services))
        if wanted.open is not None:
            query = query.where(TicketRow.state.not_in(_CLOSED) if wanted.open else TicketRow.state.in_(_CLOSED))
    query = query.order_by(TicketRow.id.desc()).limit(page_size).offset((page - 1) * page_size)
    rows = (await session.execute(query)).all()
    ended = await _ended(session, [ticket.id for ticket, _ in rows if not State(ticket.state).open])
    return [
        PublicRequest(
            id=ticket.number,
            open=State(ticket.state).open,
            notes=SENTENCES[State(ticket.state)],
            service_code=ticket.category,
            service_name=name or "",
            area_code=ticket.area_code,
            requested_at=ticket.registered_at,
            updated_at=ended.get(ticket.id, ticket.updated_at),
        )
        for ticket, name in rows
    ]


async def create(
    session: AsyncSession,
    desk: IntakeDesk,
    key: Open311KeyRow,
    said: NewRequest,
    *,
    area_code: str,
    at: datetime,
    client_key: str | None = None,
    repeats: timedelta = timedelta(0),
) -> Ticket:
    """Write a request down as a ticket of the app's source, once: what an app sends again under its `client_key`, or
    without one in the same words within `repeats`, gives the first one's ticket. Of two at the same time the second
    waits for the first.

    Raises CategoryNotFound, ClientKeyTaken. The caller commits.
    """
    index = sealed.keys().index(said.model_dump_json())
    await one_at_a_time(session, Lock.OPEN311_REQUESTS, client_key or index.hex())
    if (earlier := await _earlier(session, key, index, client_key, since=at - repeats)) is not None:
        return earlier
    ticket = await _register(session, desk, key, said, area_code=area_code)
    row = await repository.row(session, ticket.number)
    session.add(Open311RequestRow(app=key.name, client_key=client_key, said=index, at=at, ticket_id=row.id))
    return ticket


async def _earlier(
    session: AsyncSession, key: Open311KeyRow, said: bytes, client_key: str | None, *, since: datetime
) -> Ticket | None:
    known = select(TicketRow, Open311RequestRow.said).join(
        Open311RequestRow, Open311RequestRow.ticket_id == TicketRow.id
    )
    known = known.where(Open311RequestRow.app == key.name)
    if client_key is not None:
        known = known.where(Open311RequestRow.client_key == client_key)
    else:
        known = known.where(
            Open311RequestRow.client_key.is_(None), Open311RequestRow.said == said, Open311RequestRow.at > since
        )
    found = (await session.execute(known.order_by(Open311RequestRow.id.desc()).limit(1))).one_or_none()
    if found is None:
        return None
    if found.said != said:
        raise ClientKeyTaken("another request was sent under this key")
    return Ticket.model_validate(found[0])


async def _register(
    session: AsyncSession, desk: IntakeDesk, key: Open311KeyRow, said: NewRequest, *, area_code: str
) -> Ticket:
    known = caller(said.phone, area_code).number or ""
    row = await session.get(CategoryRow, said.service_code)
    first = said.description.splitlines()[0][:_LONGEST_TITLE] if said.description else ""
    area = said.address_id if _AREA.fullmatch(said.address_id) else ""
    notes = [
        f"{what}：{text}"
        for what, text in (
            ("坐标", f"{said.lat}, {said.long}" if said.lat is not None and said.long is not None else ""),
            ("地址编号", "" if area else said.address_id),
            ("联系电话（原文）", "" if known else said.phone),
            ("电子邮箱", said.email),
            ("图片", said.media_url),
        )
        if text
    ]
    intake = Intake(
        type=TicketType.HELP,
        title="：".join(filter(None, (row.name if row else "", first))) or said.service_code,
        content="\n".join([said.description, *notes]).strip(),
        source=Source(key.source),
        caller_number=known,
        caller_name=f"{said.last_name}{said.first_name}"[:64],
        address=said.address_string,
        area_code=area,
        category=said.service_code,
    )
    # As whoever takes demands: the app does it for the citizen.
    return await desk.register(session, intake, Actor(f"open311:{key.name}", frozenset({Role.AGENT})))


async def _ended(session: AsyncSession, tickets: Sequence[int]) -> dict[int, datetime]:
    if not tickets:
        return {}
    query = (
        select(TicketHistoryRow.ticket_id, func.max(TicketHistoryRow.at).label("at"))
        .where(TicketHistoryRow.ticket_id.in_(tickets), TicketHistoryRow.action.in_(_ENDED_BY))
        .group_by(TicketHistoryRow.ticket_id)
    )
    return {row.ticket_id: row.at for row in await session.execute(query)}
