"""Writes that nobody may make: with a reservation that has ended, in an epoch that is over, as a process that is dead.

All of them must be refused; what was refused, and what was not, is counted.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable

from redis.exceptions import ResponseError

from acd.errors import EpochChanged, StaleReservation
from acd.model import CallRequest, Offer
from acd.service import Acd
from acd.states import Outcome
from hotline.clock import SystemClock
from hotline.errors import Conflict
from tests.bench.simulate_job import HOST, Job, Told


class StaleWriter:
    """Of one client, `acd`. `past` is a process of its name that does not know that its epoch is over."""

    def __init__(self, job: Job, told: Told, chance: random.Random, *, acd: Acd, past: Acd) -> None:
        self._job = job
        self._told = told
        self._random = chance
        self._acd = acd
        self._past = past

    async def _must_be_refused(self, kind: str, what: str, write: Awaitable[object]) -> None:
        try:
            await write
        except (StaleReservation, EpochChanged) as error:
            self._told.refused[f"{kind}: {error.code}"] += 1
        except ResponseError:
            self._told.broken += 1
        except Conflict:
            self._accepted(kind, what)  # it got past the check, and failed at the next
        else:
            self._accepted(kind, what)

    def _accepted(self, kind: str, what: str) -> None:
        self._told.stale_accepted += 1
        self._told.accepted_what[f"{kind}: {what}"] += 1

    async def write_as(self, kind: str, acd: Acd, offer: Offer, times: int = 1) -> None:
        """Writes about an offer that is no longer this process's."""
        for _ in range(times):
            what, write = self._random.choice(
                (
                    ("ringing", lambda: acd.ringing(offer, 1_000)),
                    ("answered", lambda: acd.answered(offer)),
                    ("renew", lambda: acd.renew(offer, SystemClock().now_ms() + 60_000)),
                    ("finished", lambda: acd.finished(offer, 0)),
                    ("failed", lambda: acd.failed(offer, Outcome.AGENT_WITHDRAWN)),
                    ("gone", lambda: acd.failed(offer, Outcome.CALLER_GONE)),
                )
            )
            await self._must_be_refused(kind, what, write())

    async def write_in_the_past(self, own_call: str) -> None:
        """In the epoch that is over, about agents, old calls and a call of this client's."""
        old = Offer(**self._random.choice(self._job.old))
        await self.write_as("old epoch", self._acd, old)
        past, now = self._past, SystemClock().now_ms()
        await self._must_be_refused(
            "old epoch",
            "enqueue",
            past.enqueue(CallRequest(old.call, now, f"{HOST}/voice-{self._job.client}", "general")),
        )
        await self._must_be_refused("old epoch", "ready", past.set_ready(old.agent))
        await self._must_be_refused("old epoch", "leave", past.leave(own_call))
