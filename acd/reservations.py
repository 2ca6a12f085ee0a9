"""The life of an offer. Every write carries the offer; one that is stale is refused and changes nothing.

An offer is stale once it ended or was taken back, when its deadline passed, when another process adopted the call, and
when the site has a new epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from acd.model import Offer
from acd.site import Site
from acd.states import TALKS, AgentState, Outcome
from hotline.errors import InvalidInput


class Reservations(Site):
    """The offers' part of distribution. All raise StaleReservation, Conflict (wrong step) and EpochChanged."""

    async def ringing(self, offer: Offer, ring_ms: int) -> Offer:
        """The phone is about to ring for at most `ring_ms`. Returns the offer with its new deadline."""
        return await self._step("ringing", offer, ring_ms)

    async def answered(self, offer: Offer) -> Offer:
        """The agent took the call. From here on the call is never queued again."""
        return await self._step("answered", offer)

    async def failed(self, offer: Offer, outcome: Outcome) -> None:
        """The offer did not become a talk.

        The call waits again at its place and may be matched at once; with CALLER_GONE it ends. The agent: free with
        its idle time kept after CALLER_GONE, EXPIRED, AGENT_WITHDRAWN; NOT_READY after NO_ANSWER and REJECTED if
        policy says so; else a short rest.
        """
        await self._run("failed", offer.call, offer.reservation, outcome, epoch=offer.epoch)

    async def in_talk(self, offer: Offer, state: AgentState) -> None:
        """What the agent does in the talk: TALKING, HOLD, CONSULT or CONFERENCE; raises InvalidInput for others."""
        if state not in TALKS:
            raise InvalidInput(f"not a state of a talk: {state}")
        await self._run("in_talk", offer.call, offer.reservation, state, epoch=offer.epoch)

    async def finished(self, offer: Offer, wrap_up_ms: int | None = None, *, phone_free: bool = False) -> None:
        """The talk is over: wrap-up of `wrap_up_ms` (None: the queue's; 0: none), then ready or what is pending.

        `phone_free`: the agent's phone is known to have hung up, so that without wrap-up the agent is offered a call at
        once, and not only when Asterisk has told its device state.
        """
        wrap_up = -1 if wrap_up_ms is None else wrap_up_ms
        await self._run("finished", offer.call, offer.reservation, wrap_up, int(phone_free), epoch=offer.epoch)

    async def say(self, call: str, agent: str, message: Mapping[str, Any]) -> None:
        """Tell the process that has the agent's call what the agent asks for; `call` and `agent` are added to it.

        Raises Conflict when the agent is not in a talk of this call.
        """
        await self._run("say", call, agent, orjson.dumps(message).decode())

    async def requeue(self, offer: Offer, queue: str, *, prefer: str = "", wrap_up_ms: int | None = None) -> None:
        """The agent gives the citizen on to another agent: a talk ends with its wrap-up, and the call may wait in
        `queue`, at the place it always had, once its session asks (`enqueue`). Also for a call whose talk is over, by
        the process that held it. `prefer`: an agent who is asked alone for the queue's affinity. `wrap_up_ms` as in
        `finished`.

        Raises UnknownQueue too.
        """
        wrap_up = -1 if wrap_up_ms is None else wrap_up_ms
        await self._run("requeue", offer.call, offer.reservation, queue, prefer, wrap_up, epoch=offer.epoch)

    async def renew(self, offer: Offer, until_ms: int) -> Offer:
        """The talk goes on, until `until_ms` at least (ms since 1970-01-01 UTC). Never shortens the lease."""
        return await self._step("renew", offer, until_ms)

    async def _step(self, script: str, offer: Offer, *args: int) -> Offer:
        deadline = await self._run(script, offer.call, offer.reservation, *args, epoch=offer.epoch)
        return replace(offer, deadline_ms=int(deadline))
