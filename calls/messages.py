"""Messages (留言): a citizen speaks after the tone instead of waiting.

Asterisk records into its own spool, beside a note of ours that says whose message it is; what lies there is taken in
behind everybody's back: hashed, moved under `var/messages`, and a row written. So a file delays nobody, and a message
is kept whoever dies: the citizen may hang up in the middle, the voice process or PostgreSQL may go away.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from calls.callback_models import VoiceMessageRow
from calls.facts import Kind
from calls.live import LiveCall
from calls.message_files import MessageFolders, Note, finish, keep, ready, remove, write_note
from calls.switchboard import Switchboard
from hotline.clock import from_ms
from hotline.errors import PartUnavailable

_log = structlog.get_logger(__name__)

BEGIN: Final = "wait.message.begin"
"""What is said before the tone."""

_BEEP: Final = "tones/beep"
LEFT: Final = "message"
"""The outcome of a call that ended with a message."""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What came of it. Without a message the caller, if still there, has to be queued again."""

    kept: bool
    caller_here: bool
    duration_ms: int = 0


async def take_message(board: Switchboard, live: LiveCall, session: AgiSession) -> MessageResult:
    """Prompt, tone, and what the citizen says then, until silence, # or the limit.

    The call leaves the queue meanwhile, so that no agent is kept by somebody who speaks to a machine; without a message
    it is queued again at its place, which its time of entry gives. With one its story is told: what is left is to say
    thanks and hang up. Raises PartUnavailable when nothing can be recorded here: then nothing has changed.
    """
    folders = board.messages
    if folders is None:
        raise PartUnavailable("nowhere to record messages")
    note = Note(live.call, live.caller, live.plan.number, board.clock.now_ms())
    try:
        await asyncio.to_thread(write_note, folders, note)
    except OSError as error:
        raise PartUnavailable("a message cannot be recorded now") from error
    await board.acd_step(board.acd.leave(live.call))
    caller_here = await _record(board, folders, live, session)
    duration_ms = await asyncio.to_thread(finish, folders, note)
    if duration_ms:
        live.scribe.write(Kind.MESSAGE, duration_ms=duration_ms)
        live.scribe.write(Kind.ENDED, outcome=LEFT)
    return MessageResult(kept=bool(duration_ms), caller_here=caller_here, duration_ms=duration_ms)


async def _record(board: Switchboard, folders: MessageFolders, live: LiveCall, session: AgiSession) -> bool:
    """Whether the caller is still there afterwards."""
    keys = board.settings.messages
    try:
        await session.set_music(on=False)
        for sound in (board.prompts.path(BEGIN) if board.has_prompt(BEGIN) else "", _BEEP):
            if sound:
                await _play(session, sound)
        await session.record_file(
            f"{folders.inside}/{live.call}", seconds=keys.max_seconds, silence_seconds=keys.silence_seconds
        )
    except (AgiHangup, AgiConnectionLost):
        return False
    except AgiCommandFailed:
        _log.error("message.not_recorded", call=live.call)
    return True


async def _play(session: AgiSession, sound: str) -> None:
    try:
        await session.control_stream_file(sound)
    except AgiCommandFailed:
        _log.error("call.prompt_not_played", prompt=sound)


class MessageIntake:
    """Takes in what lies recorded on this host: any of its voice processes, each message once."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def run(self) -> None:
        """Look once a second until cancelled, through outages of the database."""
        while True:
            await asyncio.sleep(1.0)
            try:
                await self.step()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("messages.intake_waits", reason=type(error).__name__)

    async def step(self) -> int:
        """Take in what is done, and what a process that died left; returns how many. Recorded files are removed only
        after the row is committed."""
        folders = self._board.messages
        if folders is None:
            return 0
        taken = 0
        for note in await asyncio.to_thread(ready, folders):
            kept = await asyncio.to_thread(keep, folders, note.call)
            if kept is not None:
                async with self._board.database.transaction() as session:
                    await session.execute(self._row(note, *kept))
                taken += 1
            await asyncio.to_thread(remove, folders, note.call)
        return taken

    def _row(self, note: Note, digest: str, duration_ms: int) -> Any:
        return (
            insert(VoiceMessageRow)
            .values(
                call_id=note.call,
                caller=note.caller,
                line=note.line,
                left_at=from_ms(note.left_ms),
                duration_ms=duration_ms,
                host=self._board.settings.asterisk.systemname,
                sha256=digest,
            )
            .on_conflict_do_nothing(index_elements=["call_id"])
        )
