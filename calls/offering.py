"""An offer: pop first, then the agent's phone, dialled from the caller's own channel, then the talk until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from acd.model import Offer
from acd.states import Outcome
from agi.errors import AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.agent_leg import AgentLeg, agent_leg
from calls.dialling import Dialled, dial
from calls.dialwatch import DialWatch
from calls.expectation import Served
from calls.facts import Kind
from calls.live import LiveCall
from calls.offer_end import agent_free, give_on
from calls.parting import Intent, TalkEnd, rings_again
from calls.pops import known_by_now
from calls.recording.starting import dial_options, stop_unanswered
from calls.switchboard import Switchboard
from calls.talk.parties import Leg, Role
from calls.talk.states import TalkState
from calls.talk.talk import Talk
from hotline import tasks

_OPTIONS = "gm(hl)U(hl-answered)"
"""g: the session goes on after the agent hangs up. m: the citizen keeps the music. U: marks the answer on the
channel itself, so that an answered citizen is never queued again even if we die in that instant."""

_LEG_SECONDS = 0.2
"""How long AMI's word on the agent's leg may lag behind the end of the Dial."""


class OfferResult(StrEnum):
    """How an offer ended, as far as the caller's session is concerned."""

    TALKED = "talked"
    FAILED = "failed"
    CALLER_GONE = "caller_gone"
    PHONE_LOST = "phone_lost"
    """The agent's phone went away in the talk. The citizen is to wait for the agent, at the place they had."""


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
    leg = agent_leg(board.settings.asterisk, offer.extension, offer.host, live.call)
    ring_seconds = board.settings.voice.ring_seconds
    longest_ms = ring_seconds * 1000 + board.settings.voice.pop_wait_ms
    # Beside each other, for the agent waits for the longest of them only: the way of the pop to the screen.
    _, confirmed, caller_here = await asyncio.gather(
        pop(board, live, offer, history),
        board.acd_step(board.acd.ringing(offer, longest_ms)),
        _still_here(session),
    )
    if leg is None:
        return await withdraw(board, live, offer, Outcome.FAILED)
    # An offer that went stale during the pop, or cannot be confirmed, must not ring anybody.
    if not confirmed or live.revoked == offer.reservation:
        return await withdraw(board, live, offer, Outcome.AGENT_WITHDRAWN)
    if not caller_here:
        # The pop is on a screen already: it is taken back.
        await withdraw(board, live, offer, Outcome.CALLER_GONE)
        return OfferResult.CALLER_GONE
    live.scribe.write(Kind.RINGING, offer.reservation, agent=offer.agent, extension=offer.extension)
    live.offer = offer
    live.withdrawn_for = None
    talks = _Talks(board, live, offer)

    async def attendant(watch: DialWatch) -> None:
        await attend(board, live, offer, watch, talks.begin)

    try:
        end = await dial(
            board,
            live,
            session,
            leg.destination,
            ring_seconds=ring_seconds,
            options=f"{_OPTIONS}{dial_options(board.settings)}{leg.options}",
            attend=attendant,
        )
        if live.taken_over_by:
            # The agent's part ended when the supervisor's began (`calls.supervising`).
            ended_by = "agent" if end.caller_here else "caller"
            live.scribe.write(Kind.ENDED, agent=live.taken_over_by, ended_by=ended_by, outcome="answered")
            return OfferResult.TALKED
        if await talks.took_over():
            return OfferResult.TALKED
        # A rebuild of live state may have renewed the offer meanwhile.
        result = await _judge(board, live, live.offer or offer, leg, end)
        if result is OfferResult.FAILED:
            await stop_unanswered(board.settings, session)
        return result
    finally:
        await talks.close()
        live.offer = None


async def _still_here(session: AgiSession) -> bool:
    """Marks the channel as one whose agent is rung; False if the citizen has hung up."""
    try:
        await session.set_variable(PHASE, Phase.RINGING)
    except (AgiHangup, AgiConnectionLost):
        return False
    return True


async def _judge(board: Switchboard, live: LiveCall, offer: Offer, leg: AgentLeg, end: Dialled) -> OfferResult:
    if end.talked:
        live.talk_leg = end.callee
        await note_answer(board, live, end.bridged_ms)
        if await _phone_lost(board, live, end) and await _ring_again(board, live, offer):
            return OfferResult.PHONE_LOST
        await talk_over(board, live, offer, end, phone_free=True)
        return OfferResult.TALKED
    if not end.caller_here:
        await withdraw(board, live, offer, Outcome.CALLER_GONE)
        return OfferResult.CALLER_GONE
    outcome = live.withdrawn_for or leg.outcome(end.status, end.cause, silent=end.silent)
    return await withdraw(board, live, offer, outcome, dial_status=end.status, cause=end.cause)


async def _phone_lost(board: Switchboard, live: LiveCall, end: Dialled) -> bool:
    """Whether the talk ended because the agent's phone is gone, and not because somebody hung up."""
    if not end.caller_here:
        return False
    leg = await board.leg_ends.of_leg(end.callee, within=_LEG_SECONDS)
    return leg is not None and rings_again(TalkEnd.of(leg, caller_here=True, intent=live.intent))


async def _ring_again(board: Switchboard, live: LiveCall, offer: Offer) -> bool:
    """The citizen waits for the same agent, for as long as the queue's affinity says, then for any."""
    if not await board.acd_step(give_on(board, live, offer, prefer=offer.agent, wrap_up_ms=0)):
        return False
    live.scribe.write(Kind.TALK, str(board.clock.now_ms()), state=TalkState.QUEUED.value, why="phone_lost")
    # Of this leg; the next one may be hung up.
    live.intent = None
    return True


