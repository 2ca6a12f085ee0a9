"""Dialling somebody from the caller's own channel, and knowing afterwards what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agi.errors import AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from calls.dialwatch import DialWatch
from calls.live import LiveCall
from calls.switchboard import Switchboard
from hotline.tasks import end

_EVENTS_SECONDS = 1.0
"""How long AMI's events may lag behind the AGI answer that follows from them."""

_CALLER_GONE = "-1"
"""Result of an application on whose channel the caller hung up; with option g Dial ends otherwise with 0."""

Attendant = Callable[[DialWatch], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dialled:
    """The end of a Dial. `status` is DIALSTATUS, `cause` HANGUPCAUSE (Q.850; 0 after a talk), both of the caller's
    channel. `silent`: its time ran out, and nothing had rung."""

    status: str
    cause: int
    silent: bool
    caller_here: bool
    talked: bool
    bridged_ms: int | None
    parted_ms: int | None
    callee: str = ""
    """Unique id of the leg that was called last; empty: not seen."""


async def dial(
    board: Switchboard,
    live: LiveCall,
    session: AgiSession,
    destination: str,
    *,
    ring_seconds: int,
    options: str,
    attend: Attendant,
) -> Dialled:
    """Run `Dial` to its end. `attend` runs beside it and is cancelled with it.

    `destination` and `options` are ours or the directory's; nothing a caller sent may stand in them.
    """
    watch = board.watches.open(live.uniqueid)
    attendant = asyncio.ensure_future(attend(watch))
    status, cause, silent, caller_here = "CANCEL", 0, False, True
    try:
        try:
            reply = await session.exec("Dial", destination, str(ring_seconds), options)
        finally:
            await _events_settled(board, watch)
        if watch.talked:
            # What the channel could add is known, and the agent is waiting for the next call.
            status, caller_here = "ANSWER", reply.result != _CALLER_GONE
        else:
            status = await session.get_full_variable("${DIALSTATUS}") or "CANCEL"
            code = await session.get_full_variable("${HANGUPCAUSE}") or ""
            cause = int(code) if code.isdecimal() else 0
            silent = status == "NOANSWER" and cause == 0 and not await session.get_full_variable("${RINGTIME_MS}")
    except (AgiHangup, AgiConnectionLost):
        caller_here = False
    finally:
        # Awaited, so that nothing of it runs beside what follows.
        await end([attendant])
        board.watches.close(live.uniqueid, watch)
    return Dialled(
        status=status,
        cause=cause,
        silent=silent,
        caller_here=caller_here,
        # A citizen who hangs up at once has ended a talk.
        talked=watch.talked or (watch.bridged_ms is not None and not caller_here) or _unseen(watch, status),
        bridged_ms=watch.bridged_ms,
        parted_ms=watch.parted_ms,
        callee=watch.callee_uniqueid or "",
    )


def _unseen(watch: DialWatch, status: str) -> bool:
    """Whether it was a talk that AMI did not tell of (away, or late). Then Asterisk's own word has to do: rather thank
    a citizen whom the agent dropped than queue one who was served."""
    return status == "ANSWER" and watch.bridged_ms is None and watch.callee_cause is None


async def _events_settled(board: Switchboard, watch: DialWatch) -> None:
    """The AGI answer and AMI's events come over two sockets; let the events catch up before judging."""
    if not board.ami.connected:
        return
    try:
        async with asyncio.timeout(_EVENTS_SECONDS):
            await watch.until_over()
    except TimeoutError:
        # No event tells how it ended: what is known by now has to do.
        return
