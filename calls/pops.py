"""The screen-pop (来电弹屏): what the agent is shown, written to the agent's socket before the phone rings."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from acd.model import Offer
from calls.live import LiveCall
from calls.story import earlier_calls
from hotline.clock import Clock
from hotline.database import Database
from hotline.feed import AgentFeed
from ticketing.repository import open_tickets_of

_log = structlog.get_logger(__name__)

_HISTORY_SECONDS = 1.0
_EARLY_NOTES = 256


@dataclass(frozen=True, slots=True)
class Shown:
    """How a pop went: `written_ms` is when it was on the socket, `why_not` says what was in the way."""

    written_ms: int | None
    why_not: str = ""


class Pops:
    """Builds pops, publishes them and waits for the word that they are written."""

    def __init__(
        self, *, feed: AgentFeed, database: Database, clock: Clock, process: str, longest_wait_ms: int
    ) -> None:
        self._feed = feed
        self._database = database
        self._clock = clock
        self._process = process
        self._longest_wait = longest_wait_ms / 1000
        self._awaited: dict[tuple[str, str], asyncio.Future[int]] = {}
        # A note can overtake the answer to our own publish: it waits here for `show` to look.
        self._early: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def history(self, live: LiveCall) -> dict[str, Any]:
        """Open tickets and earlier calls of the caller; empty when PostgreSQL has no answer in time.

        Asked for while the citizen still hears the greeting, so that it never delays an offer.
        """
        if live.caller is None:
            return {"open_tickets": [], "earlier_calls": []}
        try:
            async with asyncio.timeout(_HISTORY_SECONDS), self._database.transaction() as session:
                tickets = await open_tickets_of(session, live.caller)
                calls = await earlier_calls(session, live.caller, before=live.call)
        except (SQLAlchemyError, OSError, TimeoutError):
            _log.warning("pop.history_unavailable", call=live.call)
            return {"open_tickets": [], "earlier_calls": [], "history_unavailable": True}
        return {
            "open_tickets": [
                {"number": ticket.number, "title": ticket.title, "state": ticket.state} for ticket in tickets
            ],
            "earlier_calls": [
                {"call": c.call_id, "at": c.entered_at, "dialled": c.dialled, "agent": c.agent, "outcome": c.outcome}
                for c in calls
            ],
        }

    async def show(self, live: LiveCall, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> Shown:
        """Publish the pop of an offer; returns once it is on the socket, or when waiting longer would cost the
        citizen more than the agent gains."""
        body: dict[str, Any] = {
            "reservation": offer.reservation,
            "call": live.call,
            "caller": live.caller,
            "dialled": live.dialled,
            "line": live.plan.name_spoken,
            "unit": live.plan.unit,
            "waited_ms": max(0, self._clock.now_ms() - live.entered_ms),
            "group": offer.group,
        }
        known = history.done() and not history.cancelled() and history.exception() is None
        body |= history.result() if known else {"open_tickets": [], "earlier_calls": []}
        try:
            has_screen = await self._feed.has_screen(offer.agent)
            cursor = await self._feed.publish(offer.agent, "pop", body, reply_to=self._process)
        except RedisError:
            return Shown(None, "redis_unavailable")
        if not has_screen:
            return Shown(None, "no_screen")
        early = self._early.pop((offer.agent, cursor), None)
        if early is not None:
            return Shown(early)
        written = self._awaited[(offer.agent, cursor)] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._longest_wait):
                return Shown(await written)
        except TimeoutError:
            return Shown(None, "not_written_in_time")
        finally:
            del self._awaited[(offer.agent, cursor)]

    async def tell(self, agent: str, kind: str, body: dict[str, Any]) -> None:
        """Any other frame for an agent's screen; nobody waits for it."""
        try:
            await self._feed.publish(agent, kind, body)
        except RedisError:
            _log.warning("feed.unavailable", kind=kind)

    def frame_written(self, note: dict[str, Any]) -> None:
        """An inbox note from the web process: a frame of ours is on the socket."""
        frame, at_ms = (note["agent"], note["cursor"]), int(note["at_ms"])
        waiting = self._awaited.get(frame)
        if waiting is None:
            self._early[frame] = at_ms
            if len(self._early) > _EARLY_NOTES:
                self._early.popitem(last=False)
        elif not waiting.done():
            waiting.set_result(at_ms)
