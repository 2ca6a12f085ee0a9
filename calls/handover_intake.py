"""Data that another platform sends with a call it transfers to us (数据随话务): each becomes a ticket, once.

110 sends non-police calls, branch centres what is not theirs, the province what is the city's (YZ 二(三), SMX 二(一)).
The platform's own id makes a repeat known: it gets the first one's answer, and another content under it is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.handover_models import ReceivedHandoverRow
from directory.models import Role
from directory.numbers import caller
from directory.snapshot import DirectorySnapshot, PartnerPlatform
from hotline.errors import Conflict, InvalidInput
from ticketing.exchange import incoming
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, AreaCode, Body, Intake, Line, Name, TheirNumber, WrittenNumber
from ticketing.vocabulary import Confidentiality, TicketType, Urgency

_LONGEST_TITLE: Final = 60
"""Characters of the summary that the title takes."""


class ContentChanged(Conflict):
    """Another content was sent under this id before; nothing was changed."""

    code = "handover.content_changed"


class HandoverIn(BaseModel):
    """What a platform sends with a call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_number: TheirNumber = Field(description="The platform's own number of the case.")
    summary: Annotated[Body, Field(min_length=1)] = Field(description="What it is about.")
    caller: WrittenNumber = Field("", description="The citizen's number, in any form; empty: withheld.")
    caller_name: Name = ""
    location: Line = ""
    area_code: AreaCode = Field("", description="Administrative division code of the place, 6 or 12 digits.")
    type: TicketType = TicketType.HELP
    urgent: bool = False
    confidential: bool = False

    def digest(self) -> bytes:
        """SHA-256 of what it says, however it was written down."""
        return hashlib.sha256(self.model_dump_json().encode()).digest()


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a hand-over, the same for every repeat."""

    id: str
    ticket: str
    received_at: datetime


async def receive(
    session: AsyncSession,
    desk: IntakeDesk,
    directory: DirectorySnapshot,
    partner: PartnerPlatform,
    *,
    partner_id: str,
    sent: HandoverIn,
    now: datetime,
) -> Received:
    """Keep a hand-over and make its ticket, or give the first one's answer again. Raises ContentChanged, InvalidInput.

    Of two at the same time the second waits until the first is committed.
    """
    digest = sent.digest()
    known = caller(sent.caller, directory.area_code).number or ""
    first = await session.execute(
        insert(ReceivedHandoverRow)
        .values(
            partner=partner.code,
            partner_id=partner_id,
            digest=digest,
            received_at=now,
            caller=known,
            case_number=sent.case_number,
            summary=sent.summary,
            ticket="",
        )
        .on_conflict_do_nothing()
        .returning(ReceivedHandoverRow.partner_id)
    )
    fresh = first.scalar_one_or_none() is not None
    row = await session.get(ReceivedHandoverRow, (partner.code, partner_id), populate_existing=True)
    if row is None:
        raise InvalidInput("the hand-over is gone")
    if fresh:
        # The same case may come as a ticket, too, before its call or after it: it is one.
        note = f"随话务移交：{sent.summary}"
        ticket = await incoming.noted(session, partner.code, sent.case_number, note, at=now)
        if ticket is None:
            ticket = await _register(session, desk, directory, partner, sent=sent, known=known)
            await incoming.link(session, partner.code, sent.case_number, ticket)
        row.ticket = ticket
        await session.flush()
    elif row.digest != digest:
        raise ContentChanged("another content was sent under this id")
    return Received(partner_id, row.ticket, row.received_at)


async def _register(
    session: AsyncSession,
    desk: IntakeDesk,
    directory: DirectorySnapshot,
    partner: PartnerPlatform,
    *,
    sent: HandoverIn,
    known: str,
) -> str:
    """The ticket, as an agent would take it down."""
    line = directory.line(partner.line) if partner.line else None
    unit = directory.unit(line.unit_id) if line and line.unit_id is not None else None
    said = sent.summary.splitlines()[0][:_LONGEST_TITLE]
    notes = [f"来自：{partner.name}", f"对方编号：{sent.case_number}"]
    if sent.caller and not known:
        # Rather a number nobody can dial than none.
        notes.append(f"来电号码（原文）：{sent.caller}")
    intake = Intake(
        type=sent.type,
        title=f"{partner.name}移交：{said}",
        content="\n".join([sent.summary, "", *notes]),
        source=incoming.SOURCES[partner.kind],
        caller_number=known,
        caller_name=sent.caller_name,
        address=sent.location,
        area_code=sent.area_code,
        urgency=Urgency.URGENT if sent.urgent else Urgency.GENERAL,
        confidentiality=Confidentiality.CONFIDENTIAL if sent.confidential else Confidentiality.OPEN,
        hotline=partner.line,
        unit_tag=unit.name if unit else "",
    )
    # As whoever takes calls: the platform's people did.
    actor = Actor(f"partner:{partner.code}", frozenset({Role.AGENT}))
    return (await desk.register(session, intake, actor)).number
