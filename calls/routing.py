"""Calls that belong elsewhere: a branch centre (分中心), a line on its own platform, an emergency desk.

Each target of the line's plan is tried in the directory's order. The citizen is never left alone: when none of them
takes the call, the caller goes to an agent here at the place that the time of entry gives (SMX 二(二)2-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.dialling import dial
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import LiveCall
from calls.outcomes import offer_outcome
from calls.switchboard import Switchboard
from directory.modes import Fallback
from directory.snapshot import DialTarget


class RouteResult(StrEnum):
    """How the attempt to connect a call elsewhere ended."""

    TALKED = "talked"
    NOBODY = "nobody"
    CALLER_GONE = "caller_gone"


async def connect_outside(board: Switchboard, live: LiveCall, session: AgiSession) -> RouteResult:
    """Dial the plan's targets in order until one answers. Music plays meanwhile, except towards an emergency desk,
    whose own tones the caller must hear.

    An emergency comes here only after the dialplan has dialled its targets once: this is the redial, and the last one
    before a human here.
    """
    own_tones = live.plan.fallback is Fallback.REDIAL
    return await connect_to(board, live, session, live.plan.targets, about=str(live.entry), own_tones=own_tones)


async def connect_to(
    board: Switchboard,
    live: LiveCall,
    session: AgiSession,
    targets: Sequence[DialTarget],
    *,
    about: str,
    own_tones: bool = False,
) -> RouteResult:
    """Dial these numbers in order until one answers. `about` tells the attempts of one call apart; `own_tones`: the
    caller hears those of the other side, and no music."""
    await session.set_variable(PHASE, Phase.ROUTING)
    for attempt, target in enumerate(targets, start=1):
        result = await _try(board, live, session, target, f"{about}.{attempt}", own_tones=own_tones)
        if result is not RouteResult.NOBODY:
            return result
    return RouteResult.NOBODY


async def _try(
    board: Switchboard, live: LiveCall, session: AgiSession, target: DialTarget, about: str, *, own_tones: bool
) -> RouteResult:
    def note_answer(at_ms: int | None) -> None:
        if not live.answered:
            live.answered = True
            live.scribe.write(Kind.ANSWERED, about, at_ms=at_ms, trunk=target.endpoint)

    async def attend(watch: DialWatch) -> None:
        note_answer(await watch.until_settled())

    live.scribe.write(Kind.ROUTED, about, trunk=target.endpoint, number=live.plan.number)
    end = await dial(
        board,
        live,
        session,
        # Both halves are directory values; nothing of the dial string was sent by the caller.
        f"PJSIP/{target.user}@{target.endpoint}",
        ring_seconds=target.ring_seconds,
        options="gU(hl-answered)" if own_tones else "gm(hl)U(hl-answered)",
        attend=attend,
    )
    if end.talked:
        note_answer(end.bridged_ms)
        ended_by = "branch" if end.caller_here else "caller"
        live.scribe.write(Kind.ENDED, at_ms=end.parted_ms, ended_by=ended_by, outcome="routed", trunk=target.endpoint)
        return RouteResult.TALKED
    if not end.caller_here:
        live.scribe.write(Kind.ABANDONED, waited_ms=board.clock.now_ms() - live.entered_ms)
        return RouteResult.CALLER_GONE
    live.scribe.write(
        Kind.ROUTE_FAILED,
        about,
        trunk=target.endpoint,
        outcome=offer_outcome(end.status, end.cause).value,
        dial_status=end.status,
        cause=end.cause,
    )
    return RouteResult.NOBODY
