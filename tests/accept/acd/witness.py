"""Who was offered what, counted without our code: INVITEs at the phones, and the raw records in Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import redis.asyncio as aioredis
from redis.exceptions import RedisError

from acd.records import AGENT, CALL
from hotline.redis import key
from tests.accept.line import Line, database_rows
from tests.accept.people import Desk

_HELD = ("RESERVED", "RINGING", "TALKING")
_EVERY_SECONDS = 0.2
_GRACE_MS = 1_000
"""What a timer may be late on a machine that is busy with a hundred phones as well."""
_RING_GRACE_MS = 2_000


def most_at_once(seat: Desk) -> int:
    """The most calls a phone had at one moment: from the INVITE to the end of each, answered or not."""
    turns = [(call.log["invite"], 1) for call in seat.phone.calls if call.incoming]
    turns += [(call.log["ended"], -1) for call in seat.phone.calls if call.incoming and "ended" in call.log]
    held = most = 0
    for _, step in sorted(turns):
        held += step
        most = max(most, held)
    return most


@dataclass
class Witness:
    """Looks at the records of agents and calls in Redis, both in one transaction, again and again."""

    limits_ms: dict[str, int]
    """State -> longest stay in it."""
    looks: int = 0
    states: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def look(self, now_ms: int, agents: dict[str, dict[str, object]], calls: dict[str, dict[str, object]]) -> None:
        """Take in one look."""
        self.looks += 1
        holders = Counter(str(call["agent"]) for call in calls.values() if call["state"] in _HELD)
        self.faults += [f"{agent} holds {count} calls" for agent, count in holders.items() if count > 1]
        self._once("call", (str(record["call"]) for record in agents.values() if record.get("call")))
        for agent, record in agents.items():
            state, since, due = str(record["state"]), int(str(record["since"])), record.get("due")
            self.states[state] += 1
            longest = self.limits_ms.get(state)
            if longest is not None and now_ms - since > longest + _GRACE_MS:
                self.faults.append(f"{agent} is {state} for {now_ms - since} ms")
            if due and not record.get("call") and now_ms > int(float(str(due))) + _GRACE_MS:
                self.faults.append(f"{agent} is {state} {now_ms - int(float(str(due)))} ms past its deadline")
        for call, record in calls.items():
            due = record.get("due")
            if record["state"] in _HELD and due and now_ms > int(float(str(due))) + _GRACE_MS:
                self.faults.append(f"{call} is {record['state']} {now_ms - int(float(str(due)))} ms past its deadline")

    def _once(self, what: str, held: Iterable[str]) -> None:
        self.faults += [f"{what} {one} is held by {count} agents" for one, count in Counter(held).items() if count > 1]


@asynccontextmanager
async def watching(line: Line) -> AsyncIterator[Witness]:
    """A witness while the block runs."""
    keys = line.settings
    witness = Witness(
        {
            "RESERVED": keys.acd.reserve_ms,
            "RINGING": keys.voice.ring_seconds * 1000 + _RING_GRACE_MS,
            "WRAP_UP": keys.acd.wrap_up_seconds * 1000,
        }
    )
    client = aioredis.from_url(keys.redis.url, decode_responses=False)

    async def look() -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with client.pipeline(transaction=True) as both:
                    both.time()
                    both.hgetall(key(keys.site.id, "acd", "agents"))
                    both.hgetall(key(keys.site.id, "acd", "calls"))
                    (seconds, micros), agents, calls = await both.execute()
                witness.look(
                    int(seconds) * 1000 + int(micros) // 1000,
                    {agent.decode(): AGENT.unpack(packed) for agent, packed in agents.items()},
                    {call.decode(): CALL.unpack(packed) for call, packed in calls.items()},
                )
            await asyncio.sleep(_EVERY_SECONDS)

    task = asyncio.create_task(look())
    try:
        yield witness
        # It would look on for ever: if it is over, it has failed.
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def doubles_in_journal(line: Line, since_ms: int) -> list[str]:
    """Agents who had a second offer before their first was over, by the journal's own times."""
    rows = await database_rows(
        line,
        "select agent, kind, split_part(fact, ':', 2) as reservation from call_journal "
        "where kind in ('reserved', 'offer_failed', 'wrap_up') and agent is not null "
        "and at >= to_timestamp($1::float8 / 1000) order by at, seq",
        float(since_ms),
    )
    held: dict[str, str] = {}
    doubles = []
    for row in rows:
        if row["kind"] != "reserved":
            held.pop(row["agent"], None)
        elif row["agent"] in held:
            doubles.append(f"{row['agent']}: {row['reservation']} beside {held[row['agent']]}")
        else:
            held[row["agent"]] = row["reservation"]
    return doubles
