"""A citizen waits: music, offers as they come, and nothing that could delay one."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from acd.errors import AnsweredCall, EpochChanged
from acd.model import CallRequest, Offer, Step
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.facts import Kind
from calls.live import LiveCall
from calls.offering import OfferResult, carry_out
from calls.switchboard import Switchboard
from directory.modes import GENERAL_GROUP, Fallback
from hotline.errors import PartUnavailable

_log = structlog.get_logger(__name__)

_RETRY_SECONDS = 0.2

_EMERGENCY_HEAD_START_MS = 600_000
"""A citizen whom no emergency desk took goes before everybody: a bounded head start like any other."""


class Degraded(Exception):
    """The ACD has been away too long: the dialplan's native queue takes over. Not an error of the call's."""


class Leaving(Exception):
    """This process stops: the dialplan takes the caller to another one, which keeps the place. Not an error either."""


def request(board: Switchboard, live: LiveCall) -> CallRequest:
    """What the ACD is asked for: the line's own groups first, general agents after a while, at the place that the
    time of entry gives."""
    plan = live.plan
    steps = [Step(0, plan.groups_first)]
    if GENERAL_GROUP not in plan.groups_first:
        steps.append(Step(plan.general_after_ms, (*plan.groups_first, GENERAL_GROUP)))
    return CallRequest(
        call=live.call,
        entered_ms=live.entered_ms,
        owner=board.process,
        steps=tuple(steps),
        head_start_ms=_EMERGENCY_HEAD_START_MS if plan.fallback is Fallback.REDIAL else 0,
        hotline=plan.number,
        label=live.label(),
        queued_ms=live.queued_ms,
    )


async def wait_for_agent(
    board: Switchboard, live: LiveCall, session: AgiSession, history: asyncio.Task[dict[str, Any]]
) -> OfferResult:
    """Queue the call and carry out offers until one becomes a talk or the citizen is gone.

    Raises Degraded when the caller is better off in the native queue, Leaving when another process should go on; the
    place is kept either way.
    """
    await session.set_variable(PHASE, Phase.WAITING)
    await session.set_music(on=True)
    await _enqueue(board, live)
    while True:
        if board.leaving:
            raise Leaving
        message = await _next_message(board, live, session)
        if message is None:
            await _abandoned(board, live)
            return OfferResult.CALLER_GONE
        if message["type"] != "offer":
            # A revocation of an offer that is over already, a note for a talk that is, or the word that we leave.
            continue
        result = await carry_out(board, live, session, Offer.from_message(message), history)
        if result is OfferResult.CALLER_GONE:
            await _abandoned(board, live)
        if result is not OfferResult.FAILED:
            return result
        await session.set_variable(PHASE, Phase.WAITING)
        await session.set_music(on=True)


async def _enqueue(board: Switchboard, live: LiveCall) -> None:
    while True:
        try:
            await board.acd.enqueue(request(board, live))
            break
        except EpochChanged:
            board.epoch_lost.set()
        except AnsweredCall:
            # Somebody has answered this call already: it must not be queued a second time.
            raise
        except PartUnavailable:
            board.acd_missed()
            if board.degraded:
                raise Degraded from None
        await asyncio.sleep(_RETRY_SECONDS)
    live.queued_ms = live.queued_ms or board.clock.now_ms()
    live.scribe.write(Kind.QUEUED, str(live.entry), groups=list(live.plan.groups_first))


async def _next_message(board: Switchboard, live: LiveCall, session: AgiSession) -> dict[str, Any] | None:
    """The next word for this call; None when the citizen has hung up. An offer never waits for anything else."""
    mail = asyncio.create_task(live.mailbox.get())
    gone = asyncio.create_task(session.hung_up.wait())
    try:
        while True:
            done, _ = await asyncio.wait({mail, gone}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                return None
            if mail in done:
                return mail.result()
            if board.degraded:
                raise Degraded
    finally:
        mail.cancel()
        gone.cancel()


async def _abandoned(board: Switchboard, live: LiveCall) -> None:
    if not board.holds(live):
        return
    live.scribe.write(Kind.ABANDONED, waited_ms=board.clock.now_ms() - live.entered_ms)
    await board.acd_step(board.acd.leave(live.call))
