"""What the clients of `make bench-simulate` have in common: the site, its rules, a client's job and what it tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from acd.model import AcdPolicy
from acd.needs import Need
from acd.queues import QueueRule, QueueStep
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.redis import Redis
from tests.acd.line import sources_without

SITE = "bench"
HOST = "ast1"
POLICY = AcdPolicy(
    lease_ms=3_000, host_lease_ms=60_000, reserve_ms=400, rebuild_ms=0, orphan_ms=1_000, forget_ms=20_000
)
"""Production's but for what makes more happen in less time: offers that expire, orphans and ended calls forgotten."""
_GENERAL, _EXPERT = Need.of({"general": 1}), Need.of({"expert": 3})
RULES = (
    QueueRule("general", "general", (QueueStep(0, (_GENERAL,)),)),
    QueueRule("expert", "expert", (QueueStep(0, (_EXPERT,)), QueueStep(20, (_EXPERT, _GENERAL)))),
)
OLD_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Job:
    """What a client is to do: at least so many matches, and one process that dies.

    `old` are offers of the epoch before; `silence_s` without an offer ends it, too; `without` names a protection of the
    scripts to leave out.
    """

    port: int
    client: int
    matches: int
    callers: int
    seed: int
    log: str
    old: list[dict[str, Any]]
    without: str = ""
    silence_s: float = 20.0


@dataclass(slots=True)
class Told:
    """What a client saw: `stale_accepted` are writes that had to be refused and were not."""

    offers: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    stale_accepted: int = 0
    accepted_what: Counter[str] = field(default_factory=Counter)
    late: int = 0
    """Own writes that came too late: the offer had expired."""
    broken: int = 0
    """Errors of the scripts themselves."""
    lives: int = 0
    """Processes that died and wrote on after their talks were adopted."""
    adopted: int = 0


def process(redis: Redis, name: str, without: str = "") -> Acd:
    """A process of the site, which has joined no epoch yet; `without` as in `Job`."""
    sources = sources_without(without) if without else None
    return Acd(redis, site=SITE, process=name, clock=SystemClock(), policy=POLICY, sources=sources)