async def pop(board: Switchboard, live: LiveCall, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> None:
    """Show the call on the agent's screen."""
    live.scribe.write(Kind.RESERVED, offer.reservation, agent=offer.agent, group=offer.group, waited_ms=offer.waited_ms)
    shown = await board.pops.show(live, offer, known_by_now(history))
    live.scribe.write(
        Kind.POPPED,
        offer.reservation,
        agent=offer.agent,
        at_ms=shown.written_ms,
        written=shown.written_ms is not None,
        why_not=shown.why_not,
    )


Begin = Callable[[DialWatch, dict[str, Any]], None]
"""Hands a talk over to `calls.talk`, with the first thing that is asked of it."""


async def attend(
    board: Switchboard, live: LiveCall, offer: Offer, watch: DialWatch, begin: Begin | None = None
) -> None:
    """While Dial runs: note the answer when it comes, and obey what others ask of this call."""

    async def note() -> None:
        at_ms = await watch.until_settled()
        await note_answer(board, live, at_ms)

    async def obey() -> None:
        message = await live.mailbox.get()
        while not _ends(message, offer, watch):
            if begin is not None and message["type"] == "talk" and watch.settled:
                begin(watch, message)
                return
            message = await live.mailbox.get()
        if message["type"] == "revoked":
            # Recorded before it is done: afterwards Asterisk's words for it read like an unregistered phone.
            live.withdrawn_for = Outcome.AGENT_WITHDRAWN
        elif message["type"] == "phone_lost":
            live.intent = Intent.PHONE_LOST
        elif live.intent is None:
            live.intent = Intent.HANG_UP
        # It may come before Asterisk has made the leg.
        await board.ami_step(board.ami.hangup(await watch.until_called()))
        # What comes now is for the time after this offer: the next one may be in the mailbox already.

    async with asyncio.TaskGroup() as group:
        group.create_task(note())
        group.create_task(obey())


def _ends(message: dict[str, Any], offer: Offer, watch: DialWatch) -> bool:
    """Whether a message asks for the end of this offer or talk."""
    if message["type"] == "revoked":
        return message.get("reservation") == offer.reservation and watch.bridged_ms is None
    return message["type"] in ("hangup", "phone_lost") and message.get("agent") == offer.agent


async def note_answer(board: Switchboard, live: LiveCall, at_ms: int | None) -> None:
    """Agent and citizen talk, since `at_ms`. Once in the journal; the ACD is told until it has heard."""
    offer = live.offer
    if offer is None:
        return
    first = not live.answered
    if first:
        live.answered, live.agent = True, offer.agent
        live.scribe.write(Kind.ANSWERED, offer.reservation, agent=offer.agent, at_ms=at_ms)
    if not live.answer_heard:
        live.answer_heard = await board.acd_step(board.acd.answered(offer))
    if first and not live.only:
        queued_ms = live.queued_ms or live.entered_ms
        await board.paces.note(
            offer.queue, Served(queued_ms, queued_ms + offer.waited_ms, at_ms or board.clock.now_ms())
        )


async def talk_over(
    board: Switchboard, live: LiveCall, offer: Offer, end: Dialled, *, phone_free: bool = False
) -> None:
    """The talk has ended; the agent has wrap-up. `phone_free`: the agent's leg is over with it."""
    ended_by = "agent" if end.caller_here else "caller"
    live.scribe.write(Kind.ENDED, agent=offer.agent, at_ms=end.parted_ms, ended_by=ended_by, outcome="answered")
    await agent_free(board, live, offer, by=ended_by, phone_free=phone_free)


class _Talks:
    """The talk of one offer, once anything is asked of it."""

    def __init__(self, board: Switchboard, live: LiveCall, offer: Offer) -> None:
        self._board = board
        self._live = live
        self._offer = offer
        self._talk: Talk | None = None
        self._running: asyncio.Task[None] | None = None

    def begin(self, watch: DialWatch, message: dict[str, Any]) -> None:
        """The talk takes over with its first command; while that fails, the Dial goes on and the next may do better."""
        agent = None
        if watch.callee_channel and watch.callee_uniqueid:
            agent = Leg(Role.AGENT, watch.callee_channel, watch.callee_uniqueid)
        self._talk = Talk(self._board, self._live, self._live.offer or self._offer, agent)
        self._running = asyncio.create_task(self._talk.run(message))

    async def took_over(self) -> bool:
        """The Dial is over. True when that is the talk's doing, and then the talk is over too."""
        if self._talk is None or self._running is None or not await self._talk.settled():
            return False
        await self._running
        return True

    async def close(self) -> None:
        if self._running is not None:
            await tasks.end([self._running])


async def withdraw(board: Switchboard, live: LiveCall, offer: Offer, outcome: Outcome, **seen: Any) -> OfferResult:
    """The offer did not become a talk: the pop is taken back, and the ACD decides about agent and call."""
    live.scribe.write(Kind.OFFER_FAILED, offer.reservation, agent=offer.agent, outcome=outcome.value, **seen)
    await board.acd_step(board.acd.failed(offer, outcome))
    told = {"reservation": offer.reservation, "call": offer.call, "outcome": outcome.value}
    await board.pops.tell(offer.agent, "pop_withdrawn", told)
    return OfferResult.FAILED
