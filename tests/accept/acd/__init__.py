"""Distribution (ACD, 话务分配): every seat, every skill, around the clock."""

from __future__ import annotations

from typing import Any

from tests.accept.acd import callbacks, distribution, moments, outages, redis_failover, steps, two_hosts, wrap_up
from tests.accept.scenario import Item, Scale

ITEMS = [
    Item(1, "one agent is offered one call at a time, whatever comes at once", distribution.no_double_offer),
    Item(3, "two things in one breath: one defined outcome each, no silence, no reset by hand", moments.in_one_breath),
    Item(
        4, "less is asked for as time passes, edits reach the waiting, a head start ends", steps.steps_and_head_starts
    ),
    Item(
        5, "a callback keeps its place, calling again cancels it, each who gave up is called once", callbacks.callbacks
    ),
    Item(6, "nobody is rung in after-call work, however the talk ended", wrap_up.nobody_is_rung_in_it),
    Item(7, "one of two Asterisk hosts is stopped mid-load: the other goes on, no ghost", two_hosts.two_hosts),
    Item(8, "a voice process hangs or is cut off, AMI is away: nobody lost, true states in 10 s", outages.parts_away),
    Item(8, "the primary Redis is killed: nobody lost, true states in 10 s", redis_failover.redis_primary_killed),
]


def line_of(scale: Scale) -> dict[str, Any]:
    """The line these items need: seats and agents, and head starts that end while one looks on."""
    agents = scale(100, 30)
    return {
        "extensions": agents + 10,
        "general_agents": agents,
        "changes": {"priority": {"vulnerable_ms": scale(30_000, 3_000)}},
    }
