"""The voice process: one FastAGI server, one AMI connection, and what keeps its calls and their agents true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from acd.errors import EpochChanged, StaleReservation
from acd.model import Offer
from acd.queue_tables import RulesVersion
from agi.counters import AgiCounters
from agi.routes import CALLBACK, INBOUND, MENU
from agi.server import AgiServer, Handler
from calls.adoption import Adoption
from calls.call_out_runner import CallOutRunner
from calls.callback_runner import CallbackRunner
from calls.closing import move_on
from calls.devices import Devices, Unregister
from calls.epoch import rebuild, resend
from calls.hangups import Hangups
from calls.inbound import Inbound
from calls.live import LiveCall
from calls.menu.out_of_talk import OutOfTalk
from calls.menu.rehearsal import Rehearsals
from calls.messages import MessageIntake
from calls.native_queue import NativeQueueMirror
from calls.observed import Observed
from calls.supervising import Supervising
from calls.switchboard import Switchboard
from directory.models import DirectoryVersion
from hotline.errors import HotlineError, PartUnavailable
from hotline.tasks import end, never_ending

_log = structlog.get_logger(__name__)

_RECONCILE_SECONDS = 5.0
_RENEW_LEASES = 3
"""A talk's lease is ten leases of a process, and renewed when so many of them have passed."""
_DIRECTORY_SECONDS = 0.5


_VERSIONS: Final = select(
    select(DirectoryVersion.version).scalar_subquery(), select(RulesVersion.version).scalar_subquery()
)


