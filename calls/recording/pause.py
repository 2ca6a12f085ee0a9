"""A pause (暂停录音) while the citizen tells sensitive digits: both channels are silent, and time goes on.

A pause ends when the agent says so, or by itself. Its deadline is kept in Redis, under the host: whichever voice
process of the host looks first ends it, so that a process which dies does not leave a recording silent.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import orjson
import structlog
from redis.exceptions import RedisError

from ami.client import AmiClient
from ami.errors import AmiError
from calls.facts import Kind
from calls.journal import Journal
from calls.live import LiveCall, Scribe
from calls.recording.starting import TAPE
from hotline.clock import Clock
from hotline.errors import Conflict, PartUnavailable
from hotline.redis import Redis, key

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 0.5
_LANE: Final = 47
"""Of `seq`, for facts about calls that this process does not own."""


class NotRecorded(Conflict):
    """The call is not recorded: there is nothing to pause."""

    code = "recording.off"


class Pauses:
    """The pauses of one Asterisk host, as one of its voice processes begins and ends them."""

    def __init__(
        self,
        *,
        redis: Redis,
        ami: AmiClient,
        journal: Journal,
        clock: Clock,
        site: str,
        process: str,
        longest_seconds: int,
    ) -> None:
        self._redis = redis
        self._ami = ami
        self._journal = journal
        self._clock = clock
        self._process = process
        self._longest_seconds = longest_seconds
        # Sorted by deadline; what stands in it is what a process needs to end a pause.
        self._key = key(site, "recording", "paused", process.partition("/")[0])

    async def begin(self, live: LiveCall, *, agent: str, seconds: int | None = None, channel: str = "") -> int:
        """Record silence for `seconds` (by default and at most `recording.pause_seconds`), or until `end`.

        `channel` is the citizen's, by default that of the call: where the citizen was called, it is the other one.
        Returns when it ends by itself, in milliseconds since 1970. A second one only moves that. Raises NotRecorded,
        PartUnavailable (then nothing has changed), AmiError.
        """
        channel = channel or live.channel
        now_ms = self._clock.now_ms()
        until_ms = now_ms + 1000 * min(seconds or self._longest_seconds, self._longest_seconds)
        if not await self._ami.getvar(TAPE, channel):
            raise NotRecorded("this call is not recorded")
        try:
            # The deadline first: a silence that nobody would ever end must not be.
            await self._redis.zadd(self._key, {_pause_of(live, channel): until_ms})
        except (RedisError, OSError):
            raise PartUnavailable("the end of a pause cannot be kept now") from None
        await self._ami.mixmonitor_mute(channel, on=True)
        live.scribe.write(Kind.RECORDING, f"paused.{now_ms}", agent=agent, state="paused", until_ms=until_ms)
        return until_ms

    async def end(self, live: LiveCall, *, agent: str, channel: str = "") -> None:
        """Record again. Raises AmiError; without a pause nothing changes."""
        channel = channel or live.channel
        if await self._end(_pause_of(live, channel), channel):
            now_ms = self._clock.now_ms()
            live.scribe.write(Kind.RECORDING, f"resumed.{now_ms}", agent=agent, state="resumed", why="agent")

    async def run(self) -> None:
        """End what is due, twice a second, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.step()
            except (RedisError, OSError) as error:
                _log.info("recording.pauses_wait", reason=type(error).__name__)

    async def step(self) -> int:
        """End the pauses whose time is over, whoever began them; returns how many."""
        if not self._ami.connected:
            return 0
        ended = 0
        due = cast(list[str], await self._redis.zrangebyscore(self._key, 0, self._clock.now_ms()))
        for pause in due:
            call, channel = orjson.loads(pause)
            try:
                first = await self._end(pause, channel)
            except AmiError as error:
                _log.info("recording.pause_not_ended", call=call, code=error.code)
                if await self._gone(channel):
                    await self._redis.zrem(self._key, pause)
                continue
            if first:
                ended += 1
                scribe = Scribe(self._journal, self._clock, call=call, process=self._process, lane=_LANE)
                scribe.write(Kind.RECORDING, f"resumed.{self._clock.now_ms()}", state="resumed", why="deadline")
        return ended

    async def _end(self, pause: str, channel: str) -> bool:
        """Whether it was this process that ended it."""
        await self._ami.mixmonitor_mute(channel, on=False)
        try:
            return bool(await self._redis.zrem(self._key, pause))
        except (RedisError, OSError):
            # It is ended again at its deadline, which changes nothing.
            return True

    async def _gone(self, channel: str) -> bool:
        """Whether Asterisk has no such channel; not to know is not gone."""
        try:
            return all(one.channel != channel for one in await self._ami.channels())
        except AmiError:
            return False


def _pause_of(live: LiveCall, channel: str) -> str:
    return orjson.dumps([live.call, channel]).decode()
