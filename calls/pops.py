"""The screen-pop (来电弹屏): what the agent is shown, written to the agent's socket before the phone rings."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from acd.model import Offer
from calls.caller_record import CallerRecord, look_up
from calls.facts import Kind
from calls.handover_arrivals import look_for
from calls.live import LiveCall
from hotline.clock import Clock
from hotline.database import Database
from hotline.feed import AgentFeed

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
        self,
        *,
        feed: AgentFeed,
        database: Database,
        clock: Clock,
        process: str,
        longest_wait_ms: int,
        arrival: timedelta = timedelta(minutes=10),
    ) -> None:
        """`arrival`: how long before its call a platform may have sent the data of it."""
        self._feed = feed
        self._database = database
        self._clock = clock
        self._process = process
        self._longest_wait = longest_wait_ms / 1000
        self._arrival = arrival
        self._awaited: dict[tuple[str, str], asyncio.Future[int]] = {}
        # A note can overtake the answer to our own publish: it waits here for `show` to look.
        self._early: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def history(self, live: LiveCall) -> dict[str, Any]:
        """Open tickets and earlier calls of the caller; empty when PostgreSQL has no answer in time. All that is known
        is left as `live.record`.

        Asked for while the citizen still hears the greeting, so that it never delays an offer.
        """
        shown = await self._record(live)
        return shown | {"handovers": await self._arrived(live)} if live.partner else shown

    async def _record(self, live: LiveCall) -> dict[str, Any]:
        if live.caller is None:
            return CallerRecord().shown()
        try:
            async with asyncio.timeout(_HISTORY_SECONDS):
                live.record = await look_up(self._database, live.caller, call=live.call, now=self._clock.now())
        except (SQLAlchemyError, OSError, TimeoutError):
            _log.warning("pop.history_unavailable", call=live.call)
            return {**CallerRecord().shown(), "history_unavailable": True}
        return live.record.shown()

    async def _arrived(self, live: LiveCall) -> list[dict[str, Any]]:
        """What the platform sent of the call it transfers to us."""
        try:
            async with asyncio.timeout(_HISTORY_SECONDS):
                found = await look_for(
                    self._database,
                    live.partner,
                    live.caller,
                    call=live.call,
                    now=self._clock.now(),
                    within=self._arrival,
                )
        except (SQLAlchemyError, OSError, TimeoutError):
            _log.warning("pop.handovers_unavailable", call=live.call)
            return []
        for one in found:
            if one.sure:
                live.scribe.write(Kind.TICKET, one.ticket, ticket=one.ticket, partner=live.partner)
        return [one.shown() for one in found]

    async def show(self, live: LiveCall, offer: Offer, history: Mapping[str, Any]) -> Shown:
        """Publish the pop of an offer, with what is known of the caller; returns once it is on the socket, or when
        waiting longer would cost the citizen more than the agent gains."""
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
        body |= {**live.told, **history}
        try:
            frame = await self._feed.show(offer.agent, "pop", body, reply_to=self._process)
        except RedisError:
            return Shown(None, "redis_unavailable")
        if not frame.has_screen:
            return Shown(None, "no_screen")
        early = self._early.pop((offer.agent, frame.cursor), None)
        if early is not None:
            return Shown(early)
        written = self._awaited[(offer.agent, frame.cursor)] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._longest_wait):
                return Shown(await written)
        except TimeoutError:
            return Shown(None, "not_written_in_time")
        finally:
            del self._awaited[(offer.agent, frame.cursor)]

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


def known_by_now(history: asyncio.Task[dict[str, Any]]) -> dict[str, Any]:
    """What `Pops.history` has found so far: a ring waits for no look-up."""
    known = history.done() and not history.cancelled() and history.exception() is None
    return history.result() if known else CallerRecord().shown()
