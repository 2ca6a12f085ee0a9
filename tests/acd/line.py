"""A small line for tests: real Redis, a clock that is moved by hand, several processes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from redis.client import NEVER_DECODE

from acd.model import AcdPolicy, CallRequest, Offer
from acd.needs import Need
from acd.queues import QueueRule, QueueStep
from acd.scripting import read_sources
from acd.service import Acd
from hotline.clock import ManualClock
from hotline.feed import inbox_key
from hotline.redis import Redis

SITE = "smx"
START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def rule(queue: str, *steps: tuple[int, str], **more: Any) -> QueueRule:
    """A queue's rule from steps such as `(0, "general expert:4")`."""
    parsed = tuple(QueueStep(after, tuple(Need.parse(need) for need in needs.split())) for after, needs in steps)
    return QueueRule(queue, queue, parsed, **more)


RULES = (
    rule("general", (0, "general")),
    rule("experts", (0, "expert-12333"), (15_000, "expert-12333 general")),
    rule("expert", (0, "expert"), (4_000, "expert general")),
)
"""The queues a line of tests begins with."""


def sources_without(*guards: str) -> dict[str, str]:
    """The scripts as they would be had somebody forgotten these protections."""
    mutated = {}
    removed = 0
    for name, text in read_sources().items():
        for guard in guards:
            text, count = re.subn(rf"(?m)^.*-- guard:{guard}$\n?", "", text)  # noqa: PLW2901
            removed += count
        mutated[name] = text
    assert removed, guards
    return mutated


class Line:
    """Processes of one site over one Redis."""

    def __init__(self, redis: Redis, policy: AcdPolicy | None = None, sources: Mapping[str, str] | None = None) -> None:
        self.redis = redis
        self.clock = ManualClock(START)
        # An Asterisk is seen for ever, but where a test is about that.
        self.policy = policy or AcdPolicy(host_lease_ms=10**9)
        self.sources = sources
        self.epochs = 0
        self._calls = 0

    @property
    def now(self) -> int:
        return self.clock.now_ms()

    def pass_ms(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds / 1000)

    def new_number(self) -> int:
        """What PostgreSQL's sequence would give."""
        self.epochs += 1
        return self.epochs

    async def process(self, name: str = "ast1/voice-1") -> Acd:
        """A process at work: in the epoch, with a lease, nothing being rebuilt."""
        acd = Acd(self.redis, site=SITE, process=name, clock=self.clock, policy=self.policy, sources=self.sources)
        await acd.load()
        if not acd.epoch:
            await acd.open_epoch(self.new_number())
            self.pass_ms(self.policy.rebuild_ms)
            await acd.run_timers()
        await acd.heartbeat()
        await acd.configure(RULES, 1)
        return acd

    async def agent(self, acd: Acd, agent: str, *groups: str, ready: bool = True) -> None:
        """Signed in at a seat with a good phone; ready unless told otherwise."""
        seat = "8" + agent[-3:]
        await acd.device_state(seat, True, False)
        await acd.sign_in(agent, seat, dict.fromkeys(groups or ("general",), 1))
        if ready:
            await acd.set_ready(agent)

    def request(self, acd: Acd, **changes: Any) -> CallRequest:
        """The next caller."""
        self._calls += 1
        values: dict[str, Any] = {
            "call": f"ast1-1763761000.{self._calls}",
            "entered_ms": self.now,
            "owner": acd._process,
            "queue": "general",
            "hotline": "12345",
            "label": '{"channel":"PJSIP/carrier-1"}',
        }
        return CallRequest(**(values | changes))

    async def call(self, acd: Acd, **changes: Any) -> str:
        """A caller in the queue; its call id."""
        request = self.request(acd, **changes)
        await acd.enqueue(request)
        return request.call

    async def messages(self, process: str = "ast1/voice-1", kind: str | None = None) -> list[dict[str, Any]]:
        """Empties a process's inbox."""
        found = []
        while (text := await self.redis.rpop(inbox_key(SITE, process))) is not None:
            found.append(orjson.loads(text))  # type: ignore[arg-type]
        return [message for message in found if kind is None or message["type"] == kind]

    async def offers(self, process: str = "ast1/voice-1") -> list[Offer]:
        return [Offer.from_message(message) for message in await self.messages(process, "offer")]

    async def snapshot(self) -> dict[str, Any]:
        """Everything distribution has stored, to show that nothing changed. Inboxes and events included."""
        # By content: a dump of a hash that Redis is rehashing differs without a change.
        readers: dict[str, Callable[[str], Awaitable[Any]]] = {
            "hash": lambda name: self.redis.execute_command("HGETALL", name, **{NEVER_DECODE: True}),
            "zset": lambda name: self.redis.zrange(name, 0, -1, withscores=True),
            "list": lambda name: self.redis.lrange(name, 0, -1),
            "stream": self.redis.xrange,
            "set": self.redis.smembers,
            "string": self.redis.get,
        }
        stored: dict[str, Any] = {}
        for name in sorted(await self.redis.keys("*")):
            kind = str(await self.redis.type(name))
            stored[str(name)] = await readers[kind](str(name))
        return stored
