"""A message (留言) becomes a ticket (工单): written down if there is an engine for it, with the sound linked.

Once for each message, however many look and whenever one of them dies: the ticket's request key is the message's, and
the row names the ticket in the transaction that makes it. Each host looks after the messages whose sound it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.callback_models import Transcription, VoiceMessageRow
from calls.facts import Entry
from calls.ingest import insert_entries
from calls.message_files import MessageDamaged, kept_sound
from calls.ticket_links import link_fact
from directory.models import Role
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError, NotFound
from hotline.tasks import through_outages
from media.errors import NotTranscribed
from media.sound import TELEPHONE_HZ, from_alaw
from media.transcribe import Transcriber
from ticketing.events import TicketLinked
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, Intake
from ticketing.vocabulary import Source

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 5.0
_BATCH: Final = 20
_OLDEST: Final = timedelta(days=30)
"""An older message without a ticket is of a time before there were any."""

_LANE: Final = 910

BY: Final = "voice-message"
"""Who registers these tickets."""

_WRITER: Final = Actor(BY, frozenset({Role.AGENT}))

_NOT_WRITTEN_DOWN: Final = {
    Transcription.NONE: "未转写，请收听录音。",
    Transcription.FAILED: "转写未成功，请收听录音。",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What was made of the sound."""

    state: Transcription
    text: str | None = None
    engine: str | None = None


class MessageTickets:
    """Turns the messages kept on this host into tickets. `kept` is where their sound is."""

    def __init__(
        self,
        *,
        host: str,
        kept: Path,
        database: Database,
        desk: IntakeDesk,
        transcriber: Transcriber | None,
        clock: Clock,
        process: str,
    ) -> None:
        self._host = host
        self._kept = kept
        self._database = database
        self._desk = desk
        self._transcriber = transcriber
        self._clock = clock
        self._process = process

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="messages.tickets_wait")

    async def step(self) -> int:
        """Write up what lies there; returns how many tickets that made."""
        async with self._database.transaction() as session:
            waiting = await self._waiting(session)
        made = 0
        for message in waiting:
            words = await self._words(message)
            try:
                async with self._database.transaction() as session:
                    made += await self._write_up(session, message.id, words)
            except HotlineError as error:
                _log.error("message.no_ticket", call=message.call_id, code=error.code)
        return made

    async def _waiting(self, session: AsyncSession) -> Sequence[VoiceMessageRow]:
        query = (
            select(VoiceMessageRow)
            .where(
                VoiceMessageRow.ticket.is_(None),
                VoiceMessageRow.host == self._host,
                VoiceMessageRow.left_at >= self._clock.now() - _OLDEST,
            )
            .order_by(VoiceMessageRow.left_at)
            .limit(_BATCH)
        )
        return (await session.scalars(query)).all()

    async def _words(self, message: VoiceMessageRow) -> Words:
        transcriber = self._transcriber
        if transcriber is None:
            return Words(Transcription.NONE)
        try:
            sound = await asyncio.to_thread(kept_sound, self._kept, message.call_id, message.sha256)
            text = await asyncio.to_thread(transcriber.transcribe, from_alaw(sound), TELEPHONE_HZ)
        except (NotTranscribed, NotFound, MessageDamaged) as error:
            _log.warning("message.not_transcribed", call=message.call_id, code=error.code)
            return Words(Transcription.FAILED, engine=transcriber.engine)
        return Words(Transcription.DONE, text, transcriber.engine)

    async def _write_up(self, session: AsyncSession, message: int, words: Words) -> bool:
        row = await session.get(VoiceMessageRow, message, with_for_update=True)
        if row is None or row.ticket is not None:
            return False
        now = self._clock.now()
        ticket = await self._desk.register(session, _intake(row, words), _WRITER)
        row.ticket = ticket.number
        row.transcription, row.transcript, row.transcribed_by = words.state, words.text, words.engine
        await insert_entries(session, [self._linked(row.call_id, ticket.number, now)])
        return True

    def _linked(self, call: str, ticket: str, now: datetime) -> Entry:
        return link_fact(TicketLinked(call, ticket, BY, now), self._process, lane=_LANE)


def _intake(row: VoiceMessageRow, words: Words) -> Intake:
    written = f"转写（机器识别，仅供参考）：{words.text}" if words.text else _NOT_WRITTEN_DOWN[words.state]
    lines = (f"市民留言，{row.duration_ms / 1000:.0f}秒。", written, f"录音：/api/messages/{row.id}/sound")
    return Intake(
        title=f"语音留言（{row.line}）",
        content="\n".join(lines),
        source=Source.VOICE_MESSAGE,
        caller_number=row.caller or "",
        hotline=row.line,
        call=row.call_id,
        request_key=f"voice-message-{row.id}",
    )
