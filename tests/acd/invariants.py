"""What must hold in Redis after every step, each rule by its name. They read the stored state, not our answers."""

from __future__ import annotations

from typing import Any

import orjson
from redis.client import NEVER_DECODE

from acd.model import Offer
from acd.needs import Need
from acd.records import AGENT, CALL, pairs
from acd.scripting import KEY_NAMES, site_keys
from acd.states import HELD, TALKS, AgentState, CallState
from hotline.redis import Redis
from tests.acd.line import SITE

_LIVE = {CallState.RESERVED, CallState.RINGING, CallState.TALKING}


class Stored:
    """All of the site's state at one moment."""

    def __init__(self, parts: list[Any]) -> None:
        meta, agents, calls, waiting, ready, timers, extensions, ended, pools = parts
        self.meta: dict[str, str] = meta
        self.agents = dict(pairs(agents, AGENT.unpack))
        self.calls = dict(pairs(calls, CALL.unpack))
        self.waiting: set[str] = set(waiting)
        self.ready: set[str] = set(ready)
        self.timers: dict[str, int] = {member: int(due) for member, due in timers}
        leases = ((field, until) for field, until in meta.items() if field.startswith("lease|"))
        self.leases = {field.removeprefix("lease|"): int(until) for field, until in leases}
        self.extensions: dict[str, str] = extensions
        self.ended: set[str] = set(ended)
        self.pools = {pool: pool.partition("!")[0] for pool in pools}

    @classmethod
    async def read(cls, redis: Redis) -> Stored:
        keys = site_keys(SITE)
        # One after the other: nobody else writes while a test looks.
        packed = [await redis.execute_command("HGETALL", name, **{NEVER_DECODE: True}) for name in keys[1:3]]  # type: ignore[no-untyped-call]
        return cls(
            [
                await redis.hgetall(keys[0]),
                *packed,
                await redis.zrange(keys[3], 0, -1),
                await redis.zrange(keys[4], 0, -1),
                await redis.zrange(keys[5], 0, -1, withscores=True),
                await redis.hgetall(keys[6]),
                await redis.lrange(keys[KEY_NAMES.index("ended")], 0, -1),
                await redis.hkeys(keys[KEY_NAMES.index("pools")]),
            ]
        )


def check(stored: Stored) -> None:
    """Every rule that one look at the state can show."""
    one_live_reservation_per_agent_and_per_call(stored)
    indexes_hold_exactly_who_is_free(stored)
    nobody_free_is_left_unmatched(stored)
    an_answered_call_never_queues(stored)
    every_state_has_its_deadline(stored)
    one_agent_per_extension(stored)


def one_live_reservation_per_agent_and_per_call(stored: Stored) -> None:
    held = {name: a for name, a in stored.agents.items() if a["state"] in HELD}
    live = {name: c for name, c in stored.calls.items() if c["state"] in _LIVE}
    by_call = {(c["agent"], name, c["reservation"], c["state"]) for name, c in live.items()}
    by_agent = {
        (name, a["call"], a["reservation"], CallState.TALKING if a["state"] in TALKS else a["state"])
        for name, a in held.items()
    }
    assert by_call == by_agent, "reservation"
    assert len({agent for agent, *_ in by_call}) == len(by_call), "an agent with two calls"
    free = [a for name, a in stored.agents.items() if name not in held]
    assert not any(a.get("call") or a.get("reservation") for a in free), "a free agent with a reservation"
    assert not any(c.get("reservation") for name, c in stored.calls.items() if name not in live)


def indexes_hold_exactly_who_is_free(stored: Stored) -> None:
    assert stored.ready == {
        f"{pool}|{a.get('ranks', {}).get(pool, a['listed'])}|{name}"
        for name, a in stored.agents.items()
        if a["state"] == AgentState.READY
        for pool in a["pools"].split()
    }, "ready index"
    for a in stored.agents.values():
        if a["state"] == AgentState.READY:
            groups = orjson.loads(a["groups"])
            assert set(a["pools"].split()) == {
                pool for pool, need in stored.pools.items() if Need.parse(need).met_by(groups)
            }, "an agent in the wrong pools"
    assert stored.waiting == {
        f"{pool}|{c['place']:013d}|{name}"
        for name, c in stored.calls.items()
        if c["state"] == CallState.WAITING and not c.get("parked")
        for pool in (f"#{c['queue']}", *c["open"].split())
    }, "waiting index"


