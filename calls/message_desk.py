"""A message (留言) is taken by an agent, who listens to it and makes it a ticket with the sound in its file.

One agent has a message: who takes it second is told so. Where every message becomes a ticket by itself
(`calls.message_tickets`), the agent who takes it gets that ticket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.callback_models import VoiceMessageRow
from calls.ingest import insert_entries
from calls.message_files import kept_wave
from calls.ticket_links import link_fact
from hotline.errors import Conflict, NotAllowed, NotFound
from ticketing import repository
from ticketing.attachments.errors import TicketIsArchived, TooLarge, TooManyAttachments
from ticketing.attachments.keeping import Attachments
from ticketing.events import TicketLinked
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, Intake
from ticketing.vocabulary import Source

_log = structlog.get_logger(__name__)

_LANE: Final = 911
_FILE: Final = "留言录音.wav"


class MessageTaken(Conflict):
    """Another agent has taken the message."""

    code = "message.taken"


class MessageNotTaken(NotAllowed):
    """The message is not this agent's: it has to be taken first."""

    code = "message.not_yours"


class MessageNotFound(NotFound):
    """No such message."""

    code = "message.not_found"


class MessageDesk:
    """Where agents take messages. `kept` is where their sound is on this host; `process` tells the journal.

    Nothing here commits: the caller's transaction does.
    """

    def __init__(self, *, desk: IntakeDesk, attachments: Attachments, kept: Path, process: str) -> None:
        self._desk = desk
        self._attachments = attachments
        self._kept = kept
        self._process = process

    async def waiting(self, session: AsyncSession, *, after: int, limit: int) -> Sequence[VoiceMessageRow]:
        """Messages that nobody has taken, oldest first, from behind an id; one more than `limit` if the list goes
        on."""
        wanted = select(VoiceMessageRow).where(VoiceMessageRow.taken_by.is_(None), VoiceMessageRow.id > after)
        return (await session.scalars(wanted.order_by(VoiceMessageRow.id).limit(limit + 1))).all()

    async def take(self, session: AsyncSession, message: int, actor: Actor, *, at: datetime) -> VoiceMessageRow:
        """Make a message the agent's; again changes nothing. Raises MessageNotFound, MessageTaken."""
        row = await self._held(session, message)
        if row.taken_by not in (None, actor.user):
            raise MessageTaken("another agent has it")
        if row.taken_by is None:
            row.taken_by, row.taken_at = actor.user, at
            if row.ticket is not None:
                await self._attach(session, row, actor, at)
        await session.flush()
        return row

    async def of(self, session: AsyncSession, message: int, actor: Actor) -> VoiceMessageRow:
        """A message that the agent has taken. Raises MessageNotFound, MessageNotTaken."""
        row = await self._held(session, message)
        if row.taken_by != actor.user:
            raise MessageNotTaken("take it first")
        return row

    async def register(
        self, session: AsyncSession, message: int, intake: Intake, actor: Actor, *, at: datetime
    ) -> tuple[str, bool]:
        """Make the message the agent has taken a ticket, with its caller, call and sound; returns the number, and
        whether it is new. Raises MessageNotFound, MessageNotTaken, and what IntakeDesk.register raises."""
        row = await self.of(session, message, actor)
        if row.ticket is not None:
            return row.ticket, False
        of_the_call = {
            "source": Source.VOICE_MESSAGE,
            "call": row.call_id,
            "hotline": row.line,
            "caller_number": intake.caller_number or row.caller or "",
        }
        ticket = await self._desk.register(session, intake.model_copy(update=of_the_call), actor)
        row.ticket = ticket.number
        event = TicketLinked(row.call_id, ticket.number, actor.user, at)
        await insert_entries(session, [link_fact(event, self._process, lane=_LANE)])
        await self._attach(session, row, actor, at)
        await session.flush()
        return ticket.number, True

    async def _attach(self, session: AsyncSession, row: VoiceMessageRow, actor: Actor, at: datetime) -> None:
        """Put the sound into the ticket's file, where it can be: it is kept with the message in any case."""
        if row.ticket is None:
            return
        ticket = await repository.row(session, row.ticket)
        try:
            wave = await asyncio.to_thread(kept_wave, self._kept, row.call_id, row.sha256)
            await self._attachments.add(session, ticket.number, _FILE, wave, by=actor.user, at=at, released=False)
        except (NotFound, TooLarge, TooManyAttachments, TicketIsArchived) as error:
            _log.warning("message.not_attached", call=row.call_id, code=error.code)

    async def _held(self, session: AsyncSession, message: int) -> VoiceMessageRow:
        row = await session.get(VoiceMessageRow, message, with_for_update=True, populate_existing=True)
        if row is None:
            raise MessageNotFound("no such message")
        return row
