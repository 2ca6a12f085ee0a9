"""What an agent's screen is told: frames in a Redis stream per agent, replayable from a cursor.

The voice process publishes; the web process that holds the agent's socket reads, writes the frame to the socket and
then tells the publisher so through the publisher's inbox. That answer is what "screen-pop before the ring" waits for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import orjson

from hotline.clock import Clock
from hotline.redis import Redis, key, stream_entries

_KEPT_FRAMES = 200
_KEPT_SECONDS = 24 * 3600
_ONLINE_MS = 15_000

TAKEN_OVER = "taken_over"
"""Kind of the frame by which a new socket pushes the agent's older one out."""

_RELEASE = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to one agent. `cursor` orders frames and is what a reconnecting screen sends back."""

    cursor: str
    kind: str
    body: dict[str, Any]
    reply_to: str
    """Inbox key of the process to tell once the frame is on the socket; empty for none."""


@dataclass(frozen=True, slots=True)
class Published:
    """A frame that is in the feed."""

    cursor: str
    has_screen: bool
    """Whether the agent has a screen on which somebody will write it."""


def _frame(cursor: str, fields: dict[str, str]) -> Frame:
    return Frame(str(cursor), fields["kind"], orjson.loads(fields["body"]), fields["reply_to"])


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
        return (await self.show(agent, kind, body, reply_to=reply_to)).cursor

    async def show(self, agent: str, kind: str, body: dict[str, Any], *, reply_to: str) -> Published:
        """Append a frame, and say whether anybody will write it at all."""
        stream = self._stream(agent)
        fields = {
            "kind": kind,
            "body": orjson.dumps(body).decode(),
            "reply_to": inbox_key(self._site, reply_to) if reply_to else "",
        }
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(stream, fields, maxlen=_KEPT_FRAMES, approximate=True)  # type: ignore[arg-type]
            pipe.expire(stream, _KEPT_SECONDS)
            pipe.zscore(key(self._site, "screens"), agent)
            cursor, _, until = await pipe.execute()
        return Published(str(cursor), self._is_on(until))

    async def latest(self, agent: str) -> str:
        """The cursor of the newest frame, `0-0` if there is none."""
        newest = await self._redis.xrevrange(self._stream(agent), count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def newest(self, agent: str, kind: str) -> Frame | None:
        """The newest kept frame of a kind: for a screen that starts anew in the middle of a call."""
        entries: Any = await self._redis.xrevrange(self._stream(agent))
        return next((_frame(at, fields) for at, fields in entries if fields["kind"] == kind), None)

    async def read(self, agent: str, cursor: str, *, block_ms: int = 30_000) -> list[Frame]:
        """Frames after `cursor`, oldest first; waits up to `block_ms` for one. The client must allow blocking."""
        answer = await self._redis.xread({self._stream(agent): cursor}, count=50, block=block_ms)
        return [_frame(at, fields) for at, fields in stream_entries(answer)]

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

    async def claim_screen(self, agent: str, socket: str) -> str:
        """Make `socket` the agent's one live screen: readers of the feed see a `taken_over` frame that names it.

        Returns the cursor of that frame; an older socket that meets it gives way.
        """
        stream = self._stream(agent)
        frame = {"kind": TAKEN_OVER, "body": orjson.dumps({"socket": socket}).decode(), "reply_to": ""}
        # One step, so that the owner on record is the one whose frame came last.
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key(self._site, "screen-owners"), agent, socket)
            pipe.zadd(key(self._site, "screens"), {agent: self._clock.now_ms() + _ONLINE_MS})
            pipe.xadd(stream, frame, maxlen=_KEPT_FRAMES, approximate=True)  # type: ignore[arg-type]
            pipe.expire(stream, _KEPT_SECONDS)
            answers = await pipe.execute()
        return str(answers[2])

    async def release_screen(self, agent: str, socket: str) -> None:
        """The socket closed: the screen is off, unless another socket has claimed it meanwhile."""
        owners = key(self._site, "screen-owners")
        await self._redis.eval(_RELEASE, 2, owners, key(self._site, "screens"), agent, socket)

    async def screen_is_on(self, agent: str) -> None:
        """Called every few seconds by the web process while the agent has a socket."""
        await self._redis.zadd(key(self._site, "screens"), {agent: self._clock.now_ms() + _ONLINE_MS})

    async def screens_are_on(self, agents: Collection[str]) -> None:
        """As `screen_is_on`, for all of them."""
        await self._redis.zadd(key(self._site, "screens"), dict.fromkeys(agents, self._clock.now_ms() + _ONLINE_MS))

    async def has_screen(self, agent: str) -> bool:
        """Whether somebody will write the frame at all."""
        return self._is_on(await self._redis.zscore(key(self._site, "screens"), agent))

    def _is_on(self, until_ms: float | None) -> bool:
        return until_ms is not None and until_ms > self._clock.now_ms()