def nobody_free_is_left_unmatched(stored: Stored) -> None:
    if "rebuilding" in stored.meta:
        return
    alone = {f"@{name}" for name, a in stored.agents.items() if a["state"] == AgentState.READY}
    both = {m.split("|")[0] for m in stored.waiting} & ({m.split("|")[0] for m in stored.ready} | alone)
    assert not both, f"agents free and callers waiting in {both}"


def callers_of_the_living_are_not_parked(stored: Stored, now: int) -> None:
    """A parked caller whose process lives would be offered to nobody, and be given up in the end. Whom an agent gave
    on is parked until the session asks again."""
    for name, c in stored.calls.items():
        if c["state"] == CallState.WAITING and c.get("parked") and not c.get("given"):
            assert stored.leases.get(c["owner"], 0) <= now, f"{name} is parked, and its process lives"


def an_answered_call_never_queues(stored: Stored) -> None:
    for name, c in stored.calls.items():
        if c.get("answered"):
            assert c["state"] in {CallState.TALKING, CallState.ENDED}, f"{name} was answered and is {c['state']}"


def every_state_has_its_deadline(stored: Stored) -> None:
    for name, c in stored.calls.items():
        if c["state"] == CallState.ENDED:
            assert f"{c['due']}|{name}" in stored.ended, f"{name} is never forgotten"
            assert f"call|{name}" not in stored.timers, f"{name} has ended and has a timer"
        elif c["state"] != CallState.WAITING or c.get("parked"):
            assert stored.timers.get(f"call|{name}") == c["due"], f"{name} in {c['state']} has no timer"
    assert ("forget" in stored.timers) == bool(stored.ended), "ended calls are never forgotten"
    free_of_deadlines = {AgentState.READY, AgentState.SIGNED_OUT}
    for name, a in stored.agents.items():
        if a["state"] in free_of_deadlines or a["state"] in HELD:
            assert f"agent|{name}" not in stored.timers, f"{name} in {a['state']} has a timer"
        elif a["state"] != AgentState.NOT_READY or a["reason"] in {"no_answer", "rejected", "unreachable"}:
            assert stored.timers.get(f"agent|{name}") == a["due"], f"{name} in {a['state']} has no timer"


def one_agent_per_extension(stored: Stored) -> None:
    assert stored.extensions == {
        a["extension"]: name for name, a in stored.agents.items() if a["state"] != AgentState.SIGNED_OUT
    }, "extension"


def no_new_offer_to_a_dead_owner(stored: Stored, now: int, seen: set[str]) -> None:
    """`seen` are the reservations of former looks; the new ones are added."""
    for name, c in stored.calls.items():
        if c["state"] == CallState.RESERVED and c["reservation"] not in seen:
            seen.add(c["reservation"])
            assert stored.leases.get(c["owner"], 0) > now, f"{name} was offered through a dead process"


def nothing_is_overdue(stored: Stored, now: int) -> None:
    """After the timers ran."""
    overdue = [member for member, due in stored.timers.items() if due <= now]
    assert not overdue, f"overdue: {overdue}"


def nobody_is_overtaken(stored: Stored, offer: Offer) -> None:
    """Of those that agent may serve, nobody who waits now comes before the call just offered: the place decides, which
    a head start moves within its bound."""
    record, agent = stored.calls[offer.call], stored.agents[offer.agent]
    if record.get("reservation") != offer.reservation:
        return
    mine = {f"@{offer.agent}", *agent["pools"].split()}
    earlier = [
        name
        for name, c in stored.calls.items()
        if c.get("listed") and (c["place"], name) < (record["place"], offer.call) and mine & set(c["open"].split())
    ]
    assert not earlier, f"{offer.call} was offered before {earlier}"
