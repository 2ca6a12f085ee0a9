"""Exact first-come-first-served waits by the recursion of J. Kiefer and J. Wolfowitz (1955): knows nothing of ours."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable


def waits_ms(calls: Iterable[tuple[int, int]], agents: int) -> list[int]:
    """Waits of callers (arrival, holding time) in the order of their arrival.

    The sorted moments at which the agents are done with what came so far are the workload vector, moved by the time of
    the arrival: each caller begins with the first of them, or at once.
    """
    done = [0] * agents
    waits = []
    for arrival, holding in calls:
        begins = max(done.pop(0), arrival)
        waits.append(begins - arrival)
        insort(done, begins + holding)
    return waits
