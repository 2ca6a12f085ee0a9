"""What must hold in Redis after every step, each rule by its name. They read the stored state, not our answers."""

from __future__ import annotations

from typing import Any

import orjson

from acd.scripting import site_keys
from acd.states import HELD, AgentState, CallState
from hotline.redis import Redis
from tests.acd.line import SITE

_LIVE = {CallState.RESERVED, CallState.RINGING, CallState.TALKING}


class Stored:
    """All of the site's state at one moment."""

    def __init__(self, parts: list[Any]) -> None:
        meta, agents, calls, waiting, ready, timers, leases, extensions = parts
        self.meta: dict[str, str] = meta
        self.agents = {name: orjson.loads(text) for name, text in agents.items()}
        self.calls = {name: orjson.loads(text) for name, text in calls.items()}
        self.waiting: set[str] = set(waiting)
        self.ready: set[str] = set(ready)
        self.timers: dict[str, int] = {member: int(due) for member, due in timers}
        self.leases: dict[str, int] = {member: int(until) for member, until in leases}
        self.extensions: dict[str, str] = extensions

    @classmethod
    async def read(cls, redis: Redis) -> Stored:
        keys = site_keys(SITE)
        async with redis.pipeline(transaction=True) as pipe:
            for name in (keys[0], keys[1], keys[2]):
                pipe.hgetall(name)
            pipe.zrange(keys[3], 0, -1)
            pipe.zrange(keys[4], 0, -1)
            pipe.zrange(keys[5], 0, -1, withscores=True)
            pipe.zrange(keys[6], 0, -1, withscores=True)
            pipe.hgetall(keys[8])
            return cls(await pipe.execute())


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
    pairs = {(c["agent"], name, c["reservation"], c["state"]) for name, c in live.items()}
    assert pairs == {(name, a["call"], a["reservation"], a["state"]) for name, a in held.items()}, "reservation"
    assert len({agent for agent, *_ in pairs}) == len(pairs), "an agent with two calls"
    free = [a for name, a in stored.agents.items() if name not in held]
    assert not any(a.get("call") or a.get("reservation") for a in free), "a free agent with a reservation"
    assert not any(c.get("reservation") for name, c in stored.calls.items() if name not in live)


def indexes_hold_exactly_who_is_free(stored: Stored) -> None:
    assert stored.ready == {
        f"{group}|{a['idle']:016d}|{name}"
        for name, a in stored.agents.items()
        if a["state"] == AgentState.READY
        for group in a["groups"]
    }, "ready index"
    assert stored.waiting == {
        f"{group}|{c['place']:016d}|{name}"
        for name, c in stored.calls.items()
        if c["state"] == CallState.WAITING and not c.get("parked")
        for group in c["open"]
    }, "waiting index"


def nobody_free_is_left_unmatched(stored: Stored) -> None:
    if "rebuilding" in stored.meta:
        return
    both = {m.split("|")[0] for m in stored.waiting} & {m.split("|")[0] for m in stored.ready}
    assert not both, f"agents free and callers waiting in {both}"


def an_answered_call_never_queues(stored: Stored) -> None:
    for name, c in stored.calls.items():
        if c.get("answered"):
            assert c["state"] in {CallState.TALKING, CallState.ENDED}, f"{name} was answered and is {c['state']}"


def every_state_has_its_deadline(stored: Stored) -> None:
    for name, c in stored.calls.items():
        if c["state"] != CallState.WAITING or c.get("parked"):
            assert stored.timers.get(f"call|{name}") == c["due"], f"{name} in {c['state']} has no timer"
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
