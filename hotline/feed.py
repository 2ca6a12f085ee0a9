"""What an agent's screen is told: frames in a Redis stream per agent, replayable from a cursor.

The voice process publishes; the web process that holds the agent's socket reads, writes the frame to the socket and
then tells the publisher so through the publisher's inbox. That answer is what "screen-pop before the ring" waits for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from hotline.clock import Clock
from hotline.redis import Redis, key

_KEPT_FRAMES = 200
_KEPT_SECONDS = 24 * 3600
_ONLINE_MS = 15_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to one agent. `cursor` orders frames and is what a reconnecting screen sends back."""

    cursor: str
    kind: str
    body: dict[str, Any]
    reply_to: str
    """Inbox key of the process to tell once the frame is on the socket; empty for none."""


def inbox_key(site: str, process: str) -> str:
    """The list a process blocks on for messages to itself."""
    return key(site, "inbox", process)


class AgentFeed:
    """Publish to and read from agents' screens of one site."""

    def __init__(self, redis: Redis, site: str, clock: Clock) -> None:
        self._redis = redis
        self._site = site
        self._clock = clock

    def _stream(self, agent: str) -> str:
        return key(self._site, "feed", agent)

    async def publish(self, agent: str, kind: str, body: dict[str, Any], *, reply_to: str = "") -> str:
        """Append a frame; returns its cursor. `reply_to` is a process id whose inbox is told of the writing."""
        stream = self._stream(agent)
        fields = {
            "kind": kind,
            "body": orjson.dumps(body).decode(),
            "reply_to": inbox_key(self._site, reply_to) if reply_to else "",
        }
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(stream, fields, maxlen=_KEPT_FRAMES, approximate=True)  # type: ignore[arg-type]
            pipe.expire(stream, _KEPT_SECONDS)
            cursor, _ = await pipe.execute()
        return str(cursor)

    async def latest(self, agent: str) -> str:
        """The cursor of the newest frame, `0-0` if there is none."""
        newest = await self._redis.xrevrange(self._stream(agent), count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def read(self, agent: str, cursor: str, *, block_ms: int = 5_000) -> list[Frame]:
        """Frames after `cursor`, oldest first; waits up to `block_ms` for one. The client must allow blocking."""
        answer: Any = await self._redis.xread({self._stream(agent): cursor}, count=50, block=block_ms)
        # RESP2 answers a list of pairs, RESP3 a mapping; either way one stream was asked for.
        streams = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer or []]
        return [
            Frame(str(at), fields["kind"], orjson.loads(fields["body"]), fields["reply_to"])
            for entries in streams
            for at, fields in entries
        ]

    async def follow(self, agent: str, cursor: str) -> AsyncIterator[Frame]:
        """Frames after `cursor`, for ever."""
        while True:
            for frame in await self.read(agent, cursor):
                cursor = frame.cursor
                yield frame

    async def written(self, frame: Frame, agent: str) -> None:
        """Tell the publisher that the frame is on the agent's socket."""
        if frame.reply_to:
            note = {
                "type": "frame_written",
                "agent": agent,
                "cursor": frame.cursor,
                "at_ms": self._clock.now_ms(),
            }
            await self._redis.lpush(frame.reply_to, orjson.dumps(note))

    async def screen_is_on(self, agent: str) -> None:
        """Called every few seconds by the web process while the agent has a socket."""
        await self._redis.zadd(key(self._site, "screens"), {agent: self._clock.now_ms() + _ONLINE_MS})

    async def screen_is_off(self, agent: str) -> None:
        """The agent's last socket closed."""
        await self._redis.zrem(key(self._site, "screens"), agent)

    async def has_screen(self, agent: str) -> bool:
        """Whether somebody will write the frame at all."""
        until = await self._redis.zscore(key(self._site, "screens"), agent)
        return until is not None and until > self._clock.now_ms()
