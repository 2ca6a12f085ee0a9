"""An offer: pop first, then the agent's phone, dialled from the caller's own channel, then the talk until it ends."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

from acd.model import Offer
from acd.states import Outcome
from agi.errors import AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.dialling import Dialled, dial
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import LiveCall
from calls.outcomes import offer_outcome
from calls.switchboard import Switchboard

_OPTIONS = "gm(hl)U(hl-answered)"
"""g: the session goes on after the agent hangs up. m: the citizen keeps the music. U: marks the answer on the
channel itself, so that an answered citizen is never queued again even if we die in that instant."""


class OfferResult(StrEnum):
    """How an offer ended, as far as the caller's session is concerned."""

    TALKED = "talked"
    FAILED = "failed"
    CALLER_GONE = "caller_gone"


async def carry_out(
    board: Switchboard,
    live: LiveCall,
    session: AgiSession,
    offer: Offer,
    history: asyncio.Task[dict[str, Any]],
) -> OfferResult:
    """Take one offer from reservation to its end.

    The caller keeps its place on every failure: nothing here touches the time of entry.
    """
    await _pop(board, live, offer, history)
    ring_seconds = board.settings.voice.ring_seconds
    # An offer that went stale during the pop, or cannot be confirmed, must not ring anybody.
    if not await board.acd_step(board.acd.ringing(offer, ring_seconds * 1000)):
        return await _failed(board, live, offer, Outcome.AGENT_WITHDRAWN)
    try:
        await session.set_variable(PHASE, Phase.RINGING)
    except (AgiHangup, AgiConnectionLost):
        # The pop is on a screen already: it is taken back.
        await _failed(board, live, offer, Outcome.CALLER_GONE)
        return OfferResult.CALLER_GONE
    live.scribe.write(Kind.RINGING, offer.reservation, agent=offer.agent, extension=offer.extension)
    live.offer = offer
    live.withdrawn_for = None

    async def attend(watch: DialWatch) -> None:
        await _attend(board, live, offer, watch)

    try:
        end = await dial(
            board,
            live,
            session,
            f"PJSIP/{offer.extension}",
            ring_seconds=ring_seconds,
            options=_OPTIONS,
            attend=attend,
        )
        # A rebuild of live state may have renewed the offer meanwhile.
        return await _judge(board, live, live.offer, end)
    finally:
        live.offer = None


async def _judge(board: Switchboard, live: LiveCall, offer: Offer, end: Dialled) -> OfferResult:
    if end.talked:
        await _note_answer(board, live, end.bridged_ms)
        await _talk_over(board, live, offer, end)
        return OfferResult.TALKED
    if not end.caller_here:
        await _failed(board, live, offer, Outcome.CALLER_GONE)
        return OfferResult.CALLER_GONE
    outcome = live.withdrawn_for or offer_outcome(end.status, end.cause)
    return await _failed(board, live, offer, outcome, dial_status=end.status, cause=end.cause)


async def _pop(board: Switchboard, live: LiveCall, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> None:
    live.scribe.write(Kind.RESERVED, offer.reservation, agent=offer.agent, group=offer.group, waited_ms=offer.waited_ms)
    shown = await board.pops.show(live, offer, history)
    live.scribe.write(
        Kind.POPPED,
        offer.reservation,
        agent=offer.agent,
        at_ms=shown.written_ms,
        written=shown.written_ms is not None,
        why_not=shown.why_not,
    )


async def _attend(board: Switchboard, live: LiveCall, offer: Offer, watch: DialWatch) -> None:
    """While Dial runs: note the answer when it comes, and obey what others ask of this call."""

    async def note_answer() -> None:
        at_ms = await watch.until_settled()
        await _note_answer(board, live, at_ms)

    async def obey() -> None:
        message = await live.mailbox.get()
        while not _ends(message, offer, watch):
            message = await live.mailbox.get()
        if message["type"] == "revoked":
            # Recorded before it is done: afterwards Asterisk's words for it read like an unregistered phone.
            live.withdrawn_for = Outcome.AGENT_WITHDRAWN
        # It may come before Asterisk has made the leg.
        await board.ami_step(board.ami.hangup(await watch.until_called()))
        # What comes now is for the time after this offer: the next one may be in the mailbox already.

    async with asyncio.TaskGroup() as group:
        group.create_task(note_answer())
        group.create_task(obey())


def _ends(message: dict[str, Any], offer: Offer, watch: DialWatch) -> bool:
    """Whether a message asks for the end of this offer or talk."""
    if message["type"] == "revoked":
        return message.get("reservation") == offer.reservation and watch.bridged_ms is None
    return message["type"] == "hangup" and message.get("agent") == offer.agent


async def _note_answer(board: Switchboard, live: LiveCall, at_ms: int | None) -> None:
    offer = live.offer
    if offer is None:
        return
    if not live.answered:
        live.answered = True
        live.scribe.write(Kind.ANSWERED, offer.reservation, agent=offer.agent, at_ms=at_ms)
    if not live.answer_heard:
        live.answer_heard = await board.acd_step(board.acd.answered(offer))


async def _talk_over(board: Switchboard, live: LiveCall, offer: Offer, end: Dialled) -> None:
    ended_by = "agent" if end.caller_here else "caller"
    wrap_up_ms = board.settings.acd.wrap_up_seconds * 1000
    live.scribe.write(Kind.ENDED, agent=offer.agent, at_ms=end.parted_ms, ended_by=ended_by, outcome="answered")
    live.scribe.write(Kind.WRAP_UP, offer.reservation, agent=offer.agent, wrap_up_ms=wrap_up_ms)
    await board.acd_step(board.acd.finished(offer, wrap_up_ms))
    await board.pops.tell(offer.agent, "call_ended", {"call": live.call, "ended_by": ended_by})


async def _failed(board: Switchboard, live: LiveCall, offer: Offer, outcome: Outcome, **seen: Any) -> OfferResult:
    live.scribe.write(Kind.OFFER_FAILED, offer.reservation, agent=offer.agent, outcome=outcome.value, **seen)
    await board.acd_step(board.acd.failed(offer, outcome))
    told = {"reservation": offer.reservation, "call": offer.call, "outcome": outcome.value}
    await board.pops.tell(offer.agent, "pop_withdrawn", told)
    return OfferResult.FAILED
