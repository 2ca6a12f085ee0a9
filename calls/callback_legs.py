"""The agent's leg of a callback or a call out: called first, and the party is dialled from it afterwards.

A citizen whom a machine calls is a leg of the same kind.

The leg enters our FastAGI route `callback` when it is answered (context `hl-callback`). From then on it is like every
other call of ours: `Dial` runs on it, and the talk goes on whatever becomes of this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from agi.session import AgiSession
from agi.variables import LEG
from ami.client import AmiClient
from ami.errors import AmiError
from ami.events import DialEnd, Hangup

_log = structlog.get_logger(__name__)

CONTEXT: Final = "hl-callback"
"""Where an answered leg enters our route."""

_GONE_SECONDS: Final = 2.0
"""Longest wait for the end of a leg that was hung up, before the next one of its id is called."""

Work = Callable[[AgiSession], Awaitable[bool | None]]
"""What is done on a leg. True: the dialplan has its channel afterwards, and it is not hung up."""


@dataclass(slots=True)
class Leg:
    """One phone that is being called. `status` and `cause` tell how a leg ended that was not answered."""

    id: str
    work: Work
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The work is done, or the leg is gone before it began."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    status: str = ""
    cause: int = 0
    cut: bool = False
    """This process stops; agent and citizen go on without it."""


class Legs:
    """The agents' legs of this process, and the handler of its route `callback`."""

    def __init__(self, ami: AmiClient) -> None:
        self._ami = ami
        self._legs: dict[str, Leg] = {}
        ami.subscribe(DialEnd, self._dial_end)
        ami.subscribe(Hangup, self._hangup)

    async def __call__(self, session: AgiSession) -> None:
        """An agent has answered. A leg nobody waits for (its promise is another process' by now) is hung up."""
        leg = self._legs.get(session.args[0]) if session.args else None
        if leg is None or leg.answered.is_set():
            _log.info("callback.leg_unknown")
            await session.hangup()
            return
        leg.answered.set()
        try:
            if not await leg.work(session):
                await session.hangup()
        except asyncio.CancelledError:
            leg.cut = True
            raise
        finally:
            leg.over.set()

    @asynccontextmanager
    async def call(
        self, leg_id: str, destination: str, work: Work, *, variables: dict[str, str], shown: str, ring_seconds: int
    ) -> AsyncIterator[Leg]:
        """Call an agent's phone; `work` runs on it once it answers. At the end a leg that still rings is hung up.

        `destination` is ours; `shown` are digits, the caller's number on the agent's phone. Raises AmiError when
        nothing is known of the leg (AMI away); a phone that cannot be called is a leg that is gone.
        """
        leg = self._legs[leg_id] = Leg(leg_id, work)
        try:
            try:
                await self._ami.originate(
                    destination,
                    channel_id=leg_id,
                    context=CONTEXT,
                    variables={LEG: leg_id, **variables},
                    caller_id=shown,
                    ring_seconds=ring_seconds,
                )
            except AmiError:
                if not leg.status and not leg.gone.is_set():
                    raise
            yield leg
        finally:
            del self._legs[leg_id]
            if not leg.gone.is_set() and not leg.over.is_set():
                await self._end(leg)

    async def _end(self, leg: Leg) -> None:
        try:
            await self._ami.hangup(leg.id)
            async with asyncio.timeout(_GONE_SECONDS):
                await leg.gone.wait()
        except (AmiError, TimeoutError):
            _log.info("callback.leg_end_unseen")

    async def _dial_end(self, event: DialEnd) -> None:
        leg = self._legs.get(event.dest_uniqueid)
        if leg is not None and event.dial_status != "ANSWER":
            leg.status = event.dial_status

    async def _hangup(self, event: Hangup) -> None:
        leg = self._legs.get(event.uniqueid)
        if leg is not None:
            leg.cause = event.cause
            leg.gone.set()
            if not leg.answered.is_set():
                leg.over.set()
