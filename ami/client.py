"""The AMI client: one connection at a time to one Asterisk, healed by itself, with typed actions and events."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random

import structlog
from panoramisk.actions import Action

from ami.actions import AmiActions
from ami.counters import AmiCounters
from ami.dispatch import Dispatcher, E, Handler, Hook
from ami.errors import AmiDisconnected, AmiError, AmiLoginFailed, AmiRefused, AmiTimeout
from ami.events import AmiEvent, DialBegin, OriginateResponse
from ami.limits import AmiLimits
from ami.link import AmiLink
from ami.message import Message
from ami.protocol import Headers
from hotline.clock import Clock, SystemClock

_log = structlog.get_logger(__name__)


class AmiClient(AmiActions):
    """A manager connection that keeps itself alive.

    Events reach handlers one after the other, in the order Asterisk sent them; a slow handler delays later events but
    never the reading, nor the answers to actions. Handlers and hooks may call actions. They must not wait for another
    event to be delivered: it comes only after them.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        secret: str,
        clock: Clock | None = None,
        counters: AmiCounters | None = None,
        limits: AmiLimits | None = None,
        random: Random | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._secret = secret
        self._clock = clock if clock is not None else SystemClock()
        self._limits = limits if limits is not None else AmiLimits()
        self._random = random if random is not None else Random()  # noqa: S311 - jitter
        self.counters = counters if counters is not None else AmiCounters()
        self._dispatcher = Dispatcher(self._limits, self.counters)
        self._link: AmiLink | None = None
        self._up = asyncio.Event()
        self._since = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._originating: dict[str, _Originating] = {}
        self.problem: AmiError | None = None
        """Why there is no connection; None while connected."""

    @property
    def connected(self) -> bool:
        """Logged in to an Asterisk that is fully booted."""
        return self._up.is_set()

    async def start(self) -> None:
        """Begin to connect, and keep trying; returns at once."""
        if self._tasks:
            raise RuntimeError("already started")
        self._tasks = [
            asyncio.create_task(self._dispatcher.run(), name="ami events"),
            asyncio.create_task(self._keep_connected(), name="ami connection"),
        ]

    async def close(self) -> None:
        """End the connection. Actions under way raise AmiDisconnected; events not yet handled are discarded, and
        `on_disconnect` hooks do not run."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_connected(self, timeout: float) -> None:
        """Wait for a connection; raises AmiDisconnected, with the last problem, if there is none in time (seconds)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._up.wait()
        if not self.connected:
            raise AmiDisconnected(self.problem.detail if self.problem else "not connected")

    def on_connect(self, hook: Hook) -> None:
        """`hook` runs after every login, before any later event is delivered, and again when events were dropped or a
        hook failed: the place to compare our picture with Asterisk's. Events that are older than what the hook reads
        may be delivered after it."""
        self._dispatcher.on_connect(hook)

    def on_disconnect(self, hook: Hook) -> None:
        """`hook` runs after the connection was lost, when the events before the loss have been delivered."""
        self._dispatcher.on_disconnect(hook)

    def on_gap(self, hook: Hook) -> None:
        """`hook` runs when events were dropped, before the `on_connect` hooks do so again."""
        self._dispatcher.on_gap(hook)

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        """`handler` gets every event of this class. A failure is logged and counted and stops nothing else."""
        self._dispatcher.subscribe(kind, handler)

    async def _keep_connected(self) -> None:
        attempt = 0
        while True:
            link = AmiLink(
                host=self._host,
                port=self._port,
                user=self._user,
                secret=self._secret,
                limits=self._limits,
                counters=self.counters,
                on_booted=self._booted,
                on_event=self._receive,
            )
            self._since = self._clock.monotonic()
            try:
                await link.open()
                await link.stay()
            except AmiError as error:
                self._report(error, attempt)
            except Exception as error:  # noqa: BLE001 - whatever it is, the connection must be tried again
                _log.exception("ami.connect_failed")
                self._report(AmiError(f"unexpected {type(error).__name__}"), attempt)
            finally:
                link.drop("closed")
                if self._link is link:
                    self._lost(link.lost.result())
            if self._clock.monotonic() - self._since >= self._limits.stable_after:
                attempt = 0
            await asyncio.sleep(self._limits.backoff(attempt, self._random))
            attempt += 1

    def _report(self, error: AmiError, attempt: int) -> None:
        changed = self.problem is None or self.problem.code != error.code
        self.problem = error
        if isinstance(error, AmiLoginFailed):
            self.counters.login_failures.inc()
        # A dead Asterisk is tried for ever: said when it begins or changes, then ever more rarely.
        if changed or attempt & (attempt - 1) == 0:
            _log.warning(
                "ami.not_connected", code=error.code, detail=error.detail, remedy=error.remedy, attempt=attempt + 1
            )

    def _booted(self, link: AmiLink) -> None:
        """Called by the reader: hooks are queued before any event that follows."""
        self._link = link
        self._since = self._clock.monotonic()
        self.problem = None
        self.counters.logins.inc()
        self.counters.connected.set(1)
        self._up.set()
        self._dispatcher.connected()
        _log.info("ami.connected", version=link.protocol.version)

    def _lost(self, reason: str) -> None:
        self._link = None
        self.problem = AmiDisconnected(reason)
        self._up.clear()
        self.counters.connected.set(0)
        self.counters.disconnects.labels(reason).inc()
        for originating in self._originating.values():
            originating.fail(AmiDisconnected("connection lost before the leg was seen"))
        self._dispatcher.disconnected()
        _log.warning("ami.disconnected", reason=reason)

    async def _ask(
        self, headers: Headers, *, ends: str | None = None, timeout: float | None = None
    ) -> tuple[Message, list[Message]]:
        if self._link is None:
            raise AmiDisconnected("not connected")
        return await self._link.ask(
            headers, ends=ends, timeout=self._limits.action_timeout if timeout is None else timeout
        )

    async def _originate(self, headers: Headers, channel_id: str, timeout: float | None) -> None:
        # "Originate successfully queued" says nothing: even a channel id in use is answered so. DialBegin of the leg
        # or OriginateResponse tells.
        if channel_id in self._originating:
            raise AmiRefused("an originate with this channel id is under way")
        seconds = self._limits.action_timeout if timeout is None else timeout
        originating = _Originating(Action.action_id_generator())
        self._originating[channel_id] = originating
        late = asyncio.get_running_loop().call_later(
            seconds, originating.fail, AmiTimeout("no sign of the leg in time")
        )
        try:
            await self._ask({**headers, "ActionID": originating.action_id}, timeout=seconds)
            await originating.seen
        finally:
            late.cancel()
            del self._originating[channel_id]

    def _receive(self, event: AmiEvent) -> None:
        """Called by the reader, for every event."""
        if self._originating:
            if isinstance(event, DialBegin):
                originating = self._originating.get(event.dest_uniqueid)
                if originating is not None:
                    originating.succeed()
            elif isinstance(event, OriginateResponse):
                originating = self._originating.get(event.channel_id)
                if originating is not None and originating.action_id == event.action_id:
                    if event.answered:
                        originating.succeed()
                    else:
                        originating.fail(AmiRefused(f"the leg could not be made (reason {event.reason})"))
        self._dispatcher.offer(event)


class _Originating:
    """An originate whose leg has not been seen yet."""

    def __init__(self, action_id: str) -> None:
        self.action_id = action_id
        self.seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def succeed(self) -> None:
        if not self.seen.done():
            self.seen.set_result(None)

    def fail(self, error: AmiError) -> None:
        if not self.seen.done():
            self.seen.set_exception(error)
            # When the action itself failed nobody waits for this.
            self.seen.exception()
