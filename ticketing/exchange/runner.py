"""Shares what is new and pushes it to webhooks: in the jobs process, at least once, in each ticket's order.

Every receiver has senders of its own: one that is dead, hangs or refuses holds up nobody else. A try in vain is
repeated ever less often and never by all at the same time (jitter); a receiver that fails wholly is asked by one
sender until it answers. A process that dies between sending and noting leaves a claim that runs out: the receiver gets
the same event id again and drops it.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import httpcore
import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from hotline.signing import Keys, Request, headers
from hotline.tasks import end
from ticketing.exchange import deliveries, sharing
from ticketing.exchange.deliveries import Parcel

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 2.0
_OF_THIS_ONE_ALONE: Final = frozenset({400, 409, 410, 413, 415, 422})
"""What the receiver has against one event; any other answer says that it takes none now."""
_CHANCE: Final = random.SystemRandom()
_OUTAGES: Final = (SQLAlchemyError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class PushPolicy:
    """The limits, as the settings have them."""

    site: str
    answer_seconds: float
    retry: timedelta
    longest_retry: timedelta
    park_after: int
    alarm_after: timedelta
    at_once: int

    @classmethod
    def of(cls, settings: Settings) -> PushPolicy:
        keys = settings.exchange
        return cls(
            site=settings.site.id,
            answer_seconds=keys.answer_seconds,
            retry=timedelta(seconds=keys.retry_seconds),
            longest_retry=timedelta(seconds=keys.longest_retry_seconds),
            park_after=keys.park_after,
            alarm_after=timedelta(minutes=keys.alarm_minutes),
            at_once=keys.at_once,
        )

    def pause(self, attempts: int) -> timedelta:
        """From a try in vain to the next, by how many there were (1 or more): doubled, bounded, and between half of it
        and all of it, so that what failed together does not come back together."""
        doubled: int = 2 ** min(attempts - 1, 20)
        return min(self.retry * doubled, self.longest_retry) * _CHANCE.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class _Answer:
    """`why` empty: taken."""

    why: str = ""
    wholly: bool = False


class PushRunner:
    """The pushing of one jobs process; any number of them share the work.

    `network` connects to checked addresses only: what administrators enter must not lead into our own network.
    """

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        clock: Clock,
        policy: PushPolicy,
        network: httpcore.AsyncNetworkBackend,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._policy = policy
        self._network = network
        self._trust = trust
        self._wake = asyncio.Event()
        self._sending: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Share and push until cancelled, through outages of the database and of everybody else."""
        # The machine's own authorities: a government network has some of its own.
        trust = self._trust or await asyncio.to_thread(ssl.create_default_context)
        async with httpcore.AsyncConnectionPool(
            ssl_context=trust, max_connections=None, max_keepalive_connections=20, network_backend=self._network
        ) as http:
            try:
                while True:
                    self._wake.clear()
                    try:
                        await self._share()
                        await self._begin_due(http)
                    except _OUTAGES as error:
                        _log.warning("exchange.waits", reason=type(error).__name__)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._wake.wait()
            finally:
                await end(self._sending)

    async def _share(self) -> None:
        while True:
            async with self._database.transaction() as session:
                found = await sharing.share(session)
            if found < sharing.BATCH:
                return

    async def _begin_due(self, http: httpcore.AsyncConnectionPool) -> None:
        found = await self._database.ask(_DUE, {"now": self._clock.now()})
        at_work = Counter(self._sending.values())
        for code, failures in found:
            # One knocks at a door that stays shut.
            wanted = 1 if failures else self._policy.at_once
            for _ in range(wanted - at_work[code]):
                task = asyncio.create_task(self._send_all(http, code))
                self._sending[task] = code
                task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("exchange.sender_failed", exc_info=error)

    async def _send_all(self, http: httpcore.AsyncConnectionPool, code: str) -> None:
        """What is due for a receiver, one after the other, until one is not taken."""
        try:
            while (parcel := await self._next(code)) is not None:
                answer = await self._post(http, parcel)
                await self._note(parcel, answer)
                if answer.wholly:
                    return
        except _OUTAGES as error:
            # What was claimed is taken up when the claim runs out.
            _log.warning("exchange.waits", reason=type(error).__name__)

    async def _next(self, code: str) -> Parcel | None:
        now = self._clock.now()
        until = now + timedelta(seconds=3 * self._policy.answer_seconds)
        async with self._database.transaction() as session:
            return await deliveries.claim(session, code, now=now, until=until, site=self._policy.site)

    async def _post(self, http: httpcore.AsyncConnectionPool, parcel: Parcel) -> _Answer:
        try:
            keys = self._keys.of(parcel.key_name)
        except PartUnavailable:
            keys = []
        if not keys:
            return _Answer("no_key", wholly=True)
        body = orjson.dumps(parcel.payload, option=orjson.OPT_SORT_KEYS)
        parts = urlsplit(parcel.webhook)
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        told = headers(
            keys[0],
            Request("POST", target, body),
            sender=self._policy.site,
            timestamp=self._clock.now_ms() // 1000,
            id=parcel.uid,
        )
        told |= {"Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
        try:
            # The answer's body is of no interest, and might never end.
            async with (
                asyncio.timeout(self._policy.answer_seconds),
                http.stream(
                    "POST", f"{parts.scheme}://{parts.netloc}{target}", headers=list(told.items()), content=body
                ) as response,
            ):
                status = response.status
        except Exception as error:  # noqa: BLE001 - whatever a peer or an address does to the library
            return _Answer(type(error).__name__, wholly=True)
        if 200 <= status < 300:
            return _Answer()
        return _Answer(f"http_{status}", wholly=status not in _OF_THIS_ONE_ALONE)

    async def _note(self, parcel: Parcel, answer: _Answer) -> None:
        now, policy = self._clock.now(), self._policy
        told = {"receiver": parcel.receiver, "position": parcel.position, "event_id": parcel.uid}
        async with self._database.transaction() as session:
            if not answer.why:
                await deliveries.delivered(session, parcel, now=now)
                return
            failed = await deliveries.failed(
                session,
                parcel,
                why=answer.why,
                now=now,
                wholly=answer.wholly,
                pause=policy.pause,
                park_after=policy.park_after,
                alarm_after=policy.alarm_after,
            )
        _log.warning("exchange.not_taken", why=answer.why, attempts=parcel.attempts, **told)
        if failed.parked:
            _log.error("exchange.parked", why=answer.why, attempts=parcel.attempts, **told)
        if failed.silent_since is not None:
            _log.error("exchange.receiver_silent", since=failed.silent_since.isoformat(), **told)


_DUE: Final = deliveries.receivers_due()