class VoiceProcess:
    """Everything that runs beside the calls themselves. `run` returns only when cancelled."""

    def __init__(
        self, board: Switchboard, *, host: str, port: int, counters: AgiCounters, unregister: Unregister
    ) -> None:
        self.board = board
        self.callbacks = CallbackRunner(board, address=lambda: f"127.0.0.1:{self.server.port}")
        self.calls_out = CallOutRunner(board, self.callbacks.legs, address=lambda: f"127.0.0.1:{self.server.port}")
        self.rehearsals = Rehearsals(board, self.callbacks.legs, address=lambda: f"127.0.0.1:{self.server.port}")
        routes: dict[str, Handler] = {
            INBOUND: Inbound(board),
            CALLBACK: self.callbacks.legs,
            MENU: OutOfTalk(board),
        }
        self.server = AgiServer(routes, host=host, port=port, counters=counters)
        self.adoption = Adoption(board)
        self.devices = Devices(board, unregister)
        self.mirror = NativeQueueMirror(board)
        self.hangups = Hangups(board)
        self.observed = Observed(board)
        self.supervising = Supervising(board, self.adoption.release)
        board.ami.on_connect(self.reconcile)
        board.ami.on_gap(self.reconcile)

    async def run(self, *, ready: Callable[[], Awaitable[None]]) -> None:
        """Serve until cancelled; then take no new calls and let the present ones leave. `ready` runs once calls can
        come in."""
        board = self.board
        await board.directory.refresh()
        await board.ami.start()
        await self._first_heartbeat()
        await board.queues.refresh()
        if board.menus is not None:
            await board.menus.refresh()
        await self.server.start()
        board.address = f"127.0.0.1:{self.server.port}"
        await ready()
        _log.info("voice.ready", port=self.server.port)
        works: list[Callable[[], Coroutine[Any, Any, None]]] = [
            board.journal.run,
            self._heartbeats,
            self._timers,
            self._inbox,
            self._epochs,
            self._reconcile_often,
            self._directory,
            self.adoption.run,
            self.mirror.run,
            self.hangups.run,
            self.devices.run,
            self.callbacks.run,
            self.calls_out.run,
            self.rehearsals.run,
            self.supervising.run,
            MessageIntake(board).run,
            *([board.menus.run] if board.menus else []),
            *([board.pauses.run] if board.pauses else []),
            *([board.gate.run] if board.gate else []),
        ]
        jobs = [asyncio.create_task(never_ending(work)) for work in works]
        try:
            await asyncio.Event().wait()
        finally:
            await self._drain()
            await end(jobs)
            await board.journal.close()
            await board.ami.close()

    async def _drain(self) -> None:
        """No new calls; who waits goes to another process, who talks may finish. The jobs beside run on meanwhile."""
        self.board.leaving = True
        for live in self.board.live.values():
            live.mailbox.put_nowait({"type": "leaving"})
        await self.callbacks.leave()
        await self.server.close(drain=self.board.settings.voice.drain_seconds)

    async def _first_heartbeat(self) -> None:
        """Without Redis a voice process still starts: it hands callers to the native queue until Redis is back."""
        try:
            await self.board.acd.load()
        except HotlineError as error:
            _log.warning("voice.started_without_acd", reason=type(error).__name__)
        await self._beat()

    async def _heartbeats(self) -> None:
        interval = self.board.settings.acd.lease_ms / 3000
        while True:
            await self._beat()
            await asyncio.sleep(interval)

    async def _beat(self) -> None:
        board = self.board
        try:
            await board.acd.heartbeat(asterisk=board.ami.connected)
            for live in list(board.live.values()):
                if live.offer is not None and live.answered:
                    await self._keep_talk(live, live.offer)
        except EpochChanged:
            board.acd_heard()
            board.epoch_lost.set()
        except PartUnavailable:
            board.acd_missed()
        else:
            board.acd_heard()

    async def _keep_talk(self, live: LiveCall, offer: Offer) -> None:
        acd = self.board.acd
        try:
            if live.answer_heard:
                until_ms = self.board.talk_until_ms()
                if until_ms - live.renewed_until_ms >= _RENEW_LEASES * self.board.settings.acd.lease_ms:
                    await acd.renew(offer, until_ms)
                    live.renewed_until_ms = until_ms
            else:
                await acd.answered(offer)
                live.answer_heard = True
        except StaleReservation:
            # The ACD did not hear us in time and took the talk for over: it is said again, as after a flush.
            await self.board.acd_step(resend(self.board, live))

    async def _timers(self) -> None:
        """Sleep to the earliest deadline; every process does, and pops are atomic, so each timer fires once."""
        while True:
            try:
                wait_ms = await self.board.acd.run_timers()
            except EpochChanged:
                self.board.epoch_lost.set()
                wait_ms = 200
            except PartUnavailable:
                wait_ms = 500
            await asyncio.sleep(min(max(wait_ms, 1), 250) / 1000)

    async def _inbox(self) -> None:
        """Bring each message to the call it is for."""
        while True:
            try:
                async for message in self.board.acd.inbox():
                    await self._deliver(message)
            except RedisError as error:
                _log.info("voice.inbox_waits", reason=type(error).__name__)
                await asyncio.sleep(0.1)

    async def _deliver(self, message: dict[str, Any]) -> None:
        live = self.board.live.get(message.get("call", ""))
        match message.get("type"):
            case "frame_written":
                self.board.pops.frame_written(message)
            case "supervise":
                await self.supervising.obey(message)
            case "journaled":
                self.board.journal.confirm([(call, seq) for call, seq in message["entries"]])
            case "orphan_ended":
                # A waiting call of a dead process that never came back. How it ended nobody here knows: perhaps the
                # native queue served it. `calls.hangups` has heard it, or `calls.readback` reads of it.
                _log.info("call.orphan_given_up", call=message["call"])
            case "offer" if live is None or live.answered:
                # Nobody here waits: the caller is with the native queue or in a talk. No agent is held for that.
                await self.board.acd_step(self.board.acd.leave(message["call"]))
            case "talk" if live is None:
                self.adoption.heard(message)
            case kind if live is not None:
                if kind == "revoked":
                    # A call that only waited was taken over by another process.
                    live.revoked = message.get("reservation", "")
                live.mailbox.put_nowait(message)

    async def _epochs(self) -> None:
        while True:
            await self.board.epoch_lost.wait()
            self.board.epoch_lost.clear()
            if not await rebuild(self.board, self.devices):
                await asyncio.sleep(0.2)
                self.board.epoch_lost.set()

    async def _directory(self) -> None:
        """A change in the directory or of a queue takes effect for the next call within a second."""
        while True:
            await asyncio.sleep(_DIRECTORY_SECONDS)
            if not await self._up_to_date():
                await self.board.directory.refresh()
                await self.board.queues.refresh()
            await self.board.queues.tell_again()
            await move_on(self.board)

    async def _up_to_date(self) -> bool:
        """Whether directory and queues are as PostgreSQL has them: one question, asked often."""
        board = self.board
        try:
            (versions,) = await board.database.ask(_VERSIONS)
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        directory, rules = versions
        current = (board.directory.snapshot.version, board.queues.version)
        return current == (directory or 0, (directory or 0) + (rules or 0))

    async def _reconcile_often(self) -> None:
        while True:
            await asyncio.sleep(_RECONCILE_SECONDS)
            if self.board.ami.connected:
                await self.reconcile()

    async def reconcile(self) -> None:
        """Compare our picture with Asterisk's and mend ours."""
        try:
            await self.devices.reconcile()
            await self.mirror.reconcile()
        except HotlineError as error:
            _log.info("voice.reconcile_failed", reason=type(error).__name__)
