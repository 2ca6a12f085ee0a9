"""Processes: leases, site epochs, adoption of orphans, timers, and each process's inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from acd.model import CallView, Heartbeat
from acd.records import LAYOUT
from acd.site import Site
from hotline.errors import PartUnavailable
from hotline.feed import inbox_key

_log = structlog.get_logger(__name__)

_LOOK_AGAIN_MS = 200
"""Longest pause between two looks at the timers: another process may have set an earlier one."""
_BATCHES = 20
_INBOX_WAIT_SECONDS = 1
_INBOX_BATCH = 50
_RECONNECT_SECONDS = 0.2


class Processes(Site):
    """The processes' part of distribution."""

    async def load(self) -> None:
        """Once at the start of a process, before it holds any call.

        Loads the scripts and joins the site epoch if there is one; calls held by an earlier life of a process of this
        name become orphans. Without an epoch yet, `epoch` stays 0 and `heartbeat` raises EpochChanged.
        """
        try:
            await self._scripts.load()
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise PartUnavailable(f"Redis: {type(error).__name__}") from error
        self.epoch = await self.stored_epoch() or 0
        if self.epoch:
            await self._run("start")

    async def stored_epoch(self) -> int | None:
        """The site's epoch, None in an empty Redis, or one whose records are those of another version."""
        text, layout = await self._read("HMGET", self._meta, "epoch", "layout")
        return int(text) if text and layout == LAYOUT else None

    async def heartbeat(self, *, asterisk: bool = True) -> Heartbeat:
        """Renew this process's lease; to be called every third of `lease_ms`. `asterisk` says whether it sees its
        host's Asterisk: when no process of a host does for `host_lease_ms`, the phones of that host are not offerable.

        Raises EpochChanged when Redis was flushed, restarted or failed over, another process opened an epoch, or the
        records are those of a version that laid them out otherwise (one version works at a site at a time): then
        call `open_epoch` with a new number and send everything again.
        """
        rebuilding = await self._run("heartbeat", await self._replication_id(), int(asterisk))
        return Heartbeat(epoch=self.epoch, rebuilding=bool(rebuilding))

    async def open_epoch(self, number: int) -> int:
        """Open the site epoch `number` (never used before; from PostgreSQL), or join the one that is open meanwhile.

        Safe to repeat: an epoch that has not ended is joined. Of all processes that saw one end, the first opens the
        next: the site's live state is dropped, and nothing is matched for `rebuild_ms`. Returns the epoch this
        process is in now. The caller then sends again its device states, talks, waiting calls, and agents
        (`restore_agent`).
        """
        stored, opened = await self._run("open_epoch", number, await self._replication_id())
        self.epoch = int(stored)
        _log.info("acd.epoch", epoch=self.epoch, opened=bool(opened))
        return self.epoch

    async def _replication_id(self) -> str:
        info: Any = await self._read("INFO", "replication")
        return str(info["master_replid"])

    async def adopt_orphans(self) -> list[CallView]:
        """Take the calls with an agent from processes of this Asterisk host whose lease ran out.

        Each orphan goes to exactly one adopter; its `offer` is what to go on with. The former owner is refused from
        now on and finds `adopted` in its inbox. Waiting calls are not adopted: they enter again and enqueue.
        """
        host = self._process.split("/", 1)[0] + "/"
        taken = await self._run("adopt", host)
        adopted = [
            CallView.from_record(call, orjson.loads(text)) for call, text in zip(*[iter(taken)] * 2, strict=True)
        ]
        if adopted:
            _log.warning("acd.adopted", calls=len(adopted))
        return adopted

    async def run_timers(self) -> int:
        """Carry out what is due (any process may); returns how many milliseconds to wait before the next look."""
        for _ in range(_BATCHES):
            following = int(await self._run("timers"))
            if following != 0:
                break
        return _LOOK_AGAIN_MS if following < 0 else min(following, _LOOK_AGAIN_MS)

    async def inbox(self) -> AsyncIterator[dict[str, Any]]:
        """Messages to this process, oldest first, for ever; survives a Redis that comes and goes.

        From distribution: `offer` (see `Offer.from_message`); `revoked` (reservation, call, agent, reason: expired,
        talk_expired, taken_over, signed_in_elsewhere, unreachable, busy_elsewhere, in_another_talk); `adopted`
        (call, reservation, by): another process took the call; `late` (call, queue): it has waited for the queue's
        `max_wait_ms`; `moved` (call, queue): it waits in another queue now; `orphan_ended` (call, owner, entered_ms,
        queued_ms, hotline, label): a waiting call of a dead process did not come back, for the journal. Others may
        add types.
        """
        own = inbox_key(self._site, self._process)
        while True:
            while self._unread:
                yield orjson.loads(self._unread.popleft())
            try:
                popped: Any = await self._redis.blmpop(
                    _INBOX_WAIT_SECONDS, 1, own, direction="RIGHT", count=_INBOX_BATCH
                )
            except (RedisConnectionError, RedisTimeoutError):
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            if popped is not None:
                self._unread.extend(popped[1])
