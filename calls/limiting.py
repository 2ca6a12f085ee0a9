"""What a flagged caller (TH 28) meets before the queue: a warning, or the sentence that says what is limited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from agi.errors import AgiCommandFailed, AgiHangup
from agi.session import AgiSession
from calls.facts import Kind
from calls.live import LiveCall
from calls.nuisance import LIMITED, Treatment
from calls.nuisance_tables import Measure
from calls.switchboard import Switchboard

_log = structlog.get_logger(__name__)

_LOOKUP_SECONDS = 0.3
"""Longest wait for what is known of the caller, from the end of the greeting. Who cannot be looked up in time is a
caller like any other."""


async def known_treatment(live: LiveCall, history: asyncio.Task[dict[str, Any]]) -> Treatment | None:
    """What holds for the caller, once it is known; None for nearly everybody."""
    await asyncio.wait({history}, timeout=_LOOKUP_SECONDS)
    return live.record.treatment if live.record else None


async def apply(
    board: Switchboard,
    live: LiveCall,
    session: AgiSession,
    treatment: Treatment,
    say: Callable[[list[str]], Awaitable[None]],
) -> bool:
    """Warn or limit a caller whose call has just come in; False: the call goes on to the queue.

    True: the caller is over the limit and was told so, or hung up meanwhile; it is on record as `limited`. A sentence
    that cannot be played limits nobody, for nobody is dropped in silence.
    """
    over = treatment.over_limit and await _told(board, session, treatment)
    live.scribe.write(Kind.NUISANCE, flag=treatment.flag, measure=treatment.measure.value, over_limit=over)
    if over:
        live.scribe.write(Kind.ENDED, outcome=LIMITED)
        _log.info("call.limited", call=live.call, flag=treatment.flag)
        return True
    if treatment.measure is not Measure.FLAG:
        await say(["nuisance.warned"])
    return False


def queue_for(board: Switchboard, live: LiveCall, treatment: Treatment | None) -> str:
    """The queue a call waits in: its own while that is open, else where that one's hours lead; a limited caller's where
    the limit says."""
    if treatment is not None and treatment.queue in board.queues.rules:
        return treatment.queue
    return board.queues.open_now(live.queue, board.clock.now())


async def _told(board: Switchboard, session: AgiSession, treatment: Treatment) -> bool:
    prompt = "nuisance.limited" if treatment.calls_per_hour else "nuisance.blocked"
    if not board.has_prompt(prompt):
        _log.error("call.prompt_not_rendered", prompt=prompt)
        return False
    await session.answer()
    try:
        await session.control_stream_file(board.prompts.path(prompt))
    except AgiCommandFailed:
        _log.error("call.prompt_not_played", prompt=prompt)
        return False
    except AgiHangup:
        # Who hangs up while it is said was not given up on by us: nobody is called back for it.
        return True
    return True
