"""One connection to Asterisk's manager, from connect to loss: panoramisk's `Manager`, used for one life only.

A new connection gets a new `AmiLink`. So nothing of the old one can leak into it: no action is sent twice, and a late
answer cannot be taken for that of a newer action. When to connect again is decided by `ami.client`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from panoramisk.manager import Manager

from ami.counters import AmiCounters
from ami.errors import AmiDisconnected, AmiError, AmiLoginFailed, AmiProtocolError, AmiRefused, AmiTimeout
from ami.events import AmiEvent, FullyBooted
from ami.limits import AmiLimits
from ami.message import Message
from ami.protocol import AmiStream, Headers, PendingAction, quiet


class AmiLink(Manager):  # type: ignore[misc]
    """One connection.

    `on_booted` is called once, when Asterisk has let us in and is fully booted; `on_event` for every event from then
    on (earlier ones are left out: whoever begins at that point reads the state for himself). Both are called from the
    reader and must return at once.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        secret: str,
        limits: AmiLimits,
        counters: AmiCounters,
        on_booted: Callable[[AmiLink], None],
        on_event: Callable[[AmiEvent], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(host=host, port=port, loop=loop, log=quiet)
        self._user = user
        self._secret = secret
        self._limits = limits
        self._counters = counters
        self._on_booted = on_booted
        self._on_event = on_event
        self._greeted = asyncio.Event()
        self._booted = asyncio.Event()
        self.lost: asyncio.Future[str] = loop.create_future()
        """Set to the reason when the connection is over."""

    async def open(self) -> None:
        """Connect, log in and wait until Asterisk is fully booted.

        Raises AmiDisconnected, AmiTimeout, AmiLoginFailed or AmiProtocolError; the connection is closed then.
        """
        try:
            await self._connect()
            await self._greeting()
            await self._login()
            await self._boot()
        except BaseException:
            self.drop("not_opened")
            raise

    async def _connect(self) -> None:
        def stream() -> AmiStream:
            self.protocol = AmiStream(self, self._counters, self._limits.message_limit)
            return self.protocol

        try:
            async with asyncio.timeout(self._limits.connect_timeout):
                await self.loop.create_connection(stream, self.config["host"], self.config["port"])
        except TimeoutError:
            raise AmiTimeout("no connection in time") from None
        except OSError as error:
            raise AmiDisconnected(f"cannot connect: {error.strerror or type(error).__name__}") from None

    async def _greeting(self) -> None:
        if not await self._happens(self._greeted, self._limits.login_timeout):
            raise AmiTimeout("no banner in time")

    async def _login(self) -> None:
        login: Headers = {"Action": "Login", "Username": self._user, "Secret": self._secret, "Events": "on"}
        try:
            await self.ask(login, timeout=self._limits.login_timeout)
        except AmiRefused as refused:
            raise AmiLoginFailed(
                refused.message, remedy="compare user, secret and permitted addresses in manager.conf with the settings"
            ) from None
        self.authenticated = True

    async def _boot(self) -> None:
        """FullyBooted comes at once after a login, or when Asterisk has finished its start."""
        deadline = self.loop.time() + self._limits.boot_timeout
        while not await self._happens(self._booted, self._limits.ping_interval):
            if self.loop.time() > deadline:
                raise AmiProtocolError(
                    "no FullyBooted event",
                    remedy="the manager user needs read class `system`, and the event let through",
                )
            await self._ping()

    async def _happens(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait for it; False when it is not there in time. Raises AmiDisconnected if the connection ends first."""
        happening = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((happening, self.lost), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            happening.cancel()
        if self.lost.done():
            reason = self.lost.result()
            if reason == "not_ami":
                raise AmiProtocolError("the far side does not speak AMI", remedy="check host and port of the manager")
            raise AmiDisconnected(reason)
        return event.is_set()

    async def stay(self) -> str:
        """Keep the connection until it is lost and say why. A peer that leaves a ping unanswered is cut off."""
        while not self.lost.done():
            await asyncio.wait((self.lost,), timeout=self._limits.ping_interval)
            if not self.lost.done():
                with contextlib.suppress(AmiError):
                    await self._ping()
        return self.lost.result()

    async def _ping(self) -> None:
        try:
            await self.ask({"Action": "Ping"}, timeout=self._limits.ping_timeout)
        except AmiTimeout:
            self.drop("silent")
            raise
        except AmiRefused:
            self.drop("ping_refused")
            raise

    async def ask(self, headers: Headers, *, timeout: float, ends: str | None = None) -> tuple[Message, list[Message]]:
        """Send an action and wait for its reply and, up to the event `ends`, its list.

        Raises AmiRefusedValue before anything is sent; AmiDisconnected, AmiTimeout, AmiRefused.
        """
        action = PendingAction(headers, ends)
        if self.lost.done():
            raise AmiDisconnected("not connected")
        # A timer on the future, not a timeout around the wait: an answer that is already read wins over a timer that
        # is due in the same turn of a loop that was held up.
        late = self.loop.call_later(timeout, action.fail, AmiTimeout(f"{headers['Action']} not answered in time"))
        try:
            self.send_action(action, as_list=ends is not None)
            return await action.future
        except AmiTimeout:
            self._counters.action_timeouts.labels(headers["Action"]).inc()
            raise
        finally:
            late.cancel()
            self.protocol.forget(action)

    def drop(self, reason: str) -> None:
        """End the connection; everything that waits on it gets AmiDisconnected."""
        if not self.lost.done():
            self.lost.set_result(reason)
        self.close()

    def connection_lost(self, exc: object) -> None:
        """The stream ended by itself. (panoramisk would connect again here, at a fixed pace.)"""
        if not self.lost.done():
            self.lost.set_result("closed_by_peer" if exc is None else "broken")

    def greeted(self) -> None:
        """The banner was read."""
        self._greeted.set()

    def received(self, event: AmiEvent) -> None:
        """An event was read."""
        if not self._booted.is_set():
            if not isinstance(event, FullyBooted):
                return
            self._booted.set()
            self._on_booted(self)
        self._on_event(event)
