"""Delivers what goes with calls to other platforms: in the jobs process, from the outbox, until the other side has it.

Each platform has senders of its own, so that one that hangs holds up nobody else. A delivery is repeated under the same
id until the platform answers 2xx, ever less often; when one gets through, all that waits for this platform follows at
once. A process that dies in between leaves a claim that runs out: the platform then gets the same id again and drops
it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from calls import handover_store as store
from calls.handover_keys import PartnerKeys
from calls.handover_payload import payload_of
from calls.handover_signature import Signed, headers
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from hotline.tasks import end, never_ending

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 1.0
"""A notice from PostgreSQL wakes us sooner; this finds what has become due."""
_AT_ONCE: Final = 2
"""Senders of one platform: what is fresh does not wait for one that hangs."""
_OF_THIS_ONE_ALONE: Final = frozenset({400, 409, 410, 413, 415, 422})
"""What the platform has against one hand-over; any other answer says that it takes none now."""


@dataclass(frozen=True, slots=True)
class HandoverPolicy:
    """The limits, as the settings have them."""

    site: str
    answer_seconds: float
    retry: timedelta
    longest_retry: timedelta
    keep: timedelta

    @classmethod
    def of(cls, settings: Settings) -> HandoverPolicy:
        keys = settings.handovers
        return cls(
            site=settings.site.id,
            answer_seconds=keys.answer_seconds,
            retry=timedelta(seconds=keys.retry_seconds),
            longest_retry=timedelta(seconds=keys.longest_retry_seconds),
            keep=timedelta(hours=keys.keep_hours),
        )

    def pause(self, attempts: int) -> timedelta:
        """From an attempt in vain to the next, by how many there were (1 or more)."""
        # Bounded before it is multiplied: a power of many attempts would not fit.
        doubled: int = 2 ** min(attempts - 1, 20)
        return min(self.retry * doubled, self.longest_retry)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """One claimed hand-over, ready to send."""

    id: str
    attempts: int
    webhook: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """`why` empty: delivered."""

    why: str = ""
    whole_partner: bool = False


class HandoverRunner:
    """The outbox of one jobs process; any number of them share the work."""

    def __init__(self, *, database: Database, keys: PartnerKeys, clock: Clock, policy: HandoverPolicy) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._policy = policy
        self._wake = asyncio.Event()
        self._sending: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Deliver until cancelled, through outages of the database and of everybody else."""
        # The machine's own authorities: a government network has some of its own. No proxy of some environment.
        trust = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(
            verify=trust, trust_env=False, follow_redirects=False, timeout=self._policy.answer_seconds
        ) as http:
            listening = asyncio.create_task(never_ending(self._listen))
            try:
                while True:
                    self._wake.clear()
                    await self._begin_due(http)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._wake.wait()
            finally:
                await end([listening, *self._sending])

    async def _listen(self) -> None:
        try:
            async with self._database.listening(store.CHANNEL, self._wake.set) as lost:
                self._wake.set()
                await lost.wait()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("handovers.not_listening", reason=type(error).__name__)

    async def _begin_due(self, http: httpx.AsyncClient) -> None:
        try:
            found = await self._database.ask(_DUE, {"now": self._clock.now()})
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("handovers.wait", reason=type(error).__name__)
            return
        at_work = Counter(self._sending.values())
        for (partner,) in found:
            if at_work[partner] < _AT_ONCE:
                task = asyncio.create_task(self._send_all(http, partner))
                self._sending[task] = partner
                task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("handovers.sender_failed", exc_info=error)

    async def _send_all(self, http: httpx.AsyncClient, partner: str) -> None:
        """What is due for a platform, one after the other."""
        try:
            while (parcel := await self._next(partner)) is not None:
                answer = await self._post(http, partner, parcel)
                await self._note(partner, parcel, answer)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            # What was claimed is taken up when the claim runs out.
            _log.warning("handovers.wait", reason=type(error).__name__)

    async def _next(self, partner: str) -> _Parcel | None:
        policy, now = self._policy, self._clock.now()
        claimed = timedelta(seconds=3 * policy.answer_seconds)
        while True:
            async with self._database.transaction() as session:
                row = await store.claim(session, partner, now=now, until=now + claimed)
                if row is None:
                    return None
                webhook = await store.webhook_of(session, partner)
                if not webhook or now - row.ordered_at > policy.keep:
                    why = "too_old" if webhook else "no_webhook"
                    await store.give_up(session, row.id, why=why, now=now)
                    _log.error("handover.given_up", handover=row.id, partner=partner, why=why)
                    continue
                if row.payload is None:
                    ticket = await store.ticket_of(session, row.told.get("ticket", ""), row.call_id)
                    row.payload = payload_of(row, ticket, site=policy.site)
                return _Parcel(row.id, row.attempts, webhook, _bytes(row.payload))

    async def _post(self, http: httpx.AsyncClient, partner: str, parcel: _Parcel) -> _Answer:
        try:
            keys = self._keys.of(partner)
        except PartUnavailable:
            keys = []
        if not keys:
            return _Answer("no_key", whole_partner=True)
        signed = Signed(self._policy.site, self._clock.now_ms() // 1000, parcel.id)
        sent = headers(keys[0], signed, parcel.body) | {"Content-Type": "application/json"}
        try:
            # The answer's body is of no interest, and might never end.
            async with (
                asyncio.timeout(self._policy.answer_seconds),
                http.stream("POST", parcel.webhook, content=parcel.body, headers=sent) as response,
            ):
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            return _Answer(type(error).__name__, whole_partner=True)
        if 200 <= status < 300:
            return _Answer()
        return _Answer(f"http_{status}", whole_partner=status not in _OF_THIS_ONE_ALONE)

    async def _note(self, partner: str, parcel: _Parcel, answer: _Answer) -> None:
        now = self._clock.now()
        told = {"handover": parcel.id, "partner": partner, "attempts": parcel.attempts}
        async with self._database.transaction() as session:
            if not answer.why:
                await store.delivered(session, parcel.id, partner=partner, now=now)
            else:
                next_at = now + self._policy.pause(parcel.attempts)
                await store.put_off(
                    session,
                    parcel.id,
                    partner=partner,
                    why=answer.why,
                    next_at=next_at,
                    whole_partner=answer.whole_partner,
                )
        if answer.why:
            _log.warning("handover.not_delivered", why=answer.why, **told)
        else:
            _log.info("handover.delivered", **told)
            self._wake.set()


def _bytes(payload: dict[str, Any]) -> bytes:
    """The same bytes for the same payload, however PostgreSQL orders its keys."""
    return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


_DUE: Final = store.partners_due()
