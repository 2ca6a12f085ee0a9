"""The life of an offer. Every write carries the offer; one that is stale is refused and changes nothing.

An offer is stale once it ended or was taken back, when its deadline passed, when another process adopted the call, and
when the site has a new epoch.
"""

from __future__ import annotations

from dataclasses import replace

from acd.model import Offer
from acd.site import Site
from acd.states import Outcome


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

    async def finished(self, offer: Offer, wrap_up_ms: int | None = None) -> None:
        """The talk is over: wrap-up of `wrap_up_ms` (None: the policy's; 0: none), then ready or what is pending."""
        wrap_up = self._policy.wrap_up_ms if wrap_up_ms is None else wrap_up_ms
        await self._run("finished", offer.call, offer.reservation, wrap_up, epoch=offer.epoch)

    async def renew(self, offer: Offer, until_ms: int) -> Offer:
        """The talk goes on, until `until_ms` at least (ms since 1970-01-01 UTC). Never shortens the lease."""
        return await self._step("renew", offer, until_ms)

    async def _step(self, script: str, offer: Offer, *args: int) -> Offer:
        deadline = await self._run(script, offer.call, offer.reservation, *args, epoch=offer.epoch)
        return replace(offer, deadline_ms=int(deadline))
